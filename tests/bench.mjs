// Measures, and prints ratios: single times depend on the machine, ratios of one run do not.
// usage: tests/bench.mjs [--quick]
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const quick = process.argv.includes("--quick");
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
    const window = spawn(program, ["--rehearse", "Work,Personal,Choir"], {
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

async function main() {
  const results = { machine: `${cpus().length} × ${cpus()[0].model}`, date: new Date().toISOString().slice(0, 10) };
  results.merged_page = cargoBench("mail-engine", "merged_page");
  const size = quick ? 2_000 : 33_334;
  execFileSync("cargo", ["build", "--locked", "--quiet", "--release", "--workspace", "--bins", "--features", "custom-protocol"], { cwd: root, stdio: "inherit" });
  const folder = mkdtempSync(join(tmpdir(), "braid-bench-"));
  try {
    const env = { ...process.env, BRAID_REHEARSAL_SIZE: String(size) };
    process.env.BRAID_REHEARSAL_SIZE = env.BRAID_REHEARSAL_SIZE;
    execFileSync(join(root, "target/release/braid-cli"), ["--folder", folder, "--rehearsal=Work,Personal,Choir", "sync"], { env, stdio: ["ignore", "inherit", "inherit"] });
    const times = await startToPainted(join(root, "target/release/braid"), folder, quick ? 3 : 9);
    results.start_to_painted = { messages: 3 * size, median_ms: median(times), least_ms: Math.min(...times), most_ms: Math.max(...times), runs: times.length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  mkdirSync(join(root, "target/bench"), { recursive: true });
  writeFileSync(join(root, "target/bench/results.json"), `${JSON.stringify(results, null, 2)}\n`);
  console.log(JSON.stringify(results, null, 2));
}

await main();
