/** What a list shows, as values. */
import type {
  AccountView,
  Filter,
  ListMode,
  MailboxRole,
  MailboxView,
  Scope,
} from "../contract.gen.ts";

/** Roles with a merged mailbox of their own, in the order of the sidebar. */
export const MERGED_ROLES: readonly MailboxRole[] = [
  "inbox",
  "drafts",
  "sent",
  "archive",
  "junk",
  "trash",
];

export const MERGED_INBOX: Scope = { kind: "merged", role: "inbox" };

/** Equal for equal scopes. */
export function scopeKey(scope: Scope): string {
  switch (scope.kind) {
    case "merged":
      return `merged:${scope.role}`;
    case "starred":
      return scope.account === null ? "starred" : `starred:${scope.account}`;
    case "mailbox":
      return `mailbox:${scope.account}:${scope.mailbox}`;
  }
}

/** Equal for lists that show the same rows. */
export function listKey(scope: Scope, mode: ListMode, filter: Filter): string {
  return `${scopeKey(scope)}|${mode}|${filter}`;
}

/** The one account a scope shows, or none for several. */
export function scopeAccount(scope: Scope): string | null {
  return scope.kind === "merged" ? null : scope.account;
}

export function mailboxOfRole(account: AccountView, role: MailboxRole): MailboxView | undefined {
  return account.mailboxes.find((mailbox) => mailbox.role === role);
}

/** Where an account begins: its inbox, or its first mailbox. */
export function homeScope(account: AccountView): Scope | null {
  const home = mailboxOfRole(account, "inbox") ?? account.mailboxes[0];
  return home ? { kind: "mailbox", account: account.id, mailbox: home.id } : null;
}

/** Whether the scope still exists. */
export function scopeExists(scope: Scope, accounts: readonly AccountView[]): boolean {
  if (scope.kind === "merged" || scope.account === null) {
    return true;
  }
  const account = accounts.find(({ id }) => id === scope.account);
  if (!account) {
    return false;
  }
  return scope.kind === "starred" || account.mailboxes.some(({ id }) => id === scope.mailbox);
}
