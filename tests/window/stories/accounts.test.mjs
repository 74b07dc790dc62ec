import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, rehearsalIn } from "../client.mjs";
import { eventually, Window } from "../window.mjs";

const button = (words) => `//button[contains(normalize-space(.), ${JSON.stringify(words)})]`;
const tile = (name) => `//*[@role='toolbar'][@aria-label='Accounts']//button[starts-with(@aria-label, '${name},')]`;
const inDialog = (path) => `//*[contains(@class, 'linking')]${path}`;
const heading = (words) => inDialog(`//*[@role='heading'][contains(normalize-space(.), ${JSON.stringify(words)})]`);
const exactly = (words) => inDialog(`//button[normalize-space(.)=${JSON.stringify(words)}]`);

/** Clicks what may have to become able to be clicked first. */
async function press(window, selector) {
  const element = await window.find(selector);
  await eventually(`${selector} can be pressed`, () => element.isEnabled());
  await element.click();
}

test("three accounts are added one after another, and none disturbs another", async () => {
  const window = await Window.open();
  try {
    await window.click(button("Try the rehearsal"));
    const people = [
      ["Northwind", /ana@northwind\.example/, "Work"],
      ["Google", /ana\.m@mail\.example/, "Personal"],
      ["GitHub", /ana@choir\.example/, "Choir"],
    ];
    for (const [place, [connection, person, name]] of people.entries()) {
      if (place > 0) await window.click("//button[@aria-label='Add an account']");
      await window.click(button(connection));
      await window.signInByBrowser((page) => page.getByRole("link", { name: person }).click(), place);
      await window.click(button("Add account"));
      await window.find(tile(name));
      for (const [, , earlier] of people.slice(0, place)) await window.find(tile(earlier));
    }
    for (const [, , name] of people) {
      await window.find(`//*[@role='row'][contains(@aria-label, ', ${name},')]`);
    }
  } finally {
    await window.close();
  }
});

test("Choir is opened with Personal, and is still set aside after the window was closed", async () => {
  const window = await Window.open({ args: ["--rehearse", "Personal,Choir"] });
  let again;
  try {
    await window.find(tile("Choir"));
    await window.find("//*[starts-with(normalize-space(.), 'Up to date')]");
    await window.click("//button[@aria-label='Settings']");
    await window.click("//*[@role='tab'][contains(., 'Linked identities')]");
    await press(window, button("Use one mailbox for two sign-ins"));

    await window.find(heading("What would you like?"));
    await window.click(inDialog("//label[contains(., 'Open one mailbox with two')]"));
    await press(window, exactly("Continue"));
    await window.click(inDialog("//fieldset[contains(., 'Keep this mailbox')]//label[contains(., 'Personal')]"));
    await window.click(inDialog("//fieldset[contains(., 'Also open it')]//label[contains(., 'Choir')]"));
    await press(window, exactly("Continue"));

    await window.find(heading("Prove that Choir is yours"));
    await press(window, exactly("Sign in as Choir"));
    await window.signInByBrowser((page) => page.getByRole("link", { name: /ana@choir\.example/ }).click(), 0);
    await press(window, exactly("Keep Personal"));
    await window.find(heading("Look at what would be set aside"));
    await press(window, exactly("Continue"));
    // The system's own window for choosing a folder cannot be driven from here.
    await window.find(heading("Take it with you"));
    await window.click(inDialog("//label[contains(., 'I do not want a copy')]"));
    await window.click(inDialog("//label[contains(., 'there will be no copy')]"));
    await press(window, exactly("Go on without a copy"));
    await (await window.find(inDialog("//input[@type='text' or not(@type)]"))).setValue("ana@choir.example");
    await press(window, exactly("Set Choir aside and continue"));
    await window.find(heading("Both sign-ins open Personal now"));

    // As another client sees it: the sign-in of Choir opens Personal.
    const other = await Client.signIn(rehearsalIn(window.folder), "app_braid", "github", "github|4417208");
    const own = await Client.signIn(rehearsalIn(window.folder), "app_braid", "google", "google|104822617305");
    assert.equal(other.account, own.account);

    await window.end();
    again = await Window.open({ args: ["--rehearse", "Personal"], folder: window.folder });
    await again.find(tile("Personal"));
    assert.equal(await (await again.session.$(tile("Choir"))).isExisting(), false);
    await again.find("//*[contains(., 'Sealed')]//*[contains(., 'Choir')]");
    assert.equal(again.opener.opened().length, 0, "nobody had to sign in again");
  } finally {
    await again?.close();
    await window.close();
  }
});
