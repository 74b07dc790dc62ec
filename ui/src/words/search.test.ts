import { describe, expect, test } from "vitest";

import type { SearchedAccountView, SearchView } from "../contract.gen.ts";
import { fakeAccount } from "../host/fake/records.ts";
import {
  hintWords,
  leadIn,
  missingWords,
  resultWords,
  searchBoxWords,
  searchedDetail,
  searchedIn,
  searchingWords,
  searchedLine,
  searchedWords,
  stillSearching,
} from "./search.ts";

const NOW = new Date(2026, 10, 24, 14, 5);
const in2011 = new Date(2011, 4, 2).getTime() / 1000;
const in2024 = new Date(2024, 1, 9).getTime() / 1000;
const WORK = fakeAccount("work", "Work", "ana@northwind.example", "ocean");
const HOME = fakeAccount("home", "Home", "ana@home.example", "moss");

function account(id: string, change: Partial<SearchedAccountView> = {}): SearchedAccountView {
  return {
    account: id,
    searching: false,
    to_index: 0,
    all_mail: true,
    mail_since: in2011,
    texts_since: in2011,
    server: "not_needed",
    more: false,
    left_out: false,
    ...change,
  };
}

function view(...accounts: SearchedAccountView[]): SearchView {
  return { accounts, hints: [] };
}

const words = (change: Partial<SearchedAccountView>) =>
  searchedWords({ account: WORK, state: account("work", change) }, NOW);

test("results are counted, and told to be more where the list does not take all", () => {
  expect(resultWords(1, view(account("work")))).toBe("1 result");
  expect(resultWords(12, null)).toBe("12 results");
  expect(resultWords(2_000, view(account("work"), account("home", { more: true })))).toBe(
    "2,000+ results",
  );
});

describe("how an account was searched", () => {
  test.each([
    [{}, "all mail since 2011"],
    [{ all_mail: false, mail_since: in2024, texts_since: in2024 }, "mail since 2024"],
    [{ texts_since: in2024, server: "asked" }, "texts since 2024, server asked"],
    [{ texts_since: in2024, server: "asking" }, "texts since 2024, asking the server…"],
    [{ texts_since: null, server: "unreachable" }, "subjects and people only, server not reached"],
    [{ texts_since: in2024, server: "refused" }, "texts since 2024, server refused"],
    [{ server: "no_room" }, "all mail since 2011, no room for what the server found"],
    [{ searching: true, server: "asking" }, "searching…, asking the server…"],
    [{ to_index: 3_200 }, "all mail since 2011, 3,200 messages not yet in the index"],
    [{ mail_since: null, texts_since: null }, "no mail"],
    [{ mail_since: null, texts_since: null, all_mail: false }, "no mail here yet"],
  ] as const)("%o", (change, told) => {
    expect(words(change)).toBe(told);
  });

  test("this year is told by its day", () => {
    const texts_since = new Date(2026, 10, 12).getTime() / 1000;
    expect(words({ texts_since })).toMatch(/^texts since (12 Nov|Nov 12)$/);
  });

  test("an account that was left out says why", () => {
    expect(searchedWords({ account: WORK, state: null }, NOW)).toBe("not searched");
    const locked = { ...WORK, health: { kind: "locked" as const } };
    expect(searchedWords({ account: locked, state: null }, NOW)).toBe("locked, not searched");
  });

  test("its own line says what was not looked at", () => {
    const told = searchedDetail(
      { account: HOME, state: account("home", { all_mail: false, texts_since: in2024 }) },
      NOW,
    );
    expect(told).toBe(
      "Older mail, since 2011, is searched by subject and people. " +
        "Mail that is not on this computer yet is found only by the server.",
    );
    expect(searchedDetail({ account: WORK, state: account("work") }, NOW)).toBe("");
    const left = (server: SearchedAccountView["server"]) => {
      const state = account("home", { texts_since: in2024, left_out: true, server });
      return searchedDetail({ account: HOME, state }, NOW);
    };
    expect(left("unreachable")).toBe(
      "Mail whose text is not on this computer was left out: a word you ruled out may be in it.",
    );
    expect(left("asked")).toBe(
      "Mail whose text is not on this computer was looked for by the server only.",
    );
  });
});

