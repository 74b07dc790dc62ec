import type { AttemptView, SignInView } from "../contract.gen.ts";
import { hostError, type Close, type Host, type HostError } from "../host/host.ts";
import { follow } from "./feed.ts";
import { isOver } from "./signIn.svelte.ts";

/**
 * A sign-in in the browser that adds no account: it proves who somebody is, or adds a way in.
 * One at a time; beginning another one gives up the one before.
 */
export class BrowserSignIn {
  /** None while nothing is under way. What came last stays. */
  view = $state.raw<SignInView | null>(null);
  error = $state.raw<HostError | null>(null);
  /** Whether the browser has the word. */
  readonly waiting = $derived(this.view !== null && !isOver(this.view));

  /** The name of the last one, also when it is over. */
  last: string | null = null;

  readonly #host: Host;
  #turn = 0;
  #attempt: string | null = null;
  #close: Close | undefined;
  #end: ((last: SignInView | null) => void) | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Resolves with how it ended, or with nothing when it was given up or did not begin. */
  async run(start: () => Promise<AttemptView>): Promise<SignInView | null> {
    this.giveUp();
    const turn = this.#turn;
    this.error = null;
    this.view = { phase: "preparing" };
    try {
      const { attempt } = await start();
      if (turn !== this.#turn) {
        await this.#host.call("sign_in.cancel", { attempt }).catch(() => undefined);
        return null;
      }
      this.#attempt = attempt;
      this.last = attempt;
      return await this.#follow(attempt);
    } catch (reason) {
      if (turn === this.#turn) {
        this.error = hostError(reason);
        this.view = null;
      }
      return null;
    }
  }

  async reopen(): Promise<void> {
    if (this.#attempt === null) {
      return;
    }
    try {
      await this.#host.call("sign_in.reopen", { attempt: this.#attempt });
    } catch (reason) {
      this.error = hostError(reason);
    }
  }

  /** Cancels what is under way and forgets what came. */
  giveUp(): void {
    const attempt = this.#attempt;
    this.#finish(null);
    this.#turn += 1;
    this.view = null;
    this.error = null;
    if (attempt !== null) {
      void this.#host.call("sign_in.cancel", { attempt }).catch(() => undefined);
    }
  }

  #follow(attempt: string): Promise<SignInView | null> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#close = follow(
        this.#host,
        "sign_in",
        { attempt },
        {
          event: ({ sign_in }) => {
            this.view = sign_in;
            if (isOver(sign_in)) {
              this.#finish(sign_in);
            }
          },
          failed: (error) => {
            this.error = error;
            this.view = null;
            this.#finish(null);
          },
        },
      );
    });
  }

  #finish(last: SignInView | null): void {
    this.#close?.();
    this.#close = undefined;
    this.#attempt = null;
    const end = this.#end;
    this.#end = undefined;
    end?.(last);
  }
}
