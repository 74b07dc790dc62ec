/** The states of the window that design and stories look at. */
import type {
  AccountColor,
  AccountView,
  GroupView,
  HealthView,
  OneAccountView,
  SealedView,
  VaultView,
} from "../../contract.gen.ts";
import { fakeThreads, type FakeThread } from "./mail.ts";

export interface FakeSetting {
  tenant: "none" | "rehearsal" | "organisation";
  vault: VaultView;
  oneAccount: OneAccountView;
  /** A change of sign-ins that is under way. */
  linking: string | null;
  accounts: AccountView[];
  groups: GroupView[];
  sealed: SealedView[];
  threads: FakeThread[];
  /** Feeds of lists answer never, or refuse. */
  list: "works" | "silent" | "offline";
  bodies: "works" | "silent" | "offline" | "failed";
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

function three(...health: (HealthView | undefined)[]): AccountView[] {
  return [
    fakeAccount("work", "Work", "ana@northwind.example", "ocean", health[0]),
    fakeAccount("personal", "Personal", "ana.m@mail.example", "rust", health[1]),
    fakeAccount("choir", "Choir", "ana@choir.example", "teal", health[2]),
  ];
}

function setting(change: Partial<FakeSetting> = {}): FakeSetting {
  return {
    tenant: "rehearsal",
    vault: "ready",
    oneAccount: { on: false, managed: false, choose: false },
    linking: null,
    accounts: three(),
    groups: [],
    sealed: [],
    threads: fakeThreads(Math.floor(Date.now() / 1000), 120),
    list: "works",
    bodies: "works",
    ...change,
  };
}

const OFFLINE: HealthView = { kind: "offline" };
const WORKING: HealthView = { kind: "working" };
const AGAIN: HealthView = { kind: "sign_in_needed" };

export const FAKE_STATES = {
  main: () => setting({ accounts: three(undefined, undefined, AGAIN) }),
  fine: () => setting(),
  first_run: () => setting({ tenant: "none", accounts: [], threads: [] }),
  no_accounts: () => setting({ accounts: [], threads: [] }),
  no_accounts_organisation: () =>
    setting({ tenant: "organisation", accounts: [], threads: [], vault: "locked" }),
  empty: () => setting({ threads: [] }),
  one: () =>
    setting({
      accounts: three().slice(0, 1),
      threads: setting().threads.filter(({ account }) => account === "work"),
    }),
  loading: () => setting({ list: "silent" }),
  body_loading: () => setting({ bodies: "silent" }),
  body_offline: () => setting({ bodies: "offline", accounts: three(OFFLINE, OFFLINE, OFFLINE) }),
  body_failed: () => setting({ bodies: "failed" }),
  list_error: () => setting({ list: "offline" }),
  offline: () => setting({ accounts: three(OFFLINE, OFFLINE, OFFLINE) }),
  first_sync: () =>
    setting({
      accounts: three(WORKING, WORKING).map((account, place) => ({
        ...account,
        progress: place < 2 ? { done: 620 * (place + 1), total: 2_500 } : null,
      })),
    }),
  first_sync_empty: () =>
    setting({
      threads: [],
      accounts: [
        {
          ...fakeAccount("work", "Work", "ana@northwind.example", "ocean", WORKING),
          progress: { done: 0, total: 5_000 },
        },
      ],
    }),
  failing: () =>
    setting({
      accounts: three(
        { kind: "refused", detail: "403 Forbidden: this application is not allowed to read mail" },
        { kind: "waiting", until: Math.floor(Date.now() / 1000) + 120 },
        AGAIN,
      ),
    }),
  vault_locked: () =>
    setting({
      vault: "locked",
      accounts: three({ kind: "vault_locked" }, { kind: "vault_locked" }, { kind: "vault_locked" }),
    }),
  vault_missing: () => setting({ vault: "missing" }),
  disk_full: () => setting({ accounts: three({ kind: "disk_full" }, { kind: "disk_full" }) }),
  damaged: () =>
    setting({ accounts: three({ kind: "rebuilding" }, { kind: "fault" }, { kind: "signed_out" }) }),
  huge: () => setting({ threads: fakeThreads(Math.floor(Date.now() / 1000), 99_992) }),
} satisfies Record<string, () => FakeSetting>;

export type FakeState = keyof typeof FAKE_STATES;
