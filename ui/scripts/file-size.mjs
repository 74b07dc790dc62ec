// Fails when a source file is longer than one sitting of reading.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const LIMIT = 300;
const GENERATED = new Set(["src/contract.gen.ts"]);

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .map((name) => join("src", name))
  .filter((name) => /\.(ts|svelte|css)$/.test(name) && !GENERATED.has(name));

const tooLong = files
  .map((name) => ({ name, lines: readFileSync(name, "utf8").trimEnd().split("\n").length }))
  .filter(({ lines }) => lines > LIMIT);

for (const { name, lines } of tooLong) {
  console.error(`${name}: ${lines} lines, at most ${LIMIT}`);
}
process.exit(tooLong.length > 0 ? 1 : 0);
