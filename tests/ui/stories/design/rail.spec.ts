import { expect, test, type Window } from "./fixture.ts";
import { serious } from "./serious.ts";

/** The tiles of accounts, in order, by the beginning of their names. */
async function order(window: Window): Promise<string[]> {
  const names = await window.page
    .locator("[data-drag='account']")
    .evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute("aria-label") ?? ""));
  return names.map((name) => name.split(",")[0] ?? "");
}

function tile(window: Window, name: RegExp | string) {
  return window.page.getByRole("toolbar", { name: "Accounts" }).getByRole("button", { name });
}

async function menuOf(window: Window, name: RegExp) {
  await tile(window, name).click({ button: "right" });
  return window.page.getByRole("menu").first();
}

test("each state has a sign of its own and its words in the name of the tile", async ({
  window,
}) => {
  await window.open("rail");
  const states: [string, string | null, RegExp][] = [
    ["Work", null, /Up to date · 14:02$/],
    ["Agency", "working", /Looking for new mail$/],
    ["Board", "offline", /No connection · showing mail from 14:02$/],
    ["Personal", "waiting", /The server is busy · next try in 2 minutes$/],
    ["Choir", "sign_in_needed", /Sign in again$/],
    ["Club", "ends_soon", /Sign-in ends (today|tomorrow) \d\d:\d\d$/],
    ["Shop", "vault_locked", /Unlock the system keyring$/],
    ["Clinic", "refused", /The server refuses$/],
    ["Archive", "rebuilding", /Braid found damage in .* of Archive .* that you wrote is lost\.$/],
    ["Travel", "paused", /Paused · showing mail from 14:02$/],
    ["Diary", "locked", /Locked$/],
    ["Old", "signed_out", /Signed out$/],
  ];
  expect(await order(window)).toEqual(states.map(([name]) => name));
  for (const [name, sign, words] of states) {
    const found = window.page.locator("[data-drag='account']").filter({
      has: window.page.locator(sign ? `[data-sign=${sign}]` : ":not([data-sign])"),
    });
    const one = tile(window, new RegExp(`^${name}, ana@`));
    await expect(one).toHaveAccessibleName(words);
    if (sign) {
      await expect(found).toHaveCount(1);
      await expect(one.locator(`[data-sign=${sign}]`)).toBeVisible();
    } else {
      await expect(one.locator("[data-sign]")).toHaveCount(0);
    }
  }
});

test("all accounts and a group bear the worst state of theirs, in words too", async ({
  window,
}) => {
  await window.open("rail");
  await expect(tile(window, /^All accounts/)).toHaveAccessibleName(
    "All accounts, 17 unread, Clinic: The server refuses",
  );
  await expect(tile(window, /^Home, group/)).toHaveAccessibleName(/Choir: Sign in again$/);
  await expect(tile(window, /^Home, group/).locator("[data-sign=sign_in_needed]")).toBeVisible();
  await expect(window.page.getByText("Clinic: The server refuses", { exact: true })).toBeVisible();
});

test("a tooltip says in words what the sign means", async ({ window }) => {
  await window.open("rail");
  await tile(window, /^Shop/).hover();
  await expect(window.page.locator(".tip")).toHaveText(/Unlock the system keyring$/);
});

test("keys move a tile, say where it is now and stop at the ends", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  const spoken = page.getByRole("status").first();
  await tile(window, /^Work/).focus();
  await page.keyboard.press("Alt+ArrowDown");
  await expect(spoken).toHaveText("Work, 2 of 3");
  await page.keyboard.press("Alt+ArrowDown");
  await expect(spoken).toHaveText("Work, 3 of 3");
  expect(await order(window)).toEqual(["Personal", "Choir", "Work"]);
  await expect(tile(window, /^Work/)).toBeFocused();
  await page.keyboard.press("Alt+ArrowDown");
  expect(await order(window)).toEqual(["Personal", "Choir", "Work"]);
  await page.keyboard.press("Control+3");
  await expect(page.getByRole("heading", { name: "Work" })).toBeVisible();
});

