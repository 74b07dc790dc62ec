import { BridgeHost } from "./bridge.ts";
import type { Host } from "./host.ts";
import { TauriHost } from "./tauri.ts";

declare global {
  /** Whether this build knows the fake host; set by the build. */
  const __FAKE_HOST__: boolean;
}

/**
 * The window's own host inside the app, the bridge in a plain browser. Both are small and part of
 * the page: fetching one by itself would come between the page and its first rows.
 */
export async function chooseHost(): Promise<Host> {
  if (__FAKE_HOST__) {
    const state = new URLSearchParams(location.search).get("fake");
    if (state !== null) {
      const { fakeHost } = await import("./fake.ts");
      return fakeHost(state);
    }
  }
  if ("__TAURI_INTERNALS__" in window) {
    return new TauriHost();
  }
  return new BridgeHost();
}
