import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ScriptedHost } from "../host/script.ts";
import { follow } from "./feed.ts";
import { MERGED_INBOX } from "./scope.ts";
import type { AppEvent } from "../contract.gen.ts";

const event = (seq: number) => ({ seq, app: {} }) as AppEvent;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("events in order are handed on", () => {
  const host = new ScriptedHost();
  const seen: number[] = [];
  follow(host, "app", {}, { event: ({ seq }) => seen.push(seq) });
  host.tell("app", event(4));
  host.tell("app", event(5));
  expect(seen).toEqual([4, 5]);
  expect(host.feeds).toHaveLength(1);
});

test("a gap opens the feed anew and drops the event after it", () => {
  const host = new ScriptedHost();
  const seen: number[] = [];
  follow(host, "app", {}, { event: ({ seq }) => seen.push(seq) });
  host.tell("app", event(0));
  const first = host.last("app");
  host.tell("app", event(2));
  expect(seen).toEqual([0]);
  expect(first.closed).toBe(true);
  expect(host.feeds).toHaveLength(2);
  first.listener.onEvent(event(3));
  host.tell("app", event(0));
  expect(seen).toEqual([0, 0]);
});

test("an ended feed is opened again after a growing pause", () => {
  const host = new ScriptedHost();
  const failed = vi.fn();
  follow(host, "app", {}, { event: () => undefined, failed });
  host.end("app", "offline");
  expect(failed).toHaveBeenCalledTimes(1);
  expect(host.feeds).toHaveLength(1);
  vi.advanceTimersByTime(500);
  expect(host.feeds).toHaveLength(2);
  host.end("app", "offline");
  vi.advanceTimersByTime(500);
  expect(host.feeds).toHaveLength(2);
  vi.advanceTimersByTime(500);
  expect(host.feeds).toHaveLength(3);
});

test("a feed that is not there is not asked for again", () => {
  const host = new ScriptedHost();
  follow(host, "app", {}, { event: () => undefined });
  host.end("app", "not_found");
  vi.advanceTimersByTime(60_000);
  expect(host.feeds).toHaveLength(1);
});

test("nothing is told or opened after closing", () => {
  const host = new ScriptedHost();
  const seen = vi.fn();
  const close = follow(host, "app", {}, { event: seen });
  const opened = host.last("app");
  close();
  opened.listener.onEvent(event(0));
  host.end("app", "offline");
  vi.advanceTimersByTime(60_000);
  expect(seen).not.toHaveBeenCalled();
  expect(host.feeds).toHaveLength(1);
  expect(opened.closed).toBe(true);
});

test("an event without a number is handed on and opens no gap", () => {
  const host = new ScriptedHost();
  const seen: string[] = [];
  const rows = { total: 0, unread: 0, start: 0, rows: [], failed: [] };
  const search = { type: "search" as const, search: { accounts: [], hints: [] } };
  const open = { list: "l", scope: MERGED_INBOX, mode: "messages", filter: "all" } as const;
  follow(host, "list", open, { event: ({ type }) => seen.push(type) });
  host.tell("list", search);
  host.tell("list", { type: "snapshot", seq: 0, ...rows });
  host.tell("list", search);
  host.tell("list", { type: "diff", seq: 1, ...rows, order: [] });
  expect(seen).toEqual(["search", "snapshot", "search", "diff"]);
  expect(host.feeds).toHaveLength(1);
});
