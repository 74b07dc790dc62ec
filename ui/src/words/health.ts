/** How an account is: its sign, its words, and what to do. */
import type { AccountView } from "../contract.gen.ts";
import { clockTime, shortDate, timeUntil } from "./dates.ts";
import { count, number } from "./numbers.ts";

/** What stands at the corner of a tile: worst first. */
const SIGNS = [
  "disk_full",
  "fault",
  "refused",
  "vault_locked",
  "sign_in_needed",
  "signed_out",
  "rebuilding",
  "read_only",
  "offline",
  "waiting",
  "ends_soon",
  "working",
  "locked",
  "paused",
] as const;

export type Sign = (typeof SIGNS)[number];

const DAY = 86_400;

function seconds(): number {
  return Date.now() / 1000;
}

function endsSoon(account: AccountView, now: number): boolean {
  const end = account.session_ends_at;
  return end !== null && end > now && end - now <= DAY;
}

/** The sign of an account, or none while all is well. Times are Unix seconds. */
export function signOf(account: AccountView, now: number = seconds()): Sign | null {
  const { kind } = account.health;
  if (kind !== "current" && kind !== "working") {
    return kind;
  }
  if (account.read_only) {
    return "read_only";
  }
  if (endsSoon(account, now)) {
    return "ends_soon";
  }
  return kind === "working" ? kind : null;
}

/** Worst first; those that are alike stay in their order. */
export function worstFirst(accounts: readonly AccountView[], now: number = seconds()) {
  const rank = (account: AccountView) => {
    const sign = signOf(account, now);
    return sign ? SIGNS.indexOf(sign) : SIGNS.length;
  };
  return [...accounts].sort((one, other) => rank(one) - rank(other));
}

/** The account whose state is worst; the first one where several are alike. */
export function worstOf(
  accounts: readonly AccountView[],
  now: number = seconds(),
): { account: AccountView; sign: Sign } | null {
  let worst: { account: AccountView; sign: Sign } | null = null;
  for (const account of accounts) {
    const sign = signOf(account, now);
    if (sign && (!worst || SIGNS.indexOf(sign) < SIGNS.indexOf(worst.sign))) {
      worst = { account, sign };
    }
  }
  return worst;
}

/** "today 17:00", "tomorrow 09:00". */
function dayAndTime(at: number, now: number): string {
  const day = (time: number) => new Date(time * 1000).toDateString();
  return `${day(at) === day(now) ? "today" : "tomorrow"} ${clockTime(at)}`;
}

function shownFrom(words: string, syncedAt: number | null): string {
  return syncedAt === null ? words : `${words} · showing mail from ${shortDate(syncedAt)}`;
}

const MAY_MISS = "some of your last changes may be missing";

/** After damage: what the person did and no server has yet. */
function whatIsLost({ may_miss_changes: mayMiss }: AccountView): string {
  return mayMiss ? "Some of your last changes may be missing." : "Nothing that you wrote is lost.";
}

/** One line for the foot of the sidebar and the tooltip of a tile. */
export function healthWords(account: AccountView, now: number = seconds()): string {
  const { health, progress, synced_at: syncedAt, session_ends_at: endsAt } = account;
  switch (signOf(account, now)) {
    case null:
      return [
        "Up to date",
        ...(syncedAt === null ? [] : [clockTime(syncedAt)]),
        ...(account.may_miss_changes ? [MAY_MISS] : []),
      ].join(" · ");
    case "working":
      return progress ? progressWords(progress) : "Looking for new mail";
    case "offline":
      return shownFrom("No connection", syncedAt);
    case "waiting":
      return health.kind === "waiting"
        ? `The server is busy · next try ${timeUntil(health.until, new Date(now * 1000))}`
        : "The server is busy";
    case "ends_soon":
      return `Sign-in ends ${dayAndTime(endsAt ?? now, now)}`;
    case "sign_in_needed":
      return "Sign in again";
    case "signed_out":
      return "Signed out";
    case "paused":
      return shownFrom("Paused", syncedAt);
    case "locked":
      return "Locked";
    case "read_only":
      return "Read-only until a change of sign-ins is settled";
    case "vault_locked":
      return "Unlock the system keyring";
    case "refused":
      return "The server refuses";
    case "rebuilding":
      return `Braid found damage in what it kept of ${account.name} and is fetching it again. ${whatIsLost(account)}`;
    case "disk_full":
      return "The disk is full";
    case "fault":
      return "Something went wrong in Braid";
  }
}

export function progressWords(progress: { done: number; total: number | null }): string {
  return progress.total === null
    ? `Fetching · ${count(progress.done, "message", "messages")} so far`
    : `Fetching ${number(progress.done)} of ${number(progress.total)}`;
}

