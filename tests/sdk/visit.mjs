// A browser, and one visit in it: a fresh profile on the application's page, with everything it asked for.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const CHROMIUM = [
  process.env.BRAID_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

export async function launchBrowser() {
  const executablePath = CHROMIUM.find((path) => path && existsSync(path));
  if (!executablePath) {
    throw new Error("Chromium is needed: install it, or name it in BRAID_CHROMIUM");
  }
  const args = [
    "--host-resolver-rules=MAP *.northwind.example 127.0.0.1, MAP *.choir.example 127.0.0.1",
  ];
  return chromium.launch({ executablePath, args, chromiumSandbox: false });
}

export class Visit {
  /** Requests to the tenant's API, without preflights: `{ method, path, headers }`. */
  calls = [];
  /** The address of the last return to the application, as the tenant sent it. */
  cameBack = null;

  /** Opens the page of `version` at `origin`, set up for `rehearsal`. */
  static async open(
    browser,
    { version, origin, rehearsal, application = rehearsal.application_id },
  ) {
    const visit = new Visit();
    visit.context = await browser.newContext({ ignoreHTTPSErrors: true });
    visit.context.setDefaultTimeout(15_000);
    visit.page = await visit.context.newPage();
    visit.origin = origin;
    visit.rehearsal = rehearsal;
    visit.login = rehearsal.login_url;
    visit.pending = [];
    visit.page.on("request", (request) => visit.#note(request));
    const settings = new URLSearchParams({ login: rehearsal.login_url, application });
    visit.home = `${origin}/${version}/?${settings}`;
    await visit.page.goto(visit.home);
    return visit;
  }

  /** Calls a method of the client and gives its result, or `{ error: { code, message } }`. */
  async client(method, ...values) {
    return this.page.evaluate(
      async ([name, given]) => {
        try {
          return await window.client[name](...given);
        } catch (error) {
          return { error: { code: error.code, message: error.message } };
        }
      },
      [method, values],
    );
  }

  /** Starts a sign-in, which leaves the page, and chooses as a person does on the tenant's pages. No
   *  `connection` is chosen when the sign-in already names one. */
  async signIn(options, connection = "Northwind", person = "ana@northwind.example") {
    await this.page.evaluate((given) => {
      window.client.authenticate(given).catch(() => {});
    }, options);
    await this.page.waitForURL((url) => url.origin === new URL(this.login).origin);
    await this.choose(connection, person);
  }

  /** Starts a link, which leaves the page too, and signs in at the connection as `person`. */
  async link(options, person) {
    await this.page.evaluate((given) => {
      window.client.linkIdentity(given).catch(() => {});
    }, options);
    await this.page.waitForURL((url) => url.origin === new URL(this.login).origin);
    await this.choose(null, person);
  }

  async choose(connection, person) {
    if (connection) {
      await this.page.getByRole("link", { name: `Continue with ${connection}` }).click();
    }
    await this.page.getByRole("link", { name: person }).click();
    await this.page.waitForURL((url) => url.origin === this.origin);
  }

  /** Whether somebody is signed in, asked of the client in a check of its own: one that begins within 50 ms
   *  of the page's first, silent check would only get that one's answer. */
  async signedIn() {
    await this.page.waitForFunction(() => Date.now() - window.client.lastSessionCheck > 50);
    return this.client("userSessionExists");
  }

  /** The id of who is signed in, or null. */
  async who() {
    const identity = await this.client("getUserIdentity");
    return identity && identity.userId;
  }

  /** Makes the page forget its tokens, as their expiry does, and loads it anew. The session stays. */
  async forgetTokens() {
    for (const name of ["authorization", "user"]) {
      await this.context.clearCookies({ name });
    }
    await this.page.evaluate(() => localStorage.clear());
    await this.page.goto(this.home);
  }

  /** The value of a cookie, or undefined. */
  async cookie(name) {
    return (await this.context.cookies()).find((cookie) => cookie.name === name)?.value;
  }

  /** Names of the query of the last return, beyond those the page itself has. */
  returnedNames() {
    return [...new URL(this.cameBack).searchParams.keys()].filter(
      (name) => !["login", "application"].includes(name),
    );
  }

  /** Calls of one method and path so far, with the headers that were really sent. */
  async callsOf(method, path) {
    await Promise.all(this.pending);
    return this.calls.filter((call) => call.method === method && call.path === path);
  }

  async close() {
    await this.context.close();
  }

  #note(request) {
    const url = new URL(request.url());
    if (
      request.isNavigationRequest() &&
      url.origin === this.origin &&
      url.searchParams.has("iss")
    ) {
      this.cameBack = url.href;
    }
    if (url.origin === new URL(this.login).origin && url.pathname.startsWith("/api/")) {
      const call = { method: request.method(), path: url.pathname };
      this.calls.push(call);
      this.pending.push(
        request.allHeaders().then(
          (headers) => Object.assign(call, { headers }),
          () => {},
        ),
      );
    }
  }
}
