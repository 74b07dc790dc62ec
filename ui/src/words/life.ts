/** Words about sealed copies and about what was deleted. */
import type { ReceiptView, SealedView } from "../contract.gen.ts";
import { fullDate } from "./dates.ts";
import { count, size } from "./numbers.ts";

const DAY = 86_400;
/** The clock of the window may be that late. */
const LATE = 60;

/** Whole days that a sealed copy is still kept; none when it is kept for ever. */
export function daysLeft(
  { keep_until: until }: Pick<SealedView, "keep_until">,
  now: number = Date.now() / 1000,
): number | null {
  return until === null ? null : Math.max(0, Math.ceil((until - now - LATE) / DAY));
}

type Kept = Pick<SealedView, "keep_until"> & Partial<Pick<SealedView, "until_quit">>;

/** "kept 23 days", "kept for ever", and the truth where no keyring keeps the key. */
export function keptWords(sealed: Kept, now?: number): string {
  if (sealed.until_quit) {
    return "readable until Braid ends";
  }
  const days = daysLeft(sealed, now);
  if (days === null) {
    return "kept for ever";
  }
  return days === 0 ? "deleted today" : `kept ${count(days, "day", "days")}`;
}

/** "23 days left", for an offer. */
export function leftWords(sealed: Kept, now?: number): string {
  if (sealed.until_quit) {
    return "until Braid ends";
  }
  const days = daysLeft(sealed, now);
  if (days === null) {
    return "kept for ever";
  }
  return days === 0 ? "deleted today" : `${count(days, "day", "days")} left`;
}

/** Before how long it is kept; nothing for the usual case. */
export function sealedWhyWords(why: SealedView["why"]): string {
  return { signed_out: "", set_aside: "Set aside, ", key_lost: "Key lost, " }[why];
}

/** What is lost with a sealed copy. */
export function sealedLossWords(why: SealedView["why"]): string {
  switch (why) {
    case "signed_out":
      return "Mail on the server stays as it is. What was never sent is lost.";
    case "set_aside":
      return "This copy is the only way to read that mail from here: its sign-in opens another mailbox now. Once it is deleted, nothing brings it back.";
    case "key_lost":
      return "The key of this copy is gone from the system keyring, so nobody can read it. Mail on the server stays as it is.";
  }
}

/** What a line of a receipt is about. */
export function receiptItemWords(item: ReceiptView["items"][number]): string {
  switch (item.kind) {
    case "file":
      return item.octets === null ? item.name : `${item.name} · ${size(item.octets)}`;
    case "key":
      return `Key ${item.name} in the system keyring`;
    case "entry":
      return "Entry in the list of accounts";
  }
}

/** What was found when it was looked for afterwards. */
export function goneWords(gone: boolean): string {
  return gone ? "gone" : "still there";
}

export function sessionEndedWords(ended: boolean): string {
  return ended
    ? "The session with your organisation has ended."
    : "Your organisation could not be told that the session has ended. It ends there by itself.";
}

/** The whole receipt as text. */
export function receiptText(receipt: ReceiptView): string {
  return [
    `Braid: what was deleted of ${receipt.email}`,
    fullDate(receipt.at),
    "",
    ...receipt.items.map((item) => `${receiptItemWords(item)}: ${goneWords(item.gone)}`),
    "",
    `${count(receipt.files, "file", "files")}, ${size(receipt.octets)}`,
    sessionEndedWords(receipt.session_ended),
  ].join("\n");
}
