import { beforeEach, expect, test, vi } from "vitest";

import { ScriptedHost } from "../host/script.ts";
import { ListStore } from "./list.svelte.ts";
import type { ListView } from "./listView.svelte.ts";
import type { RowsEvent } from "./listWindow.ts";
import { row } from "./row.fixture.ts";
import { MERGED_INBOX } from "./scope.ts";

let frames: FrameRequestCallback[] = [];

beforeEach(() => {
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (run: FrameRequestCallback) => frames.push(run));
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});

function nextFrame(): void {
  const due = frames;
  frames = [];
  due.forEach((run) => run(0));
}

const keys = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, place) => `k${from + place}`);

function snapshot(from: number, to: number, total = 1_000): RowsEvent {
  return {
    type: "snapshot",
    seq: 0,
    total,
    unread: 3,
    start: from,
    rows: keys(from, to).map((key) => row(key)),
    failed: [],
  };
}

function diff(seq: number, order: string[], known: string[], start = 0, total = 1_000): RowsEvent {
  const rows = order.filter((key) => !known.includes(key)).map((key) => row(key));
  return { type: "diff", seq, total, unread: 3, start, order, rows, failed: [] };
}

function opened(): { host: ScriptedHost; store: ListStore; view: ListView } {
  const host = new ScriptedHost();
  const store = new ListStore(host);
  store.show(MERGED_INBOX, "conversations", "all");
  if (!store.view) {
    throw new Error("no list");
  }
  return { host, store, view: store.view };
}

test("a snapshot and a diff make the rows", () => {
  const { host, view } = opened();
  host.tell("list", snapshot(0, 60));
  expect(view.total).toBe(1_000);
  expect(view.row(59)?.key).toBe("k59");
  expect(view.row(60)).toBeUndefined();
  host.tell("list", diff(1, keys(40, 100), keys(0, 60), 40));
  expect(view.row(99)?.key).toBe("k99");
  expect(view.row(39)).toBeUndefined();
});

test("a gap in the numbers opens the list anew", () => {
  const { host } = opened();
  host.tell("list", snapshot(0, 60));
  host.tell("list", diff(2, keys(0, 60), keys(0, 60)));
  expect(host.feeds).toHaveLength(2);
});

test("a diff with an unknown row opens the list anew", () => {
  const { host } = opened();
  host.tell("list", snapshot(0, 60));
  host.tell("list", diff(1, ["k1", "stranger"], ["k1", "stranger"]));
  expect(host.feeds).toHaveLength(2);
  expect(host.feeds[0]?.closed).toBe(true);
});

test("the window is asked for once a frame, with what lies around it", () => {
  const { host, view } = opened();
  host.tell("list", snapshot(0, 60));
  view.see(200, 210);
  view.see(500, 510);
  nextFrame();
  expect(host.asked("list.window").at(-1)).toEqual({ list: "list-1", from: 420, to: 590 });
  const asked = host.asked("list.window").length;
  view.see(505, 515);
  nextFrame();
  expect(host.asked("list.window")).toHaveLength(asked);
});

test("nothing is asked for before the app knows the list", () => {
  const { host, view } = opened();
  view.see(0, 10);
  nextFrame();
  expect(host.asked("list.window")).toEqual([]);
});

test("a late answer to an older question is asked over again, but not for ever", () => {
  const { host, view } = opened();
  host.tell("list", snapshot(0, 60));
  view.see(500, 510);
  nextFrame();
  const asked = () => host.asked("list.window").length;
  const before = asked();
  for (let seq = 1; seq < 10; seq++) {
    host.tell("list", diff(seq, keys(0, 10), keys(0, 60)));
    nextFrame();
  }
  expect(asked()).toBe(before + 2);
  expect(host.asked("list.window").at(-1)).toEqual({ list: "list-1", from: 420, to: 590 });
});

test("rows that come in above are counted and keep the place of a scrolled list", () => {
  const { host, view } = opened();
  const moves: number[] = [];
  view.onShift = (rows) => moves.push(rows);
  host.tell("list", snapshot(0, 60));
  view.scrolled = 20;
  host.tell("list", diff(1, ["n1", "n2", ...keys(0, 58)], keys(0, 60)));
  expect(moves).toEqual([2]);
  expect(view.fresh).toBe(2);
  expect(view.scrolled).toBe(22);
});

