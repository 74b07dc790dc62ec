import { describe, expect, test } from "vitest";

import { dayGroup, languageTag, shortDate, timeUntil } from "./dates.ts";

const NOW = new Date(2026, 10, 24, 14, 5);
const at = (...parts: [number, number, number, number?, number?]) =>
  new Date(...parts).getTime() / 1000;

describe("shortDate", () => {
  test("today is a time", () => {
    expect(shortDate(at(2026, 10, 24, 13, 58), NOW)).toMatch(/^(13:58|1:58.PM)$/);
  });

  test("this week is a day, this year a date, before that a date with its year", () => {
    expect(shortDate(at(2026, 10, 23, 23, 59), NOW)).toBe("Mon");
    expect(shortDate(at(2026, 10, 18), NOW)).toBe("Wed");
    expect(shortDate(at(2026, 10, 17), NOW)).toMatch(/^(17 Nov|Nov 17)$/);
    expect(shortDate(at(2024, 1, 3), NOW)).toMatch(/^(3 Feb 2024|Feb 3, 2024)$/);
  });
});

describe("dayGroup", () => {
  test.each([
    [at(2026, 10, 24, 0, 1), "Today"],
    [at(2026, 10, 23, 23, 59), "Yesterday"],
    [at(2026, 10, 22), "Sunday"],
    [at(2026, 10, 17, 12), "Last week"],
    [at(2026, 10, 3), "Earlier this month"],
    [at(2026, 8, 30), "September"],
    [at(2024, 11, 31), "December 2024"],
  ])("%d is in %s", (seconds, group) => {
    expect(dayGroup(seconds, NOW)).toBe(group);
  });

  test("a clock that is ahead counts as today", () => {
    expect(dayGroup(at(2026, 10, 25, 9), NOW)).toBe("Today");
  });
});

test("a wait is told in the largest unit that fits", () => {
  const now = NOW.getTime() / 1000;
  expect(timeUntil(now + 30, NOW)).toBe("in less than a minute");
  expect(timeUntil(now + 120, NOW)).toBe("in 2 minutes");
  expect(timeUntil(now + 7_000, NOW)).toBe("in 2 hours");
  expect(timeUntil(now - 5, NOW)).toBe("now");
});

test("a system without a language is read as English", () => {
  expect(languageTag("C")).toBe("en-GB");
  expect(languageTag("de-de")).toBe("de-DE");
  expect(languageTag(undefined)).toBe("en");
});
