import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { fakeAccount } from "../host/fake/records.ts";
import { Arrivals, type Arrival } from "./arrivals.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const work = (unread: number, progress: { done: number; total: null } | null = null) => ({
  ...fakeAccount("work", "Work", "ana@northwind.example", "ocean"),
  unread,
  progress,
});

test("new mail is told at once, more of it together after a pause", () => {
  const told: Arrival[][] = [];
  const arrivals = new Arrivals((arrived) => told.push(arrived));
  arrivals.see([work(4)]);
  arrivals.see([work(6)]);
  expect(told).toEqual([[{ name: "Work", count: 2 }]]);
  arrivals.see([work(7)]);
  arrivals.see([work(9)]);
  expect(told).toHaveLength(1);
  vi.advanceTimersByTime(30_000);
  expect(told[1]).toEqual([{ name: "Work", count: 3 }]);
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(2);
});

test("reading mail, starting and a first fetch say nothing", () => {
  const tell = vi.fn();
  const arrivals = new Arrivals(tell);
  arrivals.see([work(4)]);
  arrivals.see([work(2)]);
  arrivals.see([work(300, { done: 300, total: null })]);
  vi.advanceTimersByTime(60_000);
  expect(tell).not.toHaveBeenCalled();
});
