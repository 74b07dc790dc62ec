/** What the fake app tells of itself. */
import type { AppView, BodyView, ConversationView, PreferencesView } from "../../contract.gen.ts";
import type { Open } from "../host.ts";
import type { FakeThread } from "./mail.ts";
import type { FakeSetting } from "./states.ts";

const WAYS_IN = [
  { id: "northwind", name: "Northwind" },
  { id: "mail", name: "Mail account" },
  { id: "choir", name: "Choir members" },
];

export function appView(
  { tenant, vault, oneAccount, linking }: FakeSetting,
  preferences: PreferencesView,
): AppView {
  const rehearsal = tenant === "rehearsal";
  return {
    version: "0.1.0",
    vault,
    one_account: oneAccount,
    linking,
    linking_forbidden: false,
    preferences,
    tenant:
      tenant === "none"
        ? null
        : {
            host: rehearsal ? "127.0.0.1" : "login.northwind.example",
            application_id: "app_1a2b3c",
            managed: false,
            rehearsal,
            connections: rehearsal ? WAYS_IN : [],
          },
  };
}

export function conversationView(
  threads: readonly FakeThread[],
  bodies: ReadonlyMap<number, BodyView>,
  { account, thread }: Open<"conversation">,
): ConversationView | null {
  const found = threads.find((one) => one.account === account && one.thread === thread);
  if (!found) {
    return null;
  }
  const messages = found.messages.map((message) => {
    const body = bodies.get(message.key) ?? { kind: "folded" as const };
    return { ...message, body, attachments: body.kind === "ready" ? message.attachments : [] };
  });
  return { account, thread, subject: found.subject, messages };
}
