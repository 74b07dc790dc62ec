import type {
  AccountColor,
  AccountView,
  MailboxRole,
  ReceiptView,
  RemovalView,
} from "../contract.gen.ts";
import type { Close, Host } from "../host/host.ts";
import { follow } from "./feed.ts";
import { mailboxOfRole } from "./scope.ts";

/** All accounts, in the person's order. */
export class AccountsStore {
  list = $state.raw<AccountView[]>([]);
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
        event: ({ accounts }) => {
          this.list = accounts;
          this.loaded = true;
        },
      },
    );
  }

  get(id: string | null): AccountView | undefined {
    return id === null ? undefined : this.#byId.get(id);
  }

  /** Unread conversations in all inboxes. */
  get unread(): number {
    return this.list.reduce((sum, account) => sum + account.unread, 0);
  }

  /** What the merged mailbox of a role counts. */
  merged(role: MailboxRole): { unread: number; total: number } {
    let unread = 0;
    let total = 0;
    for (const account of this.list) {
      const mailbox = mailboxOfRole(account, role);
      unread += mailbox?.unread ?? 0;
      total += mailbox?.total ?? 0;
    }
    return { unread, total };
  }

  async sync(account: string | null): Promise<void> {
    await this.#host.call("account.sync", { account });
  }

  async signOut(account: string): Promise<void> {
    await this.#host.call("account.sign_out", { account });
  }

  async update(account: string, name: string, color: AccountColor): Promise<void> {
    await this.#host.call("account.update", { account, name: name.trim(), color });
  }

  removal(account: string): Promise<RemovalView> {
    return this.#host.call("account.removal", { account });
  }

  remove(account: string): Promise<ReceiptView> {
    return this.#host.call("account.remove", { account });
  }
}
