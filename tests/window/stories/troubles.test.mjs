// One account fails in every way a server or a session can, and the other goes on.
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { Client, Faults, rehearsalIn, serveApart } from "../client.mjs";
import { eventually, program, Window } from "../window.mjs";

const SIZE = "120";
const ANA = "google|104822617305";
const tile = (name) => `//*[@role='toolbar'][@aria-label='Accounts']//button[starts-with(@aria-label, '${name},')]`;
const bar = "//*[contains(@class, 'troubles')]";
const button = (words) => `${bar}//button[normalize-space(.)='${words}']`;
const row = (subject) => `//*[@role='row'][contains(., '${subject}')]`;

let window;
let faults;
let work;
let personal;
let arrived = 0;

before(async () => {
  window = await Window.open({ args: ["--rehearse", "Work,Personal"], env: { BRAID_REHEARSAL_SIZE: SIZE } });
  await current();
  const servers = rehearsalIn(window.folder);
  faults = new Faults(servers);
  work = await Client.signIn(servers, "app_braid", "northwind-sso", "northwind|ana.moreau");
  personal = await Client.signIn(servers, "app_braid", "google", ANA);
});
after(() => window?.close());
// What one story leaves behind is not the next one's.
afterEach(async () => {
  await faults?.clear().catch(() => undefined);
  await window?.click("//*[@role='toolbar'][@aria-label='Accounts']//button[starts-with(@aria-label, 'All accounts')]");
});

/** What the window tells of the account Personal, everywhere. */
const said = () => window.run(`
  const tile = document.querySelector("[role=toolbar][aria-label=Accounts] button[aria-label^='Personal,']");
  return {
    sign: tile?.querySelector("[data-sign]")?.dataset.sign ?? null,
    tile: tile?.getAttribute("aria-label") ?? "",
    bar: document.querySelector(".troubles")?.innerText.replaceAll(/\\s+/g, " ").trim() ?? "",
    foot: document.querySelector("footer p")?.innerText.trim() ?? "",
  };`);

/** Waits for a sign at Personal's tile, and checks the words that go with it. */
async function tells({ sign, tile: onTile, bar: above = null, foot = null }) {
  const now = await eventually(`the sign ${sign}`, async () => {
    const words = await said();
    return words.sign === sign && (above === null || above.test(words.bar)) ? words : null;
  }).catch(async (error) => {
    throw new Error(`${error.message}; what is said: ${JSON.stringify(await said())}`);
  });
  assert.match(now.tile, onTile);
  if (above === null) assert.equal(now.bar, "");
  if (foot) assert.match(now.foot, foot);
  return now;
}

/** All is well, and nothing is said of what was. */
async function current() {
  await eventually("both accounts up to date", () => window.run(`
    const tiles = [...document.querySelectorAll("[role=toolbar][aria-label=Accounts] button[data-color]")];
    return tiles.length === 2 && tiles.every((tile) => tile.getAttribute("aria-label").includes("Up to date")) &&
      !document.querySelector("[data-sign]") && !document.querySelector(".troubles") &&
      document.querySelector("footer p").innerText.startsWith("Up to date");`), 60_000)
    .catch(async (error) => {
      throw new Error(`${error.message}; what is said: ${JSON.stringify(await said())}`);
    });
}

async function comesTo(client, name) {
  const subject = `Number ${++arrived} for ${name}`;
  await client.deliver({ from: "Noor Haddad <noor@northwind.example>", subject, text: "Just so." });
  await window.find(row(subject));
}

/** The other account gets mail meanwhile, and Personal's stays readable. */
async function othersGoOn() {
  await comesTo(work, "Work");
  await window.click(tile("Personal"));
  await eventually("Personal's own mail", () => window.run(`
    const rows = [...document.querySelectorAll("[role=row][aria-label]")];
    return rows.length > 4 && rows.every((row) => !row.textContent.includes("for Work"));`));
  await window.click("(//*[@role='row'])[1]");
  await window.find("//article//iframe");
  await window.keys("Control", "0");
}

const look = () => window.keys("F5");

test("no connection: a hollow circle, one quiet line, and back by itself", async () => {
  await faults.befall(ANA, { kind: "lose-request" });
  await look();
  await tells({ sign: "offline", tile: /No connection · showing mail from/, foot: /^Personal: No connection/ });
  await othersGoOn();
  await window.keys("Control", "2");
  await eventually("the bar of Personal alone", async () =>
    (await said()).bar.startsWith("No connection. What is here can be read and marked; it is sent later. Try again"));
  await window.keys("Control", "0");
  await faults.clear();
  await current();
  await comesTo(personal, "Personal");
});

test("a server that is too busy: when it is asked next, and then all is well", async () => {
  await faults.befall(ANA, { kind: "status", status: 429, retry_after: 8 });
  await look();
  await tells({
    sign: "waiting",
    tile: /The server is busy · next try/,
    bar: /^Personal has to wait: its server is busy\. Next try .* Hide for today$/,
    foot: /^Personal: The server is busy/,
  });
  await othersGoOn();
  await faults.clear();
  await current();
  await comesTo(personal, "Personal");
});

