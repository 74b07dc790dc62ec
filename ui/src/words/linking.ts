/** The words of opening one mailbox with two sign-ins: kept, and set aside. */
import type {
  LinkCountsView,
  LinkExportView,
  LinkMailboxView,
  LinkStageView,
  LinkStep,
  LinkView,
} from "../contract.gen.ts";
import { fullDate, monthOf } from "./dates.ts";
import { count, number, size } from "./numbers.ts";

export {
  JOINED_BY_ITSELF,
  LINK_TROUBLES,
  linkOfferName,
  linkTroubleWords,
  type LinkNames,
  type LinkOffer,
  type LinkTroubleWords,
} from "./linkTroubles.ts";

/** What the dialog shows: two pages before anything is asked, then the app's own stages. */
export type LinkPage = "purpose" | "choose" | LinkStageView["stage"];

export const LINK_STEPS = ["Choose", "Prove", "Look", "Take along", "Confirm", "Result"] as const;

const STEP_OF: Record<LinkPage, number> = {
  purpose: 0,
  choose: 0,
  blocked: 0,
  prove: 1,
  direction: 2,
  counting: 2,
  preview: 2,
  settling: 2,
  export: 3,
  exporting: 3,
  exported: 3,
  confirm: 4,
  working: 5,
  done: 5,
  not_changed: 5,
  unknown: 5,
};

/** Place of a page in {@link LINK_STEPS}. */
export function linkStepOf(page: LinkPage): number {
  return STEP_OF[page];
}

/** The heading of a page of the app's stages. */
export function linkHeading(link: LinkView): string {
  const { kept, set_aside: aside, stage } = link;
  switch (stage.stage) {
    case "blocked":
      return link.trouble?.kind === "already_opens" || link.trouble?.kind === "same_person"
        ? "Nothing to do"
        : "This cannot be done";
    case "prove":
      return stage.side === "kept"
        ? `Prove that ${kept.name} is yours`
        : `Prove that ${aside.name} is yours`;
    case "direction":
      return "Which mailbox do you keep?";
    case "counting":
      return aside.proved_until === null
        ? "Looking whether this can be done"
        : `Counting what is in ${aside.name}`;
    case "preview":
    case "settling":
      return `Look at what would be set aside`;
    case "export":
      return "Take it with you";
    case "exporting":
      return stage.checking ? "Checking the copy" : "Copying";
    case "exported":
      return link.export && link.export.written < link.export.expected
        ? "The copy has gaps"
        : "The copy is made and checked";
    case "confirm":
      return `Open ${kept.name} with both sign-ins, and set ${aside.name} aside?`;
    case "working":
      return `Setting ${aside.name} aside`;
    case "done":
      return `Both sign-ins open ${kept.name} now`;
    case "not_changed":
      return link.trouble?.kind === "other_joined"
        ? `Another sign-in opens ${kept.name} now`
        : "Nothing was changed";
    case "unknown":
      return link.trouble?.kind === "not_back"
        ? `${aside.name} is not back yet`
        : "We do not know yet whether it happened";
  }
}

/** What is said while the end is not known, or not everything is back. */
export function linkUnknownLead(link: LinkView): string {
  return link.trouble?.kind === "not_back"
    ? "The service did not make the change. What was sealed on this computer is brought back as soon as that is possible, also after a restart."
    : "We could not learn the answer. We will look again by ourselves, also after a restart; it is never asked a second time.";
}

const WORKING: Record<LinkStep, (link: LinkView) => string> = {
  sealing: ({ set_aside: aside }) => `Sealing ${aside.name} on this computer`,
  asking: () => "Asking the service",
  checking: () => "Checking the result",
  closing: ({ set_aside: aside }) => `Closing the old session of ${aside.email}`,
};

export const LINK_WORK = Object.keys(WORKING) as LinkStep[];

export function linkStepWords(step: LinkStep, link: LinkView): string {
  return WORKING[step](link);
}

/** What a row of the preview shows a list of. */
export type LinkList = "all" | "unread" | "drafts";

export interface LinkCountRow {
  readonly key: string;
  readonly figure: string;
  readonly label: string;
  /** Which list it opens. */
  readonly list?: LinkList;
  /** Which part has to be settled before going on. */
  readonly settle?: "outbox" | "queue";
}

const row = (
  key: string,
  value: number,
  one: string,
  other: string,
  more: Partial<LinkCountRow> = {},
): LinkCountRow => ({
  key,
  figure: number(value),
  label: value === 1 ? one : other,
  ...more,
});

