/** All words the window shows. */
import type { AccountColor, Filter, MailboxRole, RowView, Scope, Theme } from "./contract.gen.ts";
import { count, number } from "./words/numbers.ts";
import { plain } from "./words/search.ts";

export { badge, count, number, size } from "./words/numbers.ts";
export { ageWords, roomWords, TEXT_AGES, TEXT_ROOMS } from "./words/texts.ts";
export { clockTime, dayGroup, fullDate, messageDate, shortDate } from "./words/dates.ts";
export { codeWords, errorWords } from "./words/errors.ts";
export {
  fetchingWords,
  healthWords,
  isClosed,
  mergedTileWords,
  progressWords,
  signOf,
  syncWords,
  tileWords,
  trouble,
  worstFirst,
  worstOf,
  type Sign,
  type Trouble,
} from "./words/health.ts";
export {
  hintWords,
  leadIn,
  missingWords,
  plain,
  resultWords,
  searchBoxWords,
  searchedDetail,
  searchedIn,
  searchingWords,
  searchedLine,
  searchedWords,
  stillSearching,
  type Searched,
} from "./words/search.ts";
export {
  goneWords,
  keptWords,
  leftWords,
  receiptItemWords,
  receiptText,
  sealedLossWords,
  sealedWhyWords,
  sessionEndedWords,
} from "./words/life.ts";

export const ROLE_NAMES: Record<MailboxRole, string> = {
  inbox: "Inbox",
  drafts: "Drafts",
  sent: "Sent",
  archive: "Archive",
  junk: "Spam",
  trash: "Trash",
  all: "All mail",
  flagged: "Starred",
  important: "Important",
};

export const FILTER_NAMES: Record<Filter, string> = {
  all: "All",
  unread: "Unread",
  starred: "Starred",
  files: "Files",
};

export const THEME_NAMES: Record<Theme, string> = {
  system: "As the system",
  light: "Light",
  dark: "Dark",
};

export const COLOR_NAMES: Record<AccountColor, string> = {
  ocean: "Ocean",
  rust: "Rust",
  teal: "Teal",
  plum: "Plum",
  amber: "Amber",
  rose: "Rose",
  moss: "Moss",
  indigo: "Indigo",
  slate: "Slate",
  cocoa: "Cocoa",
};

export const COLORS = Object.keys(COLOR_NAMES) as AccountColor[];

/** "3 signed in · kept separate". */
export function scopeLine(all: number, signedIn: number): string {
  if (all === 0) {
    return "No account yet";
  }
  if (signedIn < all) {
    return `${number(signedIn)} of ${number(all)} signed in`;
  }
  return all === 1 ? "1 signed in" : `${number(all)} signed in · kept separate`;
}

/** "24 unread of 4,812". */
export function unreadWords(unread: number, total: number): string {
  if (total === 0) {
    return "";
  }
  return unread === 0 ? number(total) : `${number(unread)} unread of ${number(total)}`;
}

export function filterEmptyWords(filter: Filter, place: string): string {
  switch (filter) {
    case "all":
      return `Nothing in ${place}.`;
    case "unread":
      return `No unread mail in ${place}.`;
    case "starred":
      return `No starred mail in ${place}.`;
    case "files":
      return `No mail with files in ${place}.`;
  }
}

export function emptyWords(scope: Scope | null, role: MailboxRole | null): string {
  if (scope?.kind === "all") {
    return "There is no mail in this account.";
  }
  if (scope?.kind === "starred") {
    return "Nothing is starred. Press S on a conversation to find it here again.";
  }
  switch (role) {
    case "inbox":
      return "Nothing here. New mail will appear by itself.";
    case "drafts":
      return "No unfinished mail.";
    case "junk":
      return "No spam.";
    case "trash":
      return "The trash is empty.";
    default:
      return "Nothing here.";
  }
}

/** "3 remote images blocked, 1 tracker removed." */
export function blockedWords(images: number, trackers: number): string {
  const parts = [];
  if (images > 0) {
    parts.push(`${count(images, "remote image", "remote images")} blocked`);
  }
  if (trackers > 0) {
    parts.push(`${count(trackers, "tracker", "trackers")} removed`);
  }
  return parts.length === 0 ? "" : `${parts.join(", ")}.`;
}

const join = new Intl.ListFormat("en", { style: "short", type: "unit" });

export function people(names: readonly string[]): string {
  return join.format(names);
}

const joinAll = new Intl.ListFormat("en", { style: "long", type: "conjunction" });

/** "Personal and Choir", inside a sentence. */
export function allOf(names: readonly string[]): string {
  return joinAll.format(names);
}

/** "Ines Okafor, Ravi": given names for all but a lone sender. */
export function sendersWords(senders: readonly string[]): string {
  const [only] = senders;
  if (only === undefined) {
    return "No sender";
  }
  if (senders.length === 1) {
    return only;
  }
  const newestFirst = [...senders].reverse();
  return people(newestFirst.map((name, place) => (place === 0 ? name : givenName(name))));
}

const TITLE = /^(mrs?|ms|mx|dr|prof|sir)\.?\s/i;

function givenName(name: string): string {
  if (TITLE.test(name)) {
    return name;
  }
  return /^\p{L}+[ ]/u.test(name) && !name.includes(",") ? (name.split(" ")[0] ?? name) : name;
}

/** A whole row for somebody who listens. */
export function rowWords(row: RowView, account: string, date: string): string {
  return [
    row.unread > 0 ? "Unread" : "",
    sendersWords(row.senders),
    row.subject || "No subject",
    account,
    row.found ? plain(row.found.excerpt) : row.preview,
    date,
    row.messages > 1 ? count(row.messages, "message", "messages") : "",
    row.files ? "with files" : "",
    row.starred ? "starred" : "",
    row.answered ? "replied" : "",
    row.draft ? "draft" : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/** "3 new in Work, 1 new in Home", for somebody who listens. */
export function arrivalWords(arrivals: readonly { name: string; count: number }[]): string {
  return people(arrivals.map(({ name, count: rows }) => `${freshWords(rows)} in ${name}`));
}

export function freshWords(rows: number): string {
  return `${number(rows)} new`;
}

/** Up to two letters for a person without a picture. */
export function initials(name: string): string {
  const letters = name
    .split(/[\s.@_-]+/u)
    .map((part) => [...part].find((letter) => /[\p{L}\p{N}]/u.test(letter)))
    .filter((letter) => letter !== undefined);
  const first = letters[0] ?? "?";
  const last = letters.length > 1 ? (letters.at(-1) ?? "") : "";
  return name.includes("@") ? first.toUpperCase() : (first + last).toUpperCase();
}
