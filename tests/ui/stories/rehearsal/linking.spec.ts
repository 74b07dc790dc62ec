import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, QUESTION, test as base, type App } from "./fixture.ts";

const CHECK_EXPORT = fileURLToPath(
  new URL("../../../../crates/mail-engine/tests/engine/check_export.py", import.meta.url),
);
const PERSONAL = /ana\.m@mail\.example/;
const CHOIR = /ana@choir\.example/;
const CONFIRMED = "Open Personal with both sign-ins, and set Choir aside?";

/** Somebody who goes through the dialog. */
class Change {
  constructor(readonly app: App) {}

  get dialog() {
    return this.app.page.locator(".linking");
  }

  heading(name: string | RegExp) {
    return this.dialog.getByRole("heading", { level: 2, name });
  }

  button(name: string) {
    return this.dialog.getByRole("button", { name, exact: true });
  }

  /** Everything of both accounts is here. */
  async ready(): Promise<void> {
    await expect(this.app.tiles).toHaveCount(2);
    await expect(this.app.page.getByText(/^Up to date/)).toBeVisible({ timeout: 30_000 });
  }

  async start(): Promise<void> {
    const panel = await this.app.settings("Linked identities");
    await panel.getByRole("button", { name: "Use one mailbox for two sign-ins…" }).click();
    await expect(this.heading("What would you like?")).toBeVisible();
  }

  async toChoose(): Promise<void> {
    await this.dialog.getByRole("radio", { name: /Open one mailbox with two/ }).check({
      force: true,
    });
    await this.button("Continue").click();
  }

  async choose(kept: string, setAside: string): Promise<void> {
    const radio = (group: string, name: string) =>
      this.dialog
        .getByRole("group", { name: group })
        .getByRole("radio", { name: new RegExp(name) });
    await radio("Keep this mailbox", kept).check();
    await radio("Also open it", setAside).check();
    await this.button("Continue").click();
  }

  async toProve(): Promise<void> {
    await this.start();
    await this.toChoose();
    await this.choose("Personal", "Choir");
    await expect(this.heading("Prove that Choir is yours")).toBeVisible();
  }

  async toDirection(): Promise<void> {
    await this.toProve();
    await this.app.inBrowser(this.button("Sign in as Choir"), CHOIR);
    await expect(this.heading("Which mailbox do you keep?")).toBeVisible();
  }

  async toPreview(): Promise<void> {
    await this.toDirection();
    await this.button("Keep Personal").click();
    await expect(this.heading("Look at what would be set aside")).toBeVisible();
    await expect(this.button("Continue")).toBeEnabled();
  }

  async toExport(): Promise<void> {
    await this.toPreview();
    await this.button("Continue").click();
    await expect(this.heading("Take it with you")).toBeVisible();
  }

  async withoutCopy(): Promise<void> {
    await this.dialog.getByRole("radio", { name: "I do not want a copy" }).check();
    await this.dialog.getByRole("checkbox", { name: /there will be no copy/ }).check();
    await this.button("Go on without a copy").click();
  }

  async toConfirm(): Promise<void> {
    await this.toExport();
    await this.withoutCopy();
    await expect(this.heading(CONFIRMED)).toBeVisible();
  }

  async confirm(): Promise<void> {
    await this.dialog.getByRole("textbox").fill("ana@choir.example");
    await this.button("Set Choir aside and continue").click();
  }

  /** Both accounts are as they were, and the service was not asked. */
  async expectAsBefore(): Promise<void> {
    const { app } = this;
    await expect(this.dialog).toHaveCount(0);
    await app.page.keyboard.press("Escape");
    await expect(app.dialog()).toHaveCount(0);
    await expect(app.tiles).toHaveCount(2);
    await expect(app.tile(/^Personal, .*Up to date/)).toBeVisible();
    await expect(app.tile(/^Choir, .*Up to date/)).toBeVisible();
    await expect(app.sealed).toHaveCount(0);
    await expect(app.rowsOf("Choir").first()).toBeVisible();
    expect(await app.requests(QUESTION)).toBe(0);
    expect(await app.usersSetAside()).toEqual([]);
  }
}

