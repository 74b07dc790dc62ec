// The accounts lie on a small disk of their own, which fills up. Where the system lets no test have
// such a disk, the story says so and does nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client, rehearsalIn } from "../client.mjs";
import { eventually, program, Window } from "../window.mjs";

const DISK = 40 << 20;
// In a name space of its own one may mount, and is root there; the session bus wants the person back.
const WITH_DISK =
  `mount -t tmpfs -o size=${DISK},mode=0700 none "$0" && ` +
  `exec unshare --map-user=${process.getuid()} --map-group=${process.getgid()} "$@"`;

let folder;
let window;
let may;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "braid-full-"));
  const accounts = join(folder, "data/accounts");
  mkdirSync(accounts, { recursive: true, mode: 0o700 });
  may = spawnSync("unshare", ["-rm", "sh", "-c", WITH_DISK, accounts, "true"]).status === 0;
  if (!may) return;
  const binary = join(folder, "on-a-small-disk");
  writeFileSync(binary, `#!/bin/sh\nexec unshare -rm sh -c '${WITH_DISK}' '${accounts}' '${program}' "$@"\n`);
  chmodSync(binary, 0o755);
  window = await Window.open({ binary, folder, args: ["--rehearse", "Work,Personal"], env: { BRAID_REHEARSAL_SIZE: "40" } });
});
after(async () => {
  await window?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

test("a full disk is said, what is here stays readable, and mail goes on once there is room", async (context) => {
  if (!may) return context.skip("this system lets no test have a small disk of its own");
  const words = () => window.run("return document.body.innerText.replaceAll(/\\s+/g, ' ')");
  await window.find("//*[starts-with(normalize-space(.), 'Up to date')]");
  const personal = await Client.signIn(rehearsalIn(folder), "app_braid", "google", "google|104822617305");
  const onDisk = join(`/proc/${window.process()}/root`, folder, "data/accounts/filler");
  assert.throws(() => writeFileSync(onDisk, Buffer.alloc(DISK)), /ENOSPC/);

  // Enough for what is left of the last page of each file.
  for (let n = 1; n <= 30; n++) {
    await personal.deliver({ from: "Mum <mum@mail.example>", subject: `Photo ${n}`, text: "A long text. ".repeat(400) });
  }
  await window.keys("F5");
  await window.find("//*[contains(normalize-space(.), 'The disk is full. New mail waits on the server')]");
  await eventually("the sign at the tile", () => window.run(`
    const tile = document.querySelector("[role=toolbar][aria-label=Accounts] button[aria-label^='Personal,']");
    return tile.getAttribute("aria-label").includes("The disk is full");`));
  await window.click("(//*[@role='row'])[3]");
  await window.find("//article");

  rmSync(onDisk);
  await window.click("//button[normalize-space(.)='Look again']");
  await window.find("//*[@role='row'][contains(., 'Photo 30')]");
  await eventually("no word of the disk", async () => !(await words()).includes("disk is full"));
});
