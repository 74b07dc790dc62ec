// What the real window costs and how quick it is, with everything synchronised.
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** A process and everything it has started. */
function family(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      parents.set(Number(name), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
    } catch {
      // It has ended meanwhile.
    }
  }
  const members = new Map();
  const add = (pid) => {
    if (!parents.has(pid) || members.has(pid)) return;
    members.set(pid, parents.get(pid).ticks);
    for (const [child, { parent }] of parents) if (parent === pid) add(child);
  };
  add(root);
  return members;
}

/** Proportional set size of a process and everything it has started, in MiB. */
function memory(root) {
  let kib = 0;
  for (const pid of family(root).keys()) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    kib += Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]);
  }
  return Math.round(kib / 1024);
}

const ticks = (root) => [...family(root).values()].reduce((sum, ticks) => sum + ticks, 0);

/** Waits until the window has nothing left to do, such as to index what was fetched. */
export async function atRest(window) {
  const program = window.process();
  const end = Date.now() + 20 * 60_000;
  // An index rests between its pieces, so one look is not enough.
  for (let quiet = 0; quiet < 3; ) {
    const before = ticks(program);
    await new Promise((done) => setTimeout(done, 5_000));
    quiet = (ticks(program) - before) / TICKS_PER_SECOND < 0.03 ? quiet + 1 : 0;
    if (Date.now() > end) throw new Error("the window has found no rest");
  }
}

/** Memory, and processor time in silence, in percent of one core: the median of so many looks. */
export async function idle(window, seconds, looks) {
  const program = window.process();
  const shares = [];
  for (let look = 0; look < looks; look++) {
    const before = ticks(program);
    await new Promise((done) => setTimeout(done, seconds * 1000));
    shares.push((ticks(program) - before) / TICKS_PER_SECOND / seconds);
  }
  const share = shares.sort((a, b) => a - b)[Math.floor(looks / 2)];
  return { seconds, looks, memory_mib: memory(program), processor_percent: Math.round(10_000 * share) / 100 };
}

/** From the press of an account's tile to its rows painted, in milliseconds. */
export async function pressToPainted(window, names, runs) {
  const times = [];
  for (let run = 0; run < runs; run++) {
    const time = await window.session.executeAsync(
      `const [name, done] = arguments;
       const tile = [...document.querySelectorAll("[role=toolbar][aria-label=Accounts] button")]
         .find((tile) => tile.getAttribute("aria-label").startsWith(name + ","));
       const first = () => document.querySelector("[role=row][aria-rowindex]")?.getAttribute("aria-label") ?? "";
       const before = first();
       const begun = performance.now();
       tile.click();
       const look = () => {
         const now = first();
         if (now !== before && now !== "") requestAnimationFrame(() => done(performance.now() - begun));
         else if (performance.now() - begun > 10000) done(-1);
         else requestAnimationFrame(look);
       };
       requestAnimationFrame(look);`,
      names[run % names.length],
    );
    if (time < 0) throw new Error("the rows did not change");
    times.push(time);
  }
  return times;
}
