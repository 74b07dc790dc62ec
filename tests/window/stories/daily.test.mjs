import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Client, rehearsalIn } from "../client.mjs";
import { eventually, Window } from "../window.mjs";

const FIRST_ROW = "//*[@role='row'][contains(., 'Cutover plan for the billing API')]";
// Rows on their way have no words yet.
const subjects =
  "return [...document.querySelectorAll('[role=row][aria-label]')].map((row) => row.getAttribute('aria-label'))";

test("accounts are switched by keyboard, and each shows its own mail", async () => {
  const window = await Window.open({ args: ["--rehearse", "Work,Personal"] });
  try {
    await window.find(FIRST_ROW);
    await window.keys("Control", "2");
    await eventually("only Personal's mail", async () => {
      const labels = await window.run(subjects);
      return labels.length > 3 && labels.some((label) => label.includes("Mum")) &&
        !labels.some((label) => label.includes("Cutover plan for the billing API"));
    });
    await window.keys("Control", "1");
    await window.find(FIRST_ROW);
    await window.keys("Control", "0");
    await eventually("both again", async () => {
      const labels = await window.run(subjects);
      return labels.some((label) => label.includes("Mum")) && labels.some((label) => label.includes("Cutover plan"));
    });
  } finally {
    await window.close();
  }
});

test("mail that arrives while the window is open appears by itself, in its own account", async () => {
  const window = await Window.open({ args: ["--rehearse", "Work,Personal"] });
  try {
    await window.find(FIRST_ROW);
    const other = await Client.signIn(rehearsalIn(window.folder), "app_braid", "northwind-sso", "northwind|ana.moreau");
    await other.deliver({
      from: "Noor Haddad <noor@northwind.example>",
      subject: "The lift is working again",
      text: "Third floor as well.",
    });
    const row = await window.find("//*[@role='row'][contains(., 'The lift is working again')]");
    assert.match(await row.getAttribute("aria-label"), /Work/);
  } finally {
    await window.close();
  }
});

test("a conversation opens in its frame, without script, and a mark reaches the server", async () => {
  const window = await Window.open({ args: ["--rehearse", "Work"] });
  try {
    await window.find(FIRST_ROW);
    const other = await Client.signIn(rehearsalIn(window.folder), "app_braid", "northwind-sso", "northwind|ana.moreau");
    const id = await other.deliver({
      from: "Noor Haddad <noor@northwind.example>",
      subject: "Please star this one",
      text: "Once you have read it: https://northwind.example/plan",
    });
    await window.click("//*[@role='row'][contains(., 'Please star this one')]");
    const frame = await window.find("//article//iframe");
    assert.match(await frame.getAttribute("src"), /^mail:\/\/localhost\/[0-9a-f]{32}\//);
    await eventually("the frame's height", async () => (await frame.getSize()).height > 20);
    await eventually("read at the server", async () => (await other.keywords(id)).includes("$seen"));
    await window.keys("s");
    await eventually("starred at the server", async () => (await other.keywords(id)).includes("$flagged"));
  } finally {
    await window.close();
  }
});

test("a window that is opened again shows the same accounts and the same place", async () => {
  const window = await Window.open({ args: ["--rehearse", "Work,Personal"] });
  let again;
  try {
    await window.find(FIRST_ROW);
    await window.keys("Control", "2");
    await eventually("Personal alone", async () => !(await window.run(subjects)).some((label) => label.includes("Cutover plan")));
    const remembered = join(window.folder, "config/preferences.json");
    await eventually("the place to be remembered", () =>
      existsSync(remembered) && readFileSync(remembered, "utf8").includes('"account"'));
    await window.end();
    again = await Window.open({ args: ["--rehearse", "Work,Personal"], folder: window.folder });
    await eventually("Personal alone, once more", async () => {
      const labels = await again.run(subjects);
      return labels.some((label) => label.includes("Mum")) && !labels.some((label) => label.includes("Cutover plan"));
    });
    assert.equal(again.opener.opened().length, 0, "nobody had to sign in again");
  } finally {
    await again?.close();
    await window.close();
  }
});
