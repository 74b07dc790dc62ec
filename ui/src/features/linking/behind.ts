/** What the window behind the dialog shows, when the dialog makes way for it. */
import { region } from "../../commands.ts";
import type { Stores } from "../../stores/stores.ts";
import { mailboxOfRole } from "../../stores/scope.ts";
import type { LinkList } from "../../words/linking.ts";

/** The way back, in the bar. */
const BACK = "[data-linking-back]";

/** A list of the mailbox that would be set aside; the change waits in a bar. */
export function showList(
  { accounts, dialogs, linking, notices, window }: Stores,
  id: string,
  list: LinkList,
) {
  const account = accounts.get(id);
  if (!account) {
    return;
  }
  const drafts = mailboxOfRole(account, "drafts");
  dialogs.close();
  linking.minimise();
  window.showAccount(account);
  window.showScope(
    list === "drafts" && drafts
      ? { kind: "mailbox", account: id, mailbox: drafts.id }
      : { kind: "all", account: id },
  );
  if (list === "unread") {
    window.filter = "unread";
  }
  notices.announce(`${account.name} is shown. The change waits at the foot of the window.`);
  // After the dialog has given the focus back. An empty list takes none.
  setTimeout(() => (region("list") ?? document.querySelector<HTMLElement>(BACK))?.focus());
}

/** Both mailboxes in one view; nothing is changed. */
export function showTogether({ dialogs, linking, notices, window }: Stores): void {
  void linking.cancel();
  dialogs.close();
  window.showAccount(null);
  notices.say("All mailboxes are shown together. Nothing was changed.");
}