test("one line tells all accounts of the place, those with gaps first", () => {
  const search = view(
    account("work"),
    account("home", { texts_since: in2024, server: "unreachable" }),
  );
  expect(searchedLine(searchedIn([WORK, HOME], search), NOW)).toBe(
    "Home: texts since 2024, server not reached · Work: all mail since 2011",
  );
  const fine = view(account("work"), account("home", { texts_since: in2024, server: "asked" }));
  expect(searchedLine(searchedIn([WORK, HOME], fine), NOW)).toBe(
    "Work: all mail since 2011 · Home: texts since 2024, server asked",
  );
});

test("a search goes on while an account is looked through or a server is asked", () => {
  expect(stillSearching(null)).toBe(true);
  expect(stillSearching(view(account("work", { searching: true })))).toBe(true);
  expect(stillSearching(view(account("work", { server: "asking" })))).toBe(true);
  expect(stillSearching(view(account("work", { to_index: 3 })))).toBe(true);
  expect(stillSearching(view(account("work", { server: "unreachable" })))).toBe(false);
});

test("where nothing was found, the servers that were not asked are named", () => {
  const both = view(
    account("work", { server: "refused" }),
    account("home", { server: "unreachable" }),
  );
  expect(missingWords(searchedIn([WORK, HOME], both))).toBe(
    "The server of Home could not be reached, so mail that is not on this computer was not " +
      "searched. The server of Work does not take this search.",
  );
  expect(missingWords(searchedIn([WORK], view(account("work"))))).toBe("");
  const full = view(account("work", { server: "no_room" }));
  expect(missingWords(searchedIn([WORK], full))).toBe(
    "The disk is full, so what the server of Work found could not be added.",
  );
});

describe("hints", () => {
  test("name the operator that was typed", () => {
    expect(hintWords(["date_expected"], "budget After:soon plan", true)).toEqual([
      "“after:” needs a date, such as 2024-05-01.",
    ]);
    expect(hintWords(["size_expected", "word_unknown"], "larger:x -is:y", false)).toEqual([
      "“larger:” needs a size, such as 5M.",
      "“is:” knows unread, read, starred, answered and draft.",
    ]);
  });

  test("wait for the word that is being typed", () => {
    expect(hintWords(["date_expected"], "budget before:20", true)).toEqual([]);
    expect(hintWords(["date_expected"], "budget before:20", false)).toHaveLength(1);
  });
});

test("an excerpt begins close enough to its first match", () => {
  const match = { text: "rollback", matched: true };
  const lead = (text: string) => leadIn([{ text, matched: false }, match])[0]?.text;
  expect(lead("A short lead to ")).toBe("A short lead to ");
  expect(lead("I would rather not go into all of what is said about the ")).toBe(
    "…of what is said about the ",
  );
  const alone = [{ text: "Nothing of this long preview is what was looked for", matched: false }];
  expect(leadIn(alone)).toBe(alone);
});

test("the box says where it searches", () => {
  expect(["All accounts", "All mail", "Work"].map(searchBoxWords)).toEqual([
    "Search all accounts",
    "Search mail",
    "Search Work",
  ]);
});

test("nothing found is not said as long as mail is still being read for the search", () => {
  expect(searchingWords(view(account("work", { searching: true })))).toBe("Searching…");
  expect(searchingWords(view(account("work", { to_index: 1200 }), account("home")))).toBe(
    "Nothing yet. 1,200 messages are still being read for the search.",
  );
});

test("an account that what was typed rules out is not named; one that cannot be read is", () => {
  const search = view(account("work"));
  expect(searchedIn([WORK, HOME], search).map((one) => one.account.id)).toEqual(["work"]);
  expect(searchedIn([WORK, HOME], search, ["home"]).map((one) => one.account.id)).toEqual([
    "work",
    "home",
  ]);
});
