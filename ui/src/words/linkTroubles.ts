/** What stands in the way of opening one mailbox with two sign-ins, and what can be done. */
import type { LinkMailboxView, LinkTrouble, LinkTroubleView } from "../contract.gen.ts";
import { clockTime } from "./dates.ts";
import { count, number, size } from "./numbers.ts";

/** What the page offers beside the sentence. */
export type LinkOffer =
  | "choose_another"
  | "done"
  | "sign_ins"
  | "use_found"
  | "prove_kept"
  | "prove_set_aside"
  | "prove_again"
  | "look_again"
  | "together"
  | "copy_request"
  | "copy_details"
  | "explain"
  | "settle"
  | "drafts"
  | "export_again"
  | "export_retry"
  | "unlock"
  | "countdown";

export interface LinkTroubleWords {
  readonly text: string;
  readonly offers: readonly LinkOffer[];
  /** Good news and waits are no alarm. */
  readonly tone: "good" | "warn" | "danger";
}

/** The two mailboxes the words name. */
export interface LinkNames {
  readonly kept: Pick<LinkMailboxView, "name" | "email">;
  readonly set_aside: Pick<LinkMailboxView, "name" | "email">;
}

type Make = (trouble: LinkTroubleView, names: LinkNames) => LinkTroubleWords;

const warn = (text: string, ...offers: LinkOffer[]): LinkTroubleWords => ({
  text,
  offers,
  tone: "warn",
});
const danger = (text: string, ...offers: LinkOffer[]): LinkTroubleWords => ({
  text,
  offers,
  tone: "danger",
});
const good = (text: string, ...offers: LinkOffer[]): LinkTroubleWords => ({
  text,
  offers,
  tone: "good",
});

const NOTHING = "Nothing was changed.";

/** "1 message and 2 changes", whatever of it there is. */
function unsettled(messages: number, changes: number): string {
  const parts = [
    ...(messages > 0 ? [count(messages, "message", "messages")] : []),
    ...(changes > 0 ? [count(changes, "change", "changes")] : []),
  ];
  return parts.join(" and ") || "Something";
}

function changedWords(messages: number | null, drafts: number | null): string {
  const parts = [
    ...(messages ? [count(messages, "new message", "new messages")] : []),
    ...(drafts ? [count(drafts, "new change", "new changes")] : []),
  ];
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}

