/** Sessions, devices and settings pages of the login service, answered out of memory. */
import type { FakeContext, Handlers } from "./context.ts";

export function sessionHandlers(_: FakeContext): Handlers {
  return {};
}
