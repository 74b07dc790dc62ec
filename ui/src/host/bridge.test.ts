import { beforeEach, expect, test, vi } from "vitest";

import { BridgeHost, type Socket } from "./bridge.ts";
import { HostError } from "./host.ts";

class FakeSocket implements Socket {
  readyState = 0;
  sent: unknown[] = [];
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.onclose?.call(this as unknown as WebSocket, new CloseEvent("close"));
  }

  connect() {
    this.readyState = 1;
    this.onopen?.call(this as unknown as WebSocket, new Event("open"));
  }

  hear(message: object) {
    const event = new MessageEvent("message", { data: JSON.stringify(message) });
    this.onmessage?.call(this as unknown as WebSocket, event);
  }
}

let sockets: FakeSocket[];
let host: BridgeHost;

beforeEach(() => {
  sockets = [];
  host = new BridgeHost(() => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  });
});

const socket = () => sockets.at(-1) ?? new FakeSocket();

test("calls wait for the connection and are answered by their number", async () => {
  const first = host.call("account.removal", { account: "work" });
  const second = host.call("account.sync", { account: null });
  socket().connect();
  expect(socket().sent).toEqual([
    { id: 1, call: "account.removal", payload: { account: "work" } },
    { id: 2, call: "account.sync", payload: { account: null } },
  ]);
  socket().hear({ id: 2, reply: {} });
  socket().hear({ id: 1, reply: { messages: 4 } });
  expect(await first).toEqual({ messages: 4 });
  expect(await second).toEqual({});
});

test("a refusal becomes an error with its code", async () => {
  const asked = host.call("tenant.rehearse", {});
  socket().connect();
  socket().hear({ id: 1, error: { code: "disk", detail: null } });
  await expect(asked).rejects.toEqual(new HostError("disk"));
});

test("a feed tells until it is closed, and is closed on the other side too", () => {
  const onEvent = vi.fn();
  const close = host.open("app", {}, { onEvent, onEnd: vi.fn() });
  socket().connect();
  socket().hear({ id: 1, event: { seq: 0 } });
  close();
  socket().hear({ id: 1, event: { seq: 1 } });
  expect(onEvent).toHaveBeenCalledTimes(1);
  expect(socket().sent.at(-1)).toEqual({ id: 1, close: true });
});

test("a lost connection ends feeds and calls, and the next use connects anew", async () => {
  const onEnd = vi.fn();
  host.open("app", {}, { onEvent: vi.fn(), onEnd });
  const asked = host.call("tenant.rehearse", {});
  socket().connect();
  socket().close();
  await expect(asked).rejects.toBeInstanceOf(HostError);
  expect(onEnd).toHaveBeenCalledTimes(1);
  host.open("app", {}, { onEvent: vi.fn(), onEnd: vi.fn() });
  expect(sockets).toHaveLength(2);
});