const test = base.extend<{ change: Change }>({
  change: async ({ app }, use) => {
    await use(new Change(app));
  },
});

test.use({ people: "Personal,Choir", size: 80 });

test("Choir is opened with Personal: proved, looked at, taken along, confirmed, done", async ({
  app,
  change,
}) => {
  test.setTimeout(120_000);
  const { page } = app;
  await change.ready();
  const held = await app.held("Choir");

  // Long after the sign-in both sides have to be proved.
  await app.clockAhead(400);
  await change.start();
  await change.toChoose();
  await change.choose("Personal", "Choir");
  await expect(change.heading("Prove that Personal is yours")).toBeVisible();
  await app.clockAhead(0);
  await app.inBrowser(change.button("Sign in as Personal"), PERSONAL);
  await expect(change.heading("Prove that Choir is yours")).toBeVisible();
  await app.inBrowser(change.button("Sign in as Choir"), CHOIR);
  await expect(change.heading("Which mailbox do you keep?")).toBeVisible();
  await expect(change.dialog.getByRole("region", { name: "Kept" })).toContainText("Personal");
  await change.button("Keep Personal").click();

  const figure = (label: string) =>
    change.dialog.getByRole("listitem").filter({ has: page.getByText(label, { exact: true }) });
  await expect(figure("conversations")).toContainText(`${held.conversations}`);
  await expect(figure("messages")).toContainText(`${held.messages}`);
  await expect(figure("unread messages")).toContainText(`${held.unread}`);
  await expect(figure(held.drafts === 1 ? "draft" : "drafts")).toContainText(`${held.drafts}`);

  // A row opens its list; the change waits in the bar.
  await change.dialog.getByRole("button", { name: "Show unread messages" }).click();
  await expect(change.dialog).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "Choir" })).toBeVisible();
  await page.getByRole("button", { name: "Back to the change" }).click();
  await change.button("Continue").click();

  // Somebody who changes their mind at the question where stays on the page.
  await app.saveNextAt(null);
  await change.button("Choose a place…").click();
  await expect(change.button("Choose a place…")).toBeEnabled();
  const copy = join(app.bridge.saved, "choir copy");
  await app.saveNextAt(copy);
  await change.button("Choose a place…").click();
  await expect(change.heading("The copy is made and checked")).toBeVisible({ timeout: 30_000 });
  await expect(change.dialog).toContainText(`${held.messages} of ${held.messages} messages`);
  const compared = Number(execFileSync("python3", [CHECK_EXPORT, copy], { encoding: "utf8" }));
  expect(compared).toBeGreaterThanOrEqual(held.messages);
  await change.button("Continue").click();

  await expect(change.heading(CONFIRMED)).toBeVisible();
  await change.dialog.getByRole("textbox").fill("ana@choir.exam");
  await expect(change.button("Set Choir aside and continue")).toBeDisabled();
  expect(await app.requests(QUESTION)).toBe(0);
  await change.confirm();
  await expect(change.heading("Both sign-ins open Personal now")).toBeVisible({ timeout: 30_000 });
  const pack = join(app.bridge.saved, "pack.txt");
  await app.saveNextAt(pack);
  await change.button("Save recovery pack…").click();
  await expect.poll(() => existsSync(pack)).toBe(true);
  await change.button("Done").click();
  await page.keyboard.press("Escape");

  expect(await app.requests(QUESTION)).toBe(1);
  expect((await app.usersSetAside()).map(({ user }) => user)).toEqual(["github|4417208"]);
  await expect(app.tiles).toHaveCount(1);
  await expect(app.sealed).toContainText("Choir");
  await expect(app.rows.first()).toBeVisible();
  const panel = await app.settings("Linked identities");
  const box = panel.getByRole("region", { name: "Personal" });
  await expect(box.getByRole("listitem")).toHaveCount(2);
  await expect(box).toContainText("Google");
  await expect(box).toContainText("GitHub");
});

