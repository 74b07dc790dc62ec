import { describe, expect, test } from "vitest";

import type { LinkStageView, LinkTroubleView, LinkView } from "../contract.gen.ts";
import {
  JOINED_BY_ITSELF,
  LINK_STEPS,
  LINK_TROUBLES,
  LINK_WORK,
  linkCountRows,
  linkHeading,
  linkUnknownLead,
  linkOfferName,
  linkRequestText,
  linkStepOf,
  linkStepWords,
  linkTroubleWords,
  machineAddress,
  sameTyped,
} from "./linking.ts";

/** What the flow never says. */
const FORBIDDEN =
  /\b(merg\w*|link(s|ed|ing)?|combin\w*|connect|primary|secondary|source|target|archive\w*|identit\w*)\b/i;

const box = (account: string, name: string) => ({
  account,
  name,
  email: `ana@${account}.example`,
  letter: name.charAt(0),
  color: "teal" as const,
  connection: "GitHub",
  messages: 4_218,
  oldest: 1_500_000_000,
  octets: 312_000_000,
  sign_ins: 1,
  proved_until: null,
});

const view = (stage: LinkStageView, trouble: LinkTroubleView | null = null): LinkView => ({
  flow: "f1",
  kept: box("mail", "Personal"),
  set_aside: box("choir", "Choir"),
  stage,
  counts: null,
  export: null,
  trouble,
  attempt: null,
});

const STAGES: LinkStageView[] = [
  { stage: "blocked" },
  { stage: "prove", side: "kept" },
  { stage: "prove", side: "set_aside" },
  { stage: "direction" },
  { stage: "counting" },
  { stage: "preview" },
  { stage: "settling" },
  { stage: "export" },
  { stage: "exporting", done: 1, total: 2, octets: 3, checking: true },
  { stage: "exported" },
  { stage: "confirm", type_this: "ana@choir.example" },
  { stage: "working", step: "asking" },
  { stage: "done", at: 1, journal: "j", sealed: "s" },
  { stage: "not_changed" },
  { stage: "unknown", journal: "j" },
];

const NAMES = view({ stage: "preview" });

describe.each(LINK_TROUBLES)("%s", (kind) => {
  const bare = { kind, detail: null, number: null, other_number: null };
  const full = { kind, detail: "Northwind", number: 12, other_number: 40 };

  test.each([bare, full])("has a sentence, with figures and without", (trouble) => {
    const { text, offers } = linkTroubleWords(trouble, NAMES);
    expect(text).toMatch(/^(\p{Lu}|\d|ana@).*\.$/su);
    expect(text).not.toMatch(/undefined|null|NaN/);
    expect(text).not.toMatch(/!/);
    expect(text).not.toMatch(FORBIDDEN);
    for (const offer of offers) {
      if (offer !== "settle" && offer !== "countdown") {
        expect(linkOfferName(offer)).not.toMatch(FORBIDDEN);
      }
    }
  });
});

test("a trouble this page does not know still gets a sentence", () => {
  const trouble = { kind: "brand_new" as "busy", detail: null, number: null, other_number: null };
  expect(linkTroubleWords(trouble, NAMES).text).toContain("Nothing was changed.");
});

test.each(STAGES)("the page $stage has a heading and a step", (stage) => {
  expect(linkHeading(view(stage))).not.toMatch(FORBIDDEN);
  expect(linkHeading(view(stage)).length).toBeGreaterThan(5);
  expect(LINK_STEPS[linkStepOf(stage.stage)]).toBeDefined();
});

test("the other words of the flow keep to its vocabulary, too", () => {
  const words = [
    ...LINK_STEPS,
    ...LINK_WORK.map((step) => linkStepWords(step, NAMES)),
    linkRequestText(NAMES),
    JOINED_BY_ITSELF,
  ];
  for (const text of words) {
    expect(text).not.toMatch(FORBIDDEN);
  }
});

test("the exact words people read most", () => {
  const say = (kind: LinkTroubleView["kind"], number: number | null, other: number | null = null) =>
    linkTroubleWords({ kind, detail: null, number, other_number: other }, NAMES).text;
  expect(say("not_settled", 1, 2)).toBe("1 message and 2 changes have not left this computer.");
  expect(say("not_settled", 1, 0)).toBe("1 message has not left this computer.");
  expect(say("no_space", 3_100_000_000, 1_200_000_000)).toBe("3.1 GB needed, 1.2 GB free there.");
  expect(say("export_incomplete", 12_399, 12_403)).toBe(
    "12,399 of 12,403 written; 4 could not be read.",
  );
  expect(say("both_affected", 2)).toBe(
    "Choir itself has 2 sign-ins. Setting it aside affects both.",
  );
  expect(say("already_opens", null)).toBe("ana@choir.example already opens Personal.");
});

test("what is not back, and what somebody else was joined to, is not called unchanged", () => {
  const trouble = (kind: LinkTroubleView["kind"]) => ({
    kind,
    detail: "eve@northwind.example",
    number: null,
    other_number: null,
  });
  const back = view({ stage: "unknown", journal: "j" }, trouble("not_back"));
  expect(linkHeading(back)).toBe("Choir is not back yet");
  expect(linkUnknownLead(back)).toMatch(/^The service did not make the change\./u);
  const unknown = view({ stage: "unknown", journal: "j" }, trouble("no_answer"));
  expect(linkUnknownLead(unknown)).toMatch(/^We could not learn the answer\./u);
  const other = view({ stage: "not_changed" }, trouble("other_joined"));
  expect(linkHeading(other)).toBe("Another sign-in opens Personal now");
  expect(linkTroubleWords(trouble("other_joined"), NAMES).text).toContain("eve@northwind.example");
});

test("good news is no alarm", () => {
  const { tone } = linkTroubleWords(
    { kind: "already_opens", detail: null, number: null, other_number: null },
    NAMES,
  );
  expect(tone).toBe("good");
  expect(
    linkHeading(
      view(
        { stage: "blocked" },
        { kind: "already_opens", detail: null, number: null, other_number: null },
      ),
    ),
  ).toBe("Nothing to do");
});

test("what is typed is compared without case and spaces", () => {
  expect(sameTyped("  Ana @Choir.Example\n", "ana@choir.example")).toBe(true);
  expect(sameTyped("ana@choir.exampl", "ana@choir.example")).toBe(false);
  expect(sameTyped("", "")).toBe(false);
});

test("an address in another script is shown in both forms", () => {
  expect(machineAddress("ana@bücher.example")).toBe("ana@xn--bcher-kva.example");
  expect(machineAddress("ana@choir.example")).toBeNull();
});

test("the preview ends with what has to be settled, and opens only lists that hold something", () => {
  const rows = linkCountRows({
    counted_at: 1,
    at_least: false,
    conversations: 2,
    messages: 4,
    unread: 0,
    drafts: 1,
    outbox: 1,
    queued: 2,
    attachment_bytes: null,
    identities: null,
    rules: null,
  });
  expect(rows.map(({ key, list, settle }) => [key, list ?? settle ?? null])).toEqual([
    ["conversations", "all"],
    ["messages", null],
    ["unread", null],
    ["drafts", "drafts"],
    ["outbox", "outbox"],
    ["queued", "queue"],
  ]);
});
