/** The rows of the sidebar, as values. */
import type { AccountColor, AccountView, MailboxRole, Scope } from "../../contract.gen.ts";
import { MERGED_ROLES, mailboxOfRole, scopeKey } from "../../stores/scope.ts";
import { ROLE_NAMES } from "../../words.ts";

export interface TreeRow {
  readonly key: string;
  readonly scope: Scope;
  readonly name: string;
  /** Which drawing, where there is one. */
  readonly icon: MailboxRole | "folder" | null;
  /** In place of a drawing. */
  readonly color: AccountColor | null;
  readonly count: number;
  /** What is counted. */
  readonly counts: "unread" | "total";
  /** From 1. */
  readonly level: number;
  /** Has rows below it, which are shown or not. */
  readonly expanded: boolean | null;
}

/** Drafts are counted whole, since nobody reads them; what is put away is not counted. */
function counted(role: MailboxRole | null, numbers: { unread: number; total: number }) {
  if (role === "drafts") {
    return { count: numbers.total, counts: "total" as const };
  }
  const quiet = role !== null && ["sent", "trash", "archive", "junk"].includes(role);
  return { count: quiet ? 0 : numbers.unread, counts: "unread" as const };
}

function starred(account: string | null, group: string | null): TreeRow {
  const scope: Scope = { kind: "starred", account, ...within(group) };
  return {
    key: scopeKey(scope),
    scope,
    name: ROLE_NAMES.flagged,
    icon: "flagged",
    color: null,
    count: 0,
    counts: "unread",
    level: 1,
    expanded: null,
  };
}

/** The part of a scope that names a group. */
function within(group: string | null) {
  return group === null ? {} : { group };
}

/** The merged mailboxes of all accounts, or of those of a group. */
export function mergedRows(
  accounts: readonly AccountView[],
  group: string | null,
  isFolded: (key: string) => boolean,
): TreeRow[] {
  const rows: TreeRow[] = [];
  for (const role of MERGED_ROLES) {
    const parts = accounts.flatMap((account) => {
      const mailbox = account.health.kind === "locked" ? null : mailboxOfRole(account, role);
      return mailbox ? [{ account, mailbox }] : [];
    });
    const scope: Scope = { kind: "merged", role, ...within(group) };
    const key = scopeKey(scope);
    const expanded = role === "inbox" && parts.length > 1 ? !isFolded(key) : null;
    const sum = {
      unread: parts.reduce((all, { mailbox }) => all + mailbox.unread, 0),
      total: parts.reduce((all, { mailbox }) => all + mailbox.total, 0),
    };
    rows.push({
      key,
      scope,
      name: ROLE_NAMES[role],
      icon: role,
      color: null,
      ...counted(role, sum),
      level: 1,
      expanded,
    });
    if (expanded) {
      for (const { account, mailbox } of parts) {
        const part: Scope = { kind: "mailbox", account: account.id, mailbox: mailbox.id };
        rows.push({
          key: scopeKey(part),
          scope: part,
          name: account.name,
          icon: null,
          color: account.color,
          ...counted(role, mailbox),
          level: 2,
          expanded: null,
        });
      }
    }
    if (role === "inbox") {
      rows.push(starred(null, group));
    }
  }
  return rows;
}

/** The mailboxes of one account; a locked one shows none. */
export function accountRows(account: AccountView): TreeRow[] {
  if (account.health.kind === "locked") {
    return [];
  }
  const rows = account.mailboxes.map((mailbox): TreeRow => {
    const scope: Scope = { kind: "mailbox", account: account.id, mailbox: mailbox.id };
    return {
      key: scopeKey(scope),
      scope,
      name: mailbox.role ? ROLE_NAMES[mailbox.role] : mailbox.name,
      icon: mailbox.role ?? "folder",
      color: null,
      ...counted(mailbox.role, mailbox),
      level: mailbox.depth + 1,
      expanded: null,
    };
  });
  const inbox = rows.findIndex(({ icon }) => icon === "inbox");
  rows.splice(inbox + 1, 0, starred(account.id, null));
  return rows;
}
