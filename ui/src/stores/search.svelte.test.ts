import { describe, expect, test } from "vitest";

import { fakeAccount } from "../host/fake/records.ts";
import { SearchStore } from "./search.svelte.ts";
import { EVERYWHERE, placesFrom, quoted, searchScope, type Known } from "./searchPlace.ts";
import { WindowStore } from "./window.svelte.ts";

const WORK = fakeAccount("work", "Work", "ana@northwind.example", "ocean");
const CHOIR = { ...fakeAccount("choir", "Choir", "ana@choir.example", "teal"), group: "g" };
const GROUPS = [{ id: "g", name: "Home", unread: 0 }];
const KNOWN: Known = { accounts: [WORK, CHOIR], groups: GROUPS };

function searching(known = KNOWN) {
  const window = new WindowStore();
  return { window, search: new SearchStore(window, () => known) };
}

const names = (window: WindowStore, known = KNOWN) =>
  placesFrom(window, known).map(({ name }) => name);

describe("a search", () => {
  test("begins with a letter and looks in all accounts where all are shown", () => {
    const { search } = searching();
    expect(search.scope).toBeNull();
    search.type("  ");
    expect(search.active).toBe(false);
    search.type("plan");
    expect(search.scope).toEqual({ kind: "search", text: "plan", account: null });
  });

  test("keeps the space that says that the last word is finished", () => {
    const { search } = searching();
    search.type(" plan ");
    expect(search.scope).toMatchObject({ text: "plan " });
  });

  test("begins in the account or group that is shown, but not in a locked one", () => {
    const { search, window } = searching();
    window.showAccount(WORK);
    search.type("plan");
    expect(search.scope).toMatchObject({ account: "work" });
    window.showGroup("g");
    search.type("plan");
    expect(search.scope).toMatchObject({ account: null, group: "g" });
    const locked = { ...WORK, health: { kind: "locked" as const } };
    const other = searching({ accounts: [locked, CHOIR], groups: GROUPS });
    other.window.showAccount(locked);
    expect(other.search.place).toEqual(EVERYWHERE);
  });

  test("keeps its text when it looks elsewhere, and its place and filter when more is typed", () => {
    const { search } = searching();
    search.type("pl");
    search.lookIn({ kind: "account", account: "choir" });
    search.only("unread");
    search.type("plan");
    expect(search.scope).toEqual({ kind: "search", text: "plan", account: "choir" });
    expect(search.filter).toBe("unread");
  });

  test("that was cleared begins anew", () => {
    const { search } = searching();
    search.type("plan");
    search.lookIn({ kind: "account", account: "choir" });
    search.only("unread");
    search.type("");
    search.type("mum");
    expect(search.scope).toMatchObject({ account: null });
    expect(search.filter).toBe("all");
  });

  test("ends when the person goes anywhere, even to where they are", () => {
    const { search, window } = searching();
    search.type("plan");
    window.showAccount(null);
    expect(search.active).toBe(false);
    expect(search.text).toBe("");
  });

  test("leaves the window as it was, with the pane and the focus of before", () => {
    const { search, window } = searching();
    const before = document.createElement("button");
    document.body.append(before);
    window.filter = "unread";
    window.pane = "reading";
    window.sidebarOpen = true;
    search.begin(before);
    expect(window.pane).toBe("list");
    expect(window.sidebarOpen).toBe(false);
    search.type("plan");
    search.only("files");
    search.begin(document.body);
    window.pane = "reading";
    expect(search.leave()).toBe(before);
    expect(search.active).toBe(false);
    expect(window.pane).toBe("reading");
    expect(window.filter).toBe("unread");
    before.remove();
  });
});

describe("places", () => {
  test("are what is shown, from the widest to the mailbox", () => {
    const { window } = searching();
    expect(names(window)).toEqual(["All accounts", "Inbox"]);
    window.showAccount(CHOIR);
    expect(names(window)).toEqual(["All accounts", "Home", "Choir", "Inbox"]);
    window.showScope({ kind: "starred", account: "choir" });
    expect(names(window)).toEqual(["All accounts", "Home", "Choir"]);
  });

  test("with one account there is all mail and the mailbox", () => {
    const { window } = searching();
    window.showAccount(WORK);
    expect(names(window, { accounts: [WORK], groups: [] })).toEqual(["All mail", "Inbox"]);
  });

  test("a mailbox is asked for by its id, a role around all of what was typed", () => {
    const text = "a OR b";
    const mailbox = { kind: "mailbox", account: "work", mailbox: "work-inbox" } as const;
    expect(searchScope(text, mailbox)).toEqual({
      kind: "search",
      text: "a OR b",
      account: "work",
      mailbox: "work-inbox",
    });
    const role = { kind: "role", role: "sent", group: "g" } as const;
    expect(searchScope(text, role)).toEqual({
      kind: "search",
      text: "in:sent (a OR b",
      account: null,
      group: "g",
    });
  });

  test("names with spaces or marks of their own are quoted", () => {
    expect(quoted("Receipts")).toBe("Receipts");
    expect(quoted("Old mail")).toBe('"Old mail"');
    expect(quoted('The "big" one')).toBe('"The ""big"" one"');
    expect(quoted("OR")).toBe('"OR"');
  });
});
