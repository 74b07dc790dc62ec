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
