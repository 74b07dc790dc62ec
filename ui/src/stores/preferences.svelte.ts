import type { PreferencesView, Scope, Theme } from "../contract.gen.ts";
import type { Host } from "../host/host.ts";

const SAVE_AFTER_MS = 400;

/** How the window looks. The page decides; the app only remembers. */
export class PreferencesStore {
  value = $state.raw<PreferencesView>({
    theme: "system",
    scope: null,
    sidebar_width: null,
    list_width: null,
  });
  systemDark = $state(false);
  readonly #host: Host;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.#host = host;
    const media = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
    if (media) {
      this.systemDark = media.matches;
      media.addEventListener("change", () => (this.systemDark = media.matches));
    }
  }

  /** The theme that is on the screen. */
  get shownTheme(): "light" | "dark" {
    const { theme } = this.value;
    return theme === "system" ? (this.systemDark ? "dark" : "light") : theme;
  }

  /** Takes what the app remembered. */
  adopt(remembered: PreferencesView): void {
    this.value = remembered;
  }

  setTheme(theme: Theme): void {
    this.#set({ theme });
  }

  setScope(scope: Scope): void {
    this.#set({ scope });
  }

  setSidebarWidth(width: number): void {
    this.#set({ sidebar_width: Math.round(width) });
  }

  setListWidth(width: number): void {
    this.#set({ list_width: Math.round(width) });
  }

  #set(change: Partial<PreferencesView>): void {
    this.value = { ...this.value, ...change };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // Forgetting a width is no reason to disturb anybody.
      this.#host.call("preferences.set", this.value).catch(() => undefined);
    }, SAVE_AFTER_MS);
  }
}
