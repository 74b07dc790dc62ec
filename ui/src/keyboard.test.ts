import { describe, expect, test } from "vitest";

import { commandFor, type Press } from "./keyboard.ts";

const press = (key: string, change: Partial<Press> = {}): Press => ({
  key,
  code: "",
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...change,
});
const LIST = { typing: false, list: true };
const ELSEWHERE = { typing: false, list: false };
const TYPING = { typing: true, list: false };

describe("keys", () => {
  test.each([
    ["j", { kind: "move", by: 1 }],
    ["k", { kind: "move", by: -1 }],
    ["ArrowDown", { kind: "move", by: 1 }],
    ["End", { kind: "edge", end: "last" }],
    ["Enter", { kind: "open" }],
    ["o", { kind: "open" }],
    ["n", { kind: "message", by: 1 }],
    ["p", { kind: "message", by: -1 }],
    [";", { kind: "unfold", all: true }],
    [":", { kind: "unfold", all: false }],
    ["u", { kind: "back" }],
    ["Escape", { kind: "back" }],
    ["s", { kind: "star" }],
    ["/", { kind: "search" }],
    ["?", { kind: "keys" }],
  ])("%s in the list", (key, command) => {
    expect(commandFor(press(key), LIST)).toEqual(command);
  });

  test("Shift makes read and unread", () => {
    expect(commandFor(press("I", { shiftKey: true }), LIST)).toEqual({ kind: "read" });
    expect(commandFor(press("U", { shiftKey: true }), LIST)).toEqual({ kind: "unread" });
    expect(commandFor(press("i"), LIST)).toBeNull();
  });

  test("arrows and Enter belong to whatever has the focus outside of the list", () => {
    expect(commandFor(press("ArrowDown"), ELSEWHERE)).toBeNull();
    expect(commandFor(press("Enter"), ELSEWHERE)).toBeNull();
    expect(commandFor(press("j"), ELSEWHERE)).toEqual({ kind: "move", by: 1 });
  });

  test("letters are text in a text field, switching accounts still works", () => {
    expect(commandFor(press("j"), TYPING)).toBeNull();
    expect(commandFor(press("?"), TYPING)).toBeNull();
    expect(commandFor(press("2", { ctrlKey: true }), TYPING)).toEqual({
      kind: "account",
      place: 1,
    });
  });

  test("accounts by digit, also on layouts without Latin digits", () => {
    expect(commandFor(press("0", { ctrlKey: true }), LIST)).toEqual({ kind: "all_accounts" });
    const arabic = press("٣", { ctrlKey: true, code: "Digit3" });
    expect(commandFor(arabic, LIST)).toEqual({ kind: "account", place: 2 });
  });

  test("the list of accounts by Ctrl Shift A, on any layout", () => {
    const shift = { ctrlKey: true, shiftKey: true };
    expect(commandFor(press("A", shift), TYPING)).toEqual({ kind: "account_list" });
    const cyrillic = press("Ф", { ...shift, code: "KeyA" });
    expect(commandFor(cyrillic, LIST)).toEqual({ kind: "account_list" });
  });

  test("combinations of the system and the browser are left alone", () => {
    expect(commandFor(press("c", { ctrlKey: true }), LIST)).toBeNull();
    expect(commandFor(press("j", { altKey: true }), LIST)).toBeNull();
    expect(commandFor(press("1", { ctrlKey: true, shiftKey: true }), LIST)).toBeNull();
  });

  test("F6 goes round in both directions", () => {
    expect(commandFor(press("F6"), TYPING)).toEqual({ kind: "region", by: 1 });
    expect(commandFor(press("F6", { shiftKey: true }), LIST)).toEqual({ kind: "region", by: -1 });
  });
});

test("Ctrl F searches from everywhere, by character or by place", () => {
  const search = { kind: "search" };
  expect(commandFor(press("f", { ctrlKey: true }), TYPING)).toEqual(search);
  expect(commandFor(press("F", { metaKey: true }), LIST)).toEqual(search);
  expect(commandFor(press("а", { ctrlKey: true, code: "KeyF" }), LIST)).toEqual(search);
  expect(commandFor(press("u", { ctrlKey: true, code: "KeyF" }), LIST)).toBeNull();
  expect(commandFor(press("/"), TYPING)).toBeNull();
});