const STEPS: [page: string, go: (change: Change) => Promise<void>][] = [
  ["purpose", (change) => change.start()],
  [
    "choice",
    async (change) => {
      await change.start();
      await change.toChoose();
    },
  ],
  ["proof", (change) => change.toProve()],
  ["direction", (change) => change.toDirection()],
  ["preview", (change) => change.toPreview()],
  ["copy", (change) => change.toExport()],
  ["confirmation", (change) => change.toConfirm()],
];

test("given up at any page, both accounts are as before", async ({ change }) => {
  test.setTimeout(120_000);
  await change.ready();
  for (const [page, go] of STEPS) {
    await test.step(page, async () => {
      await go(change);
      await change.button("Cancel").click();
      await change.expectAsBefore();
    });
  }
  // Also while the browser is waited for.
  await change.toProve();
  await change.button("Sign in as Choir").click();
  await expect(change.dialog).toContainText("Waiting for your browser…");
  await change.button("Cancel").click();
  await change.expectAsBefore();
});

test("somebody else than was asked for, or a proof that has run out, changes nothing", async ({
  app,
  change,
}) => {
  await change.ready();
  await change.toProve();
  const github = /ana\.m@mail\.example/;
  await app.inBrowser(change.button("Sign in as Choir"), github);
  await expect(change.dialog).toContainText(/not ana@choir\.example\. Nothing was changed\./);
  await app.inBrowser(change.button("Try again"), CHOIR);
  await change.button("Keep Personal").click();
  await change.button("Continue").click();
  await change.withoutCopy();
  await app.clockAhead(400);
  await change.confirm();
  await expect(change.heading("Prove that Personal is yours")).toBeVisible();
  await expect(change.dialog).toContainText("your choices are kept");
  await app.clockAhead(0);
  await app.inBrowser(change.button("Sign in as Personal"), PERSONAL);
  await expect(change.heading(CONFIRMED)).toBeVisible();
  await change.button("Cancel").click();
  await change.expectAsBefore();
});

test("the service says no: the sign-in opens another mailbox, and nothing was changed", async ({
  app,
  change,
}) => {
  await change.ready();
  await change.toConfirm();
  await app.goWrong({ ...QUESTION, act: { kind: "status", status: 409 }, times: 1 });
  await change.confirm();
  await expect(change.heading("Nothing was changed")).toBeVisible({ timeout: 30_000 });
  await expect(change.dialog).toContainText("This sign-in already opens a different mailbox");
  await change.button("Close").click();
  await app.page.keyboard.press("Escape");
  await expect(app.tile(/^Choir, .*Up to date/)).toBeVisible({ timeout: 30_000 });
  await expect(app.rowsOf("Choir").first()).toBeVisible();
  expect(await app.usersSetAside()).toEqual([]);
});

test("a service that has a fault after it has done it ends in done by itself", async ({
  app,
  change,
}) => {
  await change.ready();
  await change.toConfirm();
  await app.goWrong({ ...QUESTION, act: { kind: "status-after", status: 500 }, times: 1 });
  await change.confirm();
  await expect(change.heading("Both sign-ins open Personal now")).toBeVisible({ timeout: 30_000 });
  expect(await app.requests(QUESTION)).toBe(1);
  await change.button("Done").click();
  await expect(app.tiles).toHaveCount(1);
});

test("a service that says yes and does nothing ends in nothing changed, and opens again", async ({
  app,
  change,
}) => {
  await change.ready();
  await change.toConfirm();
  await app.goWrong({ ...QUESTION, act: { kind: "status", status: 200 }, times: 1 });
  await change.confirm();
  await expect(change.heading("Nothing was changed")).toBeVisible({ timeout: 60_000 });
  expect(await app.requests(QUESTION)).toBe(1);
  await expect(app.tiles).toHaveCount(2);
  // Another try begins at the figures.
  await change.button("Try again").click();
  await expect(change.heading("Look at what would be set aside")).toBeVisible();
  await change.button("Cancel").click();
  await app.page.keyboard.press("Escape");
  await expect(app.tile(/^Choir, .*Up to date/)).toBeVisible({ timeout: 30_000 });
  await expect(app.rowsOf("Choir").first()).toBeVisible();
  await expect(app.sealed).toHaveCount(0);
});

