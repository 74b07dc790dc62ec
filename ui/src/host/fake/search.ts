/** Searching the made-up mail: words, a few operators, marks, and how complete it was. */
import type {
  AccountView,
  MessageView,
  RowView,
  Scope,
  SearchedAccountView,
  SearchHint,
  SearchView,
  SegmentView,
  ServerSearch,
} from "../../contract.gen.ts";
import { rowOf, type FakeThread } from "./mail.ts";

/** How searches go. */
export type FakeSearch =
  | "works"
  /** Accounts after the first one answer when they are let, see {@link FakeApp.searchGoesOn}. */
  | "held"
  /** Not even the first account answers before. */
  | "silent"
  | "indexing"
  | "unreachable"
  | "refused"
  | "more";

export interface FoundMessage {
  readonly thread: FakeThread;
  readonly message: MessageView;
  readonly words: readonly string[];
}

interface Searched {
  readonly accounts: readonly AccountView[];
  readonly threads: readonly FakeThread[];
  readonly search: FakeSearch;
}

type SearchScope = Extract<Scope, { kind: "search" }>;

interface Term {
  readonly not: boolean;
  readonly field: string;
  readonly value: string;
}

/** Case and accents do not count. One character stays one, so that places stay. */
function folded(text: string): string {
  return [...text]
    .map((letter) => letter.normalize("NFD").charAt(0).toLowerCase() || letter)
    .join("");
}

const TERM = /(-?)(?:([a-z]+):)?(?:"([^"]*)"?|([^\s()"]+))/gi;

function terms(text: string): Term[] {
  // An operator without a value says nothing yet.
  const found = text.replace(/(^|[\s(-])[a-z]+:(?=\s|$)/gi, "$1").matchAll(TERM);
  return [...found].map(([, not, field = "", phrase, word]) => ({
    not: not === "-",
    field: field.toLowerCase(),
    value: folded(phrase ?? word ?? ""),
  }));
}

const DATE = /^\d{4}(-\d{1,2}){0,2}$/;

function holds({ field, value }: Term, found: FoundMessage, account: AccountView): boolean {
  const { thread, message } = found;
  const people = (list: MessageView["from"]) =>
    folded(list.map(({ name, email }) => `${name} ${email}`).join(" "));
  switch (field) {
    case "from":
      return people(message.from).includes(value);
    case "to":
      return people(message.to).includes(value);
    case "subject":
      return folded(thread.subject).includes(value);
    case "in":
      return thread.role === value;
    case "account":
      return folded(`${account.name} ${account.email}`).includes(value);
    case "has":
      return message.attachments.length > 0;
    case "is":
      return (
        { unread: !message.seen, read: message.seen, starred: message.flagged }[value] ?? false
      );
    case "before":
      return !DATE.test(value) || message.received_at * 1000 < Date.parse(value);
    case "after":
      return !DATE.test(value) || message.received_at * 1000 >= Date.parse(value);
    default:
      return folded(`${thread.subject} ${message.preview} ${people(message.from)}`).includes(value);
  }
}

function hintsOf(all: readonly Term[]): SearchHint[] {
  const hints = all.flatMap(({ field, value }): SearchHint[] => {
    if (["before", "after", "on"].includes(field) && !DATE.test(value)) {
      return ["date_expected"];
    }
    return field === "is" && !["unread", "read", "starred"].includes(value) ? ["word_unknown"] : [];
  });
  return [...new Set(hints)];
}

function inPlace({ health, id, group }: AccountView, scope: SearchScope): boolean {
  const here =
    (scope.account === null || scope.account === id) &&
    (scope.group === undefined || scope.group === group);
  return here && health.kind !== "locked";
}

/** Whether an account has not answered yet. */
function waits(place: number, search: FakeSearch): boolean {
  return search === "silent" || (search === "held" && place > 0);
}

/** Messages that match, newest first. */
export function foundMessages(
  { accounts, threads, search }: Searched,
  scope: SearchScope,
): FoundMessage[] {
  const all = terms(scope.text);
  const words = all.flatMap(({ field, value, not }) =>
    !not && ["", "from", "subject"].includes(field) ? [value] : [],
  );
  const answering = accounts
    .filter((account) => inPlace(account, scope))
    .filter((_, place) => !waits(place, search));
  return threads
    .flatMap((thread) => thread.messages.map((message) => ({ thread, message, words })))
    .filter((found) => {
      const account = answering.find(({ id }) => id === found.thread.account);
      const { role } = found.thread;
      const lies = scope.mailbox === undefined || scope.mailbox === `${account?.id ?? ""}-${role}`;
      return account && lies && all.every((term) => holds(term, found, account) !== term.not);
    })
    .toSorted((a, b) => b.message.received_at - a.message.received_at);
}

export function foundRow({ thread, message, words }: FoundMessage): RowView {
  const row = rowOf({ ...thread, messages: [message] });
  return {
    ...row,
    key: `${row.key}:${message.key}`,
    found: { subject: marked(row.subject, words), excerpt: marked(row.preview, words) },
  };
}

function marked(text: string, words: readonly string[]): SegmentView[] {
  const letters = [...text];
  const plain = folded(text);
  const hit = letters.map(() => false);
  for (const word of words.filter((one) => one !== "")) {
    for (let at = plain.indexOf(word); at >= 0; at = plain.indexOf(word, at + 1)) {
      hit.fill(true, at, at + word.length);
    }
  }
  const segments: SegmentView[] = [];
  letters.forEach((letter, place) => {
    const last = segments.at(-1);
    const matched = hit[place] ?? false;
    if (last?.matched === matched) {
      last.text += letter;
    } else {
      segments.push({ text: letter, matched });
    }
  });
  return segments;
}

const YEAR = (year: number) => Date.UTC(year, 2, 4) / 1000;

/** How a search of the made-up mail stands. */
export function searchState({ accounts, search }: Searched, scope: SearchScope): SearchView {
  const views = accounts
    .filter((account) => inPlace(account, scope))
    .map((account, place): SearchedAccountView => {
      const all = place % 3 === 0;
      const searching = waits(place, search);
      return {
        account: account.id,
        searching,
        to_index: search === "indexing" && place < 2 ? 3_200 - place * 2_988 : 0,
        all_mail: all || place % 3 === 1,
        mail_since: YEAR(all ? 2011 : 2016),
        texts_since: all ? YEAR(2011) : YEAR(2024),
        server: serverOf(account, all, searching, search),
        more: search === "more" && place < 2,
        left_out: false,
      };
    });
  return { accounts: views, hints: hintsOf(terms(scope.text)) };
}

function serverOf(
  { health }: AccountView,
  all: boolean,
  searching: boolean,
  search: FakeSearch,
): ServerSearch {
  if (all) {
    return "not_needed";
  }
  if (search === "refused" || search === "unreachable") {
    return search;
  }
  const away = ["offline", "paused", "sign_in_needed", "signed_out"].includes(health.kind);
  return away ? "unreachable" : searching ? "asking" : "asked";
}
