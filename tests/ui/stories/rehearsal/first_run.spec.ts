import { expect, test } from "./fixture.ts";

test("from the first run to a merged inbox with two sign-ins", async ({ app }) => {
  test.setTimeout(120_000);
  const { page } = app;
  await page.getByRole("button", { name: /Try the rehearsal/ }).click();
  await expect(page.getByRole("heading", { name: "Sign in to your first account" })).toBeVisible();

  await page.getByRole("button", { name: "Your organisation’s sign-in page" }).click();
  await expect(page.getByText("Go on in your browser.")).toBeVisible();
  await app.signInBy([/northwind/i, /ana@northwind\.example/], 0);
  await expect(
    page.getByRole("dialog", { name: "You are adding ana@northwind.example" }),
  ).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("Work");
  await page.getByRole("button", { name: "Add account" }).click();
  await expect(app.tile("Work, ana@northwind.example")).toBeVisible();
  await expect(app.rows.first()).toBeVisible({ timeout: 30_000 });

  await page.getByRole("button", { name: "Add an account" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Google" }).click();
  await app.signInBy([/ana\.m@mail\.example/], 1);
  await expect(
    page.getByRole("dialog", { name: "You are adding ana.m@mail.example" }),
  ).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("Personal");
  await page.getByRole("button", { name: "Add account" }).click();
  await expect(app.tile("Personal, ana.m@mail.example")).toBeVisible();

  await expect(page.getByRole("heading", { name: "All accounts" })).toBeVisible();
  await expect(app.list.getByRole("row", { name: /, Work,/ }).first()).toBeVisible({
    timeout: 30_000,
  });
  await expect(app.list.getByRole("row", { name: /, Personal,/ }).first()).toBeVisible({
    timeout: 30_000,
  });
});
