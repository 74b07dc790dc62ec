import type { AccountView, Filter, GroupView, ListMode, Scope } from "../contract.gen.ts";
import {
  MERGED_INBOX,
  homeScope,
  mergedInbox,
  scopeAccount,
  scopeExists,
  scopeGroup,
} from "./scope.ts";

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
  /** The group of the rail; none for one account or all. */
  group = $state<string | null>(null);
  /** None while an account has no mailbox yet. */
  scope = $state.raw<Scope | null>(MERGED_INBOX);
  mode = $state<ListMode>("conversations");
  filter = $state<Filter>("all");
  layout = $state<Layout>("four");
  /** Unix seconds, set anew now and then: what is told in words grows old. */
  now = $state(Math.floor(Date.now() / 1000));
  /** CSS px of one rem. */
  rem = $state(16);
  /** Which one of list and pane is shown where only one fits. */
  pane = $state<"list" | "reading">("list");
  sidebarOpen = $state(false);
  /** How often the person has gone somewhere. */
  moves = $state(0);
  /** The last scope of each account, of each group, and of all accounts. */
  readonly #last = new Map<string, Scope>();
  #accounts = 0;
  /** Bars put out of sight: account and state, with the day it was done. */
  #hidden = $state.raw<ReadonlyMap<string, string>>(new Map());
  #awaited: string | null = null;

  /** Takes the scope of the last time. */
  restore(scope: Scope | null): void {
    if (scope) {
      this.scope = scope;
      this.account = scopeAccount(scope);
      this.group = scopeGroup(scope);
    }
  }

  showAccount(account: AccountView | null): void {
    this.account = account?.id ?? null;
    this.group = null;
    const last = this.#last.get(this.#place);
    this.#go(last ?? (account ? homeScope(account) : MERGED_INBOX));
  }

  showGroup(group: string): void {
    this.account = null;
    this.group = group;
    this.#go(this.#last.get(this.#place) ?? mergedInbox(group));
  }

  /** Shows a new group as soon as it is known. */
  awaitGroup(group: string, groups: readonly GroupView[]): void {
    if (groups.some(({ id }) => id === group)) {
      this.showGroup(group);
    } else {
      this.#awaited = group;
    }
  }

  showScope(scope: Scope): void {
    this.#last.set(this.#place, scope);
    this.#go(scope);
  }

  /**
   * Leaves what no longer exists, and enters an account's inbox once it is there. One account
   * alone is shown as itself; with the second one they are shown together. A locked account
   * shows nothing, and keeps its place.
   */
  follow(accounts: readonly AccountView[], groups: readonly GroupView[]): void {
    if (this.#awaited !== null) {
      const awaited = this.#awaited;
      this.#awaited = null;
      this.awaitGroup(awaited, groups);
    }
    const before = this.#accounts;
    this.#accounts = accounts.length;
    const [only] = accounts;
    if (only && accounts.length === 1 && this.account === null && this.group === null) {
      this.showAccount(only);
    } else if (before === 1 && accounts.length === 2) {
      this.showAccount(null);
    }
    const account = accounts.find(({ id }) => id === this.account) ?? null;
    const groupGone = this.group !== null && !groups.some(({ id }) => id === this.group);
    if ((this.account !== null && !account) || groupGone) {
      this.#last.delete(this.#place);
      this.showAccount(null);
    } else if (account?.health.kind === "locked") {
      return;
    } else if (this.scope === null || !scopeExists(this.scope, accounts, groups)) {
      this.#last.delete(this.#place);
      this.#go(account ? homeScope(account) : mergedInbox(this.group));
    }
  }

  /** What is wrong with an account is not said again today, unless it is something else. */
  hideForToday(account: AccountView): void {
    this.#hidden = new Map([...this.#hidden, [troubleKey(account), this.#today]]);
  }

  isHidden(account: AccountView): boolean {
    return this.#hidden.get(troubleKey(account)) === this.#today;
  }

  get #today(): string {
    return new Date(this.now * 1000).toDateString();
  }

  /** Of the rail. */
  get #place(): string {
    return this.group === null ? `account:${this.account ?? ""}` : `group:${this.group}`;
  }

  #go(scope: Scope | null): void {
    this.moves++;
    this.scope = scope;
    this.filter = "all";
    this.pane = "list";
    this.sidebarOpen = false;
  }
}

function troubleKey({ id, health }: AccountView): string {
  return `${id}:${health.kind}`;
}
