import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client, rehearsalIn } from "../client.mjs";
import { eventually, Window } from "../window.mjs";

const MESSAGES = 300;
/** Web frames in the page at one time, whatever is unfolded. */
const MOST_FRAMES = 32;
const PEOPLE = ["Noor Haddad <noor@northwind.example>", "Ravi Anand <ravi@northwind.example>"];
/** Lengths that differ, so that nothing fits by chance. */
const text = (place) => `This is message ${place + 1} of the discussion.\r\n${"One more line of it.\r\n".repeat(place % 4)}`;
const SUBJECT = "Where the archive goes";
const row = (subject) => `//*[@role='row'][contains(., '${subject}')]`;

// What of the conversation is in the pane, and whether it shows: a body that is on its way has no
// frame, and one without a height draws nothing.
const IN_SIGHT = `
  const pane = document.querySelector("[data-region=reading]");
  const edge = pane.getBoundingClientRect();
  const all = [...pane.querySelectorAll("article[data-message]")];
  const seen = all.filter((article) => {
    const box = article.getBoundingClientRect();
    return box.bottom > edge.top + 1 && box.top < edge.bottom - 1;
  });
  const shows = (article) => {
    if (article.matches(".folded")) return true;
    const body = article.querySelector("iframe, .away, .bones");
    const box = body?.getBoundingClientRect();
    // The engine lays out no frame of which nothing is in sight.
    if (box && (box.top > edge.bottom - 4 || box.bottom < edge.top + 4)) return true;
    return body?.matches("iframe:not(.unmeasured)") && box.height > 20;
  };
  const gaps = all.slice(1).filter((article, place) =>
    article.getBoundingClientRect().top - all[place].getBoundingClientRect().bottom > 24);
  return {
    places: seen.map((article) => Number(article.getAttribute("aria-posinset"))),
    shown: seen.every(shows),
    read: seen.filter((article) => article.querySelector("iframe:not(.unmeasured)")).map((article) => Number(article.getAttribute("aria-posinset"))),
    gaps: gaps.length,
    frames: pane.querySelectorAll("iframe").length,
    articles: all.length,
    top: pane.scrollTop,
    end: pane.scrollHeight - pane.clientHeight - pane.scrollTop < 2,
  };`;

let window;
let other;

before(async () => {
  window = await Window.open({ args: ["--rehearse", "Work"], env: { BRAID_REHEARSAL_SIZE: "60" } });
  await window.find("//*[@role='row']");
  other = await Client.signIn(rehearsalIn(window.folder), "app_braid", "northwind-sso", "northwind|ana.moreau");
  const conversation = { from: (place) => PEOPLE[place % 2], texts: Array.from({ length: MESSAGES }, (_, place) => text(place)) };
  await other.deliverConversation({ ...conversation, subject: "All of it is new", unread: MESSAGES });
  await other.deliverConversation({ ...conversation, subject: SUBJECT, unread: 2 });
  // Nothing moves any more where one clicks.
  await eventually("both conversations, whole", () => window.run(`
    return ["All of it is new", "Where the archive goes"].every((subject) =>
      [...document.querySelectorAll("[role=row][aria-label]")].some((row) =>
        row.textContent.includes(subject) && row.textContent.includes("· ${MESSAGES}")));`), 60_000);
});
after(() => window?.close());

const look = () => window.run(IN_SIGHT);
const settled = (what) => eventually(what, async () => {
  const now = await look();
  return now.shown && now.places.length > 0 ? now : null;
});

/** The words inside of the frame of a message, which the page itself cannot read. */
async function words(place) {
  const frame = await window.find(`//article[@aria-posinset='${place}']//iframe`);
  await window.session.switchFrame(frame);
  try {
    const inner = await window.session.$("iframe");
    await window.session.switchFrame(inner);
    return await (await window.session.$("body")).getText();
  } finally {
    await window.session.switchFrame(null);
  }
}

test("300 messages open at once at what is new, with the rest out of the way", async () => {
  const here = await window.find(row(SUBJECT));
  const begun = Date.now();
  await here.click();
  const now = await settled("the new messages");
  const took = Date.now() - begun;
  assert.deepEqual(now.places, [298, 299, 300].slice(-now.places.length));
  assert.ok(now.articles === 3 && now.frames === 2, JSON.stringify(now));
  assert.match(await words(299), /This is message 299 of the discussion/);
  await window.find("//button[normalize-space(.)='297 earlier messages']");
  console.log(`opened in ${took} ms`);
});

test("keys go from message to message, open one, and lead back to the list", async () => {
  const focused = () => window.run(`
    const at = document.activeElement;
    return { place: Number(at.closest("article")?.getAttribute("aria-posinset")), open: at.getAttribute("aria-expanded"), list: at.matches("[data-list]") };`);
  await window.run("document.querySelector('[data-region=reading]').focus()");
  await window.click("//button[normalize-space(.)='297 earlier messages']");
  await eventually("the first message to have the focus", async () => (await focused()).place === 1);
  assert.equal((await look()).articles, MESSAGES);
  for (const place of [2, 3, 4]) {
    await window.keys("n");
    assert.equal((await focused()).place, place);
  }
  await window.keys("p");
  assert.deepEqual(await focused(), { place: 3, open: "false", list: false });
  await window.keys("Enter");
  await eventually("message 3 open, with the focus", async () => {
    const now = await focused();
    return now.place === 3 && now.open === "true";
  });
  await settled("the body of message 3");
  await window.keys("Escape");
  await eventually("the list to have the focus", async () => (await focused()).list);
  assert.match(await words(3), /This is message 3 of the discussion/);
});

/** Goes down through the pane in steps of less than its height; gives every place whose body was seen. */
async function walk() {
  const seen = new Set();
  let most = 0;
  for (;;) {
    const now = await settled(`what is in sight after ${seen.size} messages`);
    assert.equal(now.gaps, 0);
    most = Math.max(most, now.frames);
    now.read.forEach((place) => seen.add(place));
    if (now.end) return { seen, most };
    await window.run("const pane = document.querySelector('[data-region=reading]'); pane.scrollBy(0, pane.clientHeight * 0.9)");
  }
}

test("all 300 unfolded are read from end to end, with few frames and bounded memory", async () => {
  await window.click(row("All of it is new"));
  const now = await settled("the first messages");
  assert.equal(now.places[0], 1);
  const before = window.pageMemory();
  const begun = Date.now();
  const { seen, most } = await walk();
  console.log(`all the way down in ${Date.now() - begun} ms, ${most} frames at most`);
  assert.equal(seen.size, MESSAGES, "every message was seen with its body");
  assert.ok(most <= MOST_FRAMES, `${most} frames at once`);
  const below = window.pageMemory();
  for (const share of [0.75, 0.5, 0.25, 0]) {
    await window.run("const pane = document.querySelector('[data-region=reading]'); pane.scrollTop = pane.scrollHeight * arguments[0]", share);
    const back = await settled(`the messages at ${share} of the conversation`);
    assert.ok(back.gaps === 0 && back.frames <= MOST_FRAMES, JSON.stringify(back));
  }
  const last = window.pageMemory();
  assert.match(await words(1), /This is message 1 of the discussion/);
  console.log(`memory of the page: ${before} MB, ${below} MB at the end, ${last} MB back at the beginning`);
  // What has been seen once costs nothing when it is seen again.
  assert.ok(last - below < 80 && last - before < 300, `from ${before} by ${below} to ${last} MB`);
});
