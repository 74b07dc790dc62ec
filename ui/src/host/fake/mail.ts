/** Made-up mail: a few conversations written by hand, and as many more as are asked for. */
import type { AddressView, AttachmentView, MessageView, RowView } from "../../contract.gen.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface FakeThread {
  account: string;
  thread: number;
  subject: string;
  role: "inbox" | "drafts" | "sent" | "archive" | "junk" | "trash";
  messages: MessageView[];
  answered: boolean;
}

const ANA = { name: "Ana Moreau", email: "ana@northwind.example" };

interface Written {
  account: string;
  subject: string;
  /** Before now, in seconds. */
  ago: number;
  from: string;
  address: string;
  preview: string;
  unread?: boolean;
  starred?: boolean;
  answered?: boolean;
  files?: [string, number, boolean][];
  earlier?: { from: string; address: string; preview: string; ago: number }[];
  blocked?: [number, number];
}

function written(today: number): Written[] {
  return [
    {
      account: "work",
      subject: "Cutover plan for the billing API",
      ago: today + 4 * MINUTE,
      from: "Ines Okafor",
      address: "ines.okafor@northwind.example",
      preview: "I moved the freeze to Thursday so that the partner team can replay a full day",
      unread: true,
      files: [
        ["cutover-v3.xlsx", 48_210, true],
        ["rollback.pdf", 210_340, true],
      ],
      blocked: [3, 1],
      earlier: [
        {
          from: "Ravi Menon",
          address: "ravi.menon@northwind.example",
          preview: "Draft attached, the rollback section is still thin and I would rather",
          ago: today + 3 * HOUR,
        },
        {
          from: "Ana Moreau",
          address: ANA.email,
          preview: "Thank you. I will read it before lunch.",
          ago: today + 2 * HOUR,
        },
      ],
    },
    {
      account: "personal",
      subject: "Sunday?",
      ago: today + 31 * MINUTE,
      from: "Mum",
      address: "mum@mail.example",
      preview: "We could eat in the garden if it stays like this",
      unread: true,
    },
    {
      account: "work",
      subject: "release/4.12 is green again",
      ago: today + 82 * MINUTE,
      from: "Build monitor",
      address: "builds@northwind.example",
      preview: "1,284 tests, 0 failed",
    },
    {
      account: "choir",
      subject: "Parts for the Fauré",
      ago: today + 5 * HOUR,
      from: "Chamber choir",
      address: "office@choir.example",
      preview: "Altos please check bar 40, the scan is hard to read there",
      files: [["faure-alto.pdf", 1_310_000, true]],
      starred: true,
    },
    {
      account: "personal",
      subject: "Your hold is ready",
      ago: today + DAY,
      from: "City library",
      address: "holds@library.example",
      preview: "Pick it up by 2 December at the desk on the ground floor",
      unread: true,
    },
    {
      account: "work",
      subject: "Re: Offsite in March",
      ago: today + DAY + HOUR,
      from: "Dana Whitfield",
      address: "dana@northwind.example",
      preview: "Lisbon works for me, same as last time, if the flights do",
      answered: true,
    },
    {
      account: "personal",
      subject: "Booking 7KQ2 confirmed",
      ago: today + DAY + 3 * HOUR,
      from: "Rail tickets",
      address: "tickets@rail.example",
      preview: "Outward 28 Nov, coach 4 seat 61",
      files: [
        ["ticket.pdf", 88_000, true],
        ["install-app.exe", 4_300_000, false],
      ],
    },
    {
      account: "work",
      subject: "Review: queue back-pressure",
      ago: today + 2 * DAY,
      from: "Ravi Menon",
      address: "ravi.menon@northwind.example",
      preview: "Two comments, nothing blocking",
    },
  ];
}

const SENDERS = [
  ["Ines Okafor", "ines.okafor@northwind.example"],
  ["Noor van Dijk", "noor@northwind.example"],
  ["市川 美緒", "mio@mail.example"],
  ["Дарья Ким", "darya@choir.example"],
  ["Tomás Ferreira", "tomas@mail.example"],
  ["שירה לוי", "shira@mail.example"],
  ["Weekly digest", "digest@news.example"],
] as const;

