import { describe, expect, test } from "vitest";

import { fakeAccount } from "./host/fake/states.ts";
import {
  badge,
  blockedWords,
  codeWords,
  count,
  initials,
  progressWords,
  scopeLine,
  sendersWords,
  size,
  syncWords,
  tileWords,
  trouble,
  unreadWords,
} from "./words.ts";

test("one and many", () => {
  expect(count(1, "message", "messages")).toBe("1 message");
  expect(count(0, "message", "messages")).toBe("0 messages");
  expect(count(1_284, "message", "messages")).toBe("1,284 messages");
});

test("what was kept out is named in one line", () => {
  expect(blockedWords(3, 1)).toBe("3 remote images blocked, 1 tracker removed.");
  expect(blockedWords(1, 0)).toBe("1 remote image blocked.");
  expect(blockedWords(0, 0)).toBe("");
});

test("sizes", () => {
  expect(size(12)).toBe("12 bytes");
  expect(size(48_210)).toBe("48 kB");
  expect(size(312_000_000)).toBe("312 MB");
  expect(size(1_310_000)).toBe("1.3 MB");
});

test("senders: the newest in full, the others by given name", () => {
  expect(sendersWords(["Ravi Menon", "Ines Okafor"])).toBe("Ines Okafor, Ravi");
  expect(sendersWords(["市川 美緒"])).toBe("市川 美緒");
  expect(sendersWords(["Mr Osei", "Sofia Lindgren"])).toBe("Sofia Lindgren, Mr Osei");
  expect(sendersWords([])).toBe("No sender");
});

test("initials", () => {
  expect(initials("Ines Okafor")).toBe("IO");
  expect(initials("Mum")).toBe("M");
  expect(initials("holds@library.example")).toBe("H");
  expect(initials("")).toBe("?");
});

test("numbers in small places and in heads", () => {
  expect(badge(999)).toBe("999");
  expect(badge(1_000)).toBe("999+");
  expect(unreadWords(24, 4_812)).toBe("24 unread of 4,812");
  expect(unreadWords(0, 12)).toBe("12");
  expect(scopeLine(3, 3)).toBe("3 signed in · kept separate");
  expect(scopeLine(3, 2)).toBe("2 of 3 signed in");
});

test("a code this page does not know still gets a sentence", () => {
  expect(codeWords("brand_new" as "bug")).toBe(codeWords("bug"));
});

describe("health", () => {
  const work = fakeAccount("work", "Work", "ana@northwind.example", "ocean");
  const choir = fakeAccount("choir", "Choir", "ana@choir.example", "teal");
  const again = { ...choir, health: { kind: "sign_in_needed" as const } };
  const offline = { kind: "offline" as const };

  test("a tile says who, how much and how", () => {
    expect(tileWords({ ...again, unread: 3 })).toBe(
      "Choir, ana@choir.example, 3 unread, Sign in again",
    );
  });

  test("progress is in numbers", () => {
    expect(progressWords({ done: 1_240, total: 5_000 })).toBe("Fetching 1,240 of 5,000");
    expect(progressWords({ done: 1, total: null })).toBe("Fetching · 1 message so far");
  });

  test("several accounts: fetching comes before the rest, one out of step is counted", () => {
    expect(syncWords([work, choir])).toMatch(/^Up to date · /);
    expect(syncWords([work, again])).toBe("1 of 2 up to date");
    const fetching = { ...work, progress: { done: 40, total: 100 } };
    const alsoFetching = { ...again, progress: { done: 2, total: 10 } };
    expect(syncWords([fetching, alsoFetching])).toBe("Fetching 42 of 110");
  });

  test("no connection is said only when no account has one", () => {
    expect(syncWords([work, { ...choir, health: offline }])).toBe("1 of 2 up to date");
    expect(
      syncWords([
        { ...work, health: offline },
        { ...choir, health: offline },
      ]),
    ).toMatch(/^No connection · showing mail from /);
  });

  test("a bar is shown only for what needs a person", () => {
    expect(trouble({ kind: "sign_in_needed" })?.action).toBe("sign_in");
    expect(trouble({ kind: "refused", detail: "403" })).toMatchObject({
      action: "retry",
      detail: "403",
    });
    expect(trouble({ kind: "working" })).toBeNull();
    expect(trouble({ kind: "offline" })).toBeNull();
  });
});
