import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Scope, SearchView } from "../contract.gen.ts";
import { ScriptedHost } from "../host/script.ts";
import { ListStore } from "./list.svelte.ts";
import type { RowsEvent } from "./listWindow.ts";
import { row } from "./row.fixture.ts";
import { MERGED_INBOX } from "./scope.ts";

let frames: FrameRequestCallback[] = [];

beforeEach(() => {
  frames = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.stubGlobal("requestAnimationFrame", (run: FrameRequestCallback) => frames.push(run));
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});
afterEach(() => vi.useRealTimers());

function nextFrame(): void {
  const due = frames;
  frames = [];
  due.forEach((run) => run(0));
}

const looking = (text: string): Scope => ({ kind: "search", text, account: null });

function snapshot(...keys: string[]): RowsEvent {
  const rows = keys.map((key) => row(key));
  return { type: "snapshot", seq: 0, total: keys.length, unread: 0, start: 0, rows, failed: [] };
}

function state(searching: boolean): { type: "search"; search: SearchView } {
  const account = {
    account: "work",
    searching,
    to_index: 0,
    all_mail: true,
    mail_since: 0,
    texts_since: 0,
    server: "not_needed" as const,
    more: false,
    left_out: false,
  };
  return { type: "search", search: { accounts: [account], hints: [] } };
}

function opened() {
  const host = new ScriptedHost();
  const store = new ListStore(host);
  store.show(MERGED_INBOX, "conversations", "all");
  host.tell("list", snapshot("k0", "k1", "k2"));
  const inbox = store.view;
  store.search(looking("p"), "all");
  return { host, store, inbox };
}

test("the list stays until the first rows of the search, then its feed is closed", () => {
  const { host, store, inbox } = opened();
  const feed = host.feeds[0];
  expect(store.view).toBe(inbox);
  expect(feed?.closed).toBe(false);
  expect(host.last("list").open).toMatchObject({ scope: looking("p"), mode: "messages" });
  host.tell("list", snapshot("found1"));
  expect(store.view?.row(0)?.key).toBe("found1");
  expect(feed?.closed).toBe(true);
});

test("letters within a frame open one feed, and the one before is closed", () => {
  const { host, store } = opened();
  host.tell("list", snapshot("found1", "found2"));
  const first = host.last("list");
  store.search(looking("pl"), "all");
  store.search(looking("pla"), "all");
  expect(host.feeds).toHaveLength(2);
  expect(store.view?.row(1)?.key).toBe("found2");
  nextFrame();
  expect(host.feeds).toHaveLength(3);
  expect(first.closed).toBe(true);
  expect(host.last("list").open).toMatchObject({ scope: looking("pla") });
  expect(store.view?.row(1)?.key).toBe("found2");
  expect(store.view?.replacing).toBe(true);
  host.tell("list", snapshot("found2"));
  expect(store.view?.row(0)?.key).toBe("found2");
  expect(store.view?.row(1)).toBeUndefined();
  expect(store.view?.replacing).toBe(false);
});

test("a search of the same text is not asked for again", () => {
  const { host, store } = opened();
  store.search(looking("p"), "all");
  nextFrame();
  expect(host.feeds).toHaveLength(2);
});

test("other results begin at the top with nothing chosen", () => {
  const { host, store } = opened();
  host.tell("list", snapshot("found1", "found2"));
  const view = store.view;
  view?.moveTo(1);
  if (view) {
    view.scrolled = 1;
  }
  store.search(looking("pl"), "all");
  nextFrame();
  expect(view?.current?.row.key).toBe("found2");
  host.tell("list", snapshot("found2"));
  expect(view?.current).toBeNull();
  expect(view?.scrolled).toBe(0);
});

test("an empty beginning waits for what is still being looked through", () => {
  const { host, store, inbox } = opened();
  host.tell("list", state(true));
  host.tell("list", snapshot());
  expect(store.view).toBe(inbox);
  const rows = [row("late")];
  host.tell("list", { ...snapshot(), type: "diff", seq: 1, total: 1, order: ["late"], rows });
  expect(store.view?.row(0)?.key).toBe("late");
});

test("an empty beginning is shown once nothing can come, or after a moment", () => {
  const done = opened();
  done.host.tell("list", snapshot());
  expect(done.store.view).toBe(done.inbox);
  done.host.tell("list", state(false));
  expect(done.store.view?.isSearch).toBe(true);
  expect(done.store.view?.total).toBe(0);
  const slow = opened();
  slow.host.tell("list", state(true));
  slow.host.tell("list", snapshot());
  vi.advanceTimersByTime(250);
  expect(slow.store.view?.isSearch).toBe(true);
});

test("a search that cannot be had is shown with what is wrong", () => {
  const { host, store } = opened();
  host.end("list", "offline");
  expect(store.view?.isSearch).toBe(true);
  expect(store.view?.error?.code).toBe("offline");
});

test("leaving goes back to the same list at its place, before the search has answered or after", () => {
  for (const answered of [false, true]) {
    const { host, store, inbox } = opened();
    inbox?.moveTo(2);
    if (answered) {
      host.tell("list", snapshot("found1"));
    }
    const feed = host.last("list");
    store.show(MERGED_INBOX, "conversations", "all");
    expect(feed.closed).toBe(true);
    expect(store.view).toBe(inbox);
    expect(store.view?.current?.row.key).toBe("k2");
    expect(store.view?.row(0)?.key).toBe("k0");
  }
});

test("the search is asked once more under a name of its own", () => {
  const { host, store } = opened();
  host.tell("list", snapshot("found1"));
  store.searchAgain();
  expect(host.feeds).toHaveLength(3);
  expect(host.feeds[1]?.closed).toBe(true);
  expect(host.last("list").open).toMatchObject({ list: "list-3", scope: looking("p") });
  expect(store.view?.row(0)?.key).toBe("found1");
});