test("the menu of a tile moves it as well", async ({ window }) => {
  await window.open("fine");
  await menuOf(window, /^Choir/);
  await window.page.getByRole("menuitem", { name: "Move up" }).click();
  expect(await order(window)).toEqual(["Work", "Choir", "Personal"]);
  await expect(window.page.getByRole("status").first()).toHaveText("Choir, 2 of 3");
});

test("a tile is dragged to another place, and the drag is no click", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  const from = await tile(window, /^Choir/).boundingBox();
  const to = await tile(window, /^Work/).boundingBox();
  if (!from || !to) {
    throw new Error("no tiles");
  }
  await page.mouse.move(from.x + 20, from.y + 20);
  await page.mouse.down();
  await page.mouse.move(from.x + 20, from.y - 10, { steps: 4 });
  await page.mouse.move(to.x + 20, to.y + 4, { steps: 6 });
  await page.mouse.up();
  await expect.poll(() => order(window)).toEqual(["Choir", "Work", "Personal"]);
  await expect(page.getByRole("heading", { name: "All accounts" })).toBeVisible();
  await tile(window, /^Choir/).click();
  await expect(page.getByRole("heading", { name: "Choir" })).toBeVisible();
});

test("twelve accounts and their groups are reached by arrow keys in a low window", async ({
  window,
}) => {
  const { page } = window;
  await page.setViewportSize({ width: 800, height: 480 });
  await window.open("rail");
  await tile(window, /^All accounts/).focus();
  await page.keyboard.press("End");
  await expect(page.getByRole("button", { name: "Settings" })).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(page.getByRole("button", { name: "Add an account" })).toBeFocused();
  await expect(page.getByRole("button", { name: "Add an account" })).toBeInViewport();
  await page.keyboard.press("ArrowUp");
  await expect(tile(window, /^Old/)).toBeInViewport();
});

test("unread mail is a number, a dot or nothing, as each account is set", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await expect(tile(window, /^Work/)).toHaveAccessibleName(/15 unread/);
  await menuOf(window, /^Work/);
  await page.getByRole("menuitem", { name: "Name and look…" }).click();
  await page.getByRole("radio", { name: "A dot" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(tile(window, /^Work/)).toHaveAccessibleName(/, unread mail,/);
  // It no longer counts among all of them.
  await expect(tile(window, /^All accounts/)).toHaveAccessibleName("All accounts, 2 unread");
});

test("letters and a picture stand on the tile", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await menuOf(window, /^Choir/);
  await page.getByRole("menuitem", { name: "Name and look…" }).click();
  await page.getByLabel("Letters").fill("Cho");
  await expect(page.getByLabel("Letters")).toHaveValue("Ch");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(tile(window, /^Choir/)).toHaveText("Ch");
  await menuOf(window, /^Choir/);
  await page.getByRole("menuitem", { name: "Name and look…" }).click();
  await page.getByRole("button", { name: "Choose a picture…" }).click();
  await expect(tile(window, /^Choir/).locator("img")).toBeAttached();
  await page.getByRole("button", { name: "Use the letters" }).click();
  await expect(tile(window, /^Choir/)).toHaveText("Ch");
});

