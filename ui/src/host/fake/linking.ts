/** Identities and the change of two mailboxes into one, answered out of memory. */
import type { LinkView } from "../../contract.gen.ts";
import type { FakeContext, Handlers } from "./context.ts";

export function linkView(): LinkView | null {
  return null;
}

export function linkingHandlers(_: FakeContext): Handlers {
  return {};
}
