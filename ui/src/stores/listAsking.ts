/** Asks for the part of a list that is on the screen, not more often than is of use. */
import { rangeToAsk, type Range } from "./listWindow.ts";

/** An app that does not give what was asked for is not asked for ever. */
const MOST_TRIES = 3;

export class ListAsking {
  seen: Range = { from: 0, to: 30 };
  readonly #total: () => number;
  readonly #askFor: (range: Range) => Promise<unknown>;
  /** What the app has given, or is about to give. */
  #asked: Range | undefined;
  /** How often the same range was asked for since the screen or the list has changed. */
  #tries = 0;
  /** The app knows the list: before its snapshot it cannot be asked for more. */
  #known = false;
  #frame: number | undefined;

  constructor(total: () => number, askFor: (range: Range) => Promise<unknown>) {
    this.#total = total;
    this.#askFor = askFor;
  }

  /** Says which rows are on the screen. */
  see(from: number, to: number): void {
    if (from !== this.seen.from || to !== this.seen.to) {
      this.#tries = 0;
    }
    this.seen = { from, to };
    this.soon();
  }

  /** The list is being opened: nothing is asked before its first rows. */
  opening(): void {
    this.#asked = undefined;
    this.#known = false;
    this.#tries = 0;
  }

  failed(): void {
    this.#asked = undefined;
  }

  /** An answer to an older question may come last: what is here counts, not what was asked. */
  given(range: Range, newTotal: boolean): void {
    this.#known = true;
    this.#asked = range;
    if (newTotal) {
      this.#tries = 0;
    }
  }

  soon(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.now();
    });
  }

  now(): void {
    const range = rangeToAsk(this.seen, this.#asked, this.#total());
    if (!range) {
      this.#tries = 0;
      return;
    }
    if (!this.#known || this.#tries >= MOST_TRIES) {
      return;
    }
    this.#tries++;
    this.#asked = range;
    this.#askFor(range).catch(() => {
      // The list was closed in between, or its feed says what is wrong.
      this.#asked = undefined;
      this.soon();
    });
  }

  close(): void {
    this.#known = false;
    if (this.#frame !== undefined) {
      cancelAnimationFrame(this.#frame);
      this.#frame = undefined;
    }
  }
}
