import { expect, test, type Window } from "./fixture.ts";
import { serious } from "./serious.ts";

const ROW = 80;
const DAY = 86_400;

function tile(window: Window, name: RegExp) {
  return window.page.getByRole("toolbar", { name: "Accounts" }).getByRole("button", { name });
}

async function choose(window: Window, account: RegExp, item: string): Promise<void> {
  await tile(window, account).click({ button: "right" });
  await window.page.getByRole("menuitem", { name: item }).click();
}

/** Begins adding an account and lets the login service answer. */
async function signInEndsAt(window: Window, view: unknown): Promise<void> {
  const { page } = window;
  await page.getByRole("button", { name: /^(Add an account|Switch account)$/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Northwind" }).click();
  await tellSignIn(window, view);
}

async function tellSignIn({ page }: Window, view: unknown): Promise<void> {
  await expect(page.getByText("Go on in your browser.")).toBeVisible();
  await page.evaluate((next) => {
    const { braidFake } = globalThis as unknown as {
      braidFake: { signInAt(view: unknown): void };
    };
    braidFake.signInAt(next);
  }, view);
}

const IDENTITY = {
  id: "p1",
  connection: "mail",
  connection_name: "Mail account",
  person: "ana@home.example",
  since: null,
  current: true,
};

const CONFIRM = {
  phase: "confirm",
  person: "Ana Marques",
  email: "ana@home.example",
  connection: "Mail account",
  name: "Home",
  color: "moss",
  sealed: null,
  replaces: [],
};

function sealedFor(days: number) {
  return {
    id: "sealed-home",
    name: "Home",
    email: "ana@home.example",
    letter: "H",
    color: "moss",
    why: "signed_out",
    sealed_at: 0,
    keep_until: Math.floor(Date.now() / 1000) + days * DAY - 60,
    octets: 312_000_000,
    journal: null,
  };
}

test("a paused account keeps its mail and goes on when it is told to", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await choose(window, /^Choir/, "Pause");
  await expect(tile(window, /^Choir/)).toHaveAccessibleName(/Paused · showing mail from 14:02$/);
  await page.keyboard.press("Control+3");
  await expect(window.row("Parts for the Fauré")).toBeVisible();
  await expect(page.getByText("Choir is paused. No new mail arrives")).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("Choir is paused.")).toBeHidden();
});

test("a locked account shows nothing of its mail anywhere, and comes back where it was", async ({
  window,
}) => {
  await window.open("fine");
  const { page } = window;
  // Choir's mail is in the list of all accounts too; Work's is not in Choir's.
  await expect(window.row("Cutover plan")).toBeVisible();
  await page.keyboard.press("Control+3");
  await expect(page.getByRole("heading", { name: "Choir" })).toBeVisible();
  await expect(window.row("Cutover plan")).toHaveCount(0);
  await expect(window.row("Parts for the Fauré")).toBeVisible();
  await window.scrollListTo(12 * ROW);
  await expect(window.list.locator("[aria-rowindex='13']")).toBeVisible();
  await window.list.locator("[aria-rowindex='14']").click();
  await expect(window.conversation.getByRole("heading", { level: 2 })).toBeVisible();
  // The browser's driver scrolls a row it clicks, as it sees fit.
  const place = await window.list.evaluate((element) => element.scrollTop);
  expect(place).toBeGreaterThan(0);
  await choose(window, /^Choir/, "Lock");
  await expect(page.getByText("Choir is locked.")).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(0);
  await expect(page.getByRole("treeitem")).toHaveCount(0);
  await expect(window.conversation.getByRole("heading", { level: 2 })).toBeHidden();
  await page.keyboard.press("Control+0");
  await expect(window.row("Cutover plan")).toBeVisible();
  await expect(window.row("Parts for the Fauré")).toHaveCount(0);
  await expect(page.getByText("Choir is locked.")).toBeVisible();
  await page.keyboard.press("Control+3");
  await page.getByRole("main").getByRole("button", { name: "Unlock" }).click();
  await expect.poll(() => window.list.evaluate((element) => element.scrollTop)).toBe(place);
});

test("signing out keeps a sealed copy, which can be kept longer and brought back", async ({
  window,
}) => {
  await window.open("fine");
  const { page } = window;
  await choose(window, /^Choir/, "Sign out…");
  const dialog = page.getByRole("dialog", { name: "Sign out of Choir?" });
  await expect(dialog.getByRole("radio", { name: "Keep a sealed copy for 30 days" })).toBeChecked();
  await dialog.getByRole("button", { name: "Sign out" }).click();
  await expect(tile(window, /^Choir/)).toHaveCount(0);
  await expect(window.row("Parts for the Fauré")).toHaveCount(0);
  const sealed = page.getByRole("region", { name: "Sealed" });
  await expect(sealed).toContainText("kept 30 days");
  await sealed.getByRole("button", { name: "Sealed copy of Choir, kept 30 days" }).click();
  await page.getByRole("menuitem", { name: "Keep for ever" }).click();
  await expect(sealed).toContainText("kept for ever");
  await sealed.getByRole("button").click();
  await expect(page.getByRole("menuitem", { name: /recovery pack/ })).toHaveCount(0);
  await page.getByRole("menuitem", { name: "Bring back" }).click();
  await expect(tile(window, /^Choir/)).toHaveAccessibleName(/Sign in again$/);
  await expect(sealed).toHaveCount(0);
});

