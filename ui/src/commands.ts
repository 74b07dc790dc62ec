/** Carries out what keys and buttons ask for. */
import type { Command } from "./keyboard.ts";
import type { MarkTarget } from "./contract.gen.ts";
import { rowTarget } from "./stores/marks.ts";
import type { Stores } from "./stores/stores.ts";

export function runCommand(stores: Stores, command: Command): void {
  const { accounts, dialogs, list, window } = stores;
  switch (command.kind) {
    case "all_accounts":
      return window.showAccount(null);
    case "account_list":
      return dialogs.show({ kind: "account_list" });
    case "account": {
      const account = accounts.list[command.place];
      return account && window.showAccount(account);
    }
    case "move":
      return list.view?.moveBy(command.by);
    case "edge":
      return list.view?.moveTo(command.end === "first" ? 0 : list.view.total - 1);
    case "open":
      return open(stores);
    case "message":
      return stepTo(command.by);
    case "unfold":
      return stores.conversation.unfoldAll(command.all);
    case "back":
      return goBack(stores);
    case "star":
      return toggleStar(stores);
    case "read":
      return markRead(stores, true);
    case "unread":
      return markRead(stores, false);
    case "region":
      return focusRegion(command.by);
    case "search":
      return enterSearch(stores);
    case "sidebar":
      window.sidebarOpen = window.layout !== "four" && !window.sidebarOpen;
      return;
    case "sync":
      void accounts.sync(window.account).catch(() => undefined);
      return;
    case "keys":
      return dialogs.show({ kind: "keys" });
  }
}

function open({ list, window }: Stores): void {
  const view = list.view;
  if (!view) {
    return;
  }
  if (!view.current) {
    view.moveBy(1);
  }
  window.pane = "reading";
  if (view.current) {
    // After the pane has been drawn.
    requestAnimationFrame(() => region("reading")?.focus());
  }
}

/** To the next message of the conversation, or the one before; its own button takes the focus. */
function stepTo(by: 1 | -1): void {
  const pane = region("reading");
  const stops = [...(pane?.querySelectorAll<HTMLElement>("[data-message], [data-earlier]") ?? [])];
  const focused = stops.findIndex((stop) => stop.contains(document.activeElement));
  const edge = pane?.getBoundingClientRect().top ?? 0;
  const inSight = stops.findIndex((stop) => stop.getBoundingClientRect().bottom > edge);
  const next = focused < 0 ? inSight : Math.min(Math.max(focused + by, 0), stops.length - 1);
  const stop = stops[next];
  if (!pane || !stop) {
    return;
  }
  (stop.querySelector<HTMLElement>("[aria-expanded]") ?? stop).focus({ preventScroll: true });
  const isTall = stop.offsetHeight > pane.clientHeight;
  stop.scrollIntoView({ block: isTall ? "start" : "nearest" });
}

/** From the sidebar over the list to the list, from the pane to the list, out of a search. */
export function goBack(stores: Stores): void {
  const { search, window } = stores;
  const reading =
    (window.layout === "two" && window.pane === "reading") ||
    region("reading")?.contains(document.activeElement);
  if (search.active && !window.sidebarOpen && !reading) {
    return leaveSearch(stores);
  }
  if (window.sidebarOpen) {
    window.sidebarOpen = false;
  } else {
    window.pane = "list";
  }
  requestAnimationFrame(() => region("list")?.focus());
}

/** Into the search box, from wherever the person is. */
function enterSearch({ search }: Stores): void {
  if (!document.activeElement?.matches("[data-search]")) {
    search.begin(document.activeElement);
  }
  // After the list has been drawn where only one pane fits.
  requestAnimationFrame(() => {
    const box = document.querySelector<HTMLInputElement>("[data-search]");
    box?.focus();
    box?.select();
  });
}

/** Back to where the person was before the search, the focus as well. */
export function leaveSearch({ search, window }: Stores): void {
  const focused = search.leave();
  // After the list of before has been drawn.
  requestAnimationFrame(() => {
    if (focused?.isConnected && focused !== document.body) {
      focused.focus();
    } else {
      region(window.layout === "two" ? window.pane : "list")?.focus();
    }
  });
}

/** What marks go to: the current row, or what is open. */
function target({ conversation, list }: Stores): MarkTarget | null {
  const view = list.view;
  if (view?.current) {
    return rowTarget(view.current.row, view.mode);
  }
  const { account, thread } = conversation;
  return account !== null && thread !== null ? { kind: "thread", account, thread } : null;
}

export function toggleStar(stores: Stores): void {
  const what = target(stores);
  const row = stores.list.view?.current?.row;
  const starred =
    row?.starred ?? stores.conversation.view?.messages.some(({ flagged }) => flagged) ?? false;
  if (what) {
    stores.marks.set(what, "flagged", !starred);
    stores.notices.announce(starred ? "Star removed" : "Starred");
  }
}

export function markRead(stores: Stores, read: boolean): void {
  const what = target(stores);
  if (what) {
    stores.conversation.keepUnread();
    stores.marks.set(what, "seen", read);
    stores.notices.announce(read ? "Marked as read" : "Marked as unread");
  }
}

const REGIONS = ["rail", "sidebar", "list", "reading"];

/** The element that takes the focus of a part of the window. */
export function region(name: string): HTMLElement | null {
  const part = document.querySelector<HTMLElement>(`[data-region="${name}"]`);
  if (!part || part.offsetParent === null) {
    return null;
  }
  return part.matches("[tabindex]") ? part : part.querySelector<HTMLElement>("[tabindex='0']");
}

function focusRegion(by: 1 | -1): void {
  const parts = REGIONS.map(region).filter((part) => part !== null);
  const within = document.activeElement?.closest("[data-region]");
  const at = parts.findIndex((part) => part === within || within?.contains(part));
  const next = at < 0 ? (by > 0 ? 0 : parts.length - 1) : (at + by + parts.length) % parts.length;
  parts[next]?.focus();
}
