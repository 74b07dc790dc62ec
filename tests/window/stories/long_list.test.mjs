// A list that is taller than an engine lays out. Fetching so many messages would take minutes, so the
// stores of two signed-in and paused accounts are filled by their own writer before the window starts.
// BRAID_ROWS=1000000 for a million; the usual number is past the point where the list is scaled.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { eventually, program, Window } from "../window.mjs";

const run = promisify(execFile);
const ACCOUNTS = ["Work", "Personal"];
const EACH = Math.round(Number(process.env.BRAID_ROWS ?? 120_000) / ACCOUNTS.length);
/** In the document, wherever one is. */
const MOST_ROWS = 60;

// The rows in sight, once they cover all of the list: none on its way, no gap, no blank end.
const IN_SIGHT = `
  const list = document.querySelector("[data-list]");
  if (!list) return { covered: false };
  const edge = list.getBoundingClientRect();
  const all = [...list.querySelectorAll("[role=row]")];
  const boxes = all.map((row) => ({ row, box: row.getBoundingClientRect() }))
    .filter(({ box }) => box.bottom > edge.top + 1 && box.top < edge.bottom - 1)
    .sort((one, other) => one.box.top - other.box.top);
  const covered = boxes.length > 0 && boxes[0].box.top <= edge.top + 1 &&
    boxes.at(-1).box.bottom >= edge.bottom - 1 &&
    boxes.slice(1).every(({ box }, place) => Math.abs(box.top - boxes[place].box.bottom) < 1);
  return {
    covered: covered && boxes.every(({ row }) => row.hasAttribute("aria-label")),
    total: Number(list.getAttribute("aria-rowcount")),
    rows: boxes.map(({ row }) => ({ place: Number(row.getAttribute("aria-rowindex")), label: row.getAttribute("aria-label") })),
    inDocument: all.length,
    selected: Number(list.querySelector("[aria-selected=true]")?.getAttribute("aria-rowindex") ?? 0),
    top: list.scrollTop,
    area: list.scrollHeight,
    height: list.clientHeight,
  };`;

let folder;
let window;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "braid-long-"));
  const beside = dirname(program);
  const cli = (...words) =>
    run(join(beside, "braid-cli"), ["--folder", folder, `--rehearsal=${ACCOUNTS.join(",")}`, ...words], {
      env: { ...process.env, BRAID_REHEARSAL_SIZE: "40" },
    });
  await cli("sync");
  for (const account of ACCOUNTS) await cli("pause", account);
  const begun = Date.now();
  await run(join(beside, "examples/fill"), [join(folder, "data"), String(EACH), ...ACCOUNTS]);
  console.log(`${ACCOUNTS.length} accounts filled with ${EACH} messages each in ${Math.round((Date.now() - begun) / 1000)} s`);
  window = await Window.open({ folder, args: ["--rehearse", ACCOUNTS.join(",")], env: { BRAID_REHEARSAL_SIZE: "40" } });
}, { timeout: 600_000 });
after(async () => {
  await window?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const look = () => window.run(IN_SIGHT);

/** The rows that stand in sight; every one of them the message that belongs at its place. */
async function settled(what, is = () => true) {
  const now = await eventually(what, async () => {
    const seen = await look();
    return seen.covered && is(seen) ? seen : null;
  });
  assert.ok(now.inDocument <= MOST_ROWS, `${now.inDocument} rows in the document`);
  // What the accounts had before is newer than all of the made-up mail.
  const before = now.total - ACCOUNTS.length * EACH;
  for (const { place, label } of now.rows) {
    const number = Number(/ message (\d+) of /.exec(label)?.[1] ?? 0);
    if (place <= before) assert.equal(number, 0, label);
    // Both accounts have one message at the same time.
    else assert.equal(number, Math.ceil((place - before) / ACCOUNTS.length), `row ${place}: ${label}`);
  }
  return now;
}
const place = (rows) => rows[0].place;

test("End, page by page and Home: the last row, its neighbours and the first are where they belong", async () => {
  const first = await settled("the first rows", ({ rows }) => place(rows) === 1);
  const { total, height } = first;
  assert.ok(total >= ACCOUNTS.length * EACH, `${total} rows`);
  const memory = window.pageMemory();
  await window.run("document.querySelector('[data-list]').focus()");

  await window.keys("End");
  const last = await settled("the last row", ({ rows, selected }) => rows.at(-1).place === total && selected === total);
  assert.match(last.rows.at(-1).label, new RegExp(` message ${EACH} of ${EACH}`));
  await window.keys("PageUp");
  await settled("eight rows before the last", ({ selected }) => selected === total - 8);
  for (const pages of [2, 3, 4]) {
    await window.keys("PageUp");
    await settled("a page higher", ({ selected, rows }) => selected === total - 8 * pages && rows.some((row) => row.place === selected));
  }
  await window.keys("PageDown");
  await settled("a page lower", ({ selected }) => selected === total - 24);
  await window.keys("Home");
  await settled("the first row again", ({ rows, selected }) => place(rows) === 1 && selected === 1);

  // As the scroll bar does it: to places of the area, far apart.
  const { area } = first;
  for (const share of [0.5, 0.25, 0.999, 0.75, 1, 0]) {
    await window.run("document.querySelector('[data-list]').scrollTop = arguments[0]", share * (area - height));
    const expected = share * (total - height / 80);
    await settled(`the rows at ${share} of the list`, ({ rows }) => Math.abs(place(rows) - 1 - expected) <= 1 + total / 1_000_000);
  }

  // As a wheel does it, from the middle.
  await window.run("document.querySelector('[data-list]').scrollTop = arguments[0]", 0.5 * (area - height));
  let before = await settled("the middle", ({ rows }) => Math.abs(place(rows) - total / 2) < 20);
  for (let turn = 0; turn < 12; turn++) {
    const wanted = place(before.rows) + 3;
    await window.run("document.querySelector('[data-list]').scrollTop += 240");
    before = await settled("three rows further", ({ rows }) => Math.abs(place(rows) - wanted) <= 1);
  }

  await window.keys("End");
  await settled("the last row once more", ({ rows }) => rows.at(-1).place === total);
  await window.keys("Home");
  await settled("the first row at last", ({ rows }) => place(rows) === 1);
  const grown = window.pageMemory();
  console.log(`${total} rows in an area of ${area} px; memory of the page: ${memory} MB, ${grown} MB at the end`);
  assert.ok(grown - memory < 150, `from ${memory} to ${grown} MB`);
});
