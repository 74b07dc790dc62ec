import { spawn } from "node:child_process";

import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";

import { firstMatch, stop } from "../../program.ts";

interface Bridge {
  /** Where the page is. */
  readonly url: string;
  /** The rehearsal's switches; none before it has been started. */
  readonly control_url: string | null;
}

/** The real app in a browser tab, with a rehearsal behind it. */
export class App {
  readonly complaints: string[] = [];

  constructor(
    readonly page: Page,
    readonly bridge: Bridge,
    private readonly context: BrowserContext,
  ) {
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      const text = message.text();
      // The browser's driver knocks at every frame; that a mail lets no script in is as it must be.
      const knock = /^Blocked script execution in '[^']*\/mail\//.test(text);
      if (!knock && (message.type() === "error" || text.includes("Content Security Policy"))) {
        this.complaints.push(text);
      }
    });
  }

  get list() {
    return this.page.getByRole("grid", { name: "Messages" });
  }

  get rows() {
    return this.list.locator("[role=row]:not([aria-busy])");
  }

  get conversation() {
    return this.page.getByRole("region", { name: "Conversation" });
  }

  tile(name: string) {
    return this.page.getByRole("toolbar", { name: "Accounts" }).getByRole("button", { name });
  }

  /** Addresses and files the app has asked the system to open. */
  async opened(): Promise<string[]> {
    const reply = await this.page.request.get(`${this.bridge.url}/test/opened`);
    return (await reply.json()) as string[];
  }

  /** Follows links on the login page that the app has opened: the connection if asked, the person. */
  async signInBy(links: readonly RegExp[], after: number): Promise<void> {
    await expect.poll(async () => (await this.opened()).length).toBeGreaterThan(after);
    const address = (await this.opened()).at(-1) ?? "";
    const tab = await this.context.newPage();
    await tab.goto(address);
    for (const link of links) {
      await tab.getByRole("link", { name: link }).first().click();
    }
    await expect(tab.getByText(/close this tab/i)).toBeVisible();
    await tab.close();
  }
}

interface Options {
  /** Who is signed in from the beginning; none for a first run. */
  people: string;
  /** Messages of each account. */
  size: number;
}

export const test = base.extend<Options & { app: App }>({
  people: ["", { option: true }],
  size: [300, { option: true }],
  app: async ({ page, context, people, size }, use) => {
    const program = process.env["BRAID_BRIDGE"];
    base.skip(!program, "BRAID_BRIDGE names no program");
    const words = people === "" ? [] : ["--rehearse", people];
    const bridge = spawn(program ?? "", [...words, "--size", String(size)], {
      stdio: ["ignore", "pipe", process.env["BRAID_STORIES_LOUD"] ? "inherit" : "ignore"],
    });
    try {
      const line = await firstMatch(bridge, /^\{.*\}$/);
      const app = new App(page, JSON.parse(line) as Bridge, context);
      await page.goto(app.bridge.url);
      await use(app);
      expect(app.complaints).toEqual([]);
    } finally {
      await stop(bridge);
    }
  },
});

export { expect };
