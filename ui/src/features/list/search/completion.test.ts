import { describe, expect, test } from "vitest";

import { fakeAccount } from "../../../host/fake/records.ts";
import { completed, completionsAt } from "./completion.ts";
import { dates } from "./operators.ts";

const NOW = new Date(2026, 2, 31, 14, 5);
const ACCOUNTS = [
  fakeAccount("work", "Work", "ana@northwind.example", "ocean"),
  fakeAccount("choir", "Chamber choir", "ana@choir.example", "teal"),
];

/** `|` is the caret. */
function at(text: string, asked = false) {
  const caret = text.indexOf("|");
  return completionsAt(text.replace("|", ""), caret, ACCOUNTS, NOW, asked);
}

const labels = (text: string, asked = false) => at(text, asked).items.map(({ label }) => label);

/** The text after the first thing that is offered was taken. */
function take(text: string, place = 0): string {
  const found = at(text);
  const item = found.items[place];
  if (!item) {
    throw new Error(`nothing is offered at ${text}`);
  }
  const next = completed(text.replace("|", ""), found, item);
  return `${next.text.slice(0, next.caret)}|${next.text.slice(next.caret)}`;
}

describe("operators", () => {
  test("an empty box offers all of them, and so does asking after a space", () => {
    expect(labels("|")).toContain("from:");
    expect(labels("ada |")).toEqual([]);
    expect(labels("ada |", true)).toContain("from:");
  });

  test("two letters are enough, one is not", () => {
    expect(labels("f|")).toEqual([]);
    expect(labels("fr|")).toEqual(["from:"]);
    expect(labels("FR|")).toEqual(["from:"]);
  });

  test("a plain word is left alone", () => {
    expect(labels("budget|")).toEqual([]);
  });

  test("only the word under the caret counts, and it may be excluded or bracketed", () => {
    expect(take("budget su|")).toBe("budget subject:|");
    expect(take("-fr|")).toBe("-from:|");
    expect(take("(fr|")).toBe("(from:|");
    expect(take("su| budget")).toBe("subject:| budget");
  });
});

describe("values", () => {
  test("mailboxes by role and by name", () => {
    expect(labels("in:|")).toContain("inbox");
    expect(take("in:inb|")).toBe("in:inbox |");
  });

  test("accounts, quoted where the name has a space", () => {
    expect(take("account:|", 1)).toBe('account:"Chamber choir" |');
    expect(take('account:"cha|')).toBe('account:"Chamber choir" |');
  });

  test("a value that is complete is not offered again", () => {
    expect(labels("is:unread|")).toEqual([]);
    expect(labels("is:un|")).toEqual(["unread"]);
    expect(labels("has:|")).toEqual(["file"]);
  });

  test("days are inserted as dates", () => {
    expect(take("before:|")).toBe("before:2026-03-31 |");
    expect(take("after:yes|")).toBe("after:2026-03-30 |");
  });

  test("the caret goes behind a space that is there already", () => {
    expect(take("is:un| plan")).toBe("is:unread |plan");
  });

  test("nothing is offered where people write what they like", () => {
    expect(labels("from:|")).toEqual([]);
    expect(labels("subject:fr|")).toEqual([]);
    expect(labels('"fr|')).toEqual([]);
  });
});

test("a month or a year before is a day that exists", () => {
  const by = (now: Date) => Object.fromEntries(dates(now).map(({ name, date }) => [name, date]));
  expect(by(NOW)["a month ago"]).toBe("2026-02-28");
  expect(by(new Date(2024, 1, 29))["a year ago"]).toBe("2023-02-28");
  expect(by(new Date(2026, 0, 1))["yesterday"]).toBe("2025-12-31");
});
