import { describe, expect, test } from "vitest";

import type { AccountView } from "./contract.gen.ts";
import { fakeAccount, fakeReceipt } from "./host/fake/records.ts";
import {
  badge,
  blockedWords,
  codeWords,
  count,
  healthWords,
  initials,
  keptWords,
  leftWords,
  mergedTileWords,
  progressWords,
  receiptText,
  scopeLine,
  sendersWords,
  signOf,
  size,
  syncWords,
  tileWords,
  trouble,
  unreadWords,
  worstOf,
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
  const working = { kind: "working" as const };
  const NOW = 1_790_000_000;

  test("a tile says who, how much and how", () => {
    expect(tileWords({ ...again, unread: 3 })).toBe(
      "Choir, ana@choir.example, 3 unread, Sign in again",
    );
  });

  test("progress is in numbers", () => {
    expect(progressWords({ done: 1_240, total: 5_000 })).toBe("Fetching 1,240 of 5,000");
    expect(progressWords({ done: 1, total: null })).toBe("Fetching · 1 message so far");
  });

  test("the words at the foot are those of the worst account", () => {
    const all = (...accounts: AccountView[]) => syncWords(accounts, NOW);
    expect(all(work, choir)).toMatch(/^Up to date · /);
    expect(all(work, again)).toBe("Choir: Sign in again");
    expect(all(again, { ...work, health: again.health }, { ...choir, id: "c" })).toBe(
      "2 accounts: Sign in again",
    );
    const fetching = { ...work, progress: { done: 40, total: 100 }, health: working };
    expect(all(fetching, { ...choir, progress: { done: 2, total: 10 } })).toBe(
      "Fetching 42 of 110",
    );
    expect(all(fetching, again)).toBe("Choir: Sign in again");
    expect(all(again, { ...work, health: { kind: "disk_full" } })).toBe("The disk is full");
  });

  test("several that are well say the time of the one that was looked at longest ago", () => {
    const at = (synced: number | null) => ({ ...work, synced_at: synced });
    expect(syncWords([at(NOW - 60), at(NOW - 7_200)], NOW)).toBe(
      syncWords([at(NOW - 7_200), at(NOW - 7_200)], NOW),
    );
    expect(syncWords([at(NOW), at(null)], NOW)).toBe("Up to date");
  });

  test("no connection is said without a name only when no account has one", () => {
    expect(syncWords([work, { ...choir, health: offline }])).toMatch(/^Choir: No connection · /);
    expect(
      syncWords([
        { ...work, health: offline },
        { ...choir, health: offline },
      ]),
    ).toMatch(/^No connection · showing mail from /);
  });

  test("what the person has wished is no worse than anything else", () => {
    const paused = { ...choir, health: { kind: "paused" as const } };
    const locked = { ...work, health: { kind: "locked" as const } };
    expect(worstOf([paused, { ...work, health: working }], NOW)?.sign).toBe("working");
    expect(worstOf([paused, locked, again], NOW)?.sign).toBe("sign_in_needed");
    expect(syncWords([work, locked], NOW)).toBe("Work: Locked");
  });

  test("every state has its sign, and none means that all is well", () => {
    const kinds = ["offline", "waiting", "sign_in_needed", "signed_out", "vault_locked"] as const;
    for (const kind of [...kinds, "refused", "rebuilding", "paused", "locked"] as const) {
      const health = { kind, until: NOW, detail: "" } as AccountView["health"];
      expect(signOf({ ...work, health }, NOW)).toBe(kind);
      expect(healthWords({ ...work, health }, NOW)).not.toBe("");
    }
    expect(signOf({ ...work, health: working }, NOW)).toBe("working");
    expect(signOf(work, NOW)).toBeNull();
  });

  test("damage is told with what is lost, and that is told when all is well again", () => {
    const health = { kind: "rebuilding" as const };
    const damaged = "Braid found damage in what it kept of Work and is fetching it again.";
    expect(healthWords({ ...work, health }, NOW)).toBe(
      `${damaged} Nothing that you wrote is lost.`,
    );
    const lost = { ...work, may_miss_changes: true };
    expect(healthWords({ ...lost, health }, NOW)).toBe(
      `${damaged} Some of your last changes may be missing.`,
    );
    expect(healthWords(lost, NOW)).toMatch(
      /^Up to date · .*some of your last changes may be missing$/,
    );
    expect(trouble(lost)?.text).toContain("may be missing");
    expect(trouble({ ...lost, health })?.text).not.toContain("Nothing that you wrote is lost");
  });

  test("the end of a sign-in is told within its last day", () => {
    const noon = Math.floor(new Date(2026, 10, 24, 12).getTime() / 1000);
    const ends = (hours: number) => ({ ...work, session_ends_at: noon + hours * 3_600 });
    expect(signOf(ends(25), noon)).toBeNull();
    expect(signOf(ends(-1), noon)).toBeNull();
    expect(signOf(ends(5), noon)).toBe("ends_soon");
    expect(signOf({ ...ends(5), health: working }, noon)).toBe("ends_soon");
    expect(signOf({ ...ends(5), health: offline }, noon)).toBe("offline");
    expect(healthWords(ends(5), noon)).toMatch(/^Sign-in ends today (17:00|5:00.PM)$/);
    expect(healthWords(ends(21), noon)).toMatch(/^Sign-in ends tomorrow (09:00|9:00.AM)$/);
  });

  test("a tile tells unread mail as its setting says", () => {
    const unread = (mark: AccountView["unread_mark"]) =>
      tileWords({ ...again, unread: 3, unread_mark: mark }, NOW);
    expect(unread("number")).toBe("Choir, ana@choir.example, 3 unread, Sign in again");
    expect(unread("dot")).toBe("Choir, ana@choir.example, unread mail, Sign in again");
    expect(unread("none")).toBe("Choir, ana@choir.example, Sign in again");
  });

  test("a tile of several accounts names what is worst, but not that one is at work", () => {
    expect(mergedTileWords("All accounts", [work, choir], 17, NOW)).toBe("All accounts, 17 unread");
    expect(mergedTileWords("All accounts", [work, again], 0, NOW)).toBe(
      "All accounts, Choir: Sign in again",
    );
    expect(mergedTileWords("Home", [{ ...work, health: working }, choir], 0, NOW)).toBe("Home");
  });

  test("a bar is shown only for what needs a person", () => {
    expect(trouble({ ...work, health: { kind: "sign_in_needed" } })?.action).toBe("sign_in");
    expect(trouble({ ...work, health: { kind: "refused", detail: "403" } })).toMatchObject({
      action: "retry",
      detail: "The server answered with the status 403.",
    });
    expect(trouble({ ...work, health: { kind: "paused" } })).toMatchObject({
      action: "resume",
      quiet: true,
    });
    expect(trouble({ ...work, health: { kind: "locked" } })).toMatchObject({
      action: "unlock",
      quiet: true,
    });
    expect(trouble({ ...work, health: { kind: "working" } })).toBeNull();
    expect(trouble({ ...work, health: { kind: "offline" } })).toBeNull();
  });
});

