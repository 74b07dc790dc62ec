/** What a list shows, as values. */
import type {
  AccountView,
  Filter,
  GroupView,
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

export const MERGED_INBOX = { kind: "merged", role: "inbox" } satisfies Scope;

/** Equal for equal scopes. */
export function scopeKey(scope: Scope): string {
  switch (scope.kind) {
    case "merged":
      return scope.group ? `group:${scope.group}:${scope.role}` : `merged:${scope.role}`;
    case "starred":
      return scope.group
        ? `group:${scope.group}:starred`
        : scope.account === null
          ? "starred"
          : `starred:${scope.account}`;
    case "all":
      return `all:${scope.account}`;
    case "mailbox":
      return `mailbox:${scope.account}:${scope.mailbox}`;
    case "search":
      return ["search", scope.account, scope.group, scope.mailbox, scope.text].join(":");
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

/** The group a scope shows, if it shows one. */
export function scopeGroup(scope: Scope): string | null {
  return "group" in scope ? (scope.group ?? null) : null;
}

export function mailboxOfRole(account: AccountView, role: MailboxRole): MailboxView | undefined {
  return account.mailboxes.find((mailbox) => mailbox.role === role);
}

/** Where an account begins: its inbox, or its first mailbox. */
export function homeScope(account: AccountView): Scope | null {
  const home = mailboxOfRole(account, "inbox") ?? account.mailboxes[0];
  return home ? { kind: "mailbox", account: account.id, mailbox: home.id } : null;
}

/** The inboxes of a group together, or of all accounts. */
export function mergedInbox(group: string | null): Scope {
  return group === null ? MERGED_INBOX : { ...MERGED_INBOX, group };
}

/** Whether the scope still exists. */
export function scopeExists(
  scope: Scope,
  accounts: readonly AccountView[],
  groups: readonly GroupView[],
): boolean {
  const group = scopeGroup(scope);
  if (group !== null && !groups.some(({ id }) => id === group)) {
    return false;
  }
  if (scope.kind === "merged" || scope.account === null) {
    return true;
  }
  const account = accounts.find(({ id }) => id === scope.account);
  if (!account) {
    return false;
  }
  return scope.kind !== "mailbox" || account.mailboxes.some(({ id }) => id === scope.mailbox);
}
