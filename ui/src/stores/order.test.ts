import { expect, test } from "vitest";

import { movedBy, placedAt } from "./order.ts";

const RAIL = ["work", "personal", "choir"];

test("a tile moves by one place and stops at the ends", () => {
  expect(movedBy(RAIL, "personal", 1)).toEqual(["work", "choir", "personal"]);
  expect(movedBy(RAIL, "personal", -1)).toEqual(["personal", "work", "choir"]);
  expect(movedBy(RAIL, "work", -1)).toEqual(RAIL);
  expect(movedBy(RAIL, "choir", 5)).toEqual(RAIL);
});

test("a tile that was dropped stands at the place counted among the others", () => {
  expect(placedAt(RAIL, "choir", 0)).toEqual(["choir", "work", "personal"]);
  expect(placedAt(RAIL, "work", 1)).toEqual(["personal", "work", "choir"]);
  expect(placedAt(RAIL, "work", 9)).toEqual(["personal", "choir", "work"]);
});

test("what is not in the rail changes nothing", () => {
  expect(movedBy(RAIL, "gone", 1)).toEqual(RAIL);
  expect(placedAt(RAIL, "gone", 0)).toEqual(RAIL);
});
