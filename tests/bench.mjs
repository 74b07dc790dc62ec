// Measures, and prints ratios: single times depend on the machine, ratios of one run do not.
// usage: tests/bench.mjs [--quick] [--only PART[,PART]] [--size N] [--built] [--write]
//   PART     pages, ingest, search, neighbour, fetch or start
//   --quick  small accounts and few runs, to see that it works
//   --size   messages in each of the six accounts of the part start (100000)
//   --built  measure the release programs that are there already
//   --write  put the tables into docs/performance.md
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";

import { replaceTables, tables } from "./bench/report.mjs";
import { fetching, start } from "./bench/start.mjs";

const root = resolve(import.meta.dirname, "..");
const said = (word) => process.argv.includes(word);
const quick = said("--quick");
const size = said("--size") ? Number(process.argv[process.argv.indexOf("--size") + 1]) : undefined;
const only = said("--only") ? process.argv[process.argv.indexOf("--only") + 1].split(",") : null;
const wanted = (part) => only === null || only.includes(part);

function cargoBench(crate, bench, ...words) {
  const begun = Date.now();
  const out = execFileSync(
    "cargo",
    ["bench", "--locked", "--quiet", "-p", crate, ...words, "--bench", bench, "--", "--json", ...(quick ? ["--quick"] : [])],
    { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 },
  );
  console.error(`${bench}: ${Math.round((Date.now() - begun) / 1000)} s`);
  return JSON.parse(out.slice(out.search(/[[{]/)));
}

function build() {
  if (said("--built")) return;
  const build = ["build", "--locked", "--quiet", "--release", "--workspace", "--bins", "--features", "custom-protocol"];
  execFileSync("cargo", build, { cwd: root, stdio: "inherit" });
}

/** The parts, in the order they are run. */
const PARTS = {
  pages: () => ({
    first_page: cargoBench("mail-store", "first_page"),
    merged_page: cargoBench("mail-engine", "merged_page").rows,
  }),
  ingest: () => ({ ingest: cargoBench("mail-store", "ingest") }),
  search: () => ({ search: cargoBench("mail-store", "search") }),
  neighbour: () => ({ bad_neighbour: cargoBench("mail-engine", "bad_neighbour") }),
  fetch: async () => (build(), { first_fetch: await fetching({ quick }) }),
  start: async () => {
    build();
    const bare_window = cargoBench("braid", "bare_window", "--features=custom-protocol");
    return { start: { ...(await start({ quick, size })), bare_window } };
  },
};

const results = { machine: `${cpus().length} × ${cpus()[0].model}`, date: new Date().toISOString().slice(0, 10) };
const folder = join(root, "target/bench");
mkdirSync(folder, { recursive: true });
for (const [part, run] of Object.entries(PARTS)) {
  if (!wanted(part)) continue;
  Object.assign(results, await run());
  // After every part, so that a later one that fails takes nothing away.
  writeFileSync(join(folder, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
}
const markdown = tables(results);
for (const [name, table] of Object.entries(markdown)) console.log(`## ${name}\n\n${table}\n`);
if (said("--write")) {
  const file = join(root, "docs/performance.md");
  writeFileSync(file, replaceTables(readFileSync(file, "utf8"), markdown));
}