test("a server with a fault of its own is waited for, and asked again by itself", async () => {
  await faults.befall(ANA, { kind: "status", status: 500 });
  await look();
  await tells({ sign: "waiting", tile: /The server is busy · next try/, bar: /^Personal has to wait: its server is busy/ });
  await othersGoOn();
  await faults.clear();
  await current();
  await comesTo(personal, "Personal");
});

test("a slow server: a ring, no bar, and nobody else is slow", async () => {
  await faults.befall(ANA, { kind: "delay", millis: 4_000 });
  await look();
  await tells({ sign: "working", tile: /Looking for new mail/, foot: /^Looking for new mail/ });
  await othersGoOn();
  await faults.clear();
  await current();
  await comesTo(personal, "Personal");
});

test("a server that refuses: its own words on demand, and another try", async () => {
  await faults.befall(ANA, { kind: "status", status: 403 });
  await look();
  await tells({
    sign: "refused",
    tile: /The server refuses/,
    bar: /^Personal is refused by its server\. Its mail stays readable\. Details Try again Hide for today$/,
    foot: /^Personal: The server refuses/,
  });
  await othersGoOn();
  await window.click(button("Details"));
  await window.find(`${bar}//*[normalize-space(.)='The server answered with the status 403.']`);
  await faults.clear();
  await window.click(button("Try again"));
  await current();
  await comesTo(personal, "Personal");
});

test("a session that has ended: one sign-in in the browser, and it goes on", async () => {
  const opened = window.opener.opened().length;
  await faults.endSessions(ANA);
  await faults.befall(ANA, { kind: "status", status: 401 }, 2);
  await look();
  await tells({
    sign: "sign_in_needed",
    tile: /Sign in again/,
    bar: /^Personal needs you to sign in again\. Its mail stays readable\. Last up to date .*\. Sign in Hide for today$/,
    foot: /^Personal: Sign in again/,
  });
  await faults.clear();
  await othersGoOn();
  await window.click(button("Sign in"));
  await window.signInByBrowser((page) => page.getByRole("link", { name: /ana\.m@mail\.example/ }).click(), opened);
  await current();
  personal = await Client.signIn(rehearsalIn(window.folder), "app_braid", "google", ANA);
  await comesTo(personal, "Personal");
});

async function chooseFromMenu(item) {
  await window.find(tile("Personal"));
  // As the web view tells of a press of the second button. The driver lets go of the first one
  // afterwards, whatever was pressed, and that would be a click of its own.
  await window.run(`
    const tile = document.querySelector("[role=toolbar][aria-label=Accounts] button[aria-label^='Personal,']");
    const { x, y } = tile.getBoundingClientRect();
    const at = { button: 2, clientX: x + 9, clientY: y + 9, bubbles: true, cancelable: true };
    tile.dispatchEvent(new MouseEvent("contextmenu", at));`);
  await window.click(`//*[@role='menuitem'][normalize-space(.)='${item}']`);
}

test("paused by the person: no new mail until it goes on", async () => {
  await chooseFromMenu("Pause");
  await tells({
    sign: "paused",
    tile: /Paused · showing mail from/,
    bar: /^Personal is paused\. No new mail arrives; its mail stays readable\. Resume Hide for today$/,
  });
  await othersGoOn();
  await personal.deliver({ from: "Mum <mum@mail.example>", subject: "Sent during the pause", text: "Hello." });
  await window.click(button("Resume"));
  await current();
  await window.find(row("Sent during the pause"));
});

test("locked by the person: nothing of it is shown until it is unlocked", async () => {
  await chooseFromMenu("Lock");
  await tells({ sign: "locked", tile: /Locked/, bar: /^Personal is locked\. Unlock Hide for today$/ });
  await comesTo(work, "Work");
  const rows = await window.run("return [...document.querySelectorAll('[role=row][aria-label]')].map((row) => row.getAttribute('aria-label'))");
  assert.ok(rows.length > 4 && rows.every((label) => !label.includes(", Personal,")), rows.join("\n"));
  await window.click(button("Unlock"));
  await current();
  await comesTo(personal, "Personal");
});

test("a damaged copy: it says so while it is built anew, and then it is whole", async () => {
  const id = await window.run(
    "return document.querySelector(\"[role=toolbar][aria-label=Accounts] button[aria-label^='Personal,']\").dataset.dragId");
  await window.end();
  const file = join(window.folder, "data/accounts", id, "mail.sqlite");
  writeFileSync(file, Buffer.alloc(statSync(file).size, 0x5a));
  const first = window;
  // Faults are there before the next window starts.
  const serve = await serveApart(join(dirname(program), "braid-cli"), first.folder, { size: SIZE });
  try {
    faults = new Faults(rehearsalIn(first.folder));
    await faults.befall(ANA, { kind: "delay", millis: 1_500 });
    window = await Window.open({ folder: first.folder });
    await tells({
      sign: "rebuilding",
      tile: /Braid found damage in what it kept of Personal and is fetching it again\. Nothing that you wrote is lost\./,
      bar: /^Personal is being fetched again: Braid found damage in what it kept\. Nothing that you wrote is lost\. Hide for today$/,
    });
    await comesTo(work, "Work");
    await faults.clear();
    await current();
    await window.find(row("Sent during the pause"));
  } finally {
    await window.end();
    serve.kill("SIGINT");
    await new Promise((ended) => serve.once("exit", ended));
    window = undefined;
    await first.close();
  }
});
