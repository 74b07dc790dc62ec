/** The rail and the life of accounts, answered out of memory. */
import { HostError } from "../host.ts";
import type { FakeContext, Handlers } from "./context.ts";
import { fakeAccount, fakeNow, fakeReceipt, fakeSealed } from "./records.ts";

const DAY = 86_400;
/** The page may load pictures only from where it comes from. */
const PICTURE = "/favicon.svg";

export function lifeHandlers(context: FakeContext): Handlers {
  const { state, changeAccount, changed, tell, signIn, signInAt } = context;
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
  const texts = new Map<string, { days: number | null; octets: number | null }>();
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
    "account.kept_texts": ({ account }) => {
      const { days, octets } = texts.get(find(account).id) ?? { days: null, octets: 2e9 };
      return { days, octets, used: 214_000_000 };
    },
    "account.keep_texts": ({ account, days, octets }) => {
      texts.set(find(account).id, { days, octets });
      return {};
    },
    "account.removal": () => ({ messages: 4_218, queued: 1, octets: 312_000_000 }),
    "account.remove": ({ account }) => {
      const { email } = find(account);
      drop(account);
      return fakeReceipt(account, email);
    },
    "sign_in.confirm": ({ name, color, replaced_data: data }) => {
      const under = signIn();
      const offer = under.phase === "confirm" ? under : null;
      offer?.replaces.forEach(({ id }) => {
        if (data !== "wiped") {
          state.sealed = [fakeSealed(find(id), "signed_out", 30), ...state.sealed];
        }
        drop(id);
      });
      const id = `added-${state.accounts.length}`;
      state.accounts.push(fakeAccount(id, name, offer?.email ?? "ana@northwind.example", color));
      changed();
      signInAt({ phase: "added", account: id });
      return {};
    },
    "sealed.restore": ({ sealed: id }) => {
      const { name, email, color } = sealed(id);
      unseal(id);
      const back = fakeAccount(id, name, email, color, { kind: "sign_in_needed" });
      state.accounts.push(back);
      changed();
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
