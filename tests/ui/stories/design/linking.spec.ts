import type { Page } from "@playwright/test";

import { expect, test, type Window } from "./fixture.ts";
import { serious } from "./serious.ts";

/** What the fake host lets a story do; see `ui/src/host/fake/linking.ts`. */
interface Control {
  hold: boolean;
  step(): void;
  proved(): void;
  at(change: object): void;
  trouble(kind: string, number?: number, other?: number, detail?: string): void;
}

declare global {
  var braidLinking: Control;
  var braidFake: { signInAt(view: object): void };
}

/** The dialog, and what a story does in it. */
class Change {
  constructor(
    readonly window: Window,
    readonly page: Page,
  ) {}

  get dialog() {
    return this.page.locator(".linking");
  }

  heading(name: string | RegExp) {
    return this.dialog.getByRole("heading", { level: 2, name });
  }

  button(name: string | RegExp) {
    return this.dialog.getByRole("button", { name });
  }

  get step() {
    return this.dialog.locator("[aria-current=step]");
  }

  async start(hold = false): Promise<void> {
    await this.window.open("fine");
    await this.page.evaluate((waits) => (braidLinking.hold = waits), hold);
    await this.page.getByRole("button", { name: "Settings" }).click();
    await this.page.getByRole("tab", { name: "Linked identities" }).click();
    await this.page.getByRole("button", { name: "Use one mailbox for two sign-ins…" }).click();
    await expect(this.heading("What would you like?")).toBeFocused();
  }

  async toChoose(): Promise<void> {
    await this.dialog
      .getByRole("radio", { name: /Open one mailbox with two sign-ins/ })
      .check({ force: true });
    await this.button("Continue").click();
    await expect(this.heading("Which two sign-ins?")).toBeFocused();
  }

  async toProve(): Promise<void> {
    await this.dialog
      .getByRole("group", { name: "Keep this mailbox" })
      .getByRole("radio", { name: /Personal/ })
      .check();
    await this.dialog
      .getByRole("group", { name: "Also open it" })
      .getByRole("radio", { name: /Choir/ })
      .check();
    await this.button("Continue").click();
    await expect(this.heading("Prove that Personal is yours")).toBeFocused();
  }

  async prove(name: string): Promise<void> {
    await this.button(`Sign in as ${name}`).click();
    await expect(this.dialog).toContainText("Waiting for your browser…");
    await this.page.evaluate(() => braidLinking.proved());
  }

  async toDirection(): Promise<void> {
    await this.prove("Personal");
    await expect(this.heading("Prove that Choir is yours")).toBeFocused();
    await this.prove("Choir");
    await expect(this.heading("Which mailbox do you keep?")).toBeFocused();
  }

  async toPreview(): Promise<void> {
    await this.button("Keep Personal").click();
    await expect(this.heading("Look at what would be set aside")).toBeFocused();
  }

  async settle(): Promise<void> {
    await this.button("Send now").first().click();
    await expect(this.dialog).not.toContainText("waiting to be sent");
    await this.button("Drop").click();
    await expect(this.button("Continue")).toBeEnabled();
  }

  async toExport(): Promise<void> {
    await this.settle();
    await this.button("Continue").click();
    await expect(this.heading("Take it with you")).toBeFocused();
  }

  async toConfirm(): Promise<void> {
    await this.button("Choose a place…").click();
    await expect(this.heading("The copy is made and checked")).toBeFocused();
    await this.button("Continue").click();
    await expect(
      this.heading("Open Personal with both sign-ins, and set Choir aside?"),
    ).toBeVisible();
  }

  /** Puts the page anywhere, with or without something in the way. */
  async at(stage: object, trouble: object | null = null): Promise<void> {
    await this.page.evaluate((change) => braidLinking.at(change), { stage, trouble });
  }
}

const changeTest = test.extend<{ change: Change }>({
  change: async ({ window }, use) => {
    await use(new Change(window, window.page));
  },
});

