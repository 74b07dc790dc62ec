/** Pages of the settings. */
export type SettingsPage = "appearance" | "accounts" | "sessions" | "identities" | "separation";

/** Which dialog is open, beside the sign-in's. */
export type OpenDialog =
  | { readonly kind: "rename"; readonly account: string }
  /** How much of its texts stays here. */
  | { readonly kind: "texts"; readonly account: string }
  | { readonly kind: "sign_out"; readonly account: string }
  | { readonly kind: "remove"; readonly account: string }
  | { readonly kind: "delete_sealed"; readonly sealed: string }
  /** A group to change, or a new one around an account. */
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "new_group"; readonly account: string | null }
  | { readonly kind: "account_list" }
  /** Which one stays, where only one may. */
  | { readonly kind: "one_account" }
  /** At a page, with an account in sight there. */
  | { readonly kind: "settings"; readonly page?: SettingsPage; readonly account?: string }
  | { readonly kind: "keys" };

export class DialogsStore {
  open = $state.raw<OpenDialog | null>(null);
  /** The settings a dialog was opened from. */
  #under: OpenDialog | null = null;

  show(dialog: OpenDialog): void {
    const fromSettings = this.open?.kind === "settings" && dialog.kind !== "settings";
    this.#under = fromSettings ? this.open : null;
    this.open = dialog;
  }

  /**
   * Closes the dialog that is open now, and no other: what it waits for may come after something
   * else has closed it.
   */
  closer(): () => void {
    const opened = this.open;
    return () => {
      if (this.open === opened) {
        this.close();
      }
    };
  }

  /** Back to the settings a dialog was opened from, else to the window. */
  close(): void {
    this.open = this.#under;
    this.#under = null;
  }
}
