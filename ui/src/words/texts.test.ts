import { expect, test } from "vitest";

import { ageWords, roomWords } from "./texts.ts";

test("ages and rooms are said as people say them", () => {
  expect([null, 365, 90, 1].map(ageWords)).toEqual([
    "Of any age",
    "Of the last year",
    "Of the last 90 days",
    "Of the last 1 day",
  ]);
  expect([null, 500_000_000, 2_000_000_000].map(roomWords)).toEqual([
    "As much as they need",
    "Up to 500 MB",
    "Up to 2 GB",
  ]);
});
