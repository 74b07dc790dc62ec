import type { ConfirmSignInRequest, SignInView } from "../contract.gen.ts";
import { hostError, type Close, type Host, type HostError } from "../host/host.ts";
import { follow } from "./feed.ts";

/** Where the dialog stands: closed, choosing a way in, or at a sign-in. */
export type SignInStage = "closed" | "choose" | "under_way";

/** One sign-in at a time. */
export class SignInStore {
  stage = $state<SignInStage>("closed");
  /** The account that signs in again; none when one is added. */
  account = $state<string | null>(null);
  view = $state.raw<SignInView | null>(null);
  error = $state.raw<HostError | null>(null);

  readonly #host: Host;
  #attempt: string | null = null;
  #close: Close | undefined;
  #connection: string | null = null;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Shows the ways in. */
  choose(): void {
    this.account = null;
    this.view = null;
    this.error = null;
    this.stage = "choose";
  }

  /** Adds an account. */
  async add(connection: string | null): Promise<void> {
    await this.#begin(connection, null);
  }

  /** Signs an account in again. */
  async again(account: string): Promise<void> {
    await this.#begin(null, account);
  }

  /** Once more, the same way. */
  async retry(): Promise<void> {
    await this.#begin(this.#connection, this.account);
  }

  async reopen(): Promise<void> {
    await this.#ask((attempt) => this.#host.call("sign_in.reopen", { attempt }));
  }

  /** Keeps what was signed in to, as the person wishes it. */
  async confirm(wish: Omit<ConfirmSignInRequest, "attempt">): Promise<void> {
    await this.#ask((attempt) =>
      this.#host.call("sign_in.confirm", { attempt, ...wish, name: wish.name.trim() }),
    );
  }

  /** Closes the dialog and gives up what is not finished. */
  async dismiss(): Promise<void> {
    const attempt = this.#attempt;
    const over = this.view !== null && isOver(this.view);
    this.#end();
    this.stage = "closed";
    if (attempt !== null && !over) {
      await this.#host.call("sign_in.cancel", { attempt }).catch(() => undefined);
    }
  }

  async #begin(connection: string | null, account: string | null): Promise<void> {
    this.#end();
    this.#connection = connection;
    this.account = account;
    this.error = null;
    this.view = { phase: "preparing" };
    this.stage = "under_way";
    try {
      const { attempt } = await this.#host.call("sign_in.begin", { connection, account });
      if (this.stage !== "under_way") {
        await this.#host.call("sign_in.cancel", { attempt });
        return;
      }
      this.#attempt = attempt;
      this.#close = follow(
        this.#host,
        "sign_in",
        { attempt },
        {
          event: ({ sign_in }) => (this.view = sign_in),
          failed: (error) => (this.error = error),
        },
      );
    } catch (reason) {
      this.error = hostError(reason);
    }
  }

  async #ask(call: (attempt: string) => Promise<unknown>): Promise<void> {
    if (this.#attempt === null) {
      return;
    }
    this.error = null;
    try {
      await call(this.#attempt);
    } catch (reason) {
      this.error = hostError(reason);
    }
  }

  #end(): void {
    this.#close?.();
    this.#close = undefined;
    this.#attempt = null;
    this.view = null;
    this.error = null;
  }
}

/** Nothing more will come. */
export function isOver(view: SignInView): boolean {
  return !["preparing", "waiting", "finishing", "confirm"].includes(view.phase);
}
