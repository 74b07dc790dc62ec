// Measures, and prints ratios: single times depend on the machine, ratios of one run do not.
// usage: tests/bench.mjs [--quick] [--only pages|ingest|search|neighbour|start] [--built]
//   --quick  small accounts and few runs, to see that it works
//   --built  measure the release programs that are there already
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { rehearsalIn } from "./window/client.mjs";
import { bareTransfer } from "./bench/transfer.mjs";
import { idle, pressToPainted } from "./bench/window.mjs";

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
  return JSON.parse(out.slice(out.search(/[[{]/)));
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

const PEOPLE = [
  { account: "Work", connection: "northwind-sso", user: "northwind|ana.moreau" },
  { account: "Personal", connection: "google", user: "google|104822617305" },
  { account: "Choir", connection: "github", user: "github|4417208" },
];

/** Milliseconds of signing three people in and fetching everything. */
function firstFetch(folder, size) {
  const names = PEOPLE.map(({ account }) => account).join(",");
  const begun = Date.now();
  execFileSync(join(root, "target/release/braid-cli"), ["--folder", folder, `--rehearsal=${names}`, "sync"], {
    env: { ...process.env, BRAID_REHEARSAL_SIZE: String(size) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return Date.now() - begun;
}

const temporary = () => mkdtempSync(join(tmpdir(), "braid-bench-"));
const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** Three accounts of the rehearsal, fetched whole, and the window started over them again and again. */
async function start() {
  const size = quick ? 2_000 : 33_334;
  if (!built) {
    const build = ["build", "--locked", "--quiet", "--release", "--workspace", "--bins", "--features", "custom-protocol"];
    execFileSync("cargo", build, { cwd: root, stdio: "inherit" });
  }
  const folder = temporary();
  const program = join(root, "target/release/braid");
  try {
    // What the same command takes with hardly any mail: making the mail server, signing in, ending.
    const nearlyNone = temporary();
    const around = firstFetch(nearlyNone, 10);
    remove(nearlyNone);
    const fetched = firstFetch(folder, size);
    const tenant = await serveApart(folder, size);
    const transfers = [];
    for (let run = 0; run < 3; run++) transfers.push(await bareTransfer(rehearsalIn(folder), PEOPLE, size));
    const transfer = transfers.sort((a, b) => a.seconds - b.seconds)[1];
    const times = await startToPainted(program, folder, quick ? 3 : 9);
    // Read when the module is.
    process.env.BRAID_PROGRAM = program;
    const { Window } = await import("./window/window.mjs");
    const window = await Window.open({ folder });
    let presses, silence;
    try {
      await window.find("//*[starts-with(normalize-space(.), 'Up to date')]");
      const tiles = PEOPLE.map(({ account }) => account);
      await pressToPainted(window, tiles, tiles.length);
      presses = (await pressToPainted(window, tiles, quick ? 9 : 60)).sort((a, b) => a - b);
      silence = await idle(window, quick ? 5 : 60);
    } finally {
      await window.close();
    }
    tenant.kill("SIGINT");
    return {
      messages: 3 * size,
      first_fetch: {
        all_ms: fetched,
        around_ms: around,
        bare_transfer_ms: Math.round(transfer.seconds * 1000),
        octets: transfer.octets,
        ratio: (fetched - around) / (transfer.seconds * 1000),
      },
      start: { median_ms: median(times), least_ms: Math.min(...times), most_ms: Math.max(...times), runs: times.length },
      press_to_painted: {
        median_ms: median(presses),
        p95_ms: presses[Math.floor(presses.length * 0.95)],
        runs: presses.length,
      },
      idle: silence,
    };
  } finally {
    remove(folder);
  }
}

async function main() {
  const results = { machine: `${cpus().length} × ${cpus()[0].model}`, date: new Date().toISOString().slice(0, 10) };
  if (wanted("pages")) results.merged_page = cargoBench("mail-engine", "merged_page");
  if (wanted("ingest")) results.ingest = cargoBench("mail-store", "ingest");
  if (wanted("search")) results.search = cargoBench("mail-store", "search");
  if (wanted("neighbour")) results.bad_neighbour = cargoBench("mail-engine", "bad_neighbour");
  if (wanted("start")) results.start_to_painted = await start();
  mkdirSync(join(root, "target/bench"), { recursive: true });
  writeFileSync(join(root, "target/bench/results.json"), `${JSON.stringify(results, null, 2)}\n`);
  console.log(JSON.stringify(results, null, 2));
}

await main();
