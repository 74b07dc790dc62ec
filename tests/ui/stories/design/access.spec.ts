import { expect, test, type Window } from "./fixture.ts";
import { serious } from "./serious.ts";

const STATES = [
  "main",
  "failing",
  "damaged",
  "vault_missing",
  "disk_full",
  "offline",
  "empty",
  "loading",
  "first_sync",
  "first_run",
  "no_accounts",
];

for (const scheme of ["light", "dark"] as const) {
  for (const state of STATES) {
    test(`no serious finding: ${state}, ${scheme}`, async ({ window }) => {
      await window.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await window.open(state);
      if (["main", "offline"].includes(state)) {
        await window.row("Cutover plan").click();
        await expect(window.conversation.getByRole("article").last()).toBeVisible();
      }
      expect(await serious(window)).toEqual([]);
    });
  }

  test(`no serious finding in dialogs and menus, ${scheme}`, async ({ window }) => {
    const { page } = window;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await window.open("main");
    await page.getByRole("button", { name: "Settings" }).click();
    expect(await serious(window)).toEqual([]);
    await page.getByRole("tab", { name: "Accounts" }).click();
    expect(await serious(window)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Add an account" }).click();
    expect(await serious(window)).toEqual([]);
  });

  test(`no serious finding in the keys and a removal, ${scheme}`, async ({ window }) => {
    const { page } = window;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await window.open("main");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
    expect(await serious(window)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Work/ }).click({ button: "right" });
    await expect(page.getByRole("menu")).toBeVisible();
    expect(await serious(window)).toEqual([]);
    await page.getByRole("menuitem", { name: "Remove from this computer…" }).click();
    await expect(page.getByRole("dialog")).toContainText("on disk");
    expect(await serious(window)).toEqual([]);
  });
}

test("Tab goes through the window in reading order", async ({ window }) => {
  await window.open("main");
  const { page } = window;
  await expect(window.row("Cutover plan")).toBeVisible();
  const stops: string[] = [];
  for (let step = 0; step < 13; step++) {
    await page.keyboard.press("Tab");
    stops.push(
      await page.evaluate(() => {
        const at = document.activeElement;
        return at?.getAttribute("aria-label") ?? at?.textContent?.trim() ?? "";
      }),
    );
  }
  expect(stops).toEqual([
    "All accounts, 17 unread, Choir: Sign in again",
    "Inbox, 17 unread",
    "Width of the mailboxes",
    "Search all accounts",
    "How the list is shown",
    "All",
    "Unread",
    "Starred",
    "Files",
    "Sign in",
    "Hide for today: Choir",
    "Messages",
    "Width of the list",
  ]);
});

test("F6 goes round the parts of the window", async ({ window }) => {
  await window.open("main");
  const { page } = window;
  await window.row("Cutover plan").click();
  const part = () =>
    page.evaluate(() =>
      document.activeElement?.closest("[data-region]")?.getAttribute("data-region"),
    );
  await page.locator("body").press("F6");
  const seen = [await part()];
  for (let step = 0; step < 4; step++) {
    await page.keyboard.press("F6");
    seen.push(await part());
  }
  expect(new Set(seen)).toEqual(new Set(["rail", "sidebar", "list", "reading"]));
  expect(seen[0]).toBe(seen[4]);
});

/** Controls that lie over each other or outside of the window. */
async function collisions(window: Window): Promise<string[]> {
  return window.page.evaluate(() => {
    const controls = [
      ...document.querySelectorAll<HTMLElement>("button, [role=treeitem], h2, input"),
    ]
      .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 1)
      .filter((element) => !element.closest(".scroller, .quiet-words"));
    const found: string[] = [];
    const name = (element: HTMLElement) =>
      element.getAttribute("aria-label") ?? element.textContent?.trim() ?? element.tagName;
    for (const [place, one] of controls.entries()) {
      const a = one.getBoundingClientRect();
      if (a.right > innerWidth + 1 || a.left < -1) {
        found.push(`${name(one)} is outside`);
      }
      for (const other of controls.slice(place + 1)) {
        if (one.contains(other) || other.contains(one)) {
          continue;
        }
        const b = other.getBoundingClientRect();
        const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (width > 1 && height > 1) {
          found.push(`${name(one)} lies over ${name(other)}`);
        }
      }
    }
    return found;
  });
}

for (const [width, height, text] of [
  [1440, 900, "100%"],
  [1100, 720, "100%"],
  [800, 600, "100%"],
  [720, 480, "100%"],
  [1440, 900, "200%"],
  [800, 600, "200%"],
] as const) {
  test(`nothing overlaps at ${width} by ${height} with text at ${text}`, async ({ window }) => {
    const { page } = window;
    await page.setViewportSize({ width, height });
    await window.open("main");
    await page.evaluate((size) => (document.documentElement.style.fontSize = size), text);
    await expect(window.row("Cutover plan")).toBeVisible();
    expect(await collisions(window)).toEqual([]);
    await window.row("Cutover plan").click();
    await expect(window.conversation.getByRole("heading", { level: 2 })).toBeVisible();
    expect(await collisions(window)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
      width,
    );
  });
}

test("a narrow window shows one part at a time and goes back by key", async ({ window }) => {
  const { page } = window;
  await page.setViewportSize({ width: 800, height: 600 });
  await window.open("fine");
  await window.scrollListTo(200);
  await window.list.locator("[aria-rowindex='5']").click();
  await expect(window.list).toBeHidden();
  await page.keyboard.press("Escape");
  await expect(window.list).toBeFocused();
  expect(await window.list.evaluate((element) => element.scrollTop)).toBe(200);
  await page.keyboard.press("[");
  await page.getByRole("treeitem", { name: "Starred" }).click();
  await expect(page.getByRole("heading", { name: "Starred" })).toBeVisible();
  await expect(page.getByRole("tree")).toBeHidden();
});