test("a sealed copy says how long it is kept", () => {
  const now = 1_790_000_000;
  const kept = (days: number | null) => ({
    keep_until: days === null ? null : now + days * 86_400 - 60,
  });
  expect(keptWords(kept(23), now)).toBe("kept 23 days");
  expect(keptWords(kept(1), now)).toBe("kept 1 day");
  expect(keptWords(kept(0), now)).toBe("deleted today");
  expect(keptWords(kept(null), now)).toBe("kept for ever");
  expect(leftWords(kept(23), now)).toBe("23 days left");
  // Days would be a promise that nobody keeps where the key is in memory only.
  expect(keptWords({ ...kept(23), until_quit: true }, now)).toBe("readable until Braid ends");
  expect(leftWords({ ...kept(23), until_quit: true }, now)).toBe("until Braid ends");
});

test("a receipt as text names every item and what was found of it", () => {
  const receipt = fakeReceipt("work", "ana@northwind.example");
  const still = receipt.items.map((item, place) => ({ ...item, gone: place !== 1 }));
  const lines = receiptText({ ...receipt, items: still }).split("\n");
  expect(lines[0]).toBe("Braid: what was deleted of ana@northwind.example");
  expect(lines).toContain("mail.sqlite · 214 MB: gone");
  expect(lines).toContain("body.sqlite · 71 MB: still there");
  expect(lines).toContain("Key braid / work in the system keyring: gone");
  expect(lines).toContain("5 files, 312 MB");
});
