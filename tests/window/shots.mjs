// Pictures of the window's states, for looking at and for the README.
// usage: shots.mjs FOLDER
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { Client, Faults, rehearsalIn } from "./client.mjs";
import { eventually, Window } from "./window.mjs";

const folder = resolve(process.argv[2] ?? "target/shots");
mkdirSync(folder, { recursive: true });
const button = (words) => `//button[contains(normalize-space(.), ${JSON.stringify(words)})]`;
const FIRST_ROW = "//*[@role='row'][contains(., 'Cutover plan for the billing API')]";
const SIZE = { width: 1440, height: 900 };

/** Nothing is moving any more: mail fetched, frames measured, fonts in place. */
async function settled(window) {
  await eventually("everything fetched", () => window.run("return !document.querySelector('[role=progressbar]')"), 90_000);
  await window.session.executeAsync("const done = arguments[0]; document.fonts.ready.then(() => setTimeout(done, 400));");
}

async function shot(window, name) {
  await settled(window);
  await window.picture(join(folder, `${name}.png`));
  console.log(name);
}

/** Preferences as the window would have left them. */
function prefer(window, preferences) {
  mkdirSync(join(window, "config"), { recursive: true });
  writeFileSync(join(window, "config/preferences.json"), JSON.stringify(preferences));
}

