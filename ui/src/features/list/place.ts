/** What a list is called and whose mail is in it. */
import type { AccountView, MailboxRole, Scope } from "../../contract.gen.ts";
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
  const inSight = account ? [account] : accounts;
  const mailbox =
    scope?.kind === "mailbox"
      ? account?.mailboxes.find((box) => box.id === scope.mailbox)
      : undefined;
  const role =
    scope?.kind === "merged"
      ? scope.role
      : scope?.kind === "starred"
        ? "flagged"
        : (mailbox?.role ?? null);
  const title = role ? ROLE_NAMES[role] : (mailbox?.name ?? account?.name ?? ROLE_NAMES.inbox);
  const name = account ? `${title} of ${account.name}` : title;
  return { title, name, role, account, accounts: inSight };
}
