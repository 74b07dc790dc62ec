import { describe, expect, test } from "vitest";

import type { RowView } from "../contract.gen.ts";
import { EMPTY_WINDOW, applied, indexOf, rangeToAsk, rowAt, shiftAt } from "./listWindow.ts";
import { row } from "./row.fixture.ts";

const diff = (start: number, order: string[], rows: RowView[]) => ({
  type: "diff" as const,
  seq: 1,
  total: 100,
  unread: 0,
  start,
  order,
  rows,
  failed: [],
});

describe("applied", () => {
  test("a snapshot replaces everything", () => {
    const before = { start: 7, rows: [row("a")] };
    const event = {
      type: "snapshot" as const,
      seq: 0,
      total: 1,
      unread: 0,
      start: 0,
      rows: [row("b")],
      failed: [],
    };
    expect(applied(before, event)).toEqual({ start: 0, rows: [row("b")] });
  });

  test("a diff keeps known rows, takes changed ones and moves the window", () => {
    const before = { start: 0, rows: [row("a"), row("b"), row("c")] };
    const changed = row("b", { unread: 2 });
    const after = applied(before, diff(1, ["b", "c", "d"], [changed, row("d")]));
    expect(after).toEqual({ start: 1, rows: [changed, row("c"), row("d")] });
  });

  test("a diff that speaks of an unknown row is refused", () => {
    expect(applied(EMPTY_WINDOW, diff(0, ["a"], []))).toBeUndefined();
  });
});

test("rows are found by place and by key", () => {
  const window = { start: 10, rows: [row("a"), row("b")] };
  expect(rowAt(window, 11)?.key).toBe("b");
  expect(rowAt(window, 9)).toBeUndefined();
  expect(indexOf(window, "b")).toBe(11);
  expect(indexOf(window, "x")).toBeUndefined();
});

describe("shiftAt", () => {
  const before = { start: 0, rows: ["a", "b", "c", "d"].map((key) => row(key)) };

  test("rows that came in above move what is on the screen down", () => {
    const after = { start: 0, rows: ["x", "y", "a", "b", "c"].map((key) => row(key)) };
    expect(shiftAt(before, after, 1)).toBe(2);
  });

  test("a row that left above moves it up", () => {
    const after = { start: 0, rows: ["b", "c", "d"].map((key) => row(key)) };
    expect(shiftAt(before, after, 2)).toBe(-1);
  });

  test("where the row at the top itself has gone, the next one counts", () => {
    const after = { start: 0, rows: ["a", "c", "d"].map((key) => row(key)) };
    expect(shiftAt(before, after, 1)).toBe(-1);
  });

  test("a window somewhere else says nothing", () => {
    expect(shiftAt(before, { start: 500, rows: [row("z")] }, 0)).toBe(0);
  });
});

describe("rangeToAsk", () => {
  test("asks for more than is seen, inside of the list", () => {
    expect(rangeToAsk({ from: 0, to: 10 }, undefined, 1_000)).toEqual({ from: 0, to: 90 });
    expect(rangeToAsk({ from: 500, to: 510 }, undefined, 1_000)).toEqual({ from: 420, to: 590 });
    expect(rangeToAsk({ from: 990, to: 1_000 }, undefined, 1_000)).toEqual({
      from: 910,
      to: 1_000,
    });
  });

  test("asks for nothing while the last range will do", () => {
    const asked = { from: 420, to: 590 };
    expect(rangeToAsk({ from: 520, to: 530 }, asked, 1_000)).toBeUndefined();
    expect(rangeToAsk({ from: 570, to: 580 }, asked, 1_000)).toEqual({ from: 490, to: 660 });
  });

  test("never asks for more than the app gives", () => {
    const range = rangeToAsk({ from: 1_000, to: 1_390 }, undefined, 100_000);
    expect(range && range.to - range.from).toBeLessThanOrEqual(400);
  });
});
