import { expect, test } from "./fixture.ts";

const WORK = /^Work, ana@northwind\.example/;
const PERSONAL = /^Personal, ana\.m@mail\.example/;
const CHOIR = /^Choir, ana@choir\.example/;

test.use({ size: 120 });

test("three accounts come one after another, and none disturbs another", async ({ app }) => {
  const { page } = app;
  await page.getByRole("button", { name: /Try the rehearsal/ }).click();
  await app.inBrowser(page.getByRole("button", { name: "Northwind" }), /ana@northwind/);
  await expect(app.dialog("You are adding ana@northwind.example")).toBeVisible();
  await page.getByRole("button", { name: "Add account" }).click();
  await expect(app.rowsOf("Work").or(app.rows).first()).toBeVisible({ timeout: 30_000 });

  await app.addBy("Google", /ana\.m@mail\.example/);
  const adding = app.dialog(/^You are adding/);
  await expect(adding).toContainText("ana.m@mail.example");
  await expect(app.tiles).toHaveCount(1);
  await adding.getByRole("button", { name: "Add account" }).click();
  await expect(app.tile(PERSONAL)).toBeVisible();
  await expect(page.getByText(/^Up to date/)).toBeVisible({ timeout: 30_000 });

  // What is open stays open while one more comes.
  await app.rows.nth(2).click();
  const subject = app.conversation.getByRole("heading", { level: 2 });
  const words = (await subject.textContent()) ?? "";
  await app.addBy("GitHub", /ana@choir\.example/);
  await expect(adding).toContainText("ana@choir.example");
  await expect(app.tiles).toHaveCount(2);
  await adding.getByRole("button", { name: "Add account" }).click();
  await expect(app.tile(CHOIR)).toBeVisible();
  await expect(subject).toHaveText(words);
  await expect(app.tiles).toHaveCount(3);
  for (const name of ["Work", "Personal", "Choir"]) {
    await expect(app.rowsOf(name).first()).toBeVisible({ timeout: 30_000 });
  }
});

