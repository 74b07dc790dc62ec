import { expect, test } from "vitest";

import { fakeAccount } from "../../host/fake/records.ts";
import { accountRows, mergedRows } from "./tree.ts";

const work = fakeAccount("work", "Work", "ana@northwind.example", "ocean");
const choir = fakeAccount("choir", "Choir", "ana@choir.example", "teal");

function counting(account: typeof work, unread: number, drafts: number): typeof work {
  const mailboxes = account.mailboxes.map((mailbox) =>
    mailbox.role === "inbox"
      ? { ...mailbox, unread, total: 50 }
      : mailbox.role === "drafts"
        ? { ...mailbox, total: drafts }
        : { ...mailbox, unread: 9, total: 9 },
  );
  return { ...account, mailboxes };
}

test("the merged inbox adds up and has a row for each account", () => {
  const rows = mergedRows([counting(work, 17, 1), counting(choir, 7, 1)], null, () => false);
  expect(rows.map(({ name, count, level }) => [name, count, level])).toEqual([
    ["Inbox", 24, 1],
    ["Work", 17, 2],
    ["Choir", 7, 2],
    ["Starred", 0, 1],
    ["Drafts", 2, 1],
    ["Sent", 0, 1],
    ["Archive", 0, 1],
    ["Spam", 0, 1],
    ["Trash", 0, 1],
  ]);
});

test("a folded inbox has no rows below it", () => {
  const rows = mergedRows([work, choir], null, () => true);
  expect(rows[0]?.expanded).toBe(false);
  expect(rows[1]?.name).toBe("Starred");
});

test("an account shows its roles by their names and its own folders as they are", () => {
  const rows = accountRows(work);
  expect(rows.slice(0, 3).map(({ name }) => name)).toEqual(["Inbox", "Starred", "Drafts"]);
  expect(rows.find(({ name }) => name === "Billing")).toMatchObject({ icon: "folder", level: 2 });
});

test("the rows of a group are about its accounts only", () => {
  const rows = mergedRows([counting(work, 17, 1)], "home", () => false);
  expect(rows.map(({ scope }) => scope).slice(0, 2)).toEqual([
    { kind: "merged", role: "inbox", group: "home" },
    { kind: "starred", account: null, group: "home" },
  ]);
});

test("a locked account shows no mailbox, neither alone nor among others", () => {
  const locked = { ...counting(choir, 7, 1), health: { kind: "locked" as const } };
  expect(accountRows(locked)).toEqual([]);
  const rows = mergedRows([counting(work, 17, 1), locked], null, () => false);
  expect(rows.find(({ icon }) => icon === "inbox")?.count).toBe(17);
  expect(rows.some(({ name }) => name === "Choir")).toBe(false);
});
