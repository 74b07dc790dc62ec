import { test as base, expect, type Page } from "@playwright/test";

/** The page over its fake host, and the complaints of the browser while it runs. */
export class Window {
  readonly complaints: string[] = [];

  constructor(
    readonly page: Page,
    private readonly base: string,
  ) {
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      const text = message.text();
      // The browser's driver knocks at every frame; that a mail lets no script in is as it must be.
      const knock = /^Blocked script execution in '[^']*\/body/.test(text);
      if (!knock && (message.type() === "error" || text.includes("Content Security Policy"))) {
        this.complaints.push(message.text());
      }
    });
  }

  async open(state: string): Promise<void> {
    await this.page.goto(`${this.base}/?fake=${state}`);
    await expect(this.page.locator("#app > *").first()).toBeAttached();
  }

  get list() {
    return this.page.getByRole("grid", { name: "Messages" });
  }

  row(subject: string) {
    return this.list.getByRole("row", { name: subject });
  }

  get conversation() {
    return this.page.getByRole("region", { name: "Conversation" });
  }

  /** Scrolls the list, once it is high enough for that. */
  async scrollListTo(top: number): Promise<void> {
    const scrolled = () =>
      this.list.evaluate((element, to) => {
        element.scrollTop = to;
        return element.scrollTop;
      }, top);
    await expect.poll(scrolled).toBe(top);
  }

  async scrollListToEnd(): Promise<void> {
    await this.list.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
  }
}

export const test = base.extend<{ window: Window }>({
  window: async ({ page }, use) => {
    const window = new Window(page, process.env["BRAID_PREVIEW"] ?? "");
    await use(window);
    expect(window.complaints).toEqual([]);
  },
});

export { expect };
