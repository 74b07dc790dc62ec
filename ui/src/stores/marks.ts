import type { ListMode, Mark, MarkTarget, RowView } from "../contract.gen.ts";
import type { Host, HostError } from "../host/host.ts";
import { hostError } from "../host/host.ts";

/** What a mark on a row of a list goes to. */
export function rowTarget({ account, message, thread }: RowView, mode: ListMode): MarkTarget {
  return mode === "messages"
    ? { kind: "message", account, message }
    : { kind: "thread", account, thread };
}

/** Puts marks on mail; the change shows up in the feeds. */
export class Marks {
  readonly #host: Host;
  readonly #onError: (error: HostError) => void;

  constructor(host: Host, onError: (error: HostError) => void) {
    this.#host = host;
    this.#onError = onError;
  }

  set(target: MarkTarget, mark: Mark, set: boolean): void {
    this.#host
      .call("message.mark", { targets: [target], mark, set })
      .catch((reason: unknown) => this.#onError(hostError(reason)));
  }
}
