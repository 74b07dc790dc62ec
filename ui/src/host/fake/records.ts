/** Accounts, sealed copies and receipts of the fake app. */
import type {
  AccountColor,
  AccountView,
  HealthView,
  ReceiptView,
  SealedView,
  SealedWhy,
} from "../../contract.gen.ts";

const DAY = 86_400;

export function fakeNow(): number {
  return Math.floor(Date.now() / 1000);
}

export function fakeReceipt(id: string, email: string): ReceiptView {
  const file = (name: string, octets: number) => ({
    kind: "file" as const,
    name,
    octets,
    gone: true,
  });
  const items = [
    file("mail.sqlite", 214_000_000),
    file("body.sqlite", 71_000_000),
    file("search.sqlite", 26_600_000),
    file("local.sqlite", 380_000),
    file("session.sealed", 20_000),
  ];
  return {
    email,
    at: fakeNow(),
    items: [
      ...items,
      { kind: "key", name: `braid / ${id}`, octets: null, gone: true },
      { kind: "entry", name: email, octets: null, gone: true },
    ],
    files: items.length,
    octets: items.reduce((sum, { octets }) => sum + octets, 0),
    key_deleted: true,
    session_ended: true,
  };
}

export function fakeSealed(account: AccountView, why: SealedWhy, days: number | null): SealedView {
  const { id, name, email, letter, color } = account;
  return {
    id: `sealed-${id}`,
    name,
    email,
    letter,
    color,
    why,
    sealed_at: fakeNow(),
    keep_until: days === null ? null : fakeNow() + days * DAY,
    until_quit: false,
    octets: 312_000_000,
    journal: why === "set_aside" ? `journal-${id}` : null,
  };
}

export function fakeAccount(
  id: string,
  name: string,
  email: string,
  color: AccountColor,
  health: HealthView = { kind: "current" },
): AccountView {
  const box = (role: AccountView["mailboxes"][number]["role"], boxName: string, depth = 0) => ({
    id: `${id}-${boxName.toLowerCase()}`,
    name: boxName,
    role,
    depth,
    unread: 0,
    total: 0,
  });
  return {
    id,
    name,
    email,
    letter: name.charAt(0),
    color,
    picture: null,
    group: null,
    unread_mark: "number",
    connection: null,
    session_ends_at: null,
    read_only: false,
    may_miss_changes: false,
    health,
    progress: null,
    synced_at: Math.floor(new Date().setHours(14, 2, 0, 0) / 1000),
    queued: 0,
    unread: 0,
    mailboxes: [
      box("inbox", "Inbox"),
      box("drafts", "Drafts"),
      box("sent", "Sent"),
      box("archive", "Archive"),
      box("junk", "Spam"),
      box("trash", "Trash"),
      box(null, "Projects"),
      box(null, "Billing", 1),
      box(null, "Receipts"),
    ],
  };
}
