import { expect, test } from "vitest";

import { fakeAccount } from "../host/fake/records.ts";
import { HostError } from "../host/host.ts";
import { ScriptedHost } from "../host/script.ts";
import { AccountsStore, counted } from "./accounts.svelte.ts";

const work = fakeAccount("work", "Work", "ana@northwind.example", "ocean");
const choir = fakeAccount("choir", "Choir", "ana@choir.example", "teal");
const home = { id: "home", name: "Home", unread: 0 };

function ready() {
  const host = new ScriptedHost();
  const store = new AccountsStore(host);
  store.follow();
  host.tell("accounts", {
    seq: 0,
    accounts: [work, { ...choir, group: "home" }],
    groups: [home],
    sealed: [],
  });
  return { host, store };
}

test("another order is shown at once, and taken back when it cannot be kept", async () => {
  const { host, store } = ready();
  host.replies["rail.reorder"] = () => Promise.reject(new HostError("disk"));
  const asked = store.reorder(["choir", "work"], ["home"]);
  expect(store.list.map(({ id }) => id)).toEqual(["choir", "work"]);
  await expect(asked).rejects.toThrow("disk");
  expect(store.list.map(({ id }) => id)).toEqual(["work", "choir"]);
});

test("joining a group keeps those who are in it, leaving takes only one out", async () => {
  const { host, store } = ready();
  await store.joinGroup("work", "home");
  await store.joinGroup("choir", null);
  expect(host.asked("group.update")).toEqual([
    { group: "home", name: "Home", accounts: ["choir", "work"] },
    { group: "home", name: "Home", accounts: [] },
  ]);
});

test("empty letters mean the first one of the name", async () => {
  const { host, store } = ready();
  const change = { account: "work", name: " Work ", color: "ocean", unread_mark: "dot" } as const;
  await store.update({ ...change, letter: " " });
  expect(host.asked("account.update")).toEqual([{ ...change, name: "Work", letter: null }]);
});

test("only accounts with a number count", () => {
  const unread = (mark: "number" | "dot" | "none") => ({ ...work, unread: 3, unread_mark: mark });
  expect(counted([unread("number"), unread("dot"), unread("none"), unread("number")])).toBe(6);
});
