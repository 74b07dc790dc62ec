/** The rail and the life of accounts, answered out of memory. */
import type { AccountView, ReceiptView, SealedView, SealedWhy } from "../../contract.gen.ts";
import { HostError } from "../host.ts";
import type { FakeContext, Handlers } from "./context.ts";

const DAY = 86_400;
/** The page may load pictures only from where it comes from. */
const PICTURE = "/favicon.svg";

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
    octets: 312_000_000,
    journal: why === "set_aside" ? `journal-${id}` : null,
  };
}

export function lifeHandlers({ state, changeAccount, changed, tell }: FakeContext): Handlers {
  const find = (id: string) => {
    const account = state.accounts.find((one) => one.id === id);
    if (!account) {
      throw new HostError("not_found");
    }
    return account;
  };
  const drop = (id: string) => {
    state.accounts = state.accounts.filter((account) => account.id !== id);
    state.threads = state.threads.filter((thread) => thread.account !== id);
    changed();
  };
  const join = (group: string, members: readonly string[]) => {
    state.accounts = state.accounts.map((account) => {
      const leaves = account.group === group ? null : account.group;
      return { ...account, group: members.includes(account.id) ? group : leaves };
    });
    changed();
  };
  const health = (id: string, kind: "current" | "paused" | "locked") => {
    changeAccount(id, { health: { kind } });
    changed();
    return {};
  };
  const sealed = (id: string) => {
    const copy = state.sealed.find((one) => one.id === id);
    if (!copy) {
      throw new HostError("not_found");
    }
    return copy;
  };
  const unseal = (id: string) => {
    state.sealed = state.sealed.filter((one) => one.id !== id);
    tell("accounts");
  };

  return {
    "account.update": ({ account, name, color, letter, unread_mark }) => {
      const first = [...name][0]?.toUpperCase() ?? "?";
      changeAccount(account, { name, color, letter: letter ?? first, unread_mark });
      return {};
    },
    "account.sign_out": ({ account, data }) => {
      const leaving = find(account);
      drop(account);
      if (data === "wiped") {
        const receipt = fakeReceipt(account, leaving.email);
        return { session_ended: true, receipt, sealed: null };
      }
      const copy = fakeSealed(leaving, "signed_out", 30);
      state.sealed = [copy, ...state.sealed];
      tell("accounts");
      return { session_ended: true, receipt: null, sealed: copy };
    },
    "account.pause": ({ account }) => health(account, "paused"),
    "account.resume": ({ account }) => health(account, "current"),
    "account.lock": ({ account }) => health(account, "locked"),
    "account.unlock": ({ account }) => health(account, "current"),
    "account.choose_picture": ({ account }) => {
      changeAccount(account, { picture: PICTURE });
      return {};
    },
    "account.remove_picture": ({ account }) => {
      changeAccount(account, { picture: null });
      return {};
    },
    "account.removal": () => ({ messages: 4_218, queued: 1, octets: 312_000_000 }),
    "account.remove": ({ account }) => {
      const { email } = find(account);
      drop(account);
      return fakeReceipt(account, email);
    },
    "sealed.restore": ({ sealed: id }) => {
      sealed(id);
      return {};
    },
    "sealed.destroy": ({ sealed: id }) => {
      const { email } = sealed(id);
      unseal(id);
      return fakeReceipt(id, email);
    },
    "sealed.keep": ({ sealed: id, days }) => {
      const keep = days === null ? null : fakeNow() + days * DAY;
      state.sealed = state.sealed.map((one) =>
        one.id === id ? { ...one, keep_until: keep } : one,
      );
      tell("accounts");
      return {};
    },
    "group.create": ({ name, accounts }) => {
      const id = `group-${state.groups.length + 1}`;
      state.groups = [...state.groups, { id, name, unread: 0 }];
      join(id, accounts);
      return { group: id };
    },
    "group.update": ({ group, name, accounts }) => {
      state.groups = state.groups.map((one) => (one.id === group ? { ...one, name } : one));
      join(group, accounts);
      return {};
    },
    "group.delete": ({ group }) => {
      state.groups = state.groups.filter(({ id }) => id !== group);
      join(group, []);
      return {};
    },
    "rail.reorder": ({ groups, accounts }) => {
      const by = (order: readonly string[]) => (a: { id: string }, b: { id: string }) =>
        order.indexOf(a.id) - order.indexOf(b.id);
      state.groups = [...state.groups].sort(by(groups));
      state.accounts = [...state.accounts].sort(by(accounts));
      tell("accounts");
      return {};
    },
    "one_account.set": ({ on, keep, data }) => {
      if (on && state.accounts.length > 1 && keep === null) {
        throw new HostError("choose_account");
      }
      state.oneAccount = { ...state.oneAccount, on, choose: false };
      if (on) {
        const leaving = state.accounts.filter(({ id }) => id !== keep);
        if (data === "sealed") {
          const copies = leaving.map((account) => fakeSealed(account, "signed_out", 30));
          state.sealed = [...copies, ...state.sealed];
        }
        leaving.forEach(({ id }) => drop(id));
      }
      tell("app");
      return {};
    },
  };
}