/** Figures of the preview: what is heavy first, what has to be settled last. */
export function linkCountRows(counts: LinkCountsView): LinkCountRow[] {
  const { attachment_bytes: octets, identities, rules } = counts;
  const all = counts.conversations > 0 ? { list: "all" as const } : {};
  return [
    row("conversations", counts.conversations, "conversation", "conversations", all),
    row("messages", counts.messages, "message", "messages"),
    row("unread", counts.unread, "unread message", "unread messages", {
      ...(counts.unread > 0 ? { list: "unread" as const } : {}),
    }),
    row("drafts", counts.drafts, "draft", "drafts", {
      ...(counts.drafts > 0 ? { list: "drafts" as const } : {}),
    }),
    ...(octets === null ? [] : [{ key: "files", figure: size(octets), label: "in attachments" }]),
    ...(rules ? [row("rules", rules, "rule on the server", "rules on the server")] : []),
    ...(identities ? [row("identities", identities, "sender address", "sender addresses")] : []),
    ...(counts.outbox > 0
      ? [
          row(
            "outbox",
            counts.outbox,
            "message waiting to be sent",
            "messages waiting to be sent",
            {
              settle: "outbox",
            },
          ),
        ]
      : []),
    ...(counts.queued > 0
      ? [
          row(
            "queued",
            counts.queued,
            "change not on the server yet",
            "changes not on the server yet",
            { settle: "queue" },
          ),
        ]
      : []),
  ];
}

/** The whole preview for somebody who listens. */
export function linkCountsSpoken(counts: LinkCountsView, name: string): string {
  const least = counts.at_least ? "At least " : "";
  return `${least}${count(counts.conversations, "conversation", "conversations")} in ${name} would be set aside.`;
}

/** "4,218 messages · since March 2019 · 312 MB here · 1 sign-in". */
export function linkFacts(mailbox: LinkMailboxView): string[] {
  return [
    count(mailbox.messages, "message", "messages"),
    ...(mailbox.oldest === null ? [] : [`since ${monthOf(mailbox.oldest)}`]),
    `${size(mailbox.octets)} on this computer`,
    ...(mailbox.sign_ins === 0
      ? []
      : [`${count(mailbox.sign_ins, "sign-in opens", "sign-ins open")} it`]),
  ];
}

export function linkExportWords(copy: LinkExportView): string {
  return `${number(copy.written)} of ${count(copy.expected, "message", "messages")} written, read back and compared.`;
}

/** How far the copy is, in words. */
export function linkProgressWords(stage: Extract<LinkStageView, { stage: "exporting" }>): string {
  const verb = stage.checking ? "compared" : "written";
  return `${number(stage.done)} of ${count(stage.total, "message", "messages")} ${verb} · ${size(stage.octets)}`;
}

/** What was typed, compared as the app compares it: case and spaces count for nothing. */
export function sameTyped(typed: string, wanted: string): boolean {
  const plain = (text: string) => text.normalize("NFKC").replace(/\s+/gu, "").toLowerCase();
  return wanted !== "" && plain(typed) === plain(wanted);
}

/** An address with its domain as machines write it, where that differs. */
export function machineAddress(email: string): string | null {
  const [local, domain] = email.split("@");
  if (!local || !domain || !URL.canParse(`http://${domain}`)) {
    return null;
  }
  const machine = `${local}@${new URL(`http://${domain}`).hostname}`;
  return machine === email.toLowerCase() ? null : machine;
}

/** For somebody who helps: no mail, no secret. */
export function linkDetails(link: LinkView, version: string): string {
  return [
    `Braid ${version}`,
    `One mailbox for two sign-ins, ${link.flow}`,
    `At: ${link.stage.stage}`,
    ...(link.trouble ? [`Trouble: ${link.trouble.kind}`] : []),
    ...(link.trouble?.detail ? [`The service’s words: ${link.trouble.detail}`] : []),
    `Time: ${fullDate(Date.now() / 1000)}`,
  ].join("\n");
}

/** What a person can send to whoever runs the sign-ins. */
export function linkRequestText(link: LinkView): string {
  const way = (box: LinkMailboxView) =>
    box.connection ? `${box.email} (${box.connection})` : box.email;
  return [
    "Hello,",
    "",
    "I would like to open one mailbox with two sign-ins. Our sign-in service does not allow it yet.",
    `The mailbox: ${way(link.kept)}`,
    `It would also be opened by: ${way(link.set_aside)}`,
    `I know that the mailbox of ${link.set_aside.email} would be set aside.`,
    "",
    "Could you allow it for these sign-ins, or tell me why it has to stay as it is?",
  ].join("\n");
}
