import { describe, expect, test } from "vitest";

import { LongScroll, TALLEST } from "./longScroll.ts";

const ROW = 80;
const VIEW = 800;

function list(rows: number): LongScroll {
  const scroll = new LongScroll();
  Object.assign(scroll, { row: ROW, rows, view: VIEW });
  return scroll;
}

test("a list that fits is scrolled as it is", () => {
  const scroll = list(50_000);
  expect(scroll.height).toBe(4_000_000);
  scroll.scrolled(123_456);
  expect(scroll.position).toBe(123_456);
  expect(scroll.shift).toBe(0);
  expect(scroll.isCramped).toBe(false);
});

describe("a million rows", () => {
  const END = 1_000_000 * ROW - VIEW;

  test("have an area of a height that works, and both their ends", () => {
    const scroll = list(1_000_000);
    expect(scroll.height).toBe(TALLEST);
    scroll.scrolled(TALLEST - VIEW);
    expect(scroll.position).toBe(END);
    scroll.scrolled(0);
    expect(scroll.position).toBe(0);
  });

  test("are met at the same share where the scroll bar is dragged to", () => {
    const scroll = list(1_000_000);
    scroll.scrolled((TALLEST - VIEW) / 2);
    expect(scroll.position).toBeCloseTo(END / 2);
  });

  test("move by as much as a wheel turns", () => {
    const scroll = list(1_000_000);
    scroll.scrolled(TALLEST / 2);
    const before = scroll.position;
    scroll.scrolled(TALLEST / 2 + 120);
    expect(scroll.position - before).toBe(120);
    scroll.scrolled(TALLEST / 2 - 40);
    expect(scroll.position - before).toBe(-40);
  });

  test("every row can be gone to, and stands where it was meant to", () => {
    const scroll = list(1_000_000);
    for (const index of [0, 1, 7, 499_999, 999_980, 999_999]) {
      const top = scroll.to(index * ROW);
      const place = index * ROW + scroll.shift - top;
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(VIEW - ROW);
    }
  });

  test("no row is out of reach: near an end of the area there is room to go on", () => {
    const scroll = list(1_000_000);
    // One wheel step after another up from a place not far down.
    scroll.to(9_000);
    let steps = 0;
    while (scroll.position > 0 && steps++ < 1_000) {
      scroll.scrolled(Math.max(0, scroll.top - 100));
      if (scroll.isCramped) {
        scroll.to(scroll.position);
      }
    }
    expect(scroll.position).toBe(0);
    expect(steps).toBeLessThan(100);
    expect(steps).toBeGreaterThan(80);
  });
});

test("an empty list has no height and one position", () => {
  const scroll = list(0);
  expect(scroll.height).toBe(0);
  expect(scroll.to(500)).toBe(0);
});
