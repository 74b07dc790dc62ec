/** What the buttons beside a trouble do. */
import type { LinkTroubleView, LinkView } from "../../contract.gen.ts";
import { copyText } from "../../stores/clipboard.ts";
import type { Stores } from "../../stores/stores.ts";
import {
  linkDetails,
  linkOfferName,
  linkRequestText,
  linkTroubleWords,
  type LinkOffer,
} from "../../words/linking.ts";
import { showList, showTogether } from "./behind.ts";

export interface OfferButton {
  readonly name: string;
  readonly act: () => void;
}

/** Those offers that are links beside the sentence; settling and waiting have places of their own. */
export function offersOf(
  stores: Stores,
  link: LinkView,
  trouble: LinkTroubleView,
  explain: () => void,
): OfferButton[] {
  return linkTroubleWords(trouble, link).offers.flatMap((offer) => {
    if (offer === "settle" || offer === "countdown") {
      return [];
    }
    const act = actOf(stores, link, trouble, offer, explain);
    return act ? [{ name: linkOfferName(offer), act }] : [];
  });
}

/** Once more from where it stands: the same proof, the same question, or from the beginning. */
export function lookAgain({ linking }: Stores, { kept, set_aside: aside, stage }: LinkView) {
  switch (stage.stage) {
    case "prove":
      return linking.prove(stage.side);
    case "blocked":
      return linking.beginAnew(kept.account, aside.account);
    default:
      return linking.lookAgain();
  }
}

function actOf(
  stores: Stores,
  link: LinkView,
  trouble: LinkTroubleView,
  offer: Exclude<LinkOffer, "settle" | "countdown">,
  explain: () => void,
): (() => void) | null {
  const { accounts, app, dialogs, linking, notices } = stores;
  switch (offer) {
    case "choose_another":
      return () => void linking.chooseAnother();
    case "done":
      return () => void linking.cancel();
    case "sign_ins": {
      // Those of the kept mailbox where the sign-in is there already, else of the other one.
      const there = trouble.kind === "already_opens" || trouble.kind === "linked_by_itself";
      const { account } = there ? link.kept : link.set_aside;
      return () => {
        void linking.cancel();
        dialogs.show({ kind: "settings", page: "identities", account });
      };
    }
    case "use_found": {
      const found = accounts.list.find(
        ({ id, email }) =>
          email === trouble.detail && id !== link.kept.account && id !== link.set_aside.account,
      );
      return found ? () => void linking.beginAnew(link.kept.account, found.id) : null;
    }
    case "prove_kept":
      return () => void linking.prove("kept");
    case "prove_set_aside":
      return () => void linking.prove("set_aside");
    case "prove_again":
      return () => void linking.prove(link.stage.stage === "prove" ? link.stage.side : "set_aside");
    case "look_again":
      return () => void lookAgain(stores, link);
    case "together":
      return () => showTogether(stores);
    case "copy_request":
      return () => void copyText(notices, linkRequestText(link));
    case "copy_details":
      return () => void copyText(notices, linkDetails(link, app.view?.version ?? ""));
    case "explain":
      return explain;
    case "drafts":
      return () => showList(stores, link.set_aside.account, "drafts");
    case "export_again":
      return () => void linking.exportAgain(false);
    case "export_retry":
      return () => void linking.exportAgain(true);
    case "unlock":
      return () =>
        void app.retryVault().then(
          () => lookAgain(stores, link),
          () => undefined,
        );
  }
}