async function inTheme(theme, people, size, states) {
  const { mkdtempSync, rmSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const own = mkdtempSync(join(tmpdir(), "braid-shots-"));
  prefer(own, { theme });
  const window = await Window.open({ folder: own, args: people ? ["--rehearse", people] : [], size });
  try {
    await states(window);
  } finally {
    await window.close();
    rmSync(own, { recursive: true, force: true, maxRetries: 5 });
  }
}

const tile = (name) => `//*[@role='toolbar'][@aria-label='Accounts']//button[starts-with(@aria-label, '${name},')]`;
const inDialog = (path) => `//*[contains(@class, 'linking')]${path}`;
const exactly = (words) => inDialog(`//button[normalize-space(.)=${JSON.stringify(words)}]`);
const page = (name) => `//*[@role='tab'][contains(., ${JSON.stringify(name)})]`;

/** Presses what may have to become able to be pressed first. */
async function press(window, selector) {
  const element = await window.find(selector);
  await eventually(`${selector} can be pressed`, () => element.isEnabled());
  await element.click();
}

/** The pages of the settings, and every page of a change of sign-ins. */
async function settings(window, theme) {
  await window.find(tile("Choir"));
  await window.find("//*[starts-with(normalize-space(.), 'Up to date')]");
  await window.click("//button[@aria-label='Settings']");
  for (const name of ["Accounts", "Sessions", "Linked identities", "Separation", "Appearance"]) {
    await window.click(page(name));
    await shot(window, `settings-${name.toLowerCase().replace(" ", "-")}-${theme}`);
  }
  await window.click(page("Linked identities"));
  await press(window, button("Use one mailbox for two sign-ins"));
  await window.find(inDialog("//*[@role='heading'][contains(., 'What would you like?')]"));
  await shot(window, `linking-purpose-${theme}`);
  await window.click(inDialog("//label[contains(., 'Open one mailbox with two')]"));
  await press(window, exactly("Continue"));
  await window.click(inDialog("//fieldset[contains(., 'Keep this mailbox')]//label[contains(., 'Personal')]"));
  await window.click(inDialog("//fieldset[contains(., 'Also open it')]//label[contains(., 'Choir')]"));
  await shot(window, `linking-choose-${theme}`);
  await press(window, exactly("Continue"));
  await window.find(exactly("Sign in as Choir"));
  await shot(window, `linking-prove-${theme}`);
  await press(window, exactly("Sign in as Choir"));
  await window.signInByBrowser((browser) => browser.getByRole("link", { name: /ana@choir\.example/ }).click(), 0);
  await press(window, exactly("Keep Personal"));
  await window.find(inDialog("//*[@role='heading'][contains(., 'Look at what would be set aside')]"));
  await shot(window, `linking-preview-${theme}`);
  await press(window, exactly("Continue"));
  await window.find(inDialog("//*[@role='heading'][contains(., 'Take it with you')]"));
  await shot(window, `linking-export-${theme}`);
  await window.click(inDialog("//label[contains(., 'I do not want a copy')]"));
  await window.click(inDialog("//label[contains(., 'there will be no copy')]"));
  await press(window, exactly("Go on without a copy"));
  await window.find(inDialog("//input[@type='text' or not(@type)]"));
  await shot(window, `linking-confirm-${theme}`);
  await (await window.find(inDialog("//input[@type='text' or not(@type)]"))).setValue("ana@choir.example");
  await press(window, exactly("Set Choir aside and continue"));
  await window.find(inDialog("//*[@role='heading'][contains(., 'Both sign-ins open Personal now')]"));
  await shot(window, `linking-done-${theme}`);
}

const signedIn = (window, connection, person) =>
  Client.signIn(rehearsalIn(window.folder), "app_braid", connection, person);

/** A conversation of 300 messages: as it opens, and with everything in it. */
async function longConversation(window, theme) {
  await window.find(FIRST_ROW);
  const other = await signedIn(window, "northwind-sso", "northwind|ana.moreau");
  const texts = Array.from({ length: 300 }, (_, place) => `Shelf ${place + 1} is done.\r\n\r\nThe next one is the tall one by the window; I will need the ladder for that, and somebody to hold it.`);
  const people = ["Noor Haddad <noor@northwind.example>", "Ravi Anand <ravi@northwind.example>"];
  await other.deliverConversation({ subject: "Where the archive goes", from: (place) => people[place % 2], to: "Ana Moreau <ana@northwind.example>", texts, unread: 2 });
  await window.click("//*[@role='row'][contains(., 'Where the archive goes')]");
  await window.find("//article[@aria-posinset='300']//iframe");
  await shot(window, `long-conversation-${theme}`);
  await window.click("//button[contains(., 'earlier messages')]");
  await shot(window, `long-conversation-whole-${theme}`);
}

/** Accounts that fail in different ways, beside one that does not. */
async function troubles(window, theme) {
  await window.find(FIRST_ROW);
  await window.find("//*[starts-with(normalize-space(.), 'Up to date')]");
  const faults = new Faults(rehearsalIn(window.folder));
  const befalls = async (name, act, sign) => {
    await faults.clear();
    await faults.befall(act.person, act.fault, act.times);
    await window.keys("F5");
    await window.find(`${tile(name)}//*[@data-sign='${sign}']`);
    await settled(window);
  };
  const [personal, choir] = ["google|104822617305", "github|4417208"];
  await befalls("Choir", { person: choir, fault: { kind: "status", status: 429, retry_after: 600 } }, "waiting");
  await shot(window, `trouble-waiting-${theme}`);
  await befalls("Personal", { person: personal, fault: { kind: "lose-request" } }, "offline");
  await shot(window, `trouble-offline-${theme}`);
  await window.keys("Control", "2");
  await shot(window, `trouble-offline-alone-${theme}`);
  await window.keys("Control", "0");
  await befalls("Personal", { person: personal, fault: { kind: "status", status: 403 } }, "refused");
  await window.click(button("Details"));
  await shot(window, `trouble-refused-${theme}`);
  await faults.endSessions("northwind|ana.moreau");
  await befalls("Work", { person: "northwind|ana.moreau", fault: { kind: "status", status: 401 }, times: 2 }, "sign_in_needed");
  await shot(window, `trouble-three-${theme}`);
}

for (const theme of ["light", "dark"]) {
  await inTheme(theme, "Work,Personal,Choir", SIZE, (window) => longConversation(window, theme));
  await inTheme(theme, "Work,Personal,Choir", SIZE, (window) => troubles(window, theme));
  await inTheme(theme, "Work,Personal,Choir", SIZE, (window) => settings(window, theme));
  await inTheme(theme, null, SIZE, async (window) => {
    await window.find(button("Try the rehearsal"));
    await shot(window, `first-run-${theme}`);
    await window.click(button("Connect to your organisation"));
    await shot(window, `connect-${theme}`);
  });
  await inTheme(theme, "Work,Personal,Choir", SIZE, async (window) => {
    await window.click(FIRST_ROW);
    await window.find("//article//iframe");
    await shot(window, `inbox-${theme}`);
    await window.keys("Control", "2");
    await shot(window, `account-${theme}`);
    await window.keys("Control", "0");
    await window.click("//*[@role='treeitem'][contains(., 'Starred')]");
    await shot(window, `starred-${theme}`);
    await window.keys("Control", "0");
    await window.keys("/");
    await (await window.find("//input[@role='combobox']")).setValue("plan");
    await window.find("//*[@role='row'][.//mark]");
    await shot(window, `search-${theme}`);
    await window.keys("Escape");
    await window.click("//button[@aria-label='Add an account']");
    await window.find("//*[@role='dialog']");
    await shot(window, `add-account-${theme}`);
  });
}
await inTheme("light", "Work,Personal", { width: 800, height: 700 }, async (window) => {
  await window.find(FIRST_ROW);
  await shot(window, "narrow-light");
});
await inTheme("dark", "Work,Personal", SIZE, async (window) => {
  await window.find(FIRST_ROW);
  const other = await Client.signIn(rehearsalIn(window.folder), "app_braid", "google", "google|104822617305");
  await other.deliver({ from: "Mum <mum@mail.example>", subject: "One more thing about Sunday", text: "Bring the big pot." });
  await window.find("//*[@role='row'][contains(., 'One more thing about Sunday')]");
  await shot(window, "arrived-dark");
});
