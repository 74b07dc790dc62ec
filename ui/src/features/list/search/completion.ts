/** What can be offered for the word under the caret of the search box. Pure. */
import type { AccountView } from "../../../contract.gen.ts";
import { quoted } from "../../../stores/searchPlace.ts";
import { ROLE_NAMES, people } from "../../../words.ts";
import { OPERATORS, SIZES, VALUES, dates } from "./operators.ts";

export interface Completion {
  /** Takes the place of the word. */
  readonly insert: string;
  /** As it is shown. */
  readonly label: string;
  readonly does: string;
}

export interface Completions {
  /** The word they take the place of. */
  readonly from: number;
  readonly to: number;
  readonly items: readonly Completion[];
}

const MOST = 8;
/** Fewer letters say too little of which operator is meant. */
const FEWEST = 2;

/** Words as the search language has them: a phrase holds spaces. */
const WORD = /-*\(?(?:[a-z]+:)?(?:"[^"]*"?|[^\s"]+)?/giy;

interface Word {
  readonly from: number;
  readonly text: string;
}

/** The word the caret is in or behind; empty after a space. */
function wordAt(text: string, caret: number): Word {
  let at = 0;
  while (at < caret) {
    WORD.lastIndex = at;
    const word = WORD.exec(text)?.[0] ?? "";
    const end = at + word.length;
    if (word && caret <= end) {
      return { from: at, text: text.slice(at, caret) };
    }
    at = end === at ? at + 1 : end;
  }
  return { from: caret, text: "" };
}

/**
 * What is offered at the caret. `asked`: the person has asked for it by key, so that an empty
 * word is enough.
 */
export function completionsAt(
  text: string,
  caret: number,
  accounts: readonly AccountView[],
  now: Date,
  asked: boolean,
): Completions {
  const word = wordAt(text, caret);
  const before = /^[-(]*/.exec(word.text)?.[0].length ?? 0;
  const typed = word.text.slice(before);
  const colon = typed.indexOf(":");
  const operator = colon > 0 ? typed.slice(0, colon).toLowerCase() : null;
  if (operator !== null) {
    const value = typed.slice(colon + 1).replace(/^"|"$/g, "");
    const items = valuesOf(operator, accounts, now)
      .filter(({ label, insert }) => begins(label, value) || begins(insert, value))
      .filter(({ insert }) => insert !== typed.slice(colon + 1))
      .map((item) => ({ ...item, insert: `${item.insert} ` }));
    return { from: word.from + before + colon + 1, to: caret, items: items.slice(0, MOST) };
  }
  const enough = typed.length >= FEWEST || (typed === "" && (asked || text === ""));
  const items = OPERATORS.filter(({ name }) => enough && begins(name, typed)).map(
    ({ name, does }) => ({ insert: `${name}:`, label: `${name}:`, does }),
  );
  return { from: word.from + before, to: caret, items };
}

/** The text with a completion in place of its word, and where the caret is then. */
export function completed(
  text: string,
  { from, to }: Completions,
  { insert }: Completion,
): { text: string; caret: number } {
  const after = insert.endsWith(" ") ? text.slice(to).replace(/^ /, "") : text.slice(to);
  return { text: text.slice(0, from) + insert + after, caret: from + insert.length };
}

function begins(text: string, start: string): boolean {
  return text.toLowerCase().startsWith(start.toLowerCase());
}

function valuesOf(operator: string, accounts: readonly AccountView[], now: Date): Completion[] {
  switch (operator) {
    case "in":
      return mailboxes(accounts);
    case "account":
      return accounts.map(({ name, email }) => ({
        insert: quoted(name),
        label: name,
        does: email,
      }));
    case "is":
    case "has":
      return VALUES[operator].map(({ name, does }) => ({ insert: name, label: name, does }));
    case "before":
    case "after":
    case "on":
      return dates(now).map(({ name, date }) => ({ insert: date, label: name, does: date }));
    case "larger":
    case "smaller":
      return SIZES.map(({ name, does }) => ({ insert: name, label: name, does }));
    default:
      return [];
  }
}

/** Roles first, then mailboxes by name, each once, with the accounts that have one. */
function mailboxes(accounts: readonly AccountView[]): Completion[] {
  const roles = new Map<string, Completion>();
  const names = new Map<string, string[]>();
  for (const account of accounts) {
    for (const { role, name } of account.mailboxes) {
      if (role) {
        roles.set(role, { insert: role, label: role, does: ROLE_NAMES[role] });
      } else {
        names.set(name, [...(names.get(name) ?? []), account.name]);
      }
    }
  }
  const own = [...names].map(([name, of]) => ({
    insert: quoted(name),
    label: name,
    does: people(of),
  }));
  return [...roles.values(), ...own];
}
