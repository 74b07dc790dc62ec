/** Where each account's things lie, and the check, answered out of memory. */
import type { FakeContext, Handlers } from "./context.ts";

export function separationHandlers(_: FakeContext): Handlers {
  return {};
}
