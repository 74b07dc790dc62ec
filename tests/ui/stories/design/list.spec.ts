import { expect, test } from "./fixture.ts";

const ROW = 80;

/** Every row on the screen has its mail, and there are not too many rows in the document. */
async function expectNoGap(list: import("@playwright/test").Locator): Promise<void> {
  await expect
    .poll(() =>
      list.evaluate((element) => {
        const frame = element.getBoundingClientRect();
        const seen = [...element.querySelectorAll<HTMLElement>("[role=row]")].filter((row) => {
          const box = row.getBoundingClientRect();
          return box.bottom > frame.top + 1 && box.top < frame.bottom - 1;
        });
        const covered = seen.reduce((sum, row) => sum + row.getBoundingClientRect().height, 0);
        return {
          complete: seen.every((row) => row.getAttribute("aria-busy") === null),
          covered: covered >= frame.height - 1,
        };
      }),
    )
    .toEqual({ complete: true, covered: true });
  expect(await list.getByRole("row").count()).toBeLessThan(200);
}

test("a list of 100,000 rows scrolls to the middle and to the end without a gap", async ({
  window,
}) => {
  await window.open("huge");
  await expect(window.list).toHaveAttribute("aria-rowcount", "100000");
  await expectNoGap(window.list);
  await window.scrollListTo(50_000 * ROW);
  await expect(window.list.locator("[aria-rowindex='50001']")).toBeVisible();
  await expectNoGap(window.list);
  await window.scrollListToEnd();
  await expect(window.list.locator("[aria-rowindex='100000']")).toBeVisible();
  await expectNoGap(window.list);
});

test("new mail does not move a list that is scrolled, and says that it came", async ({
  window,
}) => {
  await window.open("huge");
  await window.scrollListTo(1_000 * ROW);
  const watched = window.list.locator("[aria-rowindex='1001']");
  await expect(watched).toBeVisible();
  const before = await watched.boundingBox();
  const name = await watched.getAttribute("aria-label");
  await window.page.evaluate(() => {
    const { braidFake } = globalThis as unknown as { braidFake: { deliver(text: string): void } };
    braidFake.deliver("Just in");
    braidFake.deliver("Just in too");
  });
  const moved = window.list.locator("[aria-rowindex='1003']");
  await expect(moved).toHaveAttribute("aria-label", name ?? "");
  expect((await moved.boundingBox())?.y).toBeCloseTo(before?.y ?? -1, 0);
  await window.page.getByRole("button", { name: "2 new" }).click();
  await expect(window.row("Just in too")).toBeVisible();
  await expect(window.page.getByRole("button", { name: "2 new" })).toBeHidden();
});

test("keys move, open, star and mark", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await expect(window.row("Cutover plan")).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect(window.row("Sunday?")).toHaveAttribute("aria-selected", "true");
  await expect(window.conversation.getByRole("heading", { name: "Sunday?" })).toBeVisible();
  await page.keyboard.press("s");
  await expect(window.row("Sunday?")).toHaveAccessibleName(/starred/);
  await page.keyboard.press("Shift+I");
  await expect(window.row("Sunday?")).not.toHaveAccessibleName(/^Unread/);
  await page.keyboard.press("Shift+U");
  await expect(window.row("Sunday?")).toHaveAccessibleName(/^Unread/);
  await page.keyboard.press("Enter");
  await expect(page.locator("[data-region=reading]")).toBeFocused();
  await page.keyboard.press("u");
  await expect(window.list).toBeFocused();
});

test("switching accounts by keyboard keeps each one's place", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await expect(window.row("Cutover plan")).toBeVisible();
  await window.scrollListTo(20 * ROW);
  await expect(window.list.locator("[aria-rowindex='21']")).toBeVisible();
  await page.keyboard.press("Control+2");
  await expect(page.getByRole("heading", { name: "Personal" })).toBeVisible();
  await expect.poll(() => window.list.evaluate((element) => element.scrollTop)).toBe(0);
  await window.row("Your hold is ready").click();
  await expect(window.list).toBeFocused();
  await page.keyboard.press("Control+0");
  await expect(page.getByRole("heading", { name: "All accounts" })).toBeVisible();
  await expect.poll(() => window.list.evaluate((element) => element.scrollTop)).toBe(20 * ROW);
  await expect(window.list).toBeFocused();
  await page.keyboard.press("Control+2");
  await expect(window.row("Your hold is ready")).toHaveAttribute("aria-selected", "true");
  await expect(window.conversation.getByRole("heading", { level: 2 })).toHaveText(
    "Your hold is ready",
  );
});

test("a filter shows its rows and can be cleared where there are none", async ({ window }) => {
  await window.open("fine");
  const { page } = window;
  await page.getByRole("button", { name: "Files", exact: true }).click();
  await expect(window.list).toHaveAttribute("aria-rowcount", "3");
  await page.getByRole("treeitem", { name: "Sent" }).click();
  await page.getByRole("button", { name: "Unread", exact: true }).click();
  await expect(page.getByText("No unread mail in Sent.")).toBeVisible();
  await page.getByRole("button", { name: "Clear filter" }).click();
  await expect(page.getByText("Nothing here.")).toBeVisible();
});
