/**
 * The app in memory, for unit tests and design work: builds for people do not contain it.
 * The state is chosen by name, see {@link FAKE_STATES}.
 */
import { FakeApp } from "./fake/app.ts";
import { FAKE_STATES, type FakeState } from "./fake/states.ts";
import type { Host } from "./host.ts";

export { FakeApp } from "./fake/app.ts";

export function fakeHost(state: string): Host {
  const name = state in FAKE_STATES ? (state as FakeState) : "main";
  return new FakeApp(FAKE_STATES[name]());
}
