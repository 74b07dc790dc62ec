import { spawn } from "node:child_process";

import {
  test as base,
  expect,
  type BrowserContext,
  type Locator,
  type Page,
} from "@playwright/test";

import { firstMatch, stop } from "../../program.ts";

interface Bridge {
  /** Where the page is. */
  readonly url: string;
  /** The rehearsal's switches; none before it has been started. */
  readonly control_url: string | null;
  /** Where everything is saved, under the suggested name. */
  readonly saved: string;
}

/** What the rehearsal shall do wrong with the requests of one path. */
interface Rule {
  readonly server: "login" | "mail";
  readonly method?: string;
  readonly path: string;
  readonly act: { readonly kind: string; readonly status?: number };
  readonly times?: number;
}

interface Held {
  readonly messages: number;
  readonly conversations: number;
  readonly unread: number;
  readonly drafts: number;
}

/** The service's question that joins a sign-in to a user. */
export const QUESTION = {
  server: "login",
  method: "PATCH",
  path: "/v1/users/*/identities",
} as const;

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

  get rail() {
    return this.page.getByRole("toolbar", { name: "Accounts" });
  }

  /** The tiles of accounts, without those of several. */
  get tiles() {
    return this.rail.locator("[data-drag='account']");
  }

  get sealed() {
    return this.page.getByRole("region", { name: "Sealed" });
  }

  tile(name: string | RegExp) {
    return this.rail.getByRole("button", { name });
  }

  dialog(name?: string | RegExp) {
    return this.page.getByRole("dialog", name === undefined ? {} : { name });
  }

  rowsOf(account: string): Locator {
    return this.list.getByRole("row", { name: new RegExp(`, ${account},`) });
  }

  /** Something of the menu of an account's tile. */
  async choose(account: RegExp, item: string): Promise<void> {
    await this.tile(account).click({ button: "right" });
    await this.page.getByRole("menuitem", { name: item, exact: true }).click();
  }

  async settings(page: string): Promise<Locator> {
    await this.page.getByRole("button", { name: "Settings", exact: true }).click();
    await this.page.getByRole("tab", { name: page }).click();
    return this.dialog("Settings").getByRole("tabpanel");
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

  /** What opens the browser, and the person who signs in there. */
  async inBrowser(button: Locator, ...links: RegExp[]): Promise<void> {
    const before = (await this.opened()).length;
    await button.click();
    await this.signInBy(links, before);
  }

  /** Adds somebody by a connection, up to the question whether it shall be added. */
  async addBy(connection: string, person: RegExp): Promise<void> {
    await this.rail.getByRole("button", { name: /^(Add an account|Switch account)$/ }).click();
    await this.inBrowser(
      this.dialog().getByRole("button", { name: connection, exact: true }),
      person,
    );
  }

  /** Answers the next question where to save; `null` is a change of mind. */
  async saveNextAt(place: string | null): Promise<void> {
    await this.#tell(`${this.bridge.url}/test/places`, place);
  }

  /** Moves on the clock by which proofs run out. */
  async clockAhead(seconds: number): Promise<void> {
    await this.#tell(`${this.bridge.url}/test/ahead`, seconds);
  }

  /** Tells the rehearsal something. */
  async control(path: string, order: object): Promise<void> {
    await this.#tell(`${this.bridge.control_url ?? ""}${path}`, order);
  }

  async goWrong(rule: Rule): Promise<void> {
    await this.control("/faults/rules", rule);
  }

  /** How many requests of a kind a server has got. */
  async requests(of: { server: string; method: string; path: string }): Promise<number> {
    const query = new URLSearchParams(of).toString();
    const reply = await this.page.request.get(
      `${this.bridge.control_url ?? ""}/faults/requests?${query}`,
    );
    expect(reply.ok()).toBe(true);
    return ((await reply.json()) as { count: number }).count;
  }

  /** How much the mail server has of an account. */
  async held(account: string): Promise<Held> {
    const reply = await this.page.request.get(
      `${this.bridge.control_url ?? ""}/mail/held?account=${account}`,
    );
    expect(reply.ok()).toBe(true);
    return (await reply.json()) as Held;
  }

  /** Users of the tenant who are set aside. */
  async usersSetAside(): Promise<{ user: string }[]> {
    const reply = await this.page.request.get(`${this.bridge.control_url ?? ""}/tenant/set-aside`);
    expect(reply.ok()).toBe(true);
    return (await reply.json()) as { user: string }[];
  }

  async #tell(address: string, data: unknown): Promise<void> {
    // A text alone would go out as it is, and `null` not at all.
    const reply = await this.page.request.post(address, {
      data: JSON.stringify(data),
      headers: { "content-type": "application/json" },
    });
    expect(reply.ok()).toBe(true);
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
