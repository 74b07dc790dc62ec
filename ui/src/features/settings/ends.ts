/** How a sign-in ended that was to be added to a mailbox. */
import type { AccountView, SignInView } from "../../contract.gen.ts";
import { codeWords } from "../../words.ts";

export interface EndWords {
  readonly text: string;
  /** The sign-in has a mailbox of its own. */
  readonly taken: boolean;
}

export function endWords(view: SignInView, account: AccountView): EndWords | null {
  const say = (text: string, taken = false): EndWords => ({ text, taken });
  switch (view.phase) {
    case "identity_added": {
      const { connection_name: connection, person } = view.identity;
      return say(`${person ? `${person}, ` : ""}${connection}, opens ${account.name} now, too.`);
    }
    case "already_opens":
      return say(`${view.identity.connection_name} already opens ${account.name}. Nothing to do.`);
    case "linked_by_itself":
      return say(
        `The mail service joined this sign-in to ${account.name} on its own. The mail on this computer was not touched.`,
      );
    case "other_person":
      return say(`${view.found} came back in place of ${view.expected}. Nothing was changed.`);
    case "failed":
      return say(
        view.code === "sign_in_taken"
          ? "This sign-in has a mailbox of its own. To open one mailbox with both, one of the two mailboxes is set aside. Nothing was changed."
          : `${codeWords(view.code)} Nothing was changed.`,
        view.code === "sign_in_taken",
      );
    case "cancelled":
      return say("Sign-in was not finished. Nothing was changed.");
    default:
      return null;
  }
}
