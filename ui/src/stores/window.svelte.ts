import type { AccountView, Filter, ListMode, Scope } from "../contract.gen.ts";
import { MERGED_INBOX, homeScope, scopeAccount, scopeExists } from "./scope.ts";

/**
 * How much fits: rail, sidebar, list and pane; rail, list and pane with the sidebar over
 * them; or rail and one of list and pane.
 */
export type Layout = "four" | "three" | "two";

/** Widths in rem, so that larger text counts as a narrower window. */
export function layoutFor(widthInRem: number): Layout {
  if (widthInRem >= 75) {
    return "four";
  }
  return widthInRem >= 60 ? "three" : "two";
}

/** What the window shows. Switching is a filter over what is here, never a reload. */
export class WindowStore {
  /** The account of the rail; none for all. */
  account = $state<string | null>(null);
  /** None while an account has no mailbox yet. */
  scope = $state.raw<Scope | null>(MERGED_INBOX);
  mode = $state<ListMode>("conversations");
  filter = $state<Filter>("all");
  layout = $state<Layout>("four");
  /** CSS px of one rem. */
  rem = $state(16);
  /** Which one of list and pane is shown where only one fits. */
  pane = $state<"list" | "reading">("list");
  sidebarOpen = $state(false);
  /** The last scope of each account, and of all of them. */
  readonly #last = new Map<string | null, Scope>();
  #accounts = 0;

  /** Takes the scope of the last time. */
  restore(scope: Scope | null): void {
    if (scope) {
      this.scope = scope;
      this.account = scopeAccount(scope);
    }
  }

  showAccount(account: AccountView | null): void {
    this.account = account?.id ?? null;
    const last = this.#last.get(this.account);
    this.#go(last ?? (account ? homeScope(account) : MERGED_INBOX));
  }

  showScope(scope: Scope): void {
    this.#last.set(this.account, scope);
    this.#go(scope);
  }

  /**
   * Leaves what no longer exists, and enters an account's inbox once it is there. One account
   * alone is shown as itself; with the second one they are shown together.
   */
  follow(accounts: readonly AccountView[]): void {
    const before = this.#accounts;
    this.#accounts = accounts.length;
    const [only] = accounts;
    if (only && accounts.length === 1 && this.account === null) {
      this.showAccount(only);
    } else if (before === 1 && accounts.length === 2) {
      this.showAccount(null);
    }
    const account = accounts.find(({ id }) => id === this.account) ?? null;
    if (this.account !== null && !account) {
      this.#last.delete(this.account);
      this.showAccount(null);
    } else if (this.scope === null || !scopeExists(this.scope, accounts)) {
      this.#last.delete(this.account);
      this.#go(account ? homeScope(account) : MERGED_INBOX);
    }
  }

  #go(scope: Scope | null): void {
    this.scope = scope;
    this.filter = "all";
    this.pane = "list";
    this.sidebarOpen = false;
  }
}
