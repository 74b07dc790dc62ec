import { AxeBuilder } from "@axe-core/playwright";

import { expect, test } from "./fixture.ts";

test.use({ people: "Work,Personal", size: 400 });

test("the newest conversation opens, its mail stands in a frame of its own", async ({ app }) => {
  await app.rows.first().click();
  await expect(app.conversation.getByRole("heading", { level: 2 })).toBeVisible();
  const frame = app.conversation.locator("iframe").last();
  await expect(frame).toHaveAttribute("sandbox", "allow-scripts allow-same-origin allow-popups");
  await expect.poll(async () => (await frame.boundingBox())?.height ?? 0).toBeGreaterThan(20);
});

test("a star and a mark are sent and stay", async ({ app }) => {
  const { page } = app;
  await expect(app.rows.first()).toBeVisible();
  const names = await app.rows.evaluateAll((rows) =>
    rows.map((row) => [row.id, row.getAttribute("aria-label") ?? ""] as const),
  );
  const plain = names.find(([, name]) => !/, starred/.test(name))?.[0] ?? "";
  const row = page.locator(`#${plain}`);
  await row.click();
  await page.keyboard.press("s");
  await expect(row).toHaveAccessibleName(/, starred/);
  await page.keyboard.press("Shift+U");
  await expect(row).toHaveAccessibleName(/^Unread/);
  await page.reload();
  await expect(row).toHaveAccessibleName(/^Unread.*, starred/);
  await row.click();
  await page.keyboard.press("s");
  await expect(row).not.toHaveAccessibleName(/, starred/);
});

test("switching accounts by keyboard keeps the place", async ({ app }) => {
  const { page } = app;
  await expect(app.rows.first()).toBeVisible();
  await app.list.evaluate((element) => {
    element.scrollTop = 1_600;
  });
  await expect(app.list.locator("[aria-rowindex='21']:not([aria-busy])")).toBeVisible();
  const at = await app.list.evaluate((element) => element.scrollTop);
  await page.keyboard.press("Control+2");
  await expect(page.getByRole("heading", { name: "Personal" })).toBeVisible();
  await expect(app.rows.first()).toBeVisible();
  await page.keyboard.press("Control+0");
  await expect(page.getByRole("heading", { name: "All accounts" })).toBeVisible();
  await expect.poll(() => app.list.evaluate((element) => element.scrollTop)).toBe(at);
});

test("the merged list holds mail of both accounts, one account only its own", async ({ app }) => {
  const { page } = app;
  await expect(app.list.getByRole("row", { name: /, Work,/ }).first()).toBeVisible();
  await expect(app.list.getByRole("row", { name: /, Personal,/ }).first()).toBeVisible();
  // Counted once everything is here; the total grows until then.
  await expect(page.getByText(/^Up to date/)).toBeVisible({ timeout: 45_000 });
  const all = Number(await app.list.getAttribute("aria-rowcount"));
  let sum = 0;
  for (const key of ["Control+1", "Control+2"]) {
    await page.keyboard.press(key);
    await expect(
      page.getByRole("heading", { name: key === "Control+1" ? "Work" : "Personal" }),
    ).toBeVisible();
    await expect(app.rows.first()).toBeVisible();
    sum += Number(await app.list.getAttribute("aria-rowcount"));
  }
  expect(sum).toBe(all);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the real window has no serious finding, ${colorScheme}`, async ({ app }) => {
    await app.page.emulateMedia({ colorScheme });
    await app.rows.first().click();
    await expect(app.conversation.locator("iframe").first()).toBeVisible();
    const { violations } = await new AxeBuilder({ page: app.page }).exclude("iframe").analyze();
    const serious = violations.filter(
      ({ impact }) => impact === "serious" || impact === "critical",
    );
    expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
}
