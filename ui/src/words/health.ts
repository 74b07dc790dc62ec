/** How an account is, in words. */
import type { AccountView, HealthView } from "../contract.gen.ts";
import { clockTime, timeUntil } from "./dates.ts";
import { count, number } from "./numbers.ts";

/** One line for the foot of the sidebar and the tooltip of a tile. */
export function healthWords(account: AccountView): string {
  const { health, progress, synced_at: syncedAt } = account;
  switch (health.kind) {
    case "current":
      return syncedAt === null ? "Up to date" : `Up to date · ${clockTime(syncedAt)}`;
    case "working":
      return progress ? progressWords(progress) : "Looking for new mail";
    case "offline":
      return syncedAt === null
        ? "No connection"
        : `No connection · showing mail from ${clockTime(syncedAt)}`;
    case "waiting":
      return `The server asks to wait · next try ${timeUntil(health.until)}`;
    case "sign_in_needed":
      return "Sign in again";
    case "signed_out":
      return "Signed out";
    case "paused":
      return syncedAt === null ? "Paused" : `Paused · showing mail from ${clockTime(syncedAt)}`;
    case "locked":
      return "Locked";
    case "vault_locked":
      return "Unlock the system keyring";
    case "refused":
      return "The server refuses";
    case "rebuilding":
      return "Rebuilding the local copy · drafts are safe";
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

/** Name, address, unread and state: a tile's whole name. */
export function tileWords(account: AccountView): string {
  const unread = account.unread > 0 ? [`${number(account.unread)} unread`] : [];
  return [account.name, account.email, ...unread, healthWords(account)].join(", ");
}

/** What is wrong and what still works, for the bar above a list. */
export interface Trouble {
  /** Follows the account's name. */
  readonly text: string;
  readonly action: "sign_in" | "unlock" | "retry" | null;
  /** The server's own words. */
  readonly detail: string | null;
}

/** Only what the person can do something about, or will wonder about. */
export function trouble(health: HealthView): Trouble | null {
  const say = (text: string, action: Trouble["action"] = null, detail: string | null = null) => ({
    text,
    action,
    detail,
  });
  switch (health.kind) {
    case "sign_in_needed":
      return say("needs you to sign in again. Its mail stays readable.", "sign_in");
    case "signed_out":
      return say("is signed out. Its mail stays readable.", "sign_in");
    case "vault_locked":
      return say("waits for the system keyring. Its mail stays readable.", "unlock");
    case "refused":
      return say("is refused by its server. Its mail stays readable.", "retry", health.detail);
    case "waiting":
      return say(`has to wait: its server is busy. Next try ${timeUntil(health.until)}.`);
    case "rebuilding":
      return say("is being fetched again, its local copy was damaged. Drafts are safe.");
    case "fault":
      return say("stopped by a fault in Braid. Its mail stays readable.", "retry");
    case "paused":
    case "locked":
    case "disk_full":
    case "offline":
    case "current":
    case "working":
      return null;
  }
}

/** The worst state decides the words at the foot of the window. */
export function syncWords(accounts: readonly AccountView[]): string {
  const [only] = accounts;
  if (accounts.length === 1 && only) {
    return healthWords(only);
  }
  if (accounts.some(({ health }) => health.kind === "disk_full")) {
    return "The disk is full";
  }
  const fetching = accounts.filter(({ progress }) => progress !== null);
  if (fetching.length > 0) {
    const done = fetching.reduce((sum, { progress }) => sum + (progress?.done ?? 0), 0);
    const known = fetching.every(({ progress }) => progress?.total != null);
    const total = fetching.reduce((sum, { progress }) => sum + (progress?.total ?? 0), 0);
    return progressWords({ done, total: known ? total : null });
  }
  const offline = accounts.filter(({ health }) => health.kind === "offline");
  const synced = accounts.map(({ synced_at: at }) => at ?? 0);
  const latest = Math.max(0, ...synced);
  if (accounts.length > 0 && offline.length === accounts.length) {
    return latest > 0 ? `No connection · showing mail from ${clockTime(latest)}` : "No connection";
  }
  if (accounts.some(({ health }) => health.kind === "working")) {
    return "Looking for new mail";
  }
  const waiting = accounts.filter(({ health }) => health.kind !== "current");
  if (waiting.length > 0) {
    return waiting.length === accounts.length
      ? "No account is up to date"
      : `${number(accounts.length - waiting.length)} of ${number(accounts.length)} up to date`;
  }
  return latest > 0 ? `Up to date · ${clockTime(latest)}` : "Up to date";
}
