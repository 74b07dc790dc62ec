/** The sign-ins of each mailbox, answered out of memory. */
import type { IdentityView } from "../../contract.gen.ts";
import { HostError } from "../host.ts";
import type { FakeContext, Handlers } from "./context.ts";
import { fakeNow } from "./records.ts";
import { fakeConnection } from "./sessions.ts";

const DAY = 86_400;

/** What a story does in place of the browser. */
export interface IdentitiesControl {
  /** The browser came back with a sign-in that opened nothing yet. */
  added(account: string): void;
  /** The browser came back with a fresh sign-in to the account. */
  renewed(account: string): void;
  /** The mailbox has one sign-in more. */
  give(account: string, identity: IdentityView): void;
}

export function identity(account: string, place = 0, person = "Ana Moreau"): IdentityView {
  const connection = place === 0 ? account : `more-${place}`;
  return {
    id: `${account}|${place}`,
    connection,
    connection_name: place === 0 ? fakeConnection(account) : "GitHub",
    person,
    since: fakeNow() - (900 - place * 400) * DAY,
    current: place === 0,
  };
}

export function identityHandlers({ state, signInAt }: FakeContext): {
  handlers: Handlers;
  control: IdentitiesControl;
} {
  const more = new Map<string, IdentityView[]>();
  const removed = new Set<string>();
  const proved = new Set<string>();
  const list = (account: string) =>
    [identity(account), ...(more.get(account) ?? [])].filter(({ id }) => !removed.has(id));
  const give = (account: string, one: IdentityView) =>
    void more.set(account, [...(more.get(account) ?? []), one]);

  const control: IdentitiesControl = {
    give,
    added(account) {
      const one = identity(account, list(account).length, "ana-sings");
      give(account, one);
      signInAt({ phase: "identity_added", account, identity: one });
    },
    renewed(account) {
      proved.add(account);
      signInAt({ phase: "renewed", account });
    },
  };
  const handlers: Handlers = {
    "identities.list": ({ account }) => {
      if (state.accounts.find(({ id }) => id === account)?.health.kind === "sign_in_needed") {
        throw new HostError("sign_in_again");
      }
      return { account, identities: list(account) };
    },
    "identity.add": () => {
      signInAt({ phase: "waiting" });
      return { attempt: "attempt-add" };
    },
    "identity.remove": ({ account, identity: id }) => {
      if (list(account).length < 2) {
        throw new HostError("last_sign_in");
      }
      if (!proved.has(account)) {
        throw new HostError("proof_needed");
      }
      removed.add(id);
      return { account, identities: list(account) };
    },
  };
  return { handlers, control };
}
