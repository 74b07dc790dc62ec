import { expect, test } from "vitest";

import { fakeAccount } from "../host/fake/records.ts";
import { MERGED_INBOX } from "./scope.ts";
import { WindowStore, layoutFor } from "./window.svelte.ts";

const work = fakeAccount("work", "Work", "ana@northwind.example", "ocean");
const choir = fakeAccount("choir", "Choir", "ana@choir.example", "teal");
const inbox = (account: string) => ({ kind: "mailbox", account, mailbox: `${account}-inbox` });

test("an account opens at its inbox, later where it was left", () => {
  const window = new WindowStore();
  window.follow([work, choir], []);
  window.showAccount(work);
  expect(window.scope).toEqual(inbox("work"));
  window.showScope({ kind: "mailbox", account: "work", mailbox: "work-sent" });
  window.showAccount(choir);
  expect(window.scope).toEqual(inbox("choir"));
  window.showAccount(work);
  expect(window.scope).toEqual({ kind: "mailbox", account: "work", mailbox: "work-sent" });
});

test("an account that is removed gives way to all of them", () => {
  const window = new WindowStore();
  const third = { ...choir, id: "third" };
  window.follow([work, choir, third], []);
  window.showAccount(choir);
  window.follow([work, third], []);
  expect(window.account).toBeNull();
  expect(window.scope).toEqual(MERGED_INBOX);
});

test("one account alone is shown as itself, two are shown together", () => {
  const window = new WindowStore();
  window.follow([work], []);
  expect(window.account).toBe("work");
  expect(window.scope).toEqual(inbox("work"));
  window.follow([work, choir], []);
  expect(window.account).toBeNull();
  expect(window.scope).toEqual(MERGED_INBOX);
});

test("an account without mailboxes is entered once its inbox is there", () => {
  const window = new WindowStore();
  window.follow([work, choir], []);
  window.showAccount({ ...choir, mailboxes: [] });
  expect(window.scope).toBeNull();
  window.follow([work, choir], []);
  expect(window.scope).toEqual(inbox("choir"));
});

test("a remembered scope that no longer exists is left", () => {
  const window = new WindowStore();
  window.restore({ kind: "mailbox", account: "work", mailbox: "gone" });
  window.follow([work, choir], []);
  expect(window.account).toBe("work");
  expect(window.scope).toEqual(inbox("work"));
});

test("switching takes a filter off", () => {
  const window = new WindowStore();
  window.filter = "unread";
  window.showScope({ kind: "starred", account: null });
  expect(window.filter).toBe("all");
});

test.each([
  [90, "four"],
  [75, "four"],
  [74.9, "three"],
  [60, "three"],
  [50, "two"],
])("%d rem wide is the layout %s", (width, layout) => {
  expect(layoutFor(width)).toBe(layout);
});

const home = { id: "home", name: "Home", unread: 0 };
const inHome = { ...choir, group: "home" };

test("a group has a merged view of its own and remembers where it was left", () => {
  const window = new WindowStore();
  window.follow([work, inHome], [home]);
  window.showGroup("home");
  expect(window.scope).toEqual({ kind: "merged", role: "inbox", group: "home" });
  window.showScope({ kind: "starred", account: null, group: "home" });
  window.showAccount(null);
  expect(window.scope).toEqual(MERGED_INBOX);
  window.showGroup("home");
  expect(window.scope).toEqual({ kind: "starred", account: null, group: "home" });
});

test("a group that is dissolved gives way to all accounts", () => {
  const window = new WindowStore();
  window.follow([work, inHome], [home]);
  window.showGroup("home");
  window.follow([work, choir], []);
  expect(window.group).toBeNull();
  expect(window.scope).toEqual(MERGED_INBOX);
});

test("a new group is shown once it is known", () => {
  const window = new WindowStore();
  window.follow([work, choir], []);
  window.awaitGroup("home", []);
  expect(window.group).toBeNull();
  window.follow([work, inHome], [home]);
  expect(window.group).toBe("home");
});

test("a locked account keeps its place although it shows no mailbox", () => {
  const window = new WindowStore();
  window.follow([work, choir], []);
  window.showAccount(choir);
  window.showScope({ kind: "mailbox", account: "choir", mailbox: "choir-sent" });
  const locked = { ...choir, health: { kind: "locked" as const }, mailboxes: [] };
  window.follow([work, locked], []);
  window.follow([work, choir], []);
  expect(window.scope).toEqual({ kind: "mailbox", account: "choir", mailbox: "choir-sent" });
});

test("what was put out of sight comes back with the day or with another state", () => {
  const window = new WindowStore();
  const again = { ...choir, health: { kind: "sign_in_needed" as const } };
  window.hideForToday(again);
  expect(window.isHidden(again)).toBe(true);
  expect(window.isHidden({ ...choir, health: { kind: "fault" } })).toBe(false);
  expect(window.isHidden({ ...again, id: "work" })).toBe(false);
  window.now += 86_400;
  expect(window.isHidden(again)).toBe(false);
});
