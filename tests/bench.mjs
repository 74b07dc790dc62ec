// Measures, and prints ratios: single times depend on the machine, ratios of one run do not.
// usage: tests/bench.mjs [--quick] [--only pages|start] [--built]
//   --quick  small accounts and few runs, to see that it works
//   --built  measure the release programs that are there already
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const quick = process.argv.includes("--quick");
const built = process.argv.includes("--built");
const only = process.argv[process.argv.indexOf("--only") + 1];
const wanted = (part) => !process.argv.includes("--only") || only === part;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function cargoBench(crate, bench) {
  const out = execFileSync(
    "cargo",
    ["bench", "--locked", "--quiet", "-p", crate, "--bench", bench, "--", "--json", ...(quick ? ["--quick"] : [])],
    { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 },
  );
  return JSON.parse(out.slice(out.indexOf("{")));
}

/** Spawn to the first rows on the screen, in milliseconds, with everything synchronised. */
async function startToPainted(program, folder, runs) {
  const times = [];
  for (let run = 0; run < runs + 1; run++) {
    const painted = join(folder, "painted");
    rmSync(painted, { force: true });
    const begun = Date.now();
    const window = spawn(program, [], {
      env: {
        ...process.env,
        BRAID_DATA_DIR: join(folder, "data"),
        BRAID_CONFIG_DIR: join(folder, "config"),
        BRAID_PAINTED_FILE: painted,
      },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const ended = new Promise((done) => window.on("exit", done));
    while (!existsSync(painted) || readFileSync(painted, "utf8") === "") {
      if (Date.now() - begun > 30_000) throw new Error("nothing was painted within 30 s");
      await new Promise((again) => setTimeout(again, 5));
    }
    const { at, rows } = JSON.parse(readFileSync(painted, "utf8"));
    // The first start reads everything from the disk; the others are what a person meets.
    if (run > 0) times.push(at - begun);
    window.kill();
    await ended;
    if (rows === 0) throw new Error("an empty list was painted");
  }
  return times;
}

/** The same rehearsal as a program of its own, so that its start is not taken for the app's. */
async function serveApart(folder, size) {
  const state = join(folder, "data/rehearsal");
  const serve = spawn(join(root, "target/release/braid-cli"), ["rehearsal", "serve", "--state", state, "--size", String(size)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise((said) => serve.stdout.once("data", (data) => said(String(data))));
  const { login_url, application_id, mail_url } = JSON.parse(line);
  const config = `[tenant]\nlogin-host = "${login_url}"\napplication-id = "${application_id}"\n[tenant.mail]\njmap = "${mail_url}"\n`;
  writeFileSync(join(folder, "config/braid.toml"), config);
  return serve;
}

/** Three accounts of the rehearsal, fetched whole, and the window started over them again and again. */
async function start() {
  const size = quick ? 2_000 : 33_334;
  if (!built) {
    const build = ["build", "--locked", "--quiet", "--release", "--workspace", "--bins", "--features", "custom-protocol"];
    execFileSync("cargo", build, { cwd: root, stdio: "inherit" });
  }
  const folder = mkdtempSync(join(tmpdir(), "braid-bench-"));
  process.env.BRAID_REHEARSAL_SIZE = String(size);
  try {
    const sync = ["--folder", folder, "--rehearsal=Work,Personal,Choir", "sync"];
    const begun = Date.now();
    execFileSync(join(root, "target/release/braid-cli"), sync, { stdio: ["ignore", "inherit", "inherit"] });
    const fetched = Date.now() - begun;
    const tenant = await serveApart(folder, size);
    const times = await startToPainted(join(root, "target/release/braid"), folder, quick ? 3 : 9);
    tenant.kill("SIGINT");
    return {
      messages: 3 * size,
      first_fetch_ms: fetched,
      median_ms: median(times),
      least_ms: Math.min(...times),
      most_ms: Math.max(...times),
      runs: times.length,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const results = { machine: `${cpus().length} × ${cpus()[0].model}`, date: new Date().toISOString().slice(0, 10) };
  if (wanted("pages")) results.merged_page = cargoBench("mail-engine", "merged_page");
  if (wanted("start")) results.start_to_painted = await start();
  mkdirSync(join(root, "target/bench"), { recursive: true });
  writeFileSync(join(root, "target/bench/results.json"), `${JSON.stringify(results, null, 2)}\n`);
  console.log(JSON.stringify(results, null, 2));
}

await main();
