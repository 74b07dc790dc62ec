import type { Filter, ListEvent, ListMode, RowView, Scope } from "../contract.gen.ts";
import type { Close, Host, HostError } from "../host/host.ts";
import { follow } from "./feed.ts";
import {
  EMPTY_WINDOW,
  applied,
  indexOf,
  rangeToAsk,
  rowAt,
  shiftAt,
  type ListWindow,
  type Range,
} from "./listWindow.ts";
import { scopeKey } from "./scope.ts";

/** An app that does not give what was asked for is not asked for ever. */
const MOST_TRIES = 3;

/** The row the person is at. */
export interface Current {
  readonly row: RowView;
  /** Its place, or the place it had when it left the list. */
  readonly index: number;
}

/** One list: what it shows, where the person is in it. It keeps its place while closed. */
export class ListView {
  total = $state(0);
  unread = $state(0);
  loaded = $state(false);
  error = $state.raw<HostError | null>(null);
  /** Accounts that belong into the list and cannot be read. */
  failed = $state.raw<readonly string[]>([]);
  current = $state.raw<Current | null>(null);
  /** Rows that came in above while the person was further down. */
  fresh = $state(0);
  /** Distance from the top, in rows. */
  scrolled = 0;
  /** Told by how many rows everything on the screen has moved. */
  onShift: ((rows: number) => void) | undefined;
  /** Told which row is to be on the screen. */
  onReveal: ((index: number) => void) | undefined;

  #window = $state.raw<ListWindow>(EMPTY_WINDOW);
  /** Shown in place of rows that are on their way after reopening. */
  #before = $state.raw<ListWindow>(EMPTY_WINDOW);
  readonly #host: Host;
  readonly #what: { scope: Scope; mode: ListMode; filter: Filter };
  #close: Close | undefined;
  #name = "";
  #seen: Range = { from: 0, to: 30 };
  /** What the app has given, or is about to give. */
  #asked: Range | undefined;
  /** How often the same range was asked for since the screen or the list has changed. */
  #tries = 0;
  /** The app knows the list: before its snapshot it cannot be asked for more. */
  #known = false;
  #frame: number | undefined;
  /** The person has gone to a row that is not here yet. */
  #awaited: number | undefined;

  constructor(host: Host, scope: Scope, mode: ListMode, filter: Filter) {
    this.#host = host;
    this.#what = { scope, mode, filter };
  }

  get scope(): string {
    return scopeKey(this.#what.scope);
  }

  get filter(): Filter {
    return this.#what.filter;
  }

  row(index: number): RowView | undefined {
    return rowAt(this.#window, index) ?? rowAt(this.#before, index);
  }

  /** Whether the current row is at this place. */
  isCurrent(index: number, row: RowView | undefined): boolean {
    return row !== undefined && this.current?.row.key === row.key && this.current.index === index;
  }

  open(name: string): void {
    this.#name = name;
    this.#start();
  }

  close(): void {
    this.#close?.();
    this.#close = undefined;
    if (this.#frame !== undefined) {
      cancelAnimationFrame(this.#frame);
      this.#frame = undefined;
    }
  }

  /** Lets go of every row that is kept of an account while this list is closed. */
  forget(account: string): void {
    if (this.current?.row.account === account) {
      this.current = null;
    }
    this.#before = EMPTY_WINDOW;
    if (!this.#close) {
      this.#window = EMPTY_WINDOW;
    }
  }

  /** Says which rows are on the screen. */
  see(from: number, to: number): void {
    if (from !== this.#seen.from || to !== this.#seen.to) {
      this.#tries = 0;
    }
    this.#seen = { from, to };
    this.#askSoon();
  }

  /** Goes to the row at a place, or to the nearest there is. */
  moveTo(index: number): void {
    if (this.total === 0) {
      return;
    }
    const place = Math.min(Math.max(index, 0), this.total - 1);
    const row = this.row(place);
    this.#awaited = row ? undefined : place;
    if (row) {
      this.current = { row, index: place };
    }
    this.onReveal?.(place);
  }

  moveBy(rows: number): void {
    const from = this.current?.index ?? (rows > 0 ? Math.floor(this.scrolled) - 1 : 0);
    this.moveTo(from + rows);
  }

  #start(): void {
    this.#close?.();
    this.#asked = undefined;
    this.#known = false;
    this.#tries = 0;
    this.#before = this.#window;
    const name = this.#name;
    this.#close = follow(
      this.#host,
      "list",
      { list: name, ...this.#what },
      {
        event: (event) => this.#apply(event),
        failed: (error) => {
          this.error = error;
          this.#asked = undefined;
        },
      },
    );
  }

  #askSoon(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#ask();
    });
  }

  #ask(): void {
    const range = rangeToAsk(this.#seen, this.#asked, this.total);
    if (!range) {
      this.#tries = 0;
      return;
    }
    if (!this.#close || !this.#known || this.#tries >= MOST_TRIES) {
      return;
    }
    this.#tries++;
    this.#asked = range;
    this.#host.call("list.window", { list: this.#name, ...range }).catch(() => {
      // The list was closed in between, or its feed says what is wrong.
      this.#asked = undefined;
      this.#askSoon();
    });
  }

  #apply(event: ListEvent): void {
    if (event.type === "search") {
      return;
    }
    const before = this.#window;
    const after = applied(before, event);
    if (!after) {
      this.#start();
      return;
    }
    this.error = null;
    this.loaded = true;
    this.#known = true;
    if (this.total !== event.total) {
      this.#tries = 0;
    }
    this.total = event.total;
    this.unread = event.unread;
    this.failed = event.failed;
    this.#window = after;
    this.#keepCurrent(after);
    if (this.#awaited !== undefined && rowAt(after, this.#awaited)) {
      this.moveTo(this.#awaited);
    }
    // An answer to an older question may come last: what is here counts, not what was asked.
    this.#asked = { from: after.start, to: after.start + after.rows.length };
    if (event.type === "snapshot") {
      this.#ask();
    } else {
      this.#keepPlace(before, after);
      this.#askSoon();
    }
    if (this.#seen.from >= after.start && this.#seen.from < after.start + after.rows.length) {
      this.#before = EMPTY_WINDOW;
    }
  }

  #keepCurrent(after: ListWindow): void {
    const current = this.current;
    if (!current) {
      return;
    }
    const index = indexOf(after, current.row.key);
    if (index !== undefined) {
      this.current = { row: rowAt(after, index) ?? current.row, index };
    }
  }

  #keepPlace(before: ListWindow, after: ListWindow): void {
    const top = Math.floor(this.scrolled);
    if (this.scrolled < 0.5) {
      return;
    }
    const moved = shiftAt(before, after, top);
    if (moved !== 0) {
      this.scrolled = Math.max(0, this.scrolled + moved);
      this.fresh = Math.max(0, this.fresh + moved);
      this.onShift?.(moved);
    }
  }
}