const WORDS: Record<LinkTrouble, Make> = {
  same_person: () =>
    good("That is the sign-in you are using now. Nothing to do.", "choose_another"),
  already_opens: (_, { kept, set_aside }) =>
    good(`${set_aside.email} already opens ${kept.name}.`, "done", "sign_ins"),
  belongs_elsewhere: ({ detail }) =>
    danger(
      `This sign-in already opens a different mailbox. It must be removed there first. ${NOTHING}${detail ? ` The service answered: ${detail}.` : ""}`,
      "sign_ins",
      "copy_details",
    ),
  both_affected: ({ number: signIns, detail }, { set_aside }) =>
    warn(
      detail !== null
        ? `${set_aside.name} itself has ${count(signIns ?? 2, "sign-in", "sign-ins")}, and the service does not set such a mailbox aside. Remove the other sign-ins first. ${NOTHING} The service answered: ${detail}.`
        : signIns === null
          ? `${set_aside.name} itself has several sign-ins. Setting it aside affects all of them.`
          : `${set_aside.name} itself has ${count(signIns, "sign-in", "sign-ins")}. Setting it aside affects ${signIns === 2 ? "both" : "all of them"}.`,
      "sign_ins",
    ),
  kept_expired: (_, { kept }) =>
    warn(`Sign in to ${kept.name} again; your choices are kept.`, "prove_kept"),
  proof_expired: ({ number: minutes }, { set_aside }) =>
    warn(
      `It has been ${count(minutes ?? 10, "minute", "minutes")}. Please prove ${set_aside.email} once more; your choices are kept.`,
      "prove_set_aside",
    ),
  wrong_person: ({ detail }, { set_aside }) =>
    warn(
      detail
        ? `You signed in as ${detail}, not ${set_aside.email}. ${NOTHING}`
        : `You signed in as somebody other than ${set_aside.email}. ${NOTHING}`,
      "use_found",
      "prove_again",
    ),
  not_finished: () => warn(`Sign-in was not finished. ${NOTHING}`, "prove_again", "choose_another"),
  not_ours: () =>
    danger(
      `The answer did not belong to this request, so we ignored it. ${NOTHING}`,
      "prove_again",
    ),
  forbidden: ({ detail }, { kept }) =>
    danger(
      `${detail ?? "Your organisation"} does not allow another sign-in to open ${kept.name}. This is the rule of whoever runs the sign-ins; an administrator can change it.`,
      "copy_request",
      "together",
    ),
  not_switched_on: () =>
    warn(`This mail service has not switched on shared sign-ins. ${NOTHING}`, "together"),
  linked_by_itself: (_, { kept }) =>
    danger(
      `The mail service joined this sign-in to ${kept.name} on its own. We have not touched the mail on this computer.`,
      "explain",
      "sign_ins",
    ),
  cannot_count: ({ number: here }, { set_aside }) =>
    warn(
      here === null
        ? `We cannot say how much of ${set_aside.name} would be set aside, or whether messages wait to be sent.`
        : `We cannot say how much would be set aside, or whether messages wait to be sent. At least ${count(here, "conversation is", "conversations are")} on this computer.`,
      "look_again",
    ),
  not_settled: ({ number: messages, other_number: changes }) => {
    const total = (messages ?? 0) + (changes ?? 0);
    return warn(
      `${unsettled(messages ?? 0, changes ?? 0)} ${total === 1 ? "has" : "have"} not left this computer.`,
      "settle",
    );
  },
  draft_open: (_, { set_aside }) => warn(`A draft in ${set_aside.name} is open.`, "drafts"),
  no_space: ({ number: needed, other_number: free }) =>
    danger(
      needed === null || free === null
        ? "There is not enough space for the copy."
        : `${size(needed)} needed, ${size(free)} free there.`,
      "export_again",
    ),
  export_incomplete: ({ number: written, other_number: expected }) =>
    warn(
      written === null || expected === null
        ? "Some messages could not be read."
        : `${number(written)} of ${number(expected)} written; ${number(expected - written)} could not be read.`,
      "export_retry",
    ),
  offline: () => warn(`You are offline. ${NOTHING}`, "look_again"),
  no_answer: () => warn("We do not know yet whether it happened.", "look_again"),
  server_fault: () =>
    warn(
      "The service had a fault while it was asked. We do not know yet whether it happened.",
      "look_again",
      "copy_details",
    ),
  too_many: ({ number: seconds }) =>
    warn(
      seconds === null
        ? `The service asks us to wait. ${NOTHING}`
        : `The service asks us to wait ${count(seconds, "second", "seconds")}. ${NOTHING}`,
      "countdown",
    ),
  not_shown_yet: () =>
    warn("The service confirmed, but does not show it yet.", "look_again", "copy_details"),
  session_left: ({ number: at }, { set_aside }) =>
    warn(
      `Done, but closing the old session of ${set_aside.email} failed; it ends by itself${at !== null && at > 1e9 ? ` at ${clockTime(at)}` : ""}.`,
    ),
  keyring: () => warn("Your keyring is locked.", "unlock"),
  cannot_seal: ({ detail }, { set_aside }) =>
    danger(
      `The copy of ${set_aside.name} on this computer cannot be sealed${detail ? ` (${detail})` : ""}. ${NOTHING}`,
      "look_again",
      "copy_details",
    ),
  not_back: ({ detail }, { set_aside }) =>
    warn(
      `It was not done, but ${set_aside.name} is not back on this computer yet${detail ? ` (${detail})` : ""}. We try again by ourselves.`,
      "look_again",
      "copy_details",
    ),
  other_joined: ({ detail }, { kept, set_aside }) =>
    danger(
      `${detail ?? "Another sign-in"} opens ${kept.name} now, and ${set_aside.email} does not. ${set_aside.name} is as before. If you do not know this sign-in, remove it.`,
      "sign_ins",
      "copy_details",
    ),
  changed: ({ number: messages, other_number: changes }) =>
    warn(`The mailbox changed since you looked${changedWords(messages, changes)}.`, "look_again"),
  typed_other: (_, { set_aside }) =>
    warn(`That is not the address. Type ${set_aside.email} to go on.`),
  last_sign_in: () => warn("This is the only way into the mailbox. Add another first.", "sign_ins"),
  clock: ({ number: minutes }) =>
    warn(
      minutes === null
        ? "This computer’s clock is wrong. Set it, then try again."
        : `This computer’s clock is ${count(minutes, "minute", "minutes")} off. Set it, then try again.`,
      "look_again",
    ),
  not_owner: (_, { set_aside }) =>
    danger(`You can read ${set_aside.name} but not decide about it.`),
  busy: () => warn("A change is under way in another window. Finish it there first."),
  sign_in_unclear: ({ number: signIns, detail }, { set_aside }) =>
    warn(
      `${count(signIns ?? 2, "sign-in", "sign-ins")}${detail ? ` of ${detail}` : ""} open ${set_aside.name}, and the service does not say which of them you used. Remove the others first, then try again. ${NOTHING}`,
      "sign_ins",
    ),
  unexpected: ({ detail }) =>
    danger(
      detail
        ? `The service answered: ${detail}. ${NOTHING}`
        : `The service gave an answer we do not know. ${NOTHING}`,
      "copy_details",
    ),
};

export const LINK_TROUBLES = Object.keys(WORDS) as LinkTrouble[];

/** The sentence and the offers for what stands in the way. */
export function linkTroubleWords(trouble: LinkTroubleView, names: LinkNames): LinkTroubleWords {
  return (WORDS[trouble.kind] ?? WORDS.unexpected)(trouble, names);
}

const OFFERS: Record<Exclude<LinkOffer, "settle" | "countdown">, string> = {
  choose_another: "Choose another",
  done: "Done",
  sign_ins: "Show its sign-ins",
  use_found: "Use this one",
  prove_kept: "Sign in",
  prove_set_aside: "Sign in",
  prove_again: "Try again",
  look_again: "Look again",
  together: "See them together instead",
  copy_request: "Copy a request to the administrator",
  copy_details: "Copy details",
  explain: "What this means",
  drafts: "Show it",
  export_again: "Choose another place…",
  export_retry: "Retry the missing ones",
  unlock: "Unlock and try again",
};

export function linkOfferName(offer: keyof typeof OFFERS): string {
  return OFFERS[offer];
}

/** For {@link LinkOffer} `explain`. */
export const JOINED_BY_ITSELF =
  "The organisation lets sign-ins with the same address open the same mailbox by themselves. What the other sign-in opened before is not deleted, but cannot be opened any more. Removing the sign-in stops this; only an administrator can bring the other mailbox back.";
