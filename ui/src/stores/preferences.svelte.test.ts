import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ScriptedHost } from "../host/script.ts";
import { PreferencesStore } from "./preferences.svelte.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("changes are remembered once, after the last of them", () => {
  const host = new ScriptedHost();
  const preferences = new PreferencesStore(host);
  preferences.setSidebarWidth(210.4);
  preferences.setSidebarWidth(220.6);
  preferences.setTheme("dark");
  vi.advanceTimersByTime(399);
  expect(host.calls).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(host.asked("preferences.set")).toEqual([
    { theme: "dark", scope: null, sidebar_width: 221, list_width: null },
  ]);
});

test("the shown theme follows the system only where nothing else is said", () => {
  const preferences = new PreferencesStore(new ScriptedHost());
  preferences.systemDark = true;
  expect(preferences.shownTheme).toBe("dark");
  preferences.setTheme("light");
  expect(preferences.shownTheme).toBe("light");
});
