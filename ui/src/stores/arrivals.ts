import type { AccountView } from "../contract.gen.ts";

export interface Arrival {
  readonly name: string;
  readonly count: number;
}

/** Often enough to know, seldom enough to listen to something else. */
const PAUSE_MS = 30_000;

/** Sums up how much mail has come, and tells it at most once in a while. */
export class Arrivals {
  readonly #tell: (arrivals: Arrival[]) => void;
  #unread = new Map<string, number>();
  readonly #came = new Map<string, Arrival>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (arrivals: Arrival[]) => void) {
    this.#tell = tell;
  }

  /** Takes the accounts as they are now. Mail of a first fetch is not new. */
  see(accounts: readonly AccountView[]): void {
    for (const { id, name, unread, progress } of accounts) {
      const before = this.#unread.get(id);
      if (before !== undefined && unread > before && progress === null) {
        const count = (this.#came.get(id)?.count ?? 0) + unread - before;
        this.#came.set(id, { name, count });
      }
    }
    this.#unread = new Map(accounts.map(({ id, unread }) => [id, unread]));
    if (this.#came.size > 0 && this.#timer === undefined) {
      this.#say();
    }
  }

  #say(): void {
    this.#timer = undefined;
    if (this.#came.size === 0) {
      return;
    }
    this.#tell([...this.#came.values()]);
    this.#came.clear();
    this.#timer = setTimeout(() => this.#say(), PAUSE_MS);
  }
}
