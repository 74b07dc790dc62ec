import { expect, test } from "vitest";

import type { CheckLineView, IdentityView, SessionView } from "../contract.gen.ts";
import { linePassed, placeWords, resultWords } from "./separation.ts";
import { fixName, hostsWords, identityFacts, sessionFacts } from "./sessions.ts";

const NOW = new Date(2026, 10, 28, 14, 0);
const at = (...parts: [number, number, number, number?, number?]) =>
  new Date(...parts).getTime() / 1000;

const session: SessionView = {
  account: "work",
  person: "Ana Moreau",
  email: "ana@northwind.example",
  issuer: "login.northwind.example",
  user: "u1",
  connection: "Northwind",
  signed_in_at: at(2026, 10, 2),
  token_ends_at: at(2026, 10, 28, 14, 5),
  session_ends_at: at(2026, 11, 3),
  renewed_at: at(2026, 10, 28, 13, 5),
  synced_at: null,
  arrival: "polling",
  queued: 2,
  octets: 312_000_000,
  hosts: [],
  health: { kind: "current" },
  fix: "nothing",
};

const words = (change: Partial<SessionView>) =>
  new Map(
    sessionFacts({ ...session, ...change }, NOW).map(({ term, words: said }) => [term, said]),
  );

test("the ends of token and session are told in words", () => {
  expect(words({}).get("Token")).toMatch(/^Renews itself at (14:05|2:05.PM)$/);
  expect(words({}).get("Session")).toMatch(/^Ends Thu.*Dec/);
  expect(words({ session_ends_at: at(2026, 10, 27) }).get("Session")).toMatch(/^Ended Fri/);
  expect(words({ session_ends_at: null }).get("Session")).toBe("The service names no end");
  expect(words({ token_ends_at: null }).get("Token")).toBe("None in hand");
});

test("what is not known is said, not left out", () => {
  expect(words({}).get("Last synchronisation")).toBe("None yet");
  expect(words({ signed_in_at: null }).get("Signed in since")).toBe("Not known");
  expect(words({}).get("Waiting to be sent")).toBe("2 changes");
  expect(words({ queued: 0 }).get("Waiting to be sent")).toBe("Nothing");
  expect(hostsWords([])).toBe("No host contacted yet");
});

test("of a sign-in only what is known is told", () => {
  const identity = { connection: "google", connection_name: "Google", id: "1", current: false };
  const facts = (person: string | null, since: number | null) =>
    identityFacts({ ...identity, person, since } as IdentityView);
  expect(facts("ana-sings", null)).toBe("ana-sings");
  expect(facts("ana-sings", at(2026, 10, 12))).toMatch(/^ana-sings · since /);
  expect(facts(null, at(2026, 10, 12))).toMatch(/^Since /);
  expect(facts(null, null)).toBe("");
});

test("one verb for each thing to do, and none where nothing is wrong", () => {
  expect(fixName("nothing")).toBeNull();
  expect(fixName("sign_in")).toBe("Sign in again");
});

const line: CheckLineView = {
  marker_of: "work",
  place: "files",
  place_of: "choir",
  looked_at: 5,
  found: 0,
  expected: false,
  leaks: [],
};
const name = (id: string) => (id === "choir" ? "Choir" : "Work");

test("a marker has to be where it belongs, and nowhere else", () => {
  expect(linePassed(line)).toBe(true);
  expect(linePassed({ ...line, expected: true })).toBe(false);
  expect(linePassed({ ...line, expected: true, found: 1 })).toBe(true);
  expect(linePassed({ ...line, found: 1, leaks: ["search.sqlite"] })).toBe(false);
});

test("a line of the report is a sentence", () => {
  expect(placeWords(line, name)).toBe("the files of Choir (5 files)");
  expect(placeWords({ ...line, place: "log", place_of: null, looked_at: 1 }, name)).toBe(
    "the log of this run (1 line)",
  );
  expect(resultWords({ ...line, found: 2, leaks: ["search.sqlite"] })).toBe(
    "Found 2 times: search.sqlite",
  );
  expect(resultWords({ ...line, expected: true })).toBe("Not found, although it belongs there");
});
