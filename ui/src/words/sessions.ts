/** The words of a session: who, since when, until when, and the one thing to do. */
import type { ArrivalView, Fix, HostView, IdentityView, SessionView } from "../contract.gen.ts";
import { clockTime, momentWords } from "./dates.ts";
import { count, number, size } from "./numbers.ts";

const FIXES: Record<Fix, string | null> = {
  nothing: null,
  sign_in: "Sign in again",
  keyring: "Unlock the keyring",
  resume: "Resume",
  unlock: "Unlock",
  retry: "Try again",
  disk: "Space is free, go on",
};

/** The verb of the one button; none where nothing is wrong. */
export function fixName(fix: Fix): string | null {
  return FIXES[fix];
}

const ARRIVALS: Record<ArrivalView, string> = {
  push: "The server tells at once",
  polling: "Braid asks now and then",
  off: "Not at all for now",
};

export interface Fact {
  readonly term: string;
  readonly words: string;
}

function ahead(seconds: number | null, now: Date, yet: string, over: string): string | null {
  if (seconds === null) {
    return null;
  }
  const verb = seconds * 1000 > now.getTime() ? yet : over;
  return `${verb} ${momentWords(seconds, now)}`;
}

/** Most tokens last a day at most, so that the time says enough. */
function tokenWords(seconds: number | null, now: Date): string {
  if (seconds === null) {
    return "None in hand";
  }
  const near = seconds * 1000 - now.getTime() < 86_400_000;
  return near && seconds * 1000 > now.getTime()
    ? `Renews itself at ${clockTime(seconds)}`
    : `${near ? "Ended" : "Renews itself"} ${momentWords(seconds, now)}`;
}

const past = (seconds: number | null, now: Date, never: string) =>
  seconds === null ? never : momentWords(seconds, now);

/** Everything there is to say, in the order of the card. */
export function sessionFacts(session: SessionView, now: Date = new Date()): Fact[] {
  const { queued, octets } = session;
  const by = session.connection === null ? "" : `${session.connection}, `;
  return [
    { term: "Signed in by", words: `${by}${session.issuer}` },
    { term: "Signed in since", words: past(session.signed_in_at, now, "Not known") },
    {
      term: "Token",
      words: tokenWords(session.token_ends_at, now),
    },
    {
      term: "Session",
      words: ahead(session.session_ends_at, now, "Ends", "Ended") ?? "The service names no end",
    },
    { term: "Last renewal", words: past(session.renewed_at, now, "None yet") },
    { term: "Last synchronisation", words: past(session.synced_at, now, "None yet") },
    { term: "New mail", words: ARRIVALS[session.arrival] },
    {
      term: "Waiting to be sent",
      words: queued === 0 ? "Nothing" : count(queued, "change", "changes"),
    },
    { term: "On this computer", words: size(octets) },
  ];
}

/** "18,204 requests, last at 14:05". */
export function hostWords({ requests, last_at: last }: HostView, now: Date = new Date()): string {
  return `${count(requests, "request", "requests")}, last ${momentWords(last, now)}`;
}

/** "2 hosts contacted". */
export function hostsWords(hosts: readonly HostView[]): string {
  return hosts.length === 0
    ? "No host contacted yet"
    : `${count(hosts.length, "host", "hosts")} contacted`;
}

/** "ana-sings · since 12 Nov", or what of it is known. */
export function identityFacts(identity: IdentityView, now: Date = new Date()): string {
  const { person, since } = identity;
  const from = since === null ? null : momentWords(since, now);
  if (person === null) {
    return from === null ? "" : `Since ${from}`;
  }
  return from === null ? person : `${person} · since ${from}`;
}

/** Truthful about what it does not bring back. */
export function removeSignInWords(person: string, mailbox: string): string {
  return `${person} will no longer open ${mailbox}. This does not bring back a mailbox that was set aside; the sign-in may open a new, empty one.`;
}

export function numberOfSignIns(value: number): string {
  return value === 1 ? "1 sign-in" : `${number(value)} sign-ins`;
}
