import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "./fixture.ts";

test.use({ people: "Work,Personal", size: 120 });

test("the check of separation is green, and its report is saved", async ({ app }) => {
  const { page } = app;
  await expect(page.getByText(/^Up to date/)).toBeVisible({ timeout: 30_000 });
  const panel = await app.settings("Separation");
  await panel.getByRole("button", { name: "Run the check now" }).click();
  await expect(panel).toContainText("Kept apart.", { timeout: 60_000 });
  const result = panel.getByRole("region", { name: "Result of the check" });
  await expect(result.getByRole("row", { name: /Found, where it belongs/ }).first()).toBeVisible();
  await expect(
    result.getByRole("row", { name: /^Work .*Personal.*Not found, as it should be/ }).first(),
  ).toBeVisible();

  const place = join(app.bridge.saved, "separation-of-a-story.txt");
  await app.saveNextAt(place);
  await panel.getByRole("button", { name: "Save the report…" }).click();
  await expect(page.getByText("separation-of-a-story.txt is saved.").first()).toBeVisible();
  const report = await readFile(place, "utf8");
  expect(report).toContain("Result: passed");
  expect(report).toMatch(/Marker of Work .*, in rows of Personal .*: not found/);
  expect(report).not.toMatch(/eyJ|ana@northwind/);
});

test("the page of sessions says what is true", async ({ app }) => {
  const { page } = app;
  await expect(page.getByText(/^Up to date/)).toBeVisible({ timeout: 30_000 });
  const panel = await app.settings("Sessions");
  const card = panel.getByRole("region", { name: "Work" });
  const fact = (term: string) =>
    card.getByRole("definition").and(card.locator(`dt:text-is("${term}") + dd`));
  await expect(fact("Signed in by")).toContainText("Northwind, 127.0.0.1");
  await expect(fact("Token")).toContainText("Renews itself at");
  await expect(fact("New mail")).toHaveText("The server tells at once");
  await expect(fact("Waiting to be sent")).toHaveText("Nothing");
  await expect(fact("Last synchronisation")).not.toHaveText("None yet");
  await card.getByText(/hosts? contacted/).click();
  const hosts = card.getByRole("listitem").filter({ hasText: "127.0.0.1" });
  await expect(hosts.first()).toContainText(/[1-9]\d* requests?, last/);

  // The text for support has neither mail nor secret in it.
  await card.getByRole("button", { name: /^Copy for support/ }).click();
  const support = app.dialog("For support: Work").getByRole("textbox");
  await expect(support).toHaveValue(/State: current[^]*New mail: push/);
  expect(await support.inputValue()).not.toMatch(/eyJ|@northwind|Cutover plan|access_token/);
  await page.keyboard.press("Escape");
  await expect(support).toBeHidden();
});
