import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, rehearsalIn } from "../client.mjs";
import { eventually, Window } from "../window.mjs";

const FIRST_ROW = "//*[@role='row'][contains(., 'Cutover plan for the billing API')]";
const labels =
  "return [...document.querySelectorAll('[role=row][aria-label]')].map((row) => row.getAttribute('aria-label'))";
const BOX = "//input[@role='combobox']";

test("three accounts are searched at once, and mail that arrives meanwhile is found", async () => {
  const window = await Window.open({ args: ["--rehearse", "Work,Personal,Choir"] });
  try {
    await window.find(FIRST_ROW);
    const servers = rehearsalIn(window.folder);
    const people = [
      ["Work", "northwind-sso", "northwind|ana.moreau"],
      ["Personal", "google", "google|104822617305"],
      ["Choir", "github", "github|4417208"],
    ];
    const clients = [];
    for (const [, connection, person] of people) {
      clients.push(await Client.signIn(servers, "app_braid", connection, person));
    }
    for (const client of clients) {
      await client.deliver({
        from: "Zoë Quill <zoe@mail.example>",
        subject: "About the Zanzibar archive",
        text: "The boxes are on the second shelf.",
      });
    }
    await window.keys("/");
    const box = await window.find(BOX);
    await box.setValue("zanzibar");
    await eventually("a match in every account", async () => {
      const found = (await window.run(labels)).filter((label) => label.includes("Zanzibar"));
      return people.every(([name]) => found.some((label) => label.includes(`, ${name},`))) && found.length === 3;
    });
    // A match in a text only, marked in the row.
    await clients[1].deliver({
      from: "Zoë Quill <zoe@mail.example>",
      subject: "One more thing",
      text: "The oldest map of Zanzibar is in the third box.",
    });
    await eventually("the one that arrived", async () =>
      (await window.run(labels)).some((label) => label.includes("One more thing")));
    await eventually("its match in the text", () =>
      window.run(
        `return [...document.querySelectorAll("[role=row]")].some((row) =>
           row.textContent.includes("One more thing") && row.querySelector("mark")?.textContent === "Zanzibar")`,
      ));
    await window.keys("Escape");
    await eventually("the inbox again", async () => {
      const rows = await window.run(labels);
      return rows.length > 4 && rows.some((label) => label.includes("Cutover plan for the billing API"));
    });
    assert.equal(await (await window.find(BOX)).getValue(), "");
  } finally {
    await window.close();
  }
});
