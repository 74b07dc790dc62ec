/** What a search says of itself: what it found, where it looked, and what it could not look at. */
import type {
  AccountView,
  SearchedAccountView,
  SearchHint,
  SearchView,
  SegmentView,
} from "../contract.gen.ts";
import { dayWords } from "./dates.ts";
import { count, number } from "./numbers.ts";

/** "12 results"; "2,000+ results" where there are more than the list takes. */
export function resultWords(total: number, search: SearchView | null): string {
  const more = search?.accounts.some((account) => account.more) ?? false;
  return more ? `${number(total)}+ results` : count(total, "result", "results");
}

/** Whether anything may still be added by itself. */
export function stillSearching(search: SearchView | null): boolean {
  const adds = ({ searching, server, to_index }: SearchedAccountView) =>
    searching || server === "asking" || to_index > 0;
  return search?.accounts.some(adds) ?? true;
}

/** In place of rows while something may still be found. */
export function searchingWords(search: SearchView | null): string {
  const waits = search?.accounts.reduce((sum, { to_index }) => sum + to_index, 0) ?? 0;
  return waits > 0
    ? `Nothing yet. ${count(waits, "message is", "messages are")} still being read for the search.`
    : "Searching…";
}

/** Whether a search did not see all there is in an account. */
function hasGap({ searching, server, to_index }: SearchedAccountView): boolean {
  return searching || to_index > 0 || !["not_needed", "asked"].includes(server);
}

/** One account that is looked through, or is not. */
export interface Searched {
  readonly account: AccountView;
  /** None for an account that is in the place and was not looked through. */
  readonly state: SearchedAccountView | null;
}

/**
 * Each account of the place with how it was searched, in the person's order. One that is neither
 * looked through nor out of reach is ruled out by what was typed, and left out.
 */
export function searchedIn(
  accounts: readonly AccountView[],
  search: SearchView,
  failed: readonly string[] = [],
): Searched[] {
  return accounts
    .map((account) => ({
      account,
      state: search.accounts.find((one) => one.account === account.id) ?? null,
    }))
    .filter(
      ({ account, state }) =>
        state !== null || account.health.kind === "locked" || failed.includes(account.id),
    );
}

/** "Work: all mail since 2011 · Home: texts since 2024, server asked"; gaps come first. */
export function searchedLine(searched: readonly Searched[], now: Date = new Date()): string {
  const gap = ({ state }: Searched) => Number(!state || hasGap(state));
  return searched
    .toSorted((a, b) => gap(b) - gap(a))
    .map((one) => `${one.account.name}: ${searchedWords(one, now)}`)
    .join(" · ");
}

/** "texts since 2024, server asked". */
export function searchedWords({ account, state }: Searched, now: Date = new Date()): string {
  if (!state) {
    return account.health.kind === "locked" ? "locked, not searched" : "not searched";
  }
  const parts = [
    state.searching ? "searching…" : reachWords(state, now),
    state.to_index > 0
      ? `${count(state.to_index, "message", "messages")} not yet in the index`
      : "",
    SERVER[state.server],
  ];
  return parts.filter(Boolean).join(", ");
}

const SERVER: Record<SearchedAccountView["server"], string> = {
  not_needed: "",
  asking: "asking the server…",
  asked: "server asked",
  unreachable: "server not reached",
  refused: "server refused",
  no_room: "no room for what the server found",
};

function textsAreHere({ mail_since, texts_since }: SearchedAccountView): boolean {
  return mail_since !== null && texts_since !== null && texts_since <= mail_since;
}

function reachWords(state: SearchedAccountView, now: Date): string {
  const { all_mail, mail_since, texts_since } = state;
  if (mail_since === null) {
    return all_mail ? "no mail" : "no mail here yet";
  }
  if (textsAreHere(state)) {
    return `${all_mail ? "all mail" : "mail"} since ${dayWords(mail_since, now)}`;
  }
  return texts_since === null
    ? "subjects and people only"
    : `texts since ${dayWords(texts_since, now)}`;
}

