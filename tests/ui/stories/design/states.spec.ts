import { expect, test } from "./fixture.ts";

test("an account that fails has a bar with what to do, the others go on", async ({ window }) => {
  await window.open("failing");
  const { page } = window;
  await expect(
    page.getByText("Choir needs you to sign in again. Its mail stays readable."),
  ).toBeVisible();
  await expect(window.row("Parts for the Fauré")).toBeVisible();
  await page.getByRole("button", { name: "Details" }).click();
  await expect(page.getByText("403 Forbidden")).toBeVisible();
  await expect(
    page.getByRole("button", { name: /^Choir, ana@choir.example.*Sign in again$/ }),
  ).toBeVisible();
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("dialog", { name: "Sign in to Choir again" })).toBeVisible();
});

test("first run: errors stand beside the field they belong to", async ({ window }) => {
  await window.open("first_run");
  const { page } = window;
  await page.getByRole("button", { name: /Connect to your organisation/ }).click();
  await page.getByLabel("Login address").fill("nothing");
  await page.getByLabel("Application id").fill("app_1");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(page.getByLabel("Login address")).toHaveAccessibleDescription(/not a login address/);
  await expect(page.getByLabel("Login address")).toBeFocused();
  await page.getByLabel("Login address").fill("login.northwind.example");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(page.getByText("Braid is connected to login.northwind.example")).toBeVisible();
});

test("removing an account says what goes and then what went", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await page.getByRole("button", { name: /^Choir/ }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Remove from this computer…" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove Choir from this computer?" });
  await expect(dialog).toContainText("4,218");
  await expect(dialog).toContainText("312 MB");
  await page.getByRole("button", { name: "Remove Choir" }).click();
  await expect(page.getByRole("dialog", { name: "Choir is removed" })).toContainText(
    "5 files deleted and checked to be gone",
  );
  const items = page.getByRole("region", { name: "What was deleted" });
  await expect(items.getByRole("row", { name: /mail.sqlite · 214 MB gone/ })).toBeVisible();
  await expect(items.getByRole("row", { name: /Key braid \/ choir/ })).toContainText("gone");
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("button", { name: /^Choir/ })).toHaveCount(0);
  await expect(window.row("Parts for the Fauré")).toHaveCount(0);
});

test("the theme of the preferences wins over the system's", async ({ window }) => {
  await window.page.emulateMedia({ colorScheme: "light" });
  await window.open("fine");
  const { page } = window;
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(await background()).toBe("rgb(244, 243, 240)");
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("radio", { name: "Dark" }).check({ force: true });
  await expect.poll(background).toBe("rgb(24, 24, 26)");
});

test("a mailbox that is being filled says so in words and numbers", async ({ window }) => {
  await window.open("first_sync_empty");
  await expect(window.page.getByRole("progressbar", { name: "First fetch" })).toHaveAttribute(
    "aria-valuetext",
    "Fetching 0 of 5,000",
  );
  await expect(window.page.getByText("Mail appears here as it comes.")).toBeVisible();
});

test("a missing keyring can be tried again or done without", async ({ window }) => {
  await window.open("vault_missing");
  const { page } = window;
  await expect(page.getByText(/This system has no keyring/)).toBeVisible();
  await page.getByRole("button", { name: "Go on without" }).click();
  await expect(page.getByText(/This system has no keyring/)).toBeHidden();
});
