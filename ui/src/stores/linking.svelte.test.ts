import { expect, test } from "vitest";

import type { LinkStageView, LinkView } from "../contract.gen.ts";
import { HostError } from "../host/host.ts";
import { ScriptedHost } from "../host/script.ts";
import { LinkingStore } from "./linking.svelte.ts";

const box = (account: string) => ({
  account,
  name: account,
  email: `${account}@example.com`,
  letter: "A",
  color: "teal" as const,
  connection: null,
  messages: 0,
  oldest: null,
  octets: 0,
  sign_ins: 1,
  proved_until: null,
});

const link = (stage: LinkStageView): LinkView => ({
  flow: "f1",
  kept: box("personal"),
  set_aside: box("choir"),
  stage,
  counts: null,
  export: null,
  trouble: null,
  attempt: null,
});

async function begun(stage: LinkStageView) {
  const host = new ScriptedHost();
  host.replies["link.begin"] = () => Promise.resolve({ flow: "f1" });
  const store = new LinkingStore(host);
  store.start();
  store.choose();
  await store.begin("personal", "choir");
  host.tell("link", { seq: 0, link: link(stage) });
  return { host, store };
}

test("the flow begins where the app says", async () => {
  const { host, store } = await begun({ stage: "prove", side: "kept" });
  expect(host.asked("link.begin")).toEqual([{ kept: "personal", set_aside: "choir" }]);
  expect(store.stage).toBe("flow");
  expect(store.view?.stage.stage).toBe("prove");
});

test("a refusal to begin is said, and the choice stays", async () => {
  const host = new ScriptedHost();
  host.replies["link.begin"] = () => Promise.reject(new HostError("change_under_way"));
  const store = new LinkingStore(host);
  store.choose();
  await store.begin("personal", "choir");
  expect(store.error?.code).toBe("change_under_way");
  expect(store.stage).toBe("choose");
});

test.each(["direction", "preview", "export", "exported", "not_changed"] as const)(
  "at %s closing gives it up",
  async (stage) => {
    const { host, store } = await begun({ stage });
    await store.cancel();
    expect(host.asked("link.cancel")).toEqual([{ flow: "f1" }]);
    expect(host.last("link").closed).toBe(true);
    expect(store.stage).toBe("closed");
  },
);

test.each<LinkStageView>([
  { stage: "working", step: "asking" },
  { stage: "unknown", journal: "j" },
  { stage: "done", at: 1, journal: "j", sealed: "s" },
])("at $stage nothing is given up", async (stage) => {
  const { host, store } = await begun(stage);
  expect(store.canStop).toBe(false);
  await store.cancel();
  expect(host.asked("link.cancel")).toEqual([]);
});

test("giving up cancels the sign-in under way as well", async () => {
  const { host, store } = await begun({ stage: "prove", side: "kept" });
  host.replies["link.prove"] = () => Promise.resolve({ attempt: "a1" });
  const proof = store.prove("kept");
  await Promise.resolve();
  await Promise.resolve();
  host.tell("sign_in", { seq: 0, sign_in: { phase: "waiting" } });
  expect(store.browser.waiting).toBe(true);
  await store.cancel();
  await proof;
  expect(host.asked("sign_in.cancel")).toEqual([{ attempt: "a1" }]);
  expect(store.browser.view).toBeNull();
});

test("another choice keeps the mailbox and gives the rest up", async () => {
  const { host, store } = await begun({ stage: "blocked" });
  await store.chooseAnother();
  expect(host.asked("link.cancel")).toEqual([{ flow: "f1" }]);
  expect([store.stage, store.kept, store.setAside]).toEqual(["choose", "personal", null]);
});

test("a change the app tells of is taken up without a dialog, once", () => {
  const host = new ScriptedHost();
  const store = new LinkingStore(host);
  store.adopt("f1");
  store.adopt("f1");
  host.tell("link", { seq: 0, link: link({ stage: "unknown", journal: "j" }) });
  expect(host.feeds).toHaveLength(1);
  expect(store.minimised).toBe(true);
  expect(store.view?.stage.stage).toBe("unknown");
});

test("a change the app no longer knows is forgotten", () => {
  const host = new ScriptedHost();
  const store = new LinkingStore(host);
  store.adopt("f1");
  host.end("link", "not_found");
  expect(store.stage).toBe("closed");
});

test("the same copy is made once more as it was asked for", async () => {
  const { host, store } = await begun({ stage: "export" });
  await store.export({ eml: true, passphrase: "sun moon" });
  await store.exportAgain(true);
  expect(host.asked("link.export").at(-1)).toEqual({
    flow: "f1",
    eml: true,
    passphrase: "sun moon",
    retry: true,
  });
});

test("a sign-in that the app begins by itself is followed, and followed once", async () => {
  const { host, store } = await begun({ stage: "working", step: "asking" });
  const asking = { ...link({ stage: "working", step: "asking" }), attempt: "a7" };
  host.tell("link", { seq: 1, link: asking });
  await Promise.resolve();
  expect(host.last("sign_in").open).toEqual({ attempt: "a7" });
  host.tell("sign_in", { seq: 0, sign_in: { phase: "waiting" } });
  expect([store.browser.waiting, store.proving]).toEqual([true, "set_aside"]);
  host.tell("sign_in", { seq: 1, sign_in: { phase: "proved", account: "choir" } });
  host.tell("link", { seq: 2, link: asking });
  expect(host.feeds.filter(({ feed }) => feed === "sign_in")).toHaveLength(1);
});