test("a sign-in that owns nothing is added, and removed after a fresh proof; the last one stays", async ({
  app,
  change,
}) => {
  const { page } = app;
  await change.ready();
  const panel = await app.settings("Linked identities");
  const box = panel.getByRole("region", { name: "Personal" });
  await box.getByRole("button", { name: /^Add another sign-in/ }).click();
  const adding = app.dialog("Add another sign-in to Personal");
  // The second person of this connection owns no mailbox.
  await app.inBrowser(adding.getByRole("button", { name: "GitHub" }), PERSONAL);
  const added = app.dialog("The sign-in is added");
  await expect(added).toContainText("opens Personal now, too.");
  await added.getByRole("button", { name: "Done" }).click();
  await expect(box.getByRole("listitem")).toHaveCount(2);

  await app.clockAhead(400);
  await box.getByRole("button", { name: "Remove… GitHub from Personal" }).click();
  const removing = app.dialog("Remove GitHub from Personal?");
  await expect(removing).toContainText("This does not bring back a mailbox that was set aside");
  await removing.getByRole("button", { name: "Remove this sign-in" }).click();
  await expect(removing).toContainText("Prove first that it is you");
  await app.clockAhead(0);
  await app.inBrowser(removing.getByRole("button", { name: "Sign in, then remove" }), PERSONAL);
  await expect(removing).toBeHidden();
  await expect(page.getByText(/no longer opens Personal\./).first()).toBeVisible();
  await expect(box.getByRole("listitem")).toHaveCount(1);

  await box.getByRole("button", { name: "Remove… Google from Personal" }).click();
  const stays = app.dialog("This sign-in stays");
  await expect(stays).toContainText("the only way into the mailbox Personal");
  await app.page.keyboard.press("Escape");
  await expect(stays).toBeHidden();
  await expect(box.getByRole("listitem")).toHaveCount(1);
});

test("a sign-in with a mailbox of its own is not simply added", async ({ app, change }) => {
  await change.ready();
  const panel = await app.settings("Linked identities");
  const box = panel.getByRole("region", { name: "Personal" });
  await box.getByRole("button", { name: /^Add another sign-in/ }).click();
  const adding = app.dialog("Add another sign-in to Personal");
  await app.inBrowser(adding.getByRole("button", { name: "GitHub" }), CHOIR);
  await expect(adding).toContainText("This sign-in has a mailbox of its own.");
  await expect(adding).toContainText("Nothing was changed.");
  await adding.getByRole("button", { name: "Use one mailbox for two sign-ins…" }).click();
  await expect(change.heading("What would you like?")).toBeVisible();
  await change.button("Cancel").click();
  await change.expectAsBefore();
});

test.describe("with Work", () => {
  test.use({ people: "Work,Personal" });

  test("an organisation that does not allow it is named, and nothing was changed", async ({
    app,
    change,
  }) => {
    await change.ready();
    await change.start();
    await change.toChoose();
    await change.choose("Work", "Personal");
    await app.inBrowser(change.button("Sign in as Personal"), PERSONAL);
    await change.button("Keep Work").click();
    await change.button("Continue").click();
    await change.withoutCopy();
    await change.dialog.getByRole("textbox").fill("ana.m@mail.example");
    await change.button("Set Personal aside and continue").click();
    await expect(change.heading("Nothing was changed")).toBeVisible({ timeout: 30_000 });
    await expect(change.dialog).toContainText(
      "does not allow another sign-in to open Work. This is the rule of whoever runs the sign-ins",
    );
    await change.dialog
      .getByRole("button", { name: "See them together instead", exact: true })
      .click();
    await expect(app.tiles).toHaveCount(2);
    await expect(app.rowsOf("Personal").first()).toBeVisible({ timeout: 30_000 });
    await expect(app.rowsOf("Work").first()).toBeVisible();
    expect(await app.usersSetAside()).toEqual([]);
  });
});