/** For the account's own line: what was not looked at, and what can be done. */
export function searchedDetail({ account, state }: Searched, now: Date = new Date()): string {
  if (!state) {
    return account.health.kind === "locked"
      ? "Unlock it to search its mail."
      : "Its mail cannot be read just now.";
  }
  const parts: string[] = [];
  if (state.mail_since !== null && !textsAreHere(state) && !state.left_out) {
    const since = dayWords(state.mail_since, now);
    parts.push(
      state.texts_since === null
        ? `Mail since ${since} is searched by subject and people.`
        : `Older mail, since ${since}, is searched by subject and people.`,
    );
  }
  if (!state.all_mail) {
    parts.push("Mail that is not on this computer yet is found only by the server.");
  }
  if (state.left_out) {
    parts.push(
      state.server === "asked"
        ? "Mail whose text is not on this computer was looked for by the server only."
        : "Mail whose text is not on this computer was left out: a word you ruled out may be in it.",
    );
  }
  if (state.more) {
    parts.push("There are more matches than the list takes; add a word to narrow it.");
  }
  return parts.join(" ");
}

/** What is missing where nothing was found: "The server of Home could not be reached." */
export function missingWords(searched: readonly Searched[]): string {
  const of = (server: SearchedAccountView["server"]) =>
    searched.flatMap(({ account, state }) => (state?.server === server ? [account.name] : []));
  const list = new Intl.ListFormat("en", { type: "conjunction" });
  const unreachable = of("unreachable");
  const refused = of("refused");
  const parts: string[] = [];
  if (unreachable.length > 0) {
    parts.push(
      `The server of ${list.format(unreachable)} could not be reached, so mail that is not on this computer was not searched.`,
    );
  }
  const noRoom = of("no_room");
  if (noRoom.length > 0) {
    parts.push(
      `The disk is full, so what the server of ${list.format(noRoom)} found could not be added.`,
    );
  }
  if (refused.length > 0) {
    parts.push(`The server of ${list.format(refused)} does not take this search.`);
  }
  return parts.join(" ");
}

/** What is still being typed does not draw a remark yet. */
const UNFINISHED = /-?[a-z]+:\S*$/i;

const HINTS: Record<SearchHint, { operator: RegExp; words: (operator: string) => string }> = {
  date_expected: {
    operator: /(?:^|[\s(-])(before|after|on):/i,
    words: (operator) => `“${operator}:” needs a date, such as 2024-05-01.`,
  },
  size_expected: {
    operator: /(?:^|[\s(-])(larger|smaller):/i,
    words: (operator) => `“${operator}:” needs a size, such as 5M.`,
  },
  word_unknown: {
    operator: /(?:^|[\s(-])(is|has):/i,
    words: (operator) =>
      operator === "has"
        ? "“has:” knows “file”."
        : "“is:” knows unread, read, starred, answered and draft.",
  },
};

/** One sentence for each thing that was not understood; none for what is still being typed. */
export function hintWords(hints: readonly SearchHint[], text: string, typing: boolean): string[] {
  const finished = typing ? text.replace(UNFINISHED, "") : text;
  return hints.flatMap((hint) => {
    const operator = HINTS[hint].operator.exec(finished)?.[1];
    return operator ? [HINTS[hint].words(operator.toLowerCase())] : [];
  });
}

/** "Search all accounts", "Search Work". */
export function searchBoxWords(place: string): string {
  return `Search ${place === "All accounts" ? "all accounts" : place === "All mail" ? "mail" : place}`;
}

const LONGEST_LEAD = 28;

/** The pieces of an excerpt, begun close enough to the first match that a row shows it. */
export function leadIn(segments: readonly SegmentView[]): readonly SegmentView[] {
  const [first, ...rest] = segments;
  if (!first || first.matched || rest.length === 0 || first.text.length <= LONGEST_LEAD) {
    return segments;
  }
  const tail = first.text.slice(-LONGEST_LEAD);
  const word = tail.indexOf(" ");
  return [{ text: `…${word < 0 ? tail : tail.slice(word + 1)}`, matched: false }, ...rest];
}

/** The pieces as one text. */
export function plain(segments: readonly SegmentView[]): string {
  return segments.map(({ text }) => text).join("");
}