test("at the top new rows simply appear", () => {
  const { host, view } = opened();
  const moved = vi.fn();
  view.onShift = moved;
  host.tell("list", snapshot(0, 60));
  host.tell("list", diff(1, ["n1", ...keys(0, 59)], keys(0, 60)));
  expect(moved).not.toHaveBeenCalled();
  expect(view.fresh).toBe(0);
  expect(view.row(0)?.key).toBe("n1");
});

test("the current row moves with its key and stays when it leaves the list", () => {
  const { host, view } = opened();
  host.tell("list", snapshot(0, 60));
  view.moveTo(5);
  host.tell("list", diff(1, ["n1", ...keys(0, 59)], keys(0, 60)));
  expect(view.current?.index).toBe(6);
  expect(view.isCurrent(6, view.row(6))).toBe(true);
  const without = ["n1", ...keys(0, 59)].filter((key) => key !== "k5");
  host.tell("list", diff(2, without, without));
  expect(view.current?.row.key).toBe("k5");
  expect(view.isCurrent(6, view.row(6))).toBe(false);
});

test("going to a row that is not here yet arrives when it is", () => {
  const { host, view } = opened();
  const revealed: number[] = [];
  view.onReveal = (index) => revealed.push(index);
  host.tell("list", snapshot(0, 60));
  view.moveTo(999);
  expect(view.current).toBeNull();
  expect(revealed).toEqual([999]);
  host.tell("list", diff(1, keys(900, 1_000), [], 900));
  expect(view.current?.row.key).toBe("k999");
});

test("moving stops at both ends", () => {
  const { host, view } = opened();
  host.tell("list", snapshot(0, 3, 3));
  view.moveBy(1);
  expect(view.current?.index).toBe(0);
  view.moveBy(-1);
  expect(view.current?.index).toBe(0);
  view.moveBy(50);
  expect(view.current?.index).toBe(2);
});

test("switching away and back keeps the place and shows the old rows at once", () => {
  const { host, store, view } = opened();
  host.tell("list", snapshot(0, 60));
  host.tell("list", diff(1, keys(400, 500), [], 400));
  view.moveTo(450);
  view.scrolled = 447;
  view.see(447, 457);
  store.show({ kind: "mailbox", account: "work", mailbox: "inbox" }, "conversations", "all");
  expect(host.feeds[0]?.closed).toBe(true);
  store.show(MERGED_INBOX, "conversations", "all");
  expect(store.view).toBe(view);
  expect(view.current?.row.key).toBe("k450");
  host.tell("list", snapshot(0, 60));
  expect(view.row(450)?.key).toBe("k450");
  expect(host.asked("list.window").at(-1)).toEqual({ list: "list-3", from: 367, to: 537 });
});

test("another filter of the same place keeps what is open", () => {
  const { host, store, view } = opened();
  host.tell("list", snapshot(0, 60));
  view.moveTo(3);
  store.show(MERGED_INBOX, "conversations", "unread");
  expect(store.view?.current?.row.key).toBe("k3");
  host.tell("list", { ...snapshot(0, 0, 1), rows: [row("k3")] });
  expect(store.view?.current?.index).toBe(0);
});

test("a list that cannot be had says why, until it can", () => {
  const { host, view } = opened();
  host.end("list", "offline");
  expect(view.error?.code).toBe("offline");
  expect(view.loaded).toBe(false);
});

test("a closed list keeps no row of an account that is locked, but keeps its place", () => {
  const { host, store, view } = opened();
  host.tell("list", snapshot(0, 60));
  view.moveTo(7);
  view.scrolled = 4;
  store.hide();
  store.forget("work");
  expect(view.row(0)).toBeUndefined();
  expect(view.current).toBeNull();
  store.show(MERGED_INBOX, "conversations", "all");
  expect(store.view).toBe(view);
  expect(view.scrolled).toBe(4);
  expect(view.row(0)).toBeUndefined();
});

test("the row of another account stays current when one is locked", () => {
  const { host, store, view } = opened();
  host.tell("list", snapshot(0, 60));
  view.moveTo(7);
  store.forget("choir");
  expect(view.current?.row.key).toBe("k7");
});

test("accounts that a list cannot read are named until it can", () => {
  const { host, view } = opened();
  host.tell("list", { ...snapshot(0, 60), failed: ["choir"] });
  expect(view.failed).toEqual(["choir"]);
  host.tell("list", diff(1, keys(0, 60), keys(0, 60)));
  expect(view.failed).toEqual([]);
});
