import { expect, test } from "vitest";

import { dropPlace } from "./drag.ts";

test.each([
  [-20, 0],
  [39, 0],
  [41, 1],
  [95, 2],
  [500, 3],
])("a tile dropped at %d px is number %d among the others", (y, place) => {
  expect(dropPlace([40, 90, 140], y)).toBe(place);
});

test("a tile without others is the first", () => {
  expect(dropPlace([], 10)).toBe(0);
});
