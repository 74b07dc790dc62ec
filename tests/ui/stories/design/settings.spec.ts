import { expect, test, type Window } from "./fixture.ts";
import { serious } from "./serious.ts";

declare global {
  var braidSeparation: { leak: boolean };
}

async function settings(window: Window, state: string, tab: string) {
  await window.open(state);
  await window.page.getByRole("button", { name: "Settings" }).click();
  await window.page.getByRole("tab", { name: tab }).click();
  return window.page.getByRole("tabpanel", { name: tab });
}

const TABS = ["Appearance", "Accounts", "Sessions", "Linked identities", "Separation"];

for (const scheme of ["light", "dark"] as const) {
  test(`no serious finding on any page of the settings, ${scheme}`, async ({ window }) => {
    // Each page is looked at as a whole.
    test.slow();
    const { page } = window;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await settings(window, "main", "Appearance");
    for (const tab of TABS) {
      await page.getByRole("tab", { name: tab }).click();
      await expect(
        page.getByRole("tabpanel", { name: tab }).getByRole("heading").first(),
      ).toBeVisible();
      expect(await serious(window, "[role=dialog]")).toEqual([]);
    }
    await page.getByRole("button", { name: "Run the check now" }).click();
    await expect(page.getByRole("table")).toBeVisible();
    expect(await serious(window, "[role=dialog]")).toEqual([]);
    await page.getByRole("tab", { name: "Sessions" }).click();
    await page.getByRole("button", { name: "Copy for support… for Work" }).click();
    await expect(page.getByLabel("Text for support")).toBeVisible();
    expect(await serious(window, "[role=dialog]")).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: "Linked identities" }).click();
    await page.getByRole("button", { name: "Add another sign-in… to Work" }).click();
    expect(await serious(window, "[role=dialog]")).toEqual([]);
  });
}

test("pages are turned by arrow keys", async ({ window }) => {
  await settings(window, "fine", "Appearance");
  const { page } = window;
  for (const tab of TABS.slice(1)) {
    await page.keyboard.press("ArrowDown");
    await expect(page.getByRole("tab", { name: tab })).toBeFocused();
    await expect(page.getByRole("tabpanel", { name: tab })).toBeVisible();
  }
});

test("how much of an account's texts stays here is said and asked", async ({ window }) => {
  const panel = await settings(window, "main", "Accounts");
  await panel.getByRole("button", { name: "Texts of Work on this computer" }).click();
  const dialog = window.page.getByRole("dialog", { name: "Texts on this computer" });
  await expect(dialog).toContainText("They take 214 MB now.");
  await dialog.getByLabel("Keep texts").selectOption({ label: "Of the last 90 days" });
  await dialog.getByLabel("Room for them").selectOption({ label: "Up to 500 MB" });
  expect(await serious(window, "[role=dialog]")).toEqual([]);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  // Back in the settings; it holds for this account alone.
  await panel.getByRole("button", { name: "Texts of Work on this computer" }).click();
  const chosen = dialog.getByLabel("Keep texts").locator("option:checked");
  await expect(chosen).toHaveText("Of the last 90 days");
  await window.page.keyboard.press("Escape");
  await panel.getByRole("button", { name: "Texts of Personal on this computer" }).click();
  await expect(chosen).toHaveText("Of any age");
});

