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
import type { FakeSearch } from "./search.ts";
import { fakeAccount, fakeNow, fakeSealed } from "./records.ts";

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
  search: FakeSearch;
  /** Accounts whose mail the lists cannot read. */
  failed: string[];
  bodies: "works" | "silent" | "offline" | "failed";
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
    search: "works",
    bodies: "works",
    failed: [],
    ...change,
  };
}

/** As many as the rail has to hold, each in another state. */
function twelve(): AccountView[] {
  const now = fakeNow();
  const states: [string, AccountColor, HealthView, Partial<AccountView>?][] = [
    ["Work", "ocean", { kind: "current" }, { group: "group-1", picture: "/favicon.svg" }],
    ["Agency", "plum", { kind: "working" }, { group: "group-1", letter: "Ag" }],
    ["Board", "slate", { kind: "offline" }, { group: "group-1", unread_mark: "dot" }],
    ["Personal", "rust", { kind: "waiting", until: now + 120 }, { group: "group-2" }],
    ["Choir", "teal", { kind: "sign_in_needed" }, { group: "group-2" }],
    ["Club", "moss", { kind: "current" }, { session_ends_at: now + 3 * 3_600 }],
    ["Shop", "amber", { kind: "vault_locked" }, { unread_mark: "none" }],
    ["Clinic", "rose", { kind: "refused", detail: "403 Forbidden" }],
    ["Archive", "cocoa", { kind: "rebuilding" }],
    ["Travel", "indigo", { kind: "paused" }],
    ["Diary", "teal", { kind: "locked" }],
    ["Old", "slate", { kind: "signed_out" }],
  ];
  return states.map(([name, color, health, change]) => ({
    ...fakeAccount(name.toLowerCase(), name, `ana@${name.toLowerCase()}.example`, color, health),
    ...change,
  }));
}

const GROUPS: GroupView[] = [
  { id: "group-1", name: "Work", unread: 0 },
  { id: "group-2", name: "Home", unread: 0 },
];

function grouped(): AccountView[] {
  return three().map((account) => ({
    ...account,
    group: account.id === "work" ? null : "group-2",
  }));
}

function sealedCopies(): SealedView[] {
  const old = fakeAccount("old", "Old job", "ana@contoso.example", "plum");
  const home = fakeAccount("home", "Home", "ana@home.example", "moss");
  return [fakeSealed(old, "signed_out", 23), fakeSealed(home, "set_aside", null)];
}

const ONE: OneAccountView = { on: true, managed: false, choose: false };
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
  change_unknown: () => setting({ linking: "flow-1" }),
  rail: () => setting({ accounts: twelve(), groups: GROUPS, sealed: sealedCopies() }),
  groups: () => setting({ accounts: grouped(), groups: GROUPS.slice(1) }),
  sealed: () => setting({ sealed: sealedCopies() }),
  unreadable: () => setting({ failed: ["choir"] }),
  all_sealed: () => setting({ accounts: [], threads: [], sealed: sealedCopies() }),
  paused: () => setting({ accounts: three(undefined, undefined, { kind: "paused" }) }),
  locked: () => setting({ accounts: three(undefined, undefined, { kind: "locked" }) }),
  one_account: () =>
    setting({
      oneAccount: ONE,
      accounts: three().slice(0, 1),
      threads: setting().threads.filter(({ account }) => account === "work"),
    }),
  one_account_choose: () => setting({ oneAccount: { ...ONE, managed: true, choose: true } }),
  search_held: () => setting({ search: "held" }),
  search_silent: () => setting({ search: "silent" }),
  search_indexing: () => setting({ search: "indexing" }),
  search_unreachable: () =>
    setting({ search: "unreachable", accounts: three(OFFLINE, OFFLINE, OFFLINE) }),
  search_refused: () => setting({ search: "refused" }),
  search_more: () => setting({ search: "more" }),
  huge: () => setting({ threads: fakeThreads(Math.floor(Date.now() / 1000), 99_992) }),
} satisfies Record<string, () => FakeSetting>;

export type FakeState = keyof typeof FAKE_STATES;
