/** The pages of the settings. */
export type SettingsPage = "appearance" | "accounts" | "sessions" | "identities" | "privacy";

/** Which dialog is open, beside the sign-in's. */
export type OpenDialog =
  | { readonly kind: "rename"; readonly account: string }
  | { readonly kind: "sign_out"; readonly account: string }
  | { readonly kind: "remove"; readonly account: string }
  /** At a page, and there at an account. */
  | { readonly kind: "settings"; readonly page?: SettingsPage; readonly account?: string }
  | { readonly kind: "keys" };

export class DialogsStore {
  open = $state.raw<OpenDialog | null>(null);

  show(dialog: OpenDialog): void {
    this.open = dialog;
  }

  close(): void {
    this.open = null;
  }
}
