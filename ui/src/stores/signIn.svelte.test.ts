import { expect, test } from "vitest";

import { HostError } from "../host/host.ts";
import { ScriptedHost } from "../host/script.ts";
import { SignInStore } from "./signIn.svelte.ts";

function ready() {
  const host = new ScriptedHost();
  host.replies["sign_in.begin"] = () => Promise.resolve({ attempt: "a1" });
  return { host, store: new SignInStore(host) };
}

test("adding an account goes from choosing to waiting to a question", async () => {
  const { host, store } = ready();
  store.choose();
  expect(store.stage).toBe("choose");
  await store.add("northwind");
  expect(host.asked("sign_in.begin")).toEqual([{ connection: "northwind", account: null }]);
  host.tell("sign_in", { seq: 0, sign_in: { phase: "waiting" } });
  expect(store.view?.phase).toBe("waiting");
  await store.confirm({ name: "  Work ", color: "plum", restore: true });
  expect(host.asked("sign_in.confirm")).toEqual([
    { attempt: "a1", name: "Work", color: "plum", restore: true },
  ]);
});

test("closing gives up what is under way", async () => {
  const { host, store } = ready();
  await store.add(null);
  await store.dismiss();
  expect(store.stage).toBe("closed");
  expect(host.asked("sign_in.cancel")).toEqual([{ attempt: "a1" }]);
  expect(host.last("sign_in").closed).toBe(true);
});

test("closing after the end cancels nothing", async () => {
  const { host, store } = ready();
  await store.add(null);
  host.tell("sign_in", { seq: 0, sign_in: { phase: "added", account: "work" } });
  await store.dismiss();
  expect(host.asked("sign_in.cancel")).toEqual([]);
});

test("an attempt that begins after the dialog was closed is cancelled", async () => {
  const { host, store } = ready();
  const begun = store.add(null);
  await store.dismiss();
  await begun;
  expect(host.asked("sign_in.cancel")).toEqual([{ attempt: "a1" }]);
  expect(host.feeds).toEqual([]);
});

test("an attempt that cannot begin says why and can be tried again", async () => {
  const { host, store } = ready();
  host.replies["sign_in.begin"] = () => Promise.reject(new HostError("browser"));
  await store.again("choir");
  expect(store.error?.code).toBe("browser");
  host.replies["sign_in.begin"] = () => Promise.resolve({ attempt: "a2" });
  await store.retry();
  expect(store.error).toBeNull();
  expect(host.asked("sign_in.begin").at(-1)).toEqual({ connection: null, account: "choir" });
});
