import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { BodyView, ConversationEvent, MessageView } from "../contract.gen.ts";
import { ScriptedHost } from "../host/script.ts";
import { ConversationStore } from "./conversation.svelte.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function message(key: number, seen: boolean, body: BodyView = { kind: "folded" }): MessageView {
  return {
    key,
    from: [],
    to: [],
    cc: [],
    received_at: key,
    preview: "",
    seen,
    flagged: false,
    draft: false,
    mailboxes: [],
    body,
    attachments: [],
  };
}

function event(seq: number, messages: MessageView[]): ConversationEvent {
  return { seq, conversation: { account: "work", thread: 7, subject: "Plan", messages } };
}

function opened(messages: MessageView[], asked = 0) {
  const host = new ScriptedHost();
  const store = new ConversationStore(host);
  store.open("work", 7, asked);
  host.tell("conversation", event(0, messages));
  return { host, store };
}

test("unread messages and the newest are unfolded and fetched, read ones are not", () => {
  const messages = [message(1, true), message(2, false), message(3, true)];
  const { host, store } = opened(messages);
  expect(messages.map((one) => store.isUnfolded(one))).toEqual([false, true, true]);
  expect(host.asked("message.load")).toEqual([
    { account: "work", message: 2 },
    { account: "work", message: 3 },
  ]);
});

test("the message that was chosen is unfolded", () => {
  const messages = [message(1, true), message(2, true)];
  const { store } = opened(messages, 1);
  expect(store.isUnfolded(message(1, true))).toBe(true);
});

test("a body is asked for once, and again when the person says so", () => {
  const failed = message(1, true, { kind: "failed", code: "busy" });
  const { host, store } = opened([message(1, true)]);
  host.tell("conversation", event(1, [failed]));
  expect(host.asked("message.load")).toHaveLength(1);
  store.load(failed);
  expect(host.asked("message.load")).toHaveLength(2);
});

test("what the person has folded stays folded", () => {
  const { host, store } = opened([message(1, true), message(2, true)]);
  store.toggle(message(2, true));
  host.tell("conversation", event(1, [message(1, true), message(2, true)]));
  expect(store.isUnfolded(message(2, true))).toBe(false);
});

test("unread mail counts as read after a moment, once", () => {
  const { host } = opened([message(1, false)]);
  vi.advanceTimersByTime(1_000);
  expect(host.asked("message.mark")).toEqual([]);
  vi.advanceTimersByTime(500);
  expect(host.asked("message.mark")).toEqual([
    { targets: [{ kind: "thread", account: "work", thread: 7 }], mark: "seen", set: true },
  ]);
});

test("leaving before that leaves it unread", () => {
  const { host, store } = opened([message(1, false)]);
  store.leave();
  vi.advanceTimersByTime(5_000);
  expect(host.asked("message.mark")).toEqual([]);
});

test("what was marked unread by hand is not marked read by itself", () => {
  const { host, store } = opened([message(1, true)]);
  store.keepUnread();
  host.tell("conversation", event(1, [message(1, false)]));
  vi.advanceTimersByTime(5_000);
  expect(host.asked("message.mark")).toEqual([]);
});

test("a conversation that goes away stays on the screen, with a word about it", () => {
  const { host, store } = opened([message(1, true)]);
  host.tell("conversation", { seq: 1, conversation: null });
  expect(store.view?.subject).toBe("Plan");
  expect(store.gone).toBe(true);
});

test("opening another one closes the feed of the first", () => {
  const { host, store } = opened([message(1, true)]);
  store.open("work", 8, 0);
  expect(host.feeds[0]?.closed).toBe(true);
  expect(store.view).toBeNull();
});

test("a message that was found is unfolded and wanted in sight, in an open conversation too", () => {
  const { host, store } = opened([message(1, true), message(2, true)]);
  expect(store.wanted).toBeNull();
  store.open("work", 7, 1, true);
  expect(store.wanted).toBe(1);
  expect(store.isUnfolded(message(1, true))).toBe(true);
  expect(host.asked("message.load")).toContainEqual({ account: "work", message: 1 });
  store.open("work", 8, 3);
  expect(store.wanted).toBeNull();
});

describe("a long conversation", () => {
  const many = (of: number, seen: (key: number) => boolean) =>
    Array.from({ length: of }, (_, place) => message(place + 1, seen(place + 1)));

  test("keeps what was read out of the way, but for the last of it, until it is asked for", () => {
    const { store } = opened(many(300, (key) => key < 299));
    expect(store.earlier).toBe(297);
    store.showEarlier();
    expect(store.earlier).toBe(0);
  });

  test("does so when opened, not when mail arrives", () => {
    const { host, store } = opened(many(3, () => true));
    host.tell(
      "conversation",
      event(
        1,
        many(30, () => true),
      ),
    );
    expect(store.earlier).toBe(0);
  });

  test("stays whole where little lies before what is unfolded", () => {
    expect(opened(many(7, (key) => key < 7)).store.earlier).toBe(0);
    expect(opened(many(300, (key) => key > 2)).store.earlier).toBe(0);
  });

  test("fetches the first bodies, and others as they come near", () => {
    const messages = many(300, () => false);
    const { host, store } = opened(messages);
    const asked = () =>
      host.asked("message.load").map((call) => (call as { message: number }).message);
    expect(asked()).toEqual([1, 2, 3, 4, 5, 6]);
    store.near(message(200, false));
    expect(asked()).toEqual([1, 2, 3, 4, 5, 6, 200]);
  });

  test("is opened and folded as a whole", () => {
    const messages = many(30, () => true);
    const { store } = opened(messages);
    store.unfoldAll(true);
    expect(messages.every((one) => store.isUnfolded(one))).toBe(true);
    expect(store.earlier).toBe(0);
    store.unfoldAll(false);
    expect(messages.some((one) => store.isUnfolded(one))).toBe(false);
  });
});
