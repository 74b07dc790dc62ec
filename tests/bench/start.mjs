// The release programs over accounts of the rehearsal: the first fetch, the start, and the window at rest.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { rehearsalIn, serveApart } from "../window/client.mjs";
import { bareTransfer } from "./transfer.mjs";
import { atRest, idle, pressToPainted } from "./window.mjs";

const root = resolve(import.meta.dirname, "../..");
const cli = join(root, "target/release/braid-cli");
const program = join(root, "target/release/braid");

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(values.length * share)];
const temporary = () => mkdtempSync(join(tmpdir(), "braid-bench-"));
const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** So many people of the rehearsal; as in crates/mail-rehearsal/src/people.rs. */
function people(count) {
  const known = [
    { account: "Work", connection: "northwind-sso", user: "northwind|ana.moreau" },
    { account: "Personal", connection: "google", user: "google|104822617305" },
    { account: "Choir", connection: "github", user: "github|4417208" },
  ];
  for (let number = known.length + 1; number <= count; number++) {
    const user = `google|2000000${String(number).padStart(5, "0")}`;
    known.push({ account: `Account ${number}`, connection: "google", user });
  }
  return known.slice(0, count);
}

/** How many of them are not among the three the rehearsal always has. */
const extra = (everybody) => Math.max(0, everybody.length - 3);

/** Milliseconds of signing people in and fetching everything. */
function firstFetch(folder, everybody, size) {
  const names = everybody.map(({ account }) => account).join(",");
  const begun = Date.now();
  execFileSync(cli, ["--folder", folder, `--rehearsal=${names}`, "sync"], {
    env: {
      ...process.env,
      BRAID_REHEARSAL_SIZE: String(size),
      BRAID_REHEARSAL_EXTRA_PEOPLE: String(extra(everybody)),
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return Date.now() - begun;
}

/** Spawn to the first rows on the screen, in milliseconds, with everything synchronised. */
async function startToPainted(folder, runs) {
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
    // Its web processes end after it.
    await new Promise((again) => setTimeout(again, 1_500));
    if (rows === 0) throw new Error("an empty list was painted");
  }
  return times;
}

/** The first fetch of four accounts against the same octets fetched by curl. */
export async function fetching({ quick }) {
  const size = quick ? 1_000 : 25_000;
  const everybody = people(4);
  const folder = temporary();
  try {
    // What the same command takes with hardly any mail: making the mail server, signing in, ending.
    const nearlyNone = temporary();
    const around = firstFetch(nearlyNone, everybody, 10);
    remove(nearlyNone);
    const fetched = firstFetch(folder, everybody, size);
    const tenant = await serveApart(cli, folder, { size, extraPeople: extra(everybody) });
    const transfers = [];
    for (let run = 0; run < 3; run++) transfers.push(await bareTransfer(rehearsalIn(folder), everybody, size));
    tenant.kill("SIGINT");
    const transfer = transfers.sort((a, b) => a.seconds - b.seconds)[1];
    return {
      accounts: everybody.length,
      messages: everybody.length * size,
      all_ms: fetched,
      around_ms: around,
      bare_transfer_ms: Math.round(transfer.seconds * 1000),
      octets: transfer.octets,
      ratio: (fetched - around) / (transfer.seconds * 1000),
    };
  } finally {
    remove(folder);
  }
}

/** Six accounts fetched whole, and the window started over them again and again. */
export async function start({ quick, size = quick ? 1_000 : 100_000 }) {
  const everybody = people(6);
  const folder = temporary();
  try {
    firstFetch(folder, everybody, size);
    const tenant = await serveApart(cli, folder, { size, extraPeople: extra(everybody) });
    // Read when the module is.
    process.env.BRAID_PROGRAM = program;
    const { Window } = await import("../window/window.mjs");
    const first = await Window.open({ folder });
    try {
      await first.find("//*[starts-with(normalize-space(.), 'Up to date')]");
      await atRest(first);
    } finally {
      await first.end();
    }
    const times = await startToPainted(folder, quick ? 3 : 9);
    const window = await Window.open({ folder });
    let presses, silence;
    try {
      await window.find("//*[starts-with(normalize-space(.), 'Up to date')]");
      const tiles = everybody.map(({ account }) => account);
      await atRest(window);
      await pressToPainted(window, tiles, tiles.length);
      presses = await pressToPainted(window, tiles, quick ? 9 : 60);
      await atRest(window);
      silence = await idle(window, quick ? 5 : 60, quick ? 1 : 3);
    } finally {
      await window.close();
    }
    tenant.kill("SIGINT");
    return {
      accounts: everybody.length,
      messages: everybody.length * size,
      painted: { median_ms: median(times), least_ms: Math.min(...times), most_ms: Math.max(...times), runs: times.length },
      press_to_painted: { median_ms: median(presses), p95_ms: percentile(presses, 0.95), runs: presses.length },
      idle: silence,
    };
  } finally {
    remove(folder);
  }
}
