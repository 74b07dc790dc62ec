// A real window of the built program, driven by WebDriver, and a real browser beside it.
// Every window has folders of its own; nothing of the person's own Braid is touched.
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { remote } from "webdriverio";

const root = resolve(import.meta.dirname, "../..");
export const program = process.env.BRAID_PROGRAM ?? join(root, "target/debug/braid");
const browserProgram = process.env.BRAID_CHROMIUM ?? "/usr/bin/chromium";

/** Waits until `look` gives something; the limit is a safety net, not a measure. */
export async function eventually(what, look, milliseconds = 30_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`did not come: ${what}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}

function freePort() {
  return new Promise((found, failed) => {
    const server = createServer();
    server.on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

/** A program named xdg-open, first on the path, that writes down what it was asked to open. */
function openerIn(folder) {
  const opened = join(folder, "opened");
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "xdg-open"), `#!/bin/sh\nprintf '%s\\n' "$1" >> ${opened}\n`);
  chmodSync(join(bin, "xdg-open"), 0o755);
  return { bin, opened: () => (existsSync(opened) ? readFileSync(opened, "utf8").trim().split("\n") : []) };
}

/** Processes of a group that have not ended, as far as they are not only waiting to be noticed. */
function groupMembers(group) {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      // After the name in brackets: state, parent, group.
      const [state, , of] = readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      // A leader that has ended keeps its files while other threads of it are still ending.
      return Number(of) === group && (state !== "Z" || readdirSync(`/proc/${name}/task`).length > 1);
    } catch {
      return false;
    }
  });
}

export class Window {
  static async open({ args = [], binary = program, folder, env = {}, size } = {}) {
    const own = folder === undefined;
    folder ??= mkdtempSync(join(tmpdir(), "braid-window-"));
    const opener = openerIn(mkdtempSync(join(folder, "opener-")));
    const port = await freePort();
    const logFile = join(folder, "log");
    const log = openSync(logFile, "a", 0o600);
    const driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], {
      env: {
        ...process.env,
        PATH: `${opener.bin}:${process.env.PATH}`,
        BRAID_DATA_DIR: join(folder, "data"),
        BRAID_CONFIG_DIR: join(folder, "config"),
        TAURI_WEBVIEW_AUTOMATION: "true",
        WEBKIT_DISABLE_DMABUF_RENDERER: "1",
        RUST_LOG: process.env.RUST_LOG ?? "warn",
        ...env,
      },
      // A group of its own, so that nothing of it can be left over; and its words go to a file: a
      // program that outlived its story would otherwise hold the runner's output open for ever.
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const window = new Window();
    Object.assign(window, { driver, folder, own, opener, logFile });
    try {
      await eventually("the driver", () =>
        fetch(`http://127.0.0.1:${port}/status`).then((answer) => answer.ok, () => false));
      window.session = await remote({
        hostname: "127.0.0.1",
        port,
        logLevel: "error",
        connectionRetryTimeout: 60_000,
        connectionRetryCount: 0,
        capabilities: {
          "wdio:enforceWebDriverClassic": true,
          "webkitgtk:browserOptions": { binary, args },
        },
      });
      if (size) await window.session.setWindowSize(size.width, size.height);
    } catch (error) {
      await window.close(true);
      throw error;
    }
    return window;
  }

  /** One element by its role and accessible name, as a person would look for it. */
  async find(selector) {
    return eventually(selector, async () => {
      const element = await this.session.$(selector);
      return (await element.isExisting()) && (await element.isDisplayed()) ? element : null;
    });
  }

  async click(selector) {
    await (await this.find(selector)).click();
  }

  async keys(...keys) {
    await this.session.keys(keys);
  }

  run(script, ...values) {
    return this.session.execute(script, ...values);
  }

  /** What is on the screen. (WebDriver's own picture waits for a repaint that a still page never does.) */
  picture(file) {
    execFileSync("import", ["-window", "root", file]);
  }

  /** Signs a person in at the address the program has just opened, in a real browser. */
  async signInByBrowser(person, already) {
    const url = await eventually("the login page to be opened", () => this.opener.opened()[already]);
    const browser = await chromium.launch({
      executablePath: browserProgram,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    });
    try {
      const page = await browser.newPage();
      await page.goto(url);
      await person(page);
      await page.getByText("You can close this tab").waitFor();
    } finally {
      await browser.close();
    }
  }

  /** What runs under a name, of which the system keeps fifteen letters. */
  #named(name) {
    return groupMembers(this.driver.pid).filter((id) => {
      try {
        return readFileSync(`/proc/${id}/comm`, "utf8").trim() === name;
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
  }

  /** The number of the program's own process. */
  process() {
    const [id] = this.#named("braid");
    if (!id) throw new Error("the program is not running");
    return Number(id);
  }

  /** Megabytes of memory that only the page's own process uses, as its share. */
  pageMemory() {
    const kilobytes = this.#named("WebKitWebProces").map((id) => {
      const rollup = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
      return Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]);
    });
    return Math.round(kilobytes.reduce((sum, one) => sum + one, 0) / 1024);
  }

  /** Ends the program and waits until it is gone, with all it has started; its folder stays. */
  async end() {
    const { session, driver } = this;
    this.session = undefined;
    try {
      await session?.deleteSession();
    } finally {
      try {
        process.kill(-driver.pid, "SIGKILL");
      } catch (error) {
        if (error.code !== "ESRCH") throw error;
      }
      await eventually("the end of everything the story has started", () => groupMembers(driver.pid).length === 0);
    }
  }

  /** Ends everything; what the program said is shown when the story has failed. */
  async close(failed = false) {
    try {
      await this.end();
    } finally {
      if (failed && existsSync(this.logFile)) console.error(readFileSync(this.logFile, "utf8").slice(-8_000));
      if (this.own) rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}
