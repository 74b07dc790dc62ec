import { expect, test } from "vitest";

import { DialogsStore } from "./dialogs.svelte.ts";

test("a dialog that was opened from the settings leads back to them", () => {
  const dialogs = new DialogsStore();
  dialogs.show({ kind: "settings", page: "accounts" });
  dialogs.show({ kind: "one_account" });
  dialogs.close();
  expect(dialogs.open).toEqual({ kind: "settings", page: "accounts" });
});

test("what comes late to a dialog that is closed already closes no other", () => {
  const dialogs = new DialogsStore();
  dialogs.show({ kind: "settings", page: "accounts" });
  dialogs.show({ kind: "one_account" });
  const close = dialogs.closer();
  dialogs.close();
  close();
  expect(dialogs.open).toEqual({ kind: "settings", page: "accounts" });
});
