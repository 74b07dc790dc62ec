import type { Page } from "@playwright/test";

import { expect, test, type Window } from "./fixture.ts";
import { serious } from "./serious.ts";

const ROW = 80;

/** The search box, and what a story does with it. */
class Search {
  constructor(
    readonly window: Window,
    readonly page: Page,
  ) {}

  get box() {
    return this.page.getByRole("combobox");
  }

  get suggestions() {
    return this.page.getByRole("listbox", { name: "Suggestions" });
  }

  option(name: string) {
    return this.suggestions.getByRole("option", { name });
  }

  get results() {
    return this.window.list.locator("[role=row]:not([aria-busy])");
  }

  /** Of the line below the box. */
  get complete() {
    return this.page.getByRole("button", { name: /texts since|all mail|searching|How complete/ });
  }

  place(name: string) {
    return this.page
      .getByRole("group", { name: "Where to search" })
      .getByRole("button", { name, exact: true });
  }

  filter(name: string) {
    return this.page.getByRole("group", { name: "Filter" }).getByRole("button", { name });
  }

  async open(state: string): Promise<void> {
    await this.window.open(state);
    await expect(this.box).toBeVisible();
  }

  /** By its key, as soon as the window listens. */
  async enter(key = "/"): Promise<void> {
    await expect(async () => {
      await this.page.keyboard.press(key);
      await expect(this.box).toBeFocused({ timeout: 500 });
    }).toPass();
  }

  async look(text: string): Promise<void> {
    await this.enter("Control+f");
    await this.page.keyboard.type(text);
    await expect(this.box).toHaveValue(text);
  }

  async goesOn(): Promise<void> {
    await this.page.evaluate(() => {
      const { braidFake } = globalThis as unknown as { braidFake: { searchGoesOn(): void } };
      braidFake.searchGoesOn();
    });
  }
}

const story = test.extend<{ search: Search }>({
  search: async ({ window }, use) => {
    await use(new Search(window, window.page));
  },
});

story("results come while typing, with what matched marked in them", async ({ search }) => {
  await search.open("fine");
  await search.look("plan");
  await expect(search.results).toHaveCount(3);
  await expect(search.results.first().locator("mark")).toHaveText("plan");
  await expect(search.page.getByText("3 results", { exact: true }).first()).toBeVisible();
  await expect(search.complete).toHaveText(
    "Work: all mail since 2011 · Personal: texts since 2024, server asked · " +
      "Choir: texts since 2024, server asked",
  );
  // Case and accents do not count, and the colours of all accounts are there.
  await search.box.fill("FAURE");
  await expect(search.results).toHaveCount(1);
  await expect(search.results.locator("mark")).toHaveText("Fauré");
  await expect(search.results.first()).toHaveAttribute("data-color", "teal");
});

