// The keyring is locked when the window opens, as after a log-in without a password.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { after, before, test } from "node:test";

import { eventually, Window } from "../window.mjs";

// Daemons are ended here: never one of the person's own.
if (!process.env.BRAID_DESKTOP) throw new Error("this story runs inside tests/desktop");

const SIZE = "40";
const ask = (...words) =>
  execFileSync("dbus-send", ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus", ...words], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
/** The process that answers to a name on the bus, or none. */
function owner(name = "org.freedesktop.secrets") {
  try {
    return Number(/uint32 (\d+)/.exec(ask("org.freedesktop.DBus.GetConnectionUnixProcessID", `string:${name}`))[1]);
  } catch {
    return null;
  }
}

/** Another daemon in the place of the one that runs; it asks nobody for a password. */
async function keyring(state) {
  const before = owner();
  if (before) process.kill(before);
  await eventually("the end of the keyring", () => owner() === null);
  const words = ["--foreground", "--components=secrets", ...(state === "unlocked" ? ["--unlock"] : [])];
  const daemon = spawn("gnome-keyring-daemon", words, { stdio: ["pipe", "ignore", "ignore"], detached: true });
  daemon.unref();
  // The password of tests/desktop.
  daemon.stdin.end("test");
  await eventually("the keyring", () => owner() === daemon.pid);
}

let first;
let window;
before(async () => {
  first = await Window.open({ args: ["--rehearse", "Work,Personal"], env: { BRAID_REHEARSAL_SIZE: SIZE } });
  await first.find("//*[starts-with(normalize-space(.), 'Up to date')]");
  await first.end();
});
after(async () => {
  await window?.end();
  await keyring("unlocked");
  await first?.close();
});

const words = () => window.run("return document.body.innerText.replaceAll(/\\s+/g, ' ')");

test("a locked keyring is said, nothing is asked for again, and unlocked it goes on without a new sign-in", async () => {
  await keyring("locked");
  window = await Window.open({ folder: first.folder, args: ["--rehearse", "Work,Personal"], env: { BRAID_REHEARSAL_SIZE: SIZE } });
  await window.find("//*[contains(normalize-space(.), 'The system keyring is locked.')]");
  const tiles = await eventually("both tiles", () => window.run(`
    const tiles = [...document.querySelectorAll("[role=toolbar][aria-label=Accounts] button[data-color]")];
    return tiles.length === 2 && tiles.map((tile) => tile.getAttribute("aria-label"));`));
  for (const tile of tiles) assert.match(tile, /Unlock the system keyring/);
  assert.doesNotMatch(await words(), /Sign in again/);
  await window.find("//*[normalize-space(.)='Your mail appears here once the system keyring can be used.']");

  // The system asks for the password. Its window goes, as when the person closes it.
  const asking = await eventually("the system's question", () => owner("org.gnome.keyring.SystemPrompter"));
  process.kill(asking);
  await eventually("the end of the question", () => owner("org.gnome.keyring.SystemPrompter") !== asking);
  await keyring("unlocked");
  await window.click("//button[normalize-space(.)='Try again']");
  await eventually("both accounts and their mail", () => window.run(`
    const tiles = [...document.querySelectorAll("[role=toolbar][aria-label=Accounts] button[data-color]")];
    return tiles.every((tile) => tile.getAttribute("aria-label").includes("Up to date")) &&
      document.querySelectorAll("[role=row][aria-label]").length > 4 &&
      !document.body.innerText.includes("keyring is locked");`));
  assert.deepEqual(window.opener.opened(), [], "no browser was opened");
});
