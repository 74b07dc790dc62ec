import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { eventually, Window } from "../window.mjs";

const button = (words) => `//button[contains(normalize-space(.), ${JSON.stringify(words)})]`;

test("a newcomer tries the rehearsal, signs in twice in a browser, and reads one merged inbox", async () => {
  const window = await Window.open();
  try {
    await window.click(button("Try the rehearsal"));
    await (await window.find("//h1[contains(., 'Sign in to your first account')]")).isDisplayed();

    await window.click(button("Northwind"));
    await window.signInByBrowser(async (page) => {
      await page.getByRole("link", { name: /ana@northwind\.example/ }).click();
    }, 0);
    await window.find("//*[contains(., 'You are adding') and contains(., 'ana@northwind.example')]");
    await window.click(button("Add account"));
    await window.find("//*[@role='row'][contains(., 'Cutover plan for the billing API')]");

    await window.click("//button[@aria-label='Add an account']");
    await window.click(`//*[@role='dialog']${button("Google")}`);
    await window.signInByBrowser(async (page) => {
      await page.getByRole("link", { name: /ana\.m@mail\.example/ }).click();
    }, 1);
    await window.click(button("Add account"));

    const accounts = await eventually("rows of both accounts", async () => {
      const labels = await window.run(
        "return [...document.querySelectorAll('[role=row][aria-label]')].map((row) => row.getAttribute('aria-label'))",
      );
      const of = (name) => labels.some((label) => label.includes(name));
      return of("Work") && of("Personal") ? labels : null;
    });
    assert.ok(accounts.length >= 5);
    assert.equal(window.opener.opened().length, 2, "the browser was opened once for each sign-in");
  } finally {
    await window.close();
  }
});

test("the page holds no token, cookie or code, and its web view reaches nothing", async () => {
  const reached = [];
  const server = createServer((request, response) => {
    reached.push(request.url);
    response.end();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const window = await Window.open({ args: ["--rehearse", "Work,Personal"] });
  try {
    await window.find("//*[@role='row'][contains(., 'Cutover plan for the billing API')]");
    const found = await window.run(`
      const world = document.documentElement.outerHTML + JSON.stringify({ ...localStorage }) +
        JSON.stringify({ ...sessionStorage }) + document.cookie;
      return /eyJ[A-Za-z0-9_-]{10,}|authress-session|access_token|code_verifier/.exec(world)?.[0] ?? null;`);
    assert.equal(found, null);
    await window.session.executeAsync(
      `const [address, done] = arguments;
      const picture = new Promise((ended) => {
        const image = new Image();
        image.onload = image.onerror = ended;
        image.src = address + "picture";
      });
      Promise.allSettled([fetch(address + "fetch", { mode: "no-cors" }), picture]).then(() => done());`,
      `http://127.0.0.1:${server.address().port}/`,
    );
    assert.deepEqual(reached, []);
  } finally {
    server.close();
    await window.close();
  }
});
