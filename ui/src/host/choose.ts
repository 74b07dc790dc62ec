import type { Host } from "./host.ts";

declare global {
  /** Whether this build knows the fake host; set by the build. */
  const __FAKE_HOST__: boolean;
}

/** The window's own host inside the app, the bridge in a plain browser. */
export async function chooseHost(): Promise<Host> {
  if (__FAKE_HOST__) {
    const state = new URLSearchParams(location.search).get("fake");
    if (state !== null) {
      const { fakeHost } = await import("./fake.ts");
      return fakeHost(state);
    }
  }
  if ("__TAURI_INTERNALS__" in window) {
    const { TauriHost } = await import("./tauri.ts");
    return new TauriHost();
  }
  const { BridgeHost } = await import("./bridge.ts");
  return new BridgeHost();
}
