import type { SeparationView } from "../contract.gen.ts";
import { hostError, type Host, type HostError } from "../host/host.ts";

/** What belongs to each account, and the check that nothing of it lies elsewhere. */
export class SeparationStore {
  view = $state.raw<SeparationView | null>(null);
  error = $state.raw<HostError | null>(null);
  checking = $state(false);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async load(): Promise<void> {
    await this.#ask(async () => {
      this.view = await this.#host.call("separation.view", {});
    });
  }

  async check(): Promise<void> {
    this.checking = true;
    await this.#ask(async () => {
      const report = await this.#host.call("separation.check", {});
      this.view = { ...(await this.#host.call("separation.view", {})), report };
    });
    this.checking = false;
  }

  /** The file's name; none when the person changed their mind. */
  async save(): Promise<string | null> {
    return (await this.#host.call("separation.save", {})).name;
  }

  async #ask(step: () => Promise<void>): Promise<void> {
    try {
      await step();
      this.error = null;
    } catch (reason) {
      this.error = hostError(reason);
    }
  }
}