test("a group is made from an account's menu, shows its mail and is dissolved", async ({
  window,
}) => {
  await window.open("fine");
  const { page } = window;
  await menuOf(window, /^Choir/);
  await page.getByRole("menuitem", { name: "Group" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("menuitem", { name: "New group…" }).click();
  const dialog = page.getByRole("dialog", { name: "New group" });
  await dialog.getByLabel("Name").fill("Home");
  await expect(dialog.getByRole("checkbox", { name: /Choir/ })).toBeChecked();
  await dialog.getByRole("checkbox", { name: /Personal/ }).check();
  await dialog.getByRole("button", { name: "Make the group" }).click();
  await expect(page.getByRole("heading", { name: "Home" })).toBeVisible();
  await expect(tile(window, /^Home, group/)).toHaveAttribute("aria-pressed", "true");
  await expect(window.row("Parts for the Fauré")).toBeVisible();
  await expect(window.row("Cutover plan")).toHaveCount(0);
  await page.getByRole("treeitem", { name: "Starred" }).click();
  await expect(window.row("Parts for the Fauré")).toBeVisible();
  await menuOf(window, /^Home, group/);
  await page.getByRole("menuitem", { name: "Dissolve the group" }).click();
  await expect(tile(window, /^Home, group/)).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "All accounts" })).toBeVisible();
  expect(await order(window)).toEqual(["Work", "Personal", "Choir"]);
});

test("an account moves between groups by its menu", async ({ window }) => {
  await window.open("groups");
  const { page } = window;
  await menuOf(window, /^Work/);
  await page.getByRole("menuitem", { name: "Group" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("menuitemradio", { name: "Home" }).click();
  await tile(window, /^Home, group/).click();
  await expect(window.row("Cutover plan")).toBeVisible();
});

test("the list of accounts opens by key, tells how each is, and goes there", async ({ window }) => {
  await window.open("rail");
  const { page } = window;
  await expect(window.row("Cutover plan")).toBeVisible();
  await page.keyboard.press("Control+Shift+A");
  const dialog = page.getByRole("dialog", { name: "Accounts" });
  await expect(dialog.getByRole("button", { name: /^All accounts/ })).toBeFocused();
  await expect(dialog.getByRole("button", { name: /Clinic The server refuses/ })).toBeVisible();
  expect(await serious(window)).toEqual([]);
  for (let step = 0; step < 7; step++) {
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("heading", { name: "Choir" })).toBeVisible();
});

test("the key on a tile opens the sign-in, and a tile stays whatever happens", async ({
  window,
}) => {
  await window.open("main");
  const { page } = window;
  await tile(window, /^Choir/)
    .locator("[data-sign]")
    .click();
  await expect(page.getByRole("dialog", { name: "Sign in to Choir again" })).toBeVisible();
  await page.keyboard.press("Escape");
  for (const kind of ["fault", "vault_locked", "signed_out", "disk_full", "offline"]) {
    await page.evaluate((health) => {
      const { braidFake } = globalThis as unknown as {
        braidFake: { healthAt(account: string, health: unknown): void };
      };
      braidFake.healthAt("choir", { kind: health });
    }, kind);
    await expect(tile(window, /^Choir/).locator(`[data-sign=${kind}]`)).toBeVisible();
    expect(await order(window)).toEqual(["Work", "Personal", "Choir"]);
  }
});

for (const scheme of ["light", "dark"] as const) {
  test(`no serious finding in the rail and its menus, ${scheme}`, async ({ window }) => {
    const { page } = window;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await window.open("rail");
    await menuOf(window, /^Agency/);
    await page.getByRole("menuitem", { name: "Group" }).focus();
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("menuitem", { name: "New group…" })).toBeVisible();
    expect(await serious(window)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await menuOf(window, /^Home, group/);
    expect(await serious(window)).toEqual([]);
  });

  test(`no serious finding in the dialogs of a tile, ${scheme}`, async ({ window }) => {
    const { page } = window;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await window.open("groups");
    await menuOf(window, /^Home, group/);
    await page.getByRole("menuitem", { name: "Members…" }).click();
    await expect(page.getByRole("dialog", { name: "Name and members" })).toBeVisible();
    expect(await serious(window)).toEqual([]);
    await page.keyboard.press("Escape");
    await menuOf(window, /^Choir/);
    await page.getByRole("menuitem", { name: "Name and look…" }).click();
    await expect(page.getByRole("dialog", { name: "Name and look" })).toBeVisible();
    expect(await serious(window)).toEqual([]);
  });
}
