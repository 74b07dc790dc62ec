import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { eventually, program } from "../window.mjs";

test("a second start ends by itself and leaves the first window alone", async () => {
  const home = mkdtempSync(join(tmpdir(), "braid-second-"));
  const painted = join(home, "painted");
  const { BRAID_DATA_DIR, BRAID_CONFIG_DIR, ...inherited } = process.env;
  const env = {
    ...inherited,
    // The person's own folders, as far as these two know.
    XDG_DATA_HOME: join(home, "share"),
    XDG_CONFIG_HOME: join(home, "config"),
    BRAID_PAINTED_FILE: painted,
  };
  const first = spawn(program, ["--rehearse", "Work"], { env, stdio: "ignore" });
  const ended = new Promise((done) => first.on("exit", done));
  try {
    await eventually("the first window's list", () => existsSync(painted));
    const second = spawn(program, [], { env, stdio: "ignore" });
    assert.equal(await new Promise((done) => second.on("exit", done)), 0);
    assert.equal(first.exitCode, null, "the first one goes on");
  } finally {
    first.kill();
    const late = setTimeout(() => first.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(late);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
});