story("a search by keyboard alone: in, down, read, back and out again", async ({ search }) => {
  const { page, window } = search;
  await search.open("fine");
  await window.row("Sunday?").click();
  await expect(window.conversation.getByRole("heading", { name: "Sunday?" })).toBeVisible();
  await search.enter();
  // Without anything highlighted, Enter goes to the results; there is nothing to go to yet.
  await expect(search.suggestions).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(search.box).toBeFocused();
  await page.keyboard.type("cutover");
  await page.keyboard.press("Enter");
  await expect(window.list).toBeFocused();
  await expect(search.results.first()).toHaveAttribute("aria-selected", "true");
  await expect(window.conversation.getByRole("heading", { name: "Cutover plan" })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(search.results.nth(2)).toHaveAttribute("aria-selected", "true");
  // The message itself is open, not only its conversation.
  await expect(
    window.conversation.getByRole("article", { name: /Ravi Menon/ }).locator("iframe"),
  ).toBeVisible();
  await page.keyboard.press("s");
  await expect(search.results.nth(2)).toHaveAccessibleName(/starred/);
  await page.keyboard.press("o");
  await expect(page.locator("[data-region=reading]")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(window.list).toBeFocused();
  await expect(search.results).toHaveCount(3);
  await page.keyboard.press("Escape");
  await expect(search.box).toHaveValue("");
  await expect(window.row("Sunday?")).toHaveAttribute("aria-selected", "true");
  await expect(window.conversation.getByRole("heading", { name: "Sunday?" })).toBeVisible();
  await expect(window.list).toBeFocused();
});

story("Esc returns to the same place of the list, and to its filter", async ({ search }) => {
  const { page, window } = search;
  await search.open("fine");
  await page.getByRole("group", { name: "Filter" }).getByRole("button", { name: "Unread" }).click();
  await expect(page.getByText(/^17 unread of 17$/)).toBeVisible();
  await page.getByRole("group", { name: "Filter" }).getByRole("button", { name: "All" }).click();
  await expect(window.row("Sunday?")).toBeVisible();
  await window.scrollListTo(30 * ROW);
  await expect(window.list.locator("[aria-rowindex='31']")).toBeVisible();
  await search.look("plan");
  await expect(search.results).toHaveCount(3);
  await search.filter("Files").click();
  await expect(search.results).toHaveCount(1);
  await search.box.press("Escape");
  await expect.poll(() => window.list.evaluate((list) => list.scrollTop)).toBe(30 * ROW);
  await expect(page.getByRole("heading", { name: "Inbox" })).toBeVisible();
  await expect(
    page.getByRole("group", { name: "Filter" }).getByRole("button", { name: "All" }),
  ).toHaveAttribute("aria-pressed", "true");
});

story("going to another account or mailbox ends the search", async ({ search }) => {
  const { page } = search;
  await search.open("fine");
  await search.look("plan");
  await expect(search.results).toHaveCount(3);
  // Where they are already, too.
  await page.getByRole("treeitem", { name: /^Inbox/ }).press("Enter");
  await expect(search.box).toHaveValue("");
  await expect(page.getByText("17 unread of 128")).toBeVisible();
  await search.look("plan");
  await expect(search.results).toHaveCount(3);
  await page.keyboard.press("Control+1");
  await expect(search.box).toHaveValue("");
  await expect(search.box).toHaveAccessibleName("Search Work");
});

story("the box offers operators and their values, and takes them by key", async ({ search }) => {
  const { page } = search;
  await search.open("fine");
  await search.enter();
  await expect(search.option("from:")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(search.suggestions).toBeHidden();
  await expect(search.box).toBeFocused();
  await page.keyboard.type("acc");
  await page.keyboard.press("ArrowDown");
  await expect(search.option("account:")).toHaveAttribute("aria-selected", "true");
  const active = await search.box.getAttribute("aria-activedescendant");
  await expect(search.option("account:")).toHaveId(active ?? "");
  await page.keyboard.press("Tab");
  await expect(search.box).toHaveValue("account:");
  await expect(search.option("Choir")).toBeVisible();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(search.box).toHaveValue("account:Choir ");
  await page.keyboard.type("before:");
  await search.option("today").click();
  await expect(search.box).toHaveValue(/^account:Choir before:\d{4}-\d\d-\d\d $/);
  await expect(search.box).toBeFocused();
  await expect(search.results.first()).toHaveAttribute("data-color", "teal");
  // Nothing is highlighted, so Tab goes on through the window.
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Clear the search" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(search.box).toHaveValue("");
  await expect(search.box).toBeFocused();
});

story("a chip looks elsewhere for the same text", async ({ search }) => {
  const { page } = search;
  await search.open("fine");
  await page.keyboard.press("Control+2");
  await expect(search.box).toHaveAccessibleName("Search Personal");
  await search.look("plan");
  await expect(search.place("Personal")).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByText("No mail matches “plan”.")).toBeVisible();
  await page.getByRole("button", { name: "Search all accounts" }).click();
  await expect(search.results).toHaveCount(3);
  await expect(search.box).toHaveValue("plan");
  await expect(search.place("All accounts")).toHaveAttribute("aria-pressed", "true");
  await search.place("Inbox").click();
  await expect(page.getByText("No mail matches “plan”.")).toBeVisible();
  await search.filter("Unread").click();
  await page.getByRole("button", { name: "Search without “Unread”" }).click();
  await expect(search.filter("Unread")).toHaveAttribute("aria-pressed", "false");
});

story("accounts that answer later add to what is there", async ({ search }) => {
  const { page } = search;
  await search.open("search_held");
  await search.look("in:inbox the");
  await expect(search.complete).toContainText("Personal: searching…, asking the server…");
  const first = await search.results.first().getAttribute("data-color");
  expect(first).toBe("ocean");
  await search.goesOn();
  await expect(search.complete).toContainText("server asked");
  await expect(search.results.locator("visible=true").first()).toBeVisible();
  await expect(page.locator("[role=row][data-color='rust']").first()).toBeVisible();
});

story("what is not there yet is looked for in sight, and told", async ({ search }) => {
  const { page } = search;
  await search.open("search_silent");
  await expect(search.window.row("Sunday?")).toBeVisible();
  await search.look("plan");
  await expect(page.getByText("Searching…").first()).toBeVisible();
  await expect(search.results).toHaveCount(0);
  await search.goesOn();
  await expect(search.results).toHaveCount(3);
  await expect(page.getByRole("status").filter({ hasText: "3 results" })).toHaveCount(1);
});

story("how complete it is can be unfolded by key", async ({ search }) => {
  const { page } = search;
  await search.open("search_indexing");
  await search.look("plan");
  await expect(search.complete).toContainText("3,200 messages not yet in the index");
  await search.complete.focus();
  await page.keyboard.press("Enter");
  const region = page.getByRole("region", { name: "How complete it is" });
  await expect(region.getByRole("listitem")).toHaveCount(3);
  await expect(region).toContainText("Choir: texts since 2024, server asked");
  await expect(region).toContainText("Older mail, since 2016, is searched by subject and people.");
});

story("servers that cannot be asked are named, and asked again", async ({ search }) => {
  const { page } = search;
  await search.open("search_unreachable");
  await search.look("zzqq");
  await expect(
    page.getByText("The server of Personal and Choir could not be reached"),
  ).toBeVisible();
  await page.getByRole("button", { name: "Ask the server again" }).click();
  await expect(page.getByText("No mail matches “zzqq”.")).toBeVisible();
});

story("more than the list takes, a refusal and a wrong date are told", async ({ search }) => {
  const { page } = search;
  await search.open("search_more");
  await search.look("e");
  await expect(page.getByText("130+ results").first()).toBeVisible();
  await search.open("search_refused");
  await search.look("before:soon plan");
  await expect(page.getByText("“before:” needs a date, such as 2024-05-01.")).toBeVisible();
  await expect(search.complete).toContainText("Personal: texts since 2024, server refused");
});

story("a search that finds nothing leads back to the place in the list", async ({ search }) => {
  const { page, window } = search;
  await search.open("fine");
  await window.scrollListTo(400);
  await search.enter();
  await page.keyboard.type("zzzz");
  await page.keyboard.press("Enter");
  await expect(window.list).toHaveCount(0);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await expect(search.box).toHaveValue("");
  await expect.poll(() => window.list.evaluate((element) => element.scrollTop)).toBe(400);
});

story("a narrow window shows the box wherever one is, and goes back there", async ({ search }) => {
  const { page, window } = search;
  await page.setViewportSize({ width: 800, height: 600 });
  await search.open("fine");
  await window.row("Sunday?").click();
  await expect(window.list).toBeHidden();
  await search.enter();
  await page.keyboard.type("fauré");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(window.conversation.getByRole("heading", { name: "Parts for" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(search.results).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(window.conversation.getByRole("heading", { name: "Sunday?" })).toBeVisible();
  await expect(window.list).toBeHidden();
});

for (const scheme of ["light", "dark"] as const) {
  for (const [state, text] of [
    ["main", "plan"],
    ["search_unreachable", "zzqq"],
    ["search_silent", "plan"],
    ["search_indexing", "the"],
  ] as const) {
    story(`no serious finding while searching: ${state}, ${scheme}`, async ({ search }) => {
      await search.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await search.open(state);
      await search.look(text);
      await expect(search.complete).toBeVisible();
      await search.complete.click();
      await expect(search.page.getByRole("region", { name: "How complete it is" })).toBeVisible();
      expect(await serious(search.window)).toEqual([]);
      await search.enter("Control+f");
      await search.page.keyboard.type("in:");
      await search.page.keyboard.press("ArrowDown");
      await expect(search.option("inbox")).toHaveAttribute("aria-selected", "true");
      expect(await serious(search.window)).toEqual([]);
    });
  }
}

for (const [width, height, text] of [
  [800, 600, "200%"],
  [1440, 900, "200%"],
  [1100, 720, "100%"],
] as const) {
  story(`all of it is in sight at ${width} by ${height} with ${text} text`, async ({ search }) => {
    const { page, window } = search;
    await page.setViewportSize({ width, height });
    await search.open("fine");
    await page.evaluate((size) => (document.documentElement.style.fontSize = size), text);
    await search.enter();
    const inside = async (name: string, box: { x: number; width: number } | null) => {
      expect(box, name).not.toBeNull();
      expect((box?.x ?? 0) >= 0 && (box?.x ?? 0) + (box?.width ?? 0) <= width, name).toBe(true);
    };
    await inside("suggestions", await search.suggestions.boundingBox());
    await page.keyboard.type("plan");
    await expect(search.results.first()).toBeVisible();
    for (const name of ["All accounts", "Inbox"]) {
      await inside(name, await search.place(name).boundingBox());
    }
    await inside("how complete", await search.complete.boundingBox());
    await search.results.first().click();
    await expect(window.conversation.getByRole("heading", { level: 2 })).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
      width,
    );
  });
}
