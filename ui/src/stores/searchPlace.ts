/** Where a search looks, as a value. */
import type { AccountView, GroupView, MailboxRole, Scope } from "../contract.gen.ts";
import { ROLE_NAMES } from "../words.ts";

export type SearchPlace =
  | { readonly kind: "everywhere" }
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "account"; readonly account: string }
  /** The mailboxes of a role, of all accounts or of a group. */
  | { readonly kind: "role"; readonly role: MailboxRole; readonly group: string | null }
  | { readonly kind: "mailbox"; readonly account: string; readonly mailbox: string };

export const EVERYWHERE = { kind: "everywhere" } satisfies SearchPlace;

/** What of the window a search begins from. */
export interface Origin {
  readonly account: string | null;
  readonly group: string | null;
  readonly scope: Scope | null;
}

/** What is there to look in. */
export interface Known {
  readonly accounts: readonly AccountView[];
  readonly groups: readonly GroupView[];
}

export interface NamedPlace {
  readonly place: SearchPlace;
  readonly name: string;
}

/** Equal for equal places. */
export function placeKey(place: SearchPlace): string {
  switch (place.kind) {
    case "everywhere":
      return "everywhere";
    case "group":
      return `group:${place.group}`;
    case "account":
      return `account:${place.account}`;
    case "role":
      return `role:${place.group ?? ""}:${place.role}`;
    case "mailbox":
      return `mailbox:${place.account}:${place.mailbox}`;
  }
}

/** Where a search looks at first: what the rail shows. A locked account shows nothing. */
export function firstPlace({ account, group }: Origin, { accounts }: Known): SearchPlace {
  if (group !== null) {
    return { kind: "group", group };
  }
  const shown = accounts.find(({ id }) => id === account);
  const only = accounts.length === 1;
  return shown && !only && shown.health.kind !== "locked"
    ? { kind: "account", account: shown.id }
    : EVERYWHERE;
}

/** The places to choose from, the widest first. */
export function placesFrom(origin: Origin, known: Known): NamedPlace[] {
  const { accounts, groups } = known;
  const places: NamedPlace[] = [
    { place: EVERYWHERE, name: accounts.length > 1 ? "All accounts" : "All mail" },
  ];
  const account = accounts.find(({ id }) => id === origin.account);
  const group = groups.find(({ id }) => id === (origin.group ?? account?.group));
  if (group) {
    places.push({ place: { kind: "group", group: group.id }, name: group.name });
  }
  if (account && accounts.length > 1) {
    places.push({ place: { kind: "account", account: account.id }, name: account.name });
  }
  const { scope } = origin;
  if (scope?.kind === "merged") {
    const place = { kind: "role", role: scope.role, group: scope.group ?? null } as const;
    places.push({ place, name: ROLE_NAMES[scope.role] });
  } else if (scope?.kind === "mailbox") {
    const { account: id, mailbox } = scope;
    const box = accounts.find((one) => one.id === id)?.mailboxes.find((one) => one.id === mailbox);
    if (box) {
      const name = box.role ? ROLE_NAMES[box.role] : box.name;
      places.push({ place: { kind: "mailbox", account: id, mailbox }, name });
    }
  }
  return places;
}

/** One word of the search language, quoted where it has to be. */
export function quoted(value: string): string {
  return /[\s"“”„‟()]/.test(value) || value === "OR" || value.startsWith("-")
    ? `"${value.replaceAll('"', '""')}"`
    : value;
}

/**
 * What the app is asked for. The text stays as it was typed; a role is put before it. The
 * bracket stays open: the last word may still be typed.
 */
export function searchScope(text: string, place: SearchPlace): Extract<Scope, { kind: "search" }> {
  const search = { kind: "search", text, account: null } as const;
  switch (place.kind) {
    case "everywhere":
      return search;
    case "group":
      return { ...search, group: place.group };
    case "account":
      return { ...search, account: place.account };
    case "role": {
      const within = { ...search, text: `in:${place.role} (${text}` };
      return place.group === null ? within : { ...within, group: place.group };
    }
    case "mailbox":
      return { ...search, account: place.account, mailbox: place.mailbox };
  }
}

/** The accounts whose mail is looked through, in the person's order. */
export function accountsIn(place: SearchPlace, accounts: readonly AccountView[]): AccountView[] {
  switch (place.kind) {
    case "everywhere":
      return [...accounts];
    case "group":
    case "role":
      return accounts.filter(({ group }) => place.group === null || group === place.group);
    case "account":
    case "mailbox":
      return accounts.filter(({ id }) => id === place.account);
  }
}