changeTest("one mailbox for two sign-ins, from the first page to the last", async ({ change }) => {
  const { page, dialog } = change;
  await change.start();
  await expect(change.step).toHaveText(/Choose/);
  await change.toChoose();
  await change.toProve();
  await expect(change.step).toHaveText(/Prove/);
  await change.toDirection();
  await expect(dialog.getByRole("region", { name: "Set aside" })).toContainText(
    "ana@choir.example",
  );
  await expect(dialog.getByRole("region", { name: "Kept" })).toContainText("ana.m@mail.example");
  await change.button("Swap").click();
  await expect(dialog.getByRole("region", { name: "Kept" })).toContainText("ana@choir.example");
  await change.button("Swap").click();
  await change.toPreview();
  await expect(dialog).toContainText("1 message and 2 changes have not left this computer.");
  await expect(change.button("Continue")).toBeDisabled();
  await expect(dialog.getByRole("listitem").filter({ hasText: "unread" })).toContainText("127");
  await change.toExport();
  await expect(change.step).toHaveText(/Take along/);
  await change.toConfirm();
  await expect(page.getByLabel(/Type the address/)).toBeFocused();
  const go = change.button("Set Choir aside and continue");
  await page.keyboard.type("ana@choir.exampl");
  await page.keyboard.press("Enter");
  await expect(go).toBeDisabled();
  await page.keyboard.type("E ");
  await expect(dialog).toContainText("You can still stop.");
  await expect(go).toBeEnabled();
  await go.click();
  await expect(change.heading("Both sign-ins open Personal now")).toBeFocused();
  await expect(page.getByRole("toolbar", { name: "Accounts" })).not.toContainText("C");
  await change.button("Save recovery pack…").click();
  await expect(page.getByText("braid-recovery.zip is saved.").last()).toBeVisible();
  await change.button("Show sealed copy").click();
  await expect(page.getByRole("heading", { name: "Sealed copies" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Personal" })).toContainText("Choir members");
});

changeTest("the merged view is offered first, and changes nothing", async ({ change }) => {
  await change.start();
  await change.button("See them together").click();
  await expect(change.page.getByRole("dialog")).toHaveCount(0);
  await expect(change.page.getByRole("heading", { name: "All accounts" })).toBeVisible();
});

const STOPS = [
  ["at the first page", (change: Change) => change.start()],
  [
    "while choosing",
    async (change: Change) => {
      await change.start();
      await change.toChoose();
    },
  ],
] as const;

for (const [where, go] of STOPS) {
  changeTest(`${where} Escape and Cancel leave everything as it was`, async ({ change }) => {
    await go(change);
    await change.page.keyboard.press("Escape");
    await expect(change.dialog).toHaveCount(0);
    await expect(
      change.page.getByRole("button", { name: "Use one mailbox for two sign-ins…" }),
    ).toBeFocused();
    await go(change);
    await change.button("Cancel").click();
    await expect(change.dialog).toHaveCount(0);
  });
}

const BEGUN: [string, object][] = [
  ["prove", { stage: "prove", side: "set_aside" }],
  ["direction", { stage: "direction" }],
  ["counting", { stage: "counting" }],
  ["preview", { stage: "preview" }],
  ["settling", { stage: "settling" }],
  ["export", { stage: "export" }],
  ["exporting", { stage: "exporting", done: 1, total: 9, octets: 20, checking: false }],
  ["exported", { stage: "exported" }],
  ["confirm", { stage: "confirm", type_this: "ana@choir.example" }],
];

for (const [name, stage] of BEGUN) {
  changeTest(`at ${name} the change can be given up`, async ({ change }) => {
    await change.start(true);
    await change.toChoose();
    await change.toProve();
    await change.at(stage);
    await change.button("Cancel").click();
    await expect(change.dialog).toHaveCount(0);
    await expect(change.page.getByText("Nothing was changed.").last()).toBeVisible();
    await expect(change.page.getByRole("tab", { name: "Linked identities" })).toBeVisible();
    await change.page.keyboard.press("Escape");
    await expect(change.page.getByRole("button", { name: /^Choir/ })).toBeVisible();
  });
}

changeTest("a list is shown behind, and the change waits in a bar", async ({ change }) => {
  const { page } = change;
  await change.start();
  await change.toChoose();
  await change.toProve();
  await change.toDirection();
  await change.toPreview();
  await change.button("Show conversations").click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(change.window.row("Parts for the Fauré")).toBeVisible();
  await expect(change.window.list).toBeFocused();
  await page.getByRole("button", { name: "Back to the change" }).click();
  await expect(change.heading("Look at what would be set aside")).toBeFocused();
  await change.button("Show unread messages").click();
  await expect(page.getByText(/^No unread mail/)).toBeVisible();
});

changeTest("no copy needs a tick of its own", async ({ change }) => {
  await change.start();
  await change.toChoose();
  await change.toProve();
  await change.toDirection();
  await change.toPreview();
  await change.toExport();
  await change.dialog.getByRole("radio", { name: "I do not want a copy" }).check();
  const go = change.button("Go on without a copy");
  await expect(go).toBeDisabled();
  await change.dialog
    .getByRole("checkbox", { name: "I understand there will be no copy." })
    .check();
  await go.click();
  await expect(change.page.getByLabel(/Type the address/)).toBeFocused();
});

changeTest(
  "a copy with gaps names them, can be tried again, or needs a tick",
  async ({ change }) => {
    await change.start();
    await change.toChoose();
    await change.toProve();
    await change.toDirection();
    await change.toPreview();
    await change.toExport();
    await change.dialog.getByRole("checkbox", { name: /\.eml/ }).check();
    await change.dialog.getByRole("checkbox", { name: /passphrase/ }).check();
    await expect(change.button("Choose a place…")).toBeDisabled();
    await change.page.getByLabel("Passphrase", { exact: true }).fill("sun moon");
    await change.button("Choose a place…").click();
    await expect(change.heading("The copy has gaps")).toBeFocused();
    await expect(change.dialog.getByText("Parts for the Fauré")).toBeVisible();
    await expect(change.button("Continue")).toBeDisabled();
    await change.dialog.getByRole("checkbox", { name: /4 messages are not in the copy/ }).check();
    await expect(change.button("Continue")).toBeEnabled();
    await change.page.evaluate(() => braidLinking.trouble("export_incomplete", 4_214, 4_218));
    await change.button("Retry the missing ones").click();
    await expect(change.heading("The copy is made and checked")).toBeFocused();
  },
);

changeTest("while it is done there is no Cancel, and closing is safe", async ({ change }) => {
  const { page } = change;
  await change.start(true);
  await change.toChoose();
  await change.toProve();
  await change.at({ stage: "working", step: "asking" });
  await expect(change.dialog.getByRole("listitem").filter({ hasText: "Asking" })).toContainText(
    "under way",
  );
  await expect(change.button("Cancel")).toHaveCount(0);
  await page.mouse.click(20, 20);
  await expect(change.heading("Setting Choir aside")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(change.dialog).toHaveCount(0);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Back to the change" }).click();
  await expect(change.heading("Setting Choir aside")).toBeFocused();
});

changeTest("what is not known after a start is told, and looked at again", async ({ change }) => {
  const { page, window } = change;
  await window.open("change_unknown");
  const bar = page.getByRole("region", { name: "Change under way" });
  await expect(bar).toContainText("We do not know yet whether ana@choir.example opens Personal.");
  await bar.getByRole("button", { name: "Details" }).click();
  await expect(change.heading("We do not know yet whether it happened")).toBeFocused();
  await expect(change.dialog).toContainText("Until then both mailboxes are read-only here.");
  await page.keyboard.press("Escape");
  await bar.getByRole("button", { name: "Look again" }).click();
  await bar.getByRole("button", { name: "Back to the change" }).click();
  await expect(change.heading("Both sign-ins open Personal now")).toBeVisible();
});

changeTest(
  "the wrong person in the browser is named, and nothing has changed",
  async ({ change }) => {
    await change.start();
    await change.toChoose();
    await change.toProve();
    await change.button("Sign in as Personal").click();
    await change.page.evaluate(() =>
      braidFake.signInAt({
        phase: "other_person",
        expected: "ana.m@mail.example",
        found: "ana@northwind.example",
      }),
    );
    await expect(change.dialog).toContainText("You signed in as ana@northwind.example, not");
    await change.button("Try again").click();
    await expect(change.dialog).toContainText("Waiting for your browser…");
    await change.page.evaluate(() => braidFake.signInAt({ phase: "cancelled" }));
    await expect(change.dialog).toContainText("Sign-in was not finished. Nothing was changed.");
    await change.button("Choose another").click();
    await expect(change.heading("Which two sign-ins?")).toBeVisible();
  },
);

/** Each thing that can stand in the way, where it does: what is said, and what is offered. */
const TROUBLES: [kind: string, stage: object, says: string, offers: string[], more?: object][] = [
  ["same_person", { stage: "blocked" }, "sign-in you are using now", ["Choose another"]],
  ["already_opens", { stage: "blocked" }, "already opens Personal", ["Done", "Show its sign-ins"]],
  ["belongs_elsewhere", { stage: "not_changed" }, "a different mailbox", ["Copy details"]],
  ["both_affected", { stage: "direction" }, "has 2 sign-ins", ["Show its sign-ins"], { number: 2 }],
  ["kept_expired", { stage: "preview" }, "Sign in to Personal again", ["Sign in"]],
  ["proof_expired", { stage: "confirm", type_this: "x" }, "It has been 10 minutes", ["Sign in"]],
  [
    "wrong_person",
    { stage: "prove", side: "kept" },
    "You signed in as bo@x.example",
    ["Try again"],
    { detail: "bo@x.example" },
  ],
  ["not_finished", { stage: "prove", side: "kept" }, "was not finished", ["Try again"]],
  ["not_ours", { stage: "prove", side: "kept" }, "so we ignored it", ["Try again"]],
  [
    "forbidden",
    { stage: "blocked" },
    "Northwind does not allow",
    ["Copy a request to the administrator", "See them together instead"],
    { detail: "Northwind" },
  ],
  ["not_switched_on", { stage: "blocked" }, "has not switched on", ["See them together instead"]],
  [
    "linked_by_itself",
    { stage: "blocked" },
    "on its own",
    ["What this means", "Show its sign-ins"],
  ],
  [
    "cannot_count",
    { stage: "preview" },
    "At least 1,862 conversations",
    ["Look again"],
    { number: 1_862 },
  ],
  [
    "not_settled",
    { stage: "preview" },
    "1 message and 2 changes",
    [],
    { number: 1, other_number: 2 },
  ],
  ["draft_open", { stage: "preview" }, "A draft in Choir is open", ["Show it"]],
  [
    "no_space",
    { stage: "export" },
    "3.1 GB needed, 1.2 GB free",
    ["Choose another place…"],
    { number: 3_100_000_000, other_number: 1_200_000_000 },
  ],
  [
    "export_incomplete",
    { stage: "exported" },
    "12,399 of 12,403 written; 4",
    ["Retry the missing ones"],
    { number: 12_399, other_number: 12_403 },
  ],
  ["offline", { stage: "not_changed" }, "You are offline. Nothing was changed.", ["Look again"]],
  ["no_answer", { stage: "unknown", journal: "j" }, "We do not know yet", ["Look again"]],
  [
    "server_fault",
    { stage: "unknown", journal: "j" },
    "had a fault",
    ["Look again", "Copy details"],
  ],
  [
    "too_many",
    { stage: "preview" },
    "asks us to wait 40 seconds",
    ["Try again in"],
    { number: 40 },
  ],
  ["not_shown_yet", { stage: "unknown", journal: "j" }, "does not show it yet", ["Look again"]],
  [
    "session_left",
    { stage: "done", at: 1, journal: "j", sealed: "s" },
    "closing the old session",
    [],
  ],
  ["keyring", { stage: "not_changed" }, "Your keyring is locked", ["Unlock and try again"]],
  ["cannot_seal", { stage: "not_changed" }, "cannot be sealed", ["Copy details"]],
  [
    "changed",
    { stage: "preview" },
    "(2 new messages, 1 new change)",
    ["Look again"],
    { number: 2, other_number: 1 },
  ],
  ["typed_other", { stage: "confirm", type_this: "x" }, "That is not the address", []],
  ["last_sign_in", { stage: "blocked" }, "the only way into the mailbox", ["Show its sign-ins"]],
  ["clock", { stage: "blocked" }, "clock is 9 minutes off", ["Look again"], { number: 9 }],
  ["not_owner", { stage: "blocked" }, "not decide about it", []],
  ["busy", { stage: "blocked" }, "in another window", []],
  [
    "unexpected",
    { stage: "not_changed" },
    "The service answered: teapot (418).",
    ["Copy details"],
    { detail: "teapot (418)" },
  ],
];

changeTest("whatever stands in the way has its words and what to do", async ({ change }) => {
  await change.start(true);
  await change.toChoose();
  await change.toProve();
  for (const [kind, stage, says, offers, more] of TROUBLES) {
    await changeTest.step(kind, async () => {
      const trouble = { kind, detail: null, number: null, other_number: null, ...more };
      await change.at(stage, trouble);
      const notice = change.dialog.locator(`[data-trouble=${kind}]`);
      await expect(notice).toContainText(says);
      await expect(change.dialog.getByRole("status").last()).toContainText(says);
      for (const offer of offers) {
        await expect(notice.getByRole("button", { name: offer })).toBeVisible();
      }
    });
  }
});

changeTest("a sign-in that is proved again leads on where it was", async ({ change }) => {
  await change.start(true);
  await change.toChoose();
  await change.toProve();
  const trouble = { kind: "kept_expired", detail: null, number: null, other_number: null };
  await change.at({ stage: "direction" }, trouble);
  await change.button("Sign in").click();
  await expect(change.dialog).toContainText("Waiting for your browser…");
});

changeTest("the whole way by keyboard", async ({ change }) => {
  const { page } = change;
  const press = async (name: string | RegExp, key = "Enter") => {
    const button = change.button(name);
    await expect(button).toBeEnabled();
    for (let stop = 0; stop < 30; stop++) {
      if (await button.evaluate((element) => element === document.activeElement)) {
        await page.keyboard.press(key);
        return;
      }
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab never comes to ${String(name)}`);
  };
  await change.start();
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await press("Continue");
  await expect(change.heading("Which two sign-ins?")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await press("Continue");
  for (const name of ["Personal", "Choir"]) {
    await expect(change.heading(`Prove that ${name} is yours`)).toBeFocused();
    await press(`Sign in as ${name}`);
    await expect(change.dialog).toContainText("Waiting for your browser…");
    await page.evaluate(() => braidLinking.proved());
  }
  await expect(change.heading("Which mailbox do you keep?")).toBeFocused();
  await press("Keep Personal");
  await expect(change.heading("Look at what would be set aside")).toBeFocused();
  await press("Send now message waiting to be sent");
  await expect(change.dialog).not.toContainText("waiting to be sent");
  await press("Send now changes not on the server yet");
  await expect(change.dialog).not.toContainText("not on the server yet");
  await press("Continue");
  await press("Choose a place…");
  await expect(change.heading("The copy is made and checked")).toBeFocused();
  await press("Continue");
  await expect(page.getByLabel(/Type the address/)).toBeFocused();
  await page.keyboard.type("ana@choir.example");
  await expect(change.button("Set Choir aside and continue")).toBeEnabled();
  await page.keyboard.press("Enter");
  await expect(change.heading("Both sign-ins open Personal now")).toBeFocused();
});

const PAGES: [string, object][] = [
  ...BEGUN,
  ["blocked", { stage: "blocked" }],
  ["working", { stage: "working", step: "checking" }],
  ["done", { stage: "done", at: 1_700_000_000, journal: "j", sealed: "s" }],
  ["not changed", { stage: "not_changed" }],
  ["unknown", { stage: "unknown", journal: "j" }],
];

for (const scheme of ["light", "dark"] as const) {
  changeTest(`no serious finding on any page of the change, ${scheme}`, async ({ change }) => {
    // Each page is looked at as a whole.
    changeTest.slow();
    const { page, window } = change;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await change.start(true);
    expect(await serious(window, ".linking")).toEqual([]);
    await change.toChoose();
    expect(await serious(window, ".linking")).toEqual([]);
    await change.toProve();
    await change.toDirection();
    await change.button("Keep Personal").click();
    await page.evaluate(() => braidLinking.step());
    await expect(change.dialog).toContainText("127");
    for (const [name, stage] of PAGES) {
      await changeTest.step(name, async () => {
        const trouble = { kind: "unexpected", detail: "x", number: null, other_number: null };
        await change.at(stage, trouble);
        await expect(change.dialog.locator("[data-trouble]")).toBeVisible();
        expect(await serious(window, ".linking")).toEqual([]);
      });
    }
  });
}

for (const [width, height, text] of [
  [1440, 900, "200%"],
  [720, 480, "100%"],
  [720, 480, "200%"],
  [360, 640, "100%"],
] as const) {
  changeTest(`every page fits ${width} by ${height} with text at ${text}`, async ({ change }) => {
    const { page } = change;
    await page.setViewportSize({ width: 1440, height: 900 });
    await change.start(true);
    await change.toChoose();
    await change.toProve();
    await change.toDirection();
    await change.button("Keep Personal").click();
    await page.evaluate(() => braidLinking.step());
    await expect(change.dialog).toContainText("127");
    await page.setViewportSize({ width, height });
    await page.evaluate((size) => (document.documentElement.style.fontSize = size), text);
    for (const [name, stage] of PAGES) {
      await changeTest.step(name, async () => {
        await change.at(stage);
        await expect(change.dialog.getByRole("heading", { level: 2 })).toBeVisible();
        const wide = await change.dialog.evaluate((dialog) =>
          [dialog, ...dialog.querySelectorAll("*")]
            .filter((part) => !part.closest(".quiet-words, .name, summary"))
            .filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
            .map((part) => part.outerHTML.slice(0, 80)),
        );
        expect(wide).toEqual([]);
      });
    }
  });
}
