/** Sessions, devices and settings pages of the login service, answered out of memory. */
import type {
  AccountView,
  DeviceView,
  Fix,
  HealthView,
  HostView,
  SessionView,
} from "../../contract.gen.ts";
import { HostError } from "../host.ts";
import type { FakeContext, Handlers } from "./context.ts";
import { fakeNow } from "./records.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const FIXES: Record<HealthView["kind"], Fix> = {
  current: "nothing",
  working: "nothing",
  offline: "nothing",
  waiting: "nothing",
  rebuilding: "nothing",
  sign_in_needed: "sign_in",
  signed_out: "sign_in",
  paused: "resume",
  locked: "unlock",
  vault_locked: "keyring",
  refused: "retry",
  fault: "retry",
  disk_full: "disk",
};

const CONNECTIONS: Record<string, string> = {
  work: "Northwind",
  personal: "Mail account",
  choir: "Choir members",
};

export function fakeConnection(account: string): string {
  return CONNECTIONS[account] ?? "Mail account";
}

export function fakeHosts(account: string, now: number): HostView[] {
  const host = (name: string, requests: number): HostView => ({
    host: name,
    first_at: now - 40 * DAY,
    last_at: now - 2 * MINUTE,
    requests,
  });
  return [
    host("login.northwind.example:443", 96),
    host(`mail.${account === "work" ? "northwind" : account}.example:443`, 18_204),
  ];
}

function session(account: AccountView, now: number): SessionView {
  const live = FIXES[account.health.kind] !== "sign_in";
  return {
    account: account.id,
    person: "Ana Moreau",
    email: account.email,
    issuer: "login.northwind.example",
    user: `user_${account.id}_4f81`,
    connection: fakeConnection(account.id),
    signed_in_at: now - 26 * DAY,
    token_ends_at: live ? now + 41 * MINUTE : null,
    session_ends_at: live ? now + 5 * DAY : now - 3 * HOUR,
    renewed_at: now - 19 * MINUTE,
    synced_at: account.synced_at,
    arrival: !live ? "off" : account.id === "personal" ? "polling" : "push",
    queued: account.id === "choir" ? 2 : 0,
    octets: account.id === "work" ? 1_920_000_000 : 312_000_000,
    hosts: fakeHosts(account.id, now),
    health: account.health,
    fix: FIXES[account.health.kind],
  };
}

export function sessionHandlers({ state, changeAccount }: FakeContext): Handlers {
  const devices = new Map<string, DeviceView[]>([
    [
      "work",
      [
        { id: "d1", name: "Security key, blue" },
        { id: "d2", name: "Phone of Ana" },
      ],
    ],
    ["choir", []],
  ]);
  return {
    "account.sync": ({ account }) => {
      if (account !== null) {
        changeAccount(account, { health: { kind: "current" } });
      }
      return {};
    },
    "sessions.list": () => ({
      sessions: state.accounts.map((account) => session(account, fakeNow())),
    }),
    "session.support": ({ account }) => ({
      text: [
        "Braid 0.1.0",
        `Account ${account}`,
        "Login service: login.northwind.example",
        "Session: current, renewed 19 minutes ago",
        "Mail: push, 0 changes waiting",
      ].join("\n"),
    }),
    "session.devices": ({ account }) => ({ devices: devices.get(account) ?? null }),
    "session.remove_device": ({ account, device }) => {
      const list = devices.get(account);
      if (!list?.some(({ id }) => id === device)) {
        throw new HostError("not_found");
      }
      const left = list.filter(({ id }) => id !== device);
      devices.set(account, left);
      return { devices: left };
    },
  };
}
