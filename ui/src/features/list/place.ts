/** What a list is called and whose mail is in it. */
import type { AccountView, MailboxRole, Scope } from "../../contract.gen.ts";
import { scopeGroup } from "../../stores/scope.ts";
import { ROLE_NAMES } from "../../words.ts";

export interface Place {
  /** For the head of the list. */
  readonly title: string;
  /** For a sentence: "Inbox", "Work · Inbox". */
  readonly name: string;
  readonly role: MailboxRole | null;
  /** The one account; none for several. */
  readonly account: AccountView | null;
  /** All accounts whose mail is in sight. */
  readonly accounts: readonly AccountView[];
}

export function placeOf(
  scope: Scope | null,
  shown: string | null,
  accounts: readonly AccountView[],
): Place {
  const id = scope === null || scope.kind === "merged" ? shown : scope.account;
  const account =
    scope?.kind === "merged" ? null : (accounts.find((candidate) => candidate.id === id) ?? null);
  const group = scope ? scopeGroup(scope) : null;
  const inSight = account
    ? [account]
    : accounts.filter((candidate) => group === null || candidate.group === group);
  const mailbox =
    scope?.kind === "mailbox"
      ? account?.mailboxes.find((box) => box.id === scope.mailbox)
      : undefined;
  const role = scope ? (roleOf(scope) ?? mailbox?.role ?? null) : null;
  const title = role ? ROLE_NAMES[role] : (mailbox?.name ?? account?.name ?? ROLE_NAMES.inbox);
  const name = account ? `${title} of ${account.name}` : title;
  return { title, name, role, account, accounts: inSight };
}

function roleOf(scope: Scope): MailboxRole | null {
  switch (scope.kind) {
    case "merged":
      return scope.role;
    case "starred":
      return "flagged";
    case "all":
      return "all";
    case "mailbox":
    case "search":
      return null;
  }
}
