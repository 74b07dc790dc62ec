import type {
  AccountView,
  DataChoice,
  KeepTextsRequest,
  KeptTextsView,
  GroupView,
  ReceiptView,
  RemovalView,
  SealedView,
  SignOutView,
  UpdateAccountRequest,
} from "../contract.gen.ts";
import type { Close, Host } from "../host/host.ts";
import { follow } from "./feed.ts";

/** What happens to an account at once, without a question. */
export type AccountStep =
  `account.${"pause" | "resume" | "lock" | "unlock" | "choose_picture" | "remove_picture"}`;

/** All accounts and groups in the person's order, and what was sealed. */
export class AccountsStore {
  list = $state.raw<AccountView[]>([]);
  groups = $state.raw<GroupView[]>([]);
  sealed = $state.raw<SealedView[]>([]);
  loaded = $state(false);
  readonly #host: Host;
  readonly #byId = $derived(new Map(this.list.map((account) => [account.id, account])));

  constructor(host: Host) {
    this.#host = host;
  }

  follow(): Close {
    return follow(
      this.#host,
      "accounts",
      {},
      {
        event: ({ accounts, groups, sealed }) => {
          this.list = accounts;
          this.groups = groups;
          this.sealed = sealed;
          this.loaded = true;
        },
      },
    );
  }

  get(id: string | null): AccountView | undefined {
    return id === null ? undefined : this.#byId.get(id);
  }

  group(id: string | null): GroupView | undefined {
    return this.groups.find((group) => group.id === id);
  }

  /** The accounts of a group, or all. */
  members(group: string | null): AccountView[] {
    return group === null ? this.list : this.list.filter((account) => account.group === group);
  }

  /** Unread conversations in the inboxes of those accounts that count. */
  get unread(): number {
    return counted(this.list);
  }

  async sync(account: string | null): Promise<void> {
    await this.#host.call("account.sync", { account });
  }

  /** Pauses, resumes, locks, unlocks, or changes the picture. */
  async step(step: AccountStep, account: string): Promise<void> {
    await this.#host.call(step, { account });
  }

  signOut(account: string, data: DataChoice): Promise<SignOutView> {
    return this.#host.call("account.sign_out", { account, data });
  }

  async update(change: UpdateAccountRequest): Promise<void> {
    const letter = change.letter?.trim() ?? "";
    await this.#host.call("account.update", {
      ...change,
      name: change.name.trim(),
      letter: letter === "" ? null : letter,
    });
  }

  keptTexts(account: string): Promise<KeptTextsView> {
    return this.#host.call("account.kept_texts", { account });
  }

  async keepTexts(kept: KeepTextsRequest): Promise<void> {
    await this.#host.call("account.keep_texts", kept);
  }

  removal(account: string): Promise<RemovalView> {
    return this.#host.call("account.removal", { account });
  }

  remove(account: string): Promise<ReceiptView> {
    return this.#host.call("account.remove", { account });
  }

  /** Puts tiles in another order, at once; what the app says afterwards counts. */
  async reorder(accounts: readonly string[], groups: readonly string[]): Promise<void> {
    const before = { list: this.list, groups: this.groups };
    const place = (order: readonly string[]) => (a: { id: string }, b: { id: string }) =>
      order.indexOf(a.id) - order.indexOf(b.id);
    this.list = [...this.list].sort(place(accounts));
    this.groups = [...this.groups].sort(place(groups));
    try {
      await this.#host.call("rail.reorder", { accounts: [...accounts], groups: [...groups] });
    } catch (reason) {
      this.list = before.list;
      this.groups = before.groups;
      throw reason;
    }
  }

  async createGroup(name: string, accounts: readonly string[]): Promise<string> {
    const { group } = await this.#host.call("group.create", {
      name: name.trim(),
      accounts: [...accounts],
    });
    return group;
  }

  async updateGroup(group: string, name: string, accounts: readonly string[]): Promise<void> {
    await this.#host.call("group.update", { group, name: name.trim(), accounts: [...accounts] });
  }

  /** The group goes, its accounts stay. */
  async dissolveGroup(group: string): Promise<void> {
    await this.#host.call("group.delete", { group });
  }

  /** Puts an account into a group, or takes it out of its own. */
  async joinGroup(account: string, group: string | null): Promise<void> {
    const target = this.group(group ?? this.get(account)?.group ?? null);
    if (!target) {
      return;
    }
    const others = this.members(target.id).flatMap(({ id }) => (id === account ? [] : [id]));
    const members = group === null ? others : [...others, account];
    await this.updateGroup(target.id, target.name, members);
  }

  async restoreSealed(sealed: string): Promise<void> {
    await this.#host.call("sealed.restore", { sealed });
  }

  destroySealed(sealed: string): Promise<ReceiptView> {
    return this.#host.call("sealed.destroy", { sealed });
  }

  async keepSealed(sealed: string, days: number | null): Promise<void> {
    await this.#host.call("sealed.keep", { sealed, days });
  }

  /** The file's name; none when the person changed their mind. */
  async saveRecoveryPack(journal: string): Promise<string | null> {
    const { name } = await this.#host.call("link.recovery_pack", { journal });
    return name;
  }
}

/** Unread conversations of those accounts that count in numbers. */
export function counted(accounts: readonly AccountView[]): number {
  return accounts.reduce(
    (sum, { unread, unread_mark: mark }) => sum + (mark === "number" ? unread : 0),
    0,
  );
}