const SUBJECTS = [
  ["Minutes of Tuesday", "Short ones this time, please correct what I have misheard"],
  [
    "Rehearsal moved to the small hall",
    "The heating in the large one is being repaired until Friday",
  ],
  ["Invoice 20418", "Payable within thirty days; the order number is on the second page"],
  ["来週の打ち合わせについて", "水曜日の午後はいかがでしょうか"],
  ["Photos from the lake", "I picked the forty that are in focus"],
  ["Re: A question about the archive", "It is all there, only the index was missing"],
] as const;

function message(
  key: number,
  part: Omit<Partial<MessageView>, "from"> & { from: AddressView; at: number },
): MessageView {
  return {
    key,
    from: [part.from],
    to: part.to ?? [ANA],
    cc: part.cc ?? [],
    received_at: part.at,
    preview: part.preview ?? "",
    seen: part.seen ?? true,
    flagged: part.flagged ?? false,
    draft: part.draft ?? false,
    mailboxes: ["Inbox"],
    body: { kind: "folded" },
    attachments: part.attachments ?? [],
  };
}

/** Conversations of three accounts, newest first. */
export function fakeThreads(now: number, more: number): FakeThread[] {
  const threads: FakeThread[] = [];
  let key = 0;
  for (const one of written(0)) {
    const earlier = (one.earlier ?? []).toSorted((a, b) => b.ago - a.ago);
    const messages = earlier.map((part) =>
      message(++key, {
        from: { name: part.from, email: part.address },
        at: now - part.ago,
        preview: part.preview,
      }),
    );
    const attachments: AttachmentView[] = (one.files ?? []).map(([name, size, open], index) => ({
      index,
      name,
      media_type: name.endsWith(".pdf") ? "application/pdf" : "application/octet-stream",
      size,
      can_open: open,
    }));
    messages.push(
      message(++key, {
        from: { name: one.from, email: one.address },
        at: now - one.ago,
        preview: one.preview,
        seen: !one.unread,
        flagged: one.starred ?? false,
        attachments,
        to:
          one.account === "work"
            ? [
                ANA,
                { name: "Ravi Menon", email: "ravi.menon@northwind.example" },
                { name: "Platform", email: "platform@northwind.example" },
              ]
            : [ANA],
      }),
    );
    threads.push({
      account: one.account,
      thread: threads.length + 1,
      subject: one.subject,
      role: "inbox",
      messages,
      answered: one.answered ?? false,
    });
  }
  const accounts = ["work", "personal", "choir"];
  for (let place = 0; place < more; place++) {
    const [name, email] = SENDERS[place % SENDERS.length] ?? SENDERS[0];
    const [subject, preview] = SUBJECTS[(place * 5) % SUBJECTS.length] ?? SUBJECTS[0];
    threads.push({
      account: accounts[place % 3] ?? "work",
      thread: threads.length + 1,
      subject,
      role: "inbox",
      answered: place % 11 === 0,
      messages: [
        message(++key, {
          from: { name, email },
          at: now - 3 * DAY - place * 47 * MINUTE,
          preview,
          seen: place % 9 !== 0,
          flagged: place % 23 === 0,
        }),
      ],
    });
  }
  return threads;
}

export function rowOf(thread: FakeThread): RowView {
  const newest = thread.messages.at(-1);
  const senders = new Set(thread.messages.map(({ from }) => from[0]?.name || from[0]?.email || ""));
  return {
    key: `${thread.account}:${thread.thread}`,
    account: thread.account,
    thread: thread.thread,
    message: newest?.key ?? 0,
    received_at: newest?.received_at ?? 0,
    senders: [...senders].slice(-5),
    subject: thread.subject,
    preview: newest?.preview ?? "",
    messages: thread.messages.length,
    unread: thread.messages.filter(({ seen }) => !seen).length,
    starred: thread.messages.some(({ flagged }) => flagged),
    files: thread.messages.some(({ attachments }) => attachments.length > 0),
    answered: thread.answered,
    draft: newest?.draft ?? false,
    found: null,
  };
}