test("a session card says who, how, since and until when", async ({ window }) => {
  const panel = await settings(window, "main", "Sessions");
  const work = panel.getByRole("region", { name: "Work" });
  await expect(work).toContainText("Ana Moreau · ana@northwind.example");
  await expect(work).toContainText("Northwind, login.northwind.example");
  await expect(work).toContainText(/Renews itself at \d\d:\d\d/);
  await expect(work).toContainText(/Ends (Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ \w+/);
  await work.getByText("2 hosts contacted").click();
  await expect(work).toContainText("mail.northwind.example:443");
  const personal = panel.getByRole("region", { name: "Personal" });
  await expect(personal).toContainText("Braid asks now and then");
  await expect(personal).not.toContainText("Second factors");
});

test("Fix does the one right thing, and says which", async ({ window }) => {
  const panel = await settings(window, "main", "Sessions");
  const { page } = window;
  await expect(
    panel.getByRole("region", { name: "Work" }).getByRole("button", { name: /again/ }),
  ).toHaveCount(0);
  await panel.getByRole("button", { name: "Sign in again for Choir" }).click();
  await expect(page.getByRole("dialog", { name: "Sign in to Choir again" })).toBeVisible();
});

test("what goes to support is shown before it is copied", async ({ window }) => {
  await window.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const panel = await settings(window, "fine", "Sessions");
  const { page } = window;
  await panel.getByRole("button", { name: "Copy for support… for Work" }).click();
  await expect(page.getByLabel("Text for support")).toHaveValue(/Account work/);
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await expect
    .poll(() => page.evaluate(() => navigator.clipboard.readText()))
    .toContain("Account work");
  await page.keyboard.press("Escape");
  await expect(panel.getByRole("button", { name: "Copy for support… for Work" })).toBeFocused();
});

test("a second factor is removed after a question", async ({ window }) => {
  const panel = await settings(window, "fine", "Sessions");
  const { page } = window;
  const work = panel.getByRole("region", { name: "Work" });
  await work.getByRole("button", { name: "Remove… Phone of Ana" }).click();
  await page.getByRole("button", { name: "Keep" }).click();
  await expect(work).toContainText("Phone of Ana");
  await work.getByRole("button", { name: "Remove… Phone of Ana" }).click();
  await page.getByRole("button", { name: "Remove Phone of Ana" }).click();
  await expect(work).not.toContainText("Phone of Ana");
  await expect(work).toContainText("Security key, blue");
});

test("accounts change their order by buttons, and a dialog leads back here", async ({ window }) => {
  const panel = await settings(window, "fine", "Accounts");
  const { page } = window;
  const names = panel.getByRole("list", { name: /Accounts/ }).locator("b");
  await panel.getByRole("button", { name: "Move Choir up" }).click();
  await expect(names).toHaveText(["Work", "Choir", "Personal"]);
  await panel.getByRole("button", { name: /^Edit Choir/ }).click();
  await page.getByLabel("Name", { exact: true }).fill("Singing");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(names).toHaveText(["Work", "Singing", "Personal"]);
});

test("groups are made, and dissolved without their accounts", async ({ window }) => {
  const panel = await settings(window, "fine", "Accounts");
  const { page } = window;
  await panel.getByRole("button", { name: "New group…" }).click();
  const dialog = page.getByRole("dialog", { name: "New group" });
  await dialog.getByLabel("Name", { exact: true }).fill("Home");
  await dialog.getByRole("checkbox", { name: /Personal/ }).check();
  await dialog.getByRole("button", { name: "Make the group" }).click();
  await expect(panel.getByRole("button", { name: "Edit the group Home" })).toBeVisible();
  await panel.getByRole("button", { name: "Dissolve the group Home" }).click();
  await expect(panel.getByRole("button", { name: "Edit the group Home" })).toHaveCount(0);
  await expect(panel.getByText("ana.m@mail.example")).toBeVisible();
});

test("one account at a time asks which one stays, and can be thought over", async ({ window }) => {
  const panel = await settings(window, "fine", "Accounts");
  const { page } = window;
  const toggle = panel.getByRole("switch", { name: "One account at a time" });
  await toggle.click();
  await expect(page.getByRole("dialog", { name: "Which account stays?" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(toggle).not.toBeChecked();
  await toggle.click();
  await page.getByRole("radio", { name: /Personal/ }).check();
  await page.getByRole("button", { name: "Keep only Personal" }).click();
  await expect(toggle).toBeChecked();
  await expect(panel.getByRole("list", { name: /Accounts/ }).locator("b")).toHaveText(["Personal"]);
});

test("a sign-in that opens nothing yet is added", async ({ window }) => {
  const panel = await settings(window, "fine", "Linked identities");
  const { page } = window;
  await panel.getByRole("button", { name: "Add another sign-in… to Personal" }).click();
  await page.getByRole("button", { name: "Choir members", exact: true }).click();
  await expect(page.getByRole("dialog").last()).toContainText("Waiting for your browser…");
  await page.evaluate(() =>
    (globalThis as never as { braidLinking: { added(a: string): void } }).braidLinking.added(
      "personal",
    ),
  );
  await expect(page.getByRole("dialog", { name: "The sign-in is added" })).toContainText(
    "ana-sings",
  );
  await page.getByRole("button", { name: "Done" }).click();
  await expect(panel.getByRole("region", { name: "Personal" })).toContainText("ana-sings");
});

test("a sign-in with a mailbox of its own leads to the careful way", async ({ window }) => {
  const panel = await settings(window, "fine", "Linked identities");
  const { page } = window;
  await panel.getByRole("button", { name: "Add another sign-in… to Personal" }).click();
  await page.getByRole("button", { name: "Choir members", exact: true }).click();
  await page.evaluate(() =>
    braidFake.signInAt({ phase: "failed", code: "sign_in_taken", detail: null }),
  );
  const dialog = page.getByRole("dialog", { name: /Add another/ });
  await expect(dialog).toContainText("has a mailbox of its own");
  await dialog.getByRole("button", { name: "Use one mailbox for two sign-ins…" }).click();
  await expect(page.getByRole("heading", { name: "What would you like?" })).toBeFocused();
});

test("the last sign-in stays", async ({ window }) => {
  const panel = await settings(window, "fine", "Linked identities");
  const { page } = window;
  await panel.getByRole("button", { name: "Remove… Northwind from Work" }).click();
  const dialog = page.getByRole("dialog", { name: "This sign-in stays" });
  await expect(dialog).toContainText("is the only way into the mailbox");
  await dialog.getByRole("button", { name: "Add another sign-in…" }).click();
  await expect(page.getByRole("dialog", { name: "Add another sign-in to Work" })).toBeVisible();
});

test("removing a sign-in says what it does not bring back, and asks for a proof", async ({
  window,
}) => {
  const panel = await settings(window, "fine", "Linked identities");
  const { page } = window;
  const control = (name: "added" | "renewed") =>
    page.evaluate(
      (call) =>
        (globalThis as never as { braidLinking: Record<string, (a: string) => void> }).braidLinking[
          call
        ]?.("personal"),
      name,
    );
  await panel.getByRole("button", { name: "Add another sign-in… to Personal" }).click();
  await page.getByRole("button", { name: "Choir members", exact: true }).click();
  await control("added");
  await page.getByRole("button", { name: "Done" }).click();
  await panel.getByRole("button", { name: "Remove… GitHub from Personal" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove GitHub from Personal?" });
  await expect(dialog).toContainText("does not bring back a mailbox that was set aside");
  await dialog.getByRole("button", { name: "Remove this sign-in" }).click();
  await expect(dialog).toContainText("Prove first that it is you");
  await dialog.getByRole("button", { name: "Sign in, then remove" }).click();
  await expect(dialog).toContainText("Waiting for your browser…");
  await control("renewed");
  await expect(dialog).toHaveCount(0);
  await expect(panel.getByRole("region", { name: "Personal" })).not.toContainText("GitHub");
});

test("an account that is signed out cannot list its sign-ins, and says what to do", async ({
  window,
}) => {
  const panel = await settings(window, "main", "Linked identities");
  const choir = panel.getByRole("region", { name: "Choir" });
  await expect(choir).toContainText("Sign in again to see the sign-ins of this mailbox.");
  await choir.getByRole("button", { name: "Sign in to Choir" }).click();
  await expect(window.page.getByRole("dialog", { name: "Sign in to Choir again" })).toBeVisible();
});

test("the check of separation is told in words, good and bad, and is saved", async ({ window }) => {
  const panel = await settings(window, "fine", "Separation");
  const { page } = window;
  await expect(panel.getByRole("region", { name: "Work" })).toContainText("braid / work");
  await expect(panel.getByRole("button", { name: "Save the report…" })).toHaveCount(0);
  await panel.getByRole("button", { name: "Run the check now" }).click();
  await expect(panel).toContainText("Kept apart.");
  await expect(panel.getByRole("row").filter({ hasText: "Found, where it belongs" })).toHaveCount(
    3,
  );
  await page.evaluate(() => (braidSeparation.leak = true));
  await panel.getByRole("button", { name: "Run the check now" }).click();
  await expect(panel).toContainText("Not kept apart.");
  await expect(panel.getByRole("row").nth(1)).toContainText("Found 1 time: search.sqlite");
  await panel.getByRole("button", { name: "Save the report…" }).click();
  await expect(page.getByText("braid-separation.txt is saved.").last()).toBeVisible();
});

for (const [width, height, text] of [
  [1440, 900, "200%"],
  [720, 480, "100%"],
  [720, 480, "200%"],
] as const) {
  test(`the settings fit ${width} by ${height} with text at ${text}`, async ({ window }) => {
    const { page } = window;
    await settings(window, "main", "Appearance");
    await page.setViewportSize({ width, height });
    await page.evaluate((size) => (document.documentElement.style.fontSize = size), text);
    for (const tab of TABS) {
      await page.getByRole("tab", { name: tab }).click();
      const wide = await page.locator(".settings-frame").evaluate((frame) =>
        [...frame.querySelectorAll("*")]
          .filter((part) => !part.closest(".quiet-words, .lines"))
          .filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
          .map((part) => part.outerHTML.slice(0, 80)),
      );
      expect(wide).toEqual([]);
    }
  });
}