test("signing out can wipe at once, and the receipt can be copied", async ({ window }) => {
  await window.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await window.open("fine");
  const { page } = window;
  await choose(window, /^Choir/, "Sign out…");
  await page.getByRole("radio", { name: "Wipe it now" }).check();
  await page.getByRole("button", { name: "Sign out and wipe" }).click();
  const done = page.getByRole("dialog", { name: "Choir is signed out" });
  await expect(done).toContainText("5 files deleted and checked to be gone, 312 MB freed.");
  await expect(done.getByRole("row")).toHaveCount(8);
  await done.getByRole("button", { name: "Copy the receipt" }).click();
  await expect(done.getByRole("button", { name: "Copied" })).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain("Braid: what was deleted of ana@choir.example");
  expect(copied).toContain("Key braid / choir in the system keyring: gone");
  await done.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("region", { name: "Sealed" })).toHaveCount(0);
});

test("deleting a sealed copy asks first and shows a receipt", async ({ window }) => {
  await window.open("sealed");
  const { page } = window;
  await page.getByRole("button", { name: /^Sealed copy of Home/ }).click();
  await expect(page.getByRole("menuitem", { name: "Save the recovery pack…" })).toBeVisible();
  await page.getByRole("menuitem", { name: "Delete now…" }).click();
  await expect(page.getByRole("dialog")).toContainText("nothing brings it back");
  await page.getByRole("button", { name: "Delete the copy" }).click();
  await expect(page.getByRole("region", { name: "What was deleted" })).toContainText("gone");
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("button", { name: /^Sealed copy/ })).toHaveCount(1);
});

test("with nobody signed in, kept copies are named and can be deleted", async ({ window }) => {
  await window.open("all_sealed");
  const { page } = window;
  await expect(page.getByRole("region", { name: "Kept on this computer" })).toContainText(
    "ana@contoso.example, kept 23 days",
  );
  expect(await serious(window)).toEqual([]);
  await page.getByRole("button", { name: "Delete the sealed copy of ana@contoso.example" }).click();
  await page.getByRole("button", { name: "Delete the copy" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("ana@contoso.example")).toHaveCount(0);
});

test("adding somebody whose copy is kept offers it, unless they say no", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await signInEndsAt(window, { ...CONFIRM, sealed: sealedFor(23) });
  const dialog = page.getByRole("dialog", { name: "You are adding ana@home.example" });
  const offer = dialog.getByRole("checkbox", { name: /Bring back the copy/ });
  await expect(offer).toBeChecked();
  await expect(offer).toHaveAccessibleDescription(/23 days left, 312 MB/);
  expect(await serious(window)).toEqual([]);
  await dialog.getByRole("button", { name: "Add account" }).click();
  await expect(tile(window, /^Home, ana@home.example/)).toBeVisible();
});

test("the same person again is told so, and nothing changes", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await signInEndsAt(window, { phase: "already_here", account: "work" });
  const dialog = page.getByRole("dialog", { name: "You are already signed in" });
  await expect(dialog).toContainText(
    "You are already signed in as ana@northwind.example. Choose another account in the browser.",
  );
  expect(await serious(window)).toEqual([]);
  await dialog.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByText("Go on in your browser.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator("[data-drag='account']")).toHaveCount(3);
});

test("a sign-in that opens a mailbox here already is good news", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await signInEndsAt(window, { phase: "already_opens", account: "work", identity: IDENTITY });
  const dialog = page.getByRole("dialog", { name: "This sign-in is known" });
  await expect(dialog).toContainText("ana@home.example already opens Work.");
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toBeHidden();
});

test("a link that the service made by itself is explained, and leads to the sign-ins", async ({
  window,
}) => {
  await window.open("fine");
  const { page } = window;
  await signInEndsAt(window, { phase: "linked_by_itself", account: "work", identity: IDENTITY });
  const dialog = page.getByRole("dialog", { name: "The mail service joined two sign-ins" });
  await expect(dialog).toContainText(
    "The mail service joined this sign-in to Work on its own. We have not touched what is on this computer.",
  );
  await dialog.getByText("What this means").click();
  await expect(dialog).toContainText("it can no longer be opened with this sign-in");
  expect(await serious(window)).toEqual([]);
  await dialog.getByRole("button", { name: "Remove this sign-in…" }).click();
  await expect(page.getByRole("dialog", { name: "Settings" })).toBeVisible();
});

test("somebody else than was asked for changes nothing", async ({ window }) => {
  await window.open("main");
  const { page } = window;
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await tellSignIn(window, {
    phase: "other_person",
    expected: "ana@choir.example",
    found: "bo@choir.example",
  });
  await expect(page.getByRole("alert")).toContainText(
    "You signed in as bo@choir.example, but this account is ana@choir.example.",
  );
});