test.describe("with two accounts", () => {
  test.use({ people: "Work,Personal" });

  test("somebody who is signed in already is told so, and nothing changes", async ({ app }) => {
    await expect(app.tiles).toHaveCount(2);
    await app.addBy("Google", /ana\.m@mail\.example/);
    const told = app.dialog("You are already signed in");
    await expect(told).toContainText("You are already signed in as ana.m@mail.example.");
    await told.getByRole("button", { name: "Show Personal" }).click();
    await expect(app.page.getByRole("heading", { name: "Personal" })).toBeVisible();
    await expect(app.tiles).toHaveCount(2);
    await expect(app.rows.first()).toBeVisible();
  });

  test("an account is paused, locked, signed out, brought back and removed", async ({ app }) => {
    const { page } = app;
    await expect(app.rowsOf("Personal").first()).toBeVisible();
    await expect(page.getByText(/^Up to date/)).toBeVisible({ timeout: 30_000 });

    await app.choose(PERSONAL, "Pause");
    await expect(app.tile(PERSONAL)).toHaveAccessibleName(/Paused/);
    await app.control("/mail/deliver", {
      account: "Personal",
      from_name: "Mum",
      from: "mum@mail.example",
      subject: "Bring the big pot",
      text: "On Sunday.",
    });
    // What comes to another account shows that time has gone on; the paused one has not asked.
    await app.control("/mail/deliver", {
      account: "Work",
      from_name: "Noor Haddad",
      from: "noor@northwind.example",
      subject: "The lift works again",
      text: "Third floor as well.",
    });
    await expect(app.list.getByRole("row", { name: /The lift works again/ })).toBeVisible();
    await expect(app.list.getByRole("row", { name: /Bring the big pot/ })).toHaveCount(0);
    await expect(app.rowsOf("Personal").first()).toBeVisible();
    await app.choose(PERSONAL, "Resume");
    await expect(app.list.getByRole("row", { name: /Bring the big pot/ })).toBeVisible();

    await app.choose(PERSONAL, "Lock");
    await expect(app.tile(PERSONAL)).toHaveAccessibleName(/Locked/);
    await expect(app.rowsOf("Personal")).toHaveCount(0);
    await expect(app.rowsOf("Work").first()).toBeVisible();
    await app.choose(PERSONAL, "Unlock");
    await expect(app.rowsOf("Personal").first()).toBeVisible();

    await app.choose(PERSONAL, "Sign out…");
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await expect(app.tile(PERSONAL)).toHaveCount(0);
    await expect(app.rows.first()).toBeVisible();
    await expect(app.list.getByRole("row", { name: /Bring the big pot/ })).toHaveCount(0);
    await expect(app.sealed).toContainText("Personal");
    // Here no keyring keeps the key, and the page says what that means.
    await expect(app.sealed).toContainText("readable until Braid ends");

    await app.sealed.getByRole("button", { name: /^Sealed copy of Personal/ }).click();
    await page.getByRole("menuitem", { name: "Bring back" }).click();
    await expect(app.tile(PERSONAL)).toBeVisible();
    await expect(app.sealed).toHaveCount(0);
    await expect(app.list.getByRole("row", { name: /Bring the big pot/ })).toBeVisible();
    const before = (await app.opened()).length;
    await app.choose(PERSONAL, "Sign in again");
    await app.signInBy([/ana\.m@mail\.example/], before);
    await expect(app.tile(PERSONAL)).toHaveAccessibleName(/Up to date/);

    await app.choose(PERSONAL, "Remove from this computer…");
    const removing = app.dialog("Remove Personal from this computer?");
    await expect(removing).toContainText(/[1-9]\d* messages/);
    await removing.getByRole("button", { name: "Remove Personal" }).click();
    const receipt = app.dialog("Personal is removed").getByRole("region", {
      name: "What was deleted",
    });
    await expect(receipt.getByRole("row", { name: /gone$/ }).first()).toBeVisible();
    await expect(receipt.getByRole("row", { name: /still there$/ })).toHaveCount(0);
    await page.getByRole("button", { name: "Done" }).click();
    await expect(app.tile(PERSONAL)).toHaveCount(0);
    await expect(app.tile(WORK)).toBeVisible();
    await expect(app.rows.first()).toBeVisible();
  });

  test("one account at a time: one stays, another one takes its place", async ({ app }) => {
    const { page } = app;
    await expect(app.rowsOf("Personal").first()).toBeVisible();
    const panel = await app.settings("Accounts");
    await panel.getByRole("switch", { name: "One account at a time" }).click();
    const asked = app.dialog("Which account stays?");
    await asked.getByRole("radio", { name: /Personal/ }).check();
    await expect(asked).toContainText("Work is signed out.");
    await asked.getByRole("button", { name: "Keep only Personal" }).click();
    await expect(asked).toBeHidden();
    await page.keyboard.press("Escape");
    await expect(app.dialog()).toHaveCount(0);
    await expect(app.tiles).toHaveCount(1);
    await expect(app.tile(PERSONAL)).toBeVisible();
    await expect(app.sealed).toContainText("Work");

    await app.addBy("GitHub", /ana@choir\.example/);
    const switching = app.dialog("You are switching to ana@choir.example");
    await expect(switching).toContainText("Personal (ana.m@mail.example) is signed out completely");
    await switching.getByRole("radio", { name: "Wipe it now" }).check();
    await switching.getByRole("button", { name: "Switch account" }).click();
    await expect(app.tile(CHOIR)).toBeVisible();
    await expect(app.tiles).toHaveCount(1);
    await expect(app.rows.first()).toBeVisible({ timeout: 30_000 });
    await expect(app.sealed).not.toContainText("Personal");
    expect(await app.requests({ server: "login", method: "DELETE", path: "/api/session" })).toBe(2);

    await (
      await app.settings("Accounts")
    )
      .getByRole("switch", { name: "One account at a time" })
      .click();
    await page.keyboard.press("Escape");
    await expect(app.rail.getByRole("button", { name: "Add an account" })).toBeVisible();
  });
});
