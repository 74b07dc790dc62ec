import type { IdentityView, SignInView } from "../contract.gen.ts";
import { hostError, type Host, type HostError } from "../host/host.ts";
import { BrowserSignIn } from "./browserSignIn.svelte.ts";

/** What is known of the sign-ins of one mailbox. */
export interface KnownIdentities {
  readonly list: readonly IdentityView[] | null;
  readonly error: HostError | null;
}

/** The sign-ins that open each mailbox. Asked for, not followed. */
export class IdentitiesStore {
  known = $state.raw<ReadonlyMap<string, KnownIdentities>>(new Map());
  /** Adds a sign-in, or proves one before another is removed. */
  readonly browser: BrowserSignIn;
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
    this.browser = new BrowserSignIn(host);
  }

  async load(account: string): Promise<void> {
    try {
      const { identities } = await this.#host.call("identities.list", { account });
      this.#keep(account, { list: identities, error: null });
    } catch (reason) {
      const list = this.known.get(account)?.list ?? null;
      this.#keep(account, { list, error: hostError(reason) });
    }
  }

  /** Adds a sign-in that opens nothing yet. */
  async add(account: string, connection: string): Promise<SignInView | null> {
    const end = await this.browser.run(() =>
      this.#host.call("identity.add", { account, connection }),
    );
    if (end) {
      await this.load(account);
    }
    return end;
  }

  /** A fresh sign-in to an account that is here. */
  prove(account: string): Promise<SignInView | null> {
    return this.browser.run(() => this.#host.call("sign_in.begin", { connection: null, account }));
  }

  /** Rejects with `proof_needed` where a fresh sign-in has to come first. */
  async remove(account: string, { id, connection }: IdentityView): Promise<void> {
    const { identities } = await this.#host.call("identity.remove", {
      account,
      identity: id,
      connection,
    });
    this.#keep(account, { list: identities, error: null });
  }

  #keep(account: string, known: KnownIdentities): void {
    this.known = new Map(this.known).set(account, known);
  }
}