test("signing in again in place keeps the place in the list and what is selected", async ({
  window,
}) => {
  await window.open("main");
  const { page } = window;
  await expect(window.row("Cutover plan")).toBeVisible();
  await window.scrollListTo(20 * ROW);
  const row = window.list.locator("[aria-rowindex='23']");
  await row.click();
  const subject = await window.conversation.getByRole("heading", { level: 2 }).textContent();
  // The browser's driver scrolls a row it clicks, as it sees fit.
  const place = await window.list.evaluate((element) => element.scrollTop);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await tellSignIn(window, { phase: "renewed", account: "choir" });
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.getByText("Choir is signed in again.").last()).toBeVisible();
  expect(await window.list.evaluate((element) => element.scrollTop)).toBe(place);
  await expect(row).toHaveAttribute("aria-selected", "true");
  await expect(window.conversation.getByRole("heading", { level: 2 })).toHaveText(subject ?? "");
});

test("where only one account may be, another one takes its place after saying so", async ({
  window,
}) => {
  await window.open("one_account");
  const { page } = window;
  await expect(tile(window, /^Add an account/)).toHaveCount(0);
  await signInEndsAt(window, {
    ...CONFIRM,
    replaces: [{ id: "work", name: "Work", email: "ana@northwind.example" }],
  });
  const dialog = page.getByRole("dialog", { name: "You are switching to ana@home.example" });
  await expect(dialog).toContainText("Work (ana@northwind.example) is signed out completely");
  await expect(dialog.getByRole("radio", { name: "Keep a sealed copy for 30 days" })).toBeChecked();
  expect(await serious(window)).toEqual([]);
  await dialog.getByRole("button", { name: "Switch account" }).click();
  await expect(tile(window, /^Home, ana@home.example/)).toBeVisible();
  await expect(page.locator("[data-drag='account']")).toHaveCount(1);
  await expect(page.getByRole("region", { name: "Sealed" })).toContainText("Work");
});

test("several accounts where only one may be: the person says which one stays", async ({
  window,
}) => {
  await window.open("one_account_choose");
  const { page } = window;
  const dialog = page.getByRole("dialog", { name: "Which account stays?" });
  await expect(dialog).toContainText("Your organisation allows one account at a time.");
  await expect(dialog.getByRole("button", { name: "Keep only this one" })).toBeDisabled();
  expect(await serious(window)).toEqual([]);
  await dialog.getByRole("button", { name: "Not now" }).click();
  await page.getByRole("button", { name: "Choose…" }).click();
  await dialog.getByRole("radio", { name: /Personal/ }).check();
  await expect(dialog).toContainText("Work and Choir are signed out.");
  await dialog.getByRole("button", { name: "Keep only Personal" }).click();
  await expect(page.locator("[data-drag='account']")).toHaveCount(1);
  await expect(tile(window, /^Personal/)).toBeVisible();
  await expect(page.getByRole("button", { name: /^Sealed copy/ })).toHaveCount(2);
});

test("a bar can be put out of sight for today in the merged view only", async ({ window }) => {
  await window.open("failing");
  const { page } = window;
  await page.getByRole("button", { name: "Hide for today: Choir" }).click();
  await expect(page.getByText("Choir needs you to sign in again.")).toBeHidden();
  await page.keyboard.press("Control+3");
  await expect(page.getByText("Choir needs you to sign in again.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Hide for today/ })).toHaveCount(0);
});

test("an account that a list cannot read is named, and the others go on", async ({ window }) => {
  await window.open("unreadable");
  await expect(window.page.getByText("Choir cannot be read just now.")).toBeVisible();
  await expect(window.row("Cutover plan")).toBeVisible();
});

test("many bars leave room for mail until they are asked for", async ({ window }) => {
  await window.open("rail");
  const { page } = window;
  await expect(page.getByText("6 more accounts have something to say.")).toBeVisible();
  await expect(window.row("Cutover plan")).toBeInViewport();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page.getByText("Diary is locked.")).toBeAttached();
});

for (const scheme of ["light", "dark"] as const) {
  test(`no serious finding in the life of an account, ${scheme}`, async ({ window }) => {
    const { page } = window;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await window.open("sealed");
    expect(await serious(window)).toEqual([]);
    await page.getByRole("button", { name: /^Sealed copy of Old job/ }).click();
    await expect(page.getByRole("menu")).toBeVisible();
    expect(await serious(window)).toEqual([]);
    await page.keyboard.press("Escape");
    await choose(window, /^Choir/, "Sign out…");
    await expect(page.getByRole("dialog")).toBeVisible();
    expect(await serious(window)).toEqual([]);
    await page.getByRole("radio", { name: "Wipe it now" }).check();
    await page.getByRole("button", { name: "Sign out and wipe" }).click();
    await expect(page.getByRole("button", { name: "Copy the receipt" })).toBeVisible();
    expect(await serious(window)).toEqual([]);
    await page.getByRole("button", { name: "Done" }).click();
    await choose(window, /^Personal/, "Lock");
    await page.keyboard.press("Control+2");
    await expect(page.getByText("Personal is locked.")).toBeVisible();
    expect(await serious(window)).toEqual([]);
  });
}