/** Unread mail as the account's setting shows it, or nothing. */
function unreadPart({ unread, unread_mark: mark }: AccountView): string[] {
  if (unread === 0 || mark === "none") {
    return [];
  }
  return [mark === "dot" ? "unread mail" : `${number(unread)} unread`];
}

/** Name, address, unread and state: a tile's whole name. */
export function tileWords(account: AccountView, now: number = seconds()): string {
  const { name, email } = account;
  return [name, email, ...unreadPart(account), healthWords(account, now)].join(", ");
}

/** The name of a tile of several accounts: what is unread, and what is worst. */
export function mergedTileWords(
  name: string,
  accounts: readonly AccountView[],
  unread: number,
  now: number = seconds(),
): string {
  const worst = worstOf(accounts, now);
  const trouble = worst && worst.sign !== "working" ? [syncWords(accounts, now)] : [];
  return [name, ...(unread > 0 ? [`${number(unread)} unread`] : []), ...trouble].join(", ");
}

/** What is wrong and what still works, for the bar above a list. */
export interface Trouble {
  /** Follows the account's name. */
  readonly text: string;
  readonly action: "sign_in" | "keyring" | "retry" | "resume" | "unlock" | null;
  /** The person has wished it so. */
  readonly quiet: boolean;
  /** The server's own words. */
  readonly detail: string | null;
}

/** A bare number is the status of an answer without words. */
function refusalWords(detail: string): string {
  return /^\d{3}$/.test(detail)
    ? `The server answered with the status ${detail}.`
    : `The server’s words: ${detail}`;
}

/** Its files are encrypted, and without the keyring they were not opened. */
export function isClosed({ health, mailboxes }: AccountView): boolean {
  return health.kind === "vault_locked" && mailboxes.length === 0;
}

/** Only what the person can do something about, or will wonder about. */
export function trouble(account: AccountView): Trouble | null {
  const { health } = account;
  const say = (text: string, action: Trouble["action"] = null, detail: string | null = null) => ({
    text,
    action,
    quiet: action === "resume" || action === "unlock",
    detail,
  });
  switch (health.kind) {
    case "sign_in_needed":
      return say("needs you to sign in again. Its mail stays readable.", "sign_in");
    case "signed_out":
      return say("is signed out. Its mail stays readable.", "sign_in");
    case "vault_locked":
      return say(
        isClosed(account)
          ? "waits for the system keyring. Its mail is shown once that can be used."
          : "waits for the system keyring. Its mail stays readable.",
        "keyring",
      );
    case "refused":
      return say(
        "is refused by its server. Its mail stays readable.",
        "retry",
        refusalWords(health.detail),
      );
    case "waiting":
      return say(`has to wait: its server is busy. Next try ${timeUntil(health.until)}.`);
    case "rebuilding":
      return say(
        `is being fetched again: Braid found damage in what it kept. ${whatIsLost(account)}`,
      );
    case "fault":
      return say("stopped by a fault in Braid. Its mail stays readable.", "retry");
    case "paused":
      return say("is paused. No new mail arrives; its mail stays readable.", "resume");
    case "locked":
      return say("is locked.", "unlock");
    case "disk_full":
    case "offline":
    case "current":
    case "working":
      return account.may_miss_changes
        ? say("was damaged on this computer. Changes that its server did not have may be missing.")
        : null;
  }
}

/** The worst state decides the words at the foot of the window. */
export function syncWords(accounts: readonly AccountView[], now: number = seconds()): string {
  const [only] = accounts;
  if (accounts.length === 1 && only) {
    return healthWords(only, now);
  }
  const worst = worstOf(accounts, now);
  if (!worst) {
    // Of several, the one that was looked at longest ago.
    const synced = accounts.map(({ synced_at: at }) => at);
    const oldest = synced.includes(null) ? null : Math.min(...synced.map((at) => at ?? 0));
    return oldest === null || accounts.length === 0
      ? "Up to date"
      : `Up to date · ${clockTime(oldest)}`;
  }
  if (worst.sign === "working") {
    return fetchingWords(accounts) ?? "Looking for new mail";
  }
  const alike = accounts.filter((account) => signOf(account, now) === worst.sign).length;
  const words = healthWords(worst.account, now);
  if (alike === accounts.length || worst.sign === "disk_full") {
    return words;
  }
  return alike === 1 ? `${worst.account.name}: ${words}` : `${number(alike)} accounts: ${words}`;
}

/** How far the first fetch is, over all accounts that fetch. */
export function fetchingWords(accounts: readonly AccountView[]): string | null {
  const fetching = accounts.flatMap(({ progress }) => (progress ? [progress] : []));
  if (fetching.length === 0) {
    return null;
  }
  const done = fetching.reduce((sum, progress) => sum + progress.done, 0);
  const known = fetching.every(({ total }) => total !== null);
  const total = fetching.reduce((sum, progress) => sum + (progress.total ?? 0), 0);
  return progressWords({ done, total: known ? total : null });
}
