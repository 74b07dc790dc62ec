import type { Filter, ListEvent, ListMode, RowView, Scope, SearchView } from "../contract.gen.ts";
import type { Close, Host, HostError } from "../host/host.ts";
import { follow } from "./feed.ts";
import {
  EMPTY_WINDOW,
  applied,
  indexOf,
  rowAt,
  shiftAt,
  type ListWindow,
  type RowsEvent,
} from "./listWindow.ts";
import { ListAsking } from "./listAsking.ts";
import { scopeKey } from "./scope.ts";

/** So long the rows of before stay while a search has found nothing yet. */
const KEEP_ROWS_MS = 250;

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
  /** How the search stands, once a list that is one has been told. */
  search = $state.raw<SearchView | null>(null);
  /** What it shows has changed; the rows are still those of before. */
  replacing = $state(false);
  /** Distance from the top, in rows. */
  scrolled = 0;
  /** Told by how many rows everything on the screen has moved. */
  onShift: ((rows: number) => void) | undefined;
  /** Told which row is to be on the screen. */
  onReveal: ((index: number) => void) | undefined;
  /** Told that the list can be shown, with rows or with what is wrong. */
  onSettled: (() => void) | undefined;

  #window = $state.raw<ListWindow>(EMPTY_WINDOW);
  /** Shown in place of rows that are on their way after reopening. */
  #before = $state.raw<ListWindow>(EMPTY_WINDOW);
  readonly #host: Host;
  #what: { scope: Scope; mode: ListMode; filter: Filter };
  #close: Close | undefined;
  #name = "";
  readonly #asking: ListAsking;
  #changeFrame: number | undefined;
  /** The search has told how it stands since it was opened. */
  #told = false;
  /** An empty beginning of a search that may still find something. */
  #held: { event: RowsEvent; timer: ReturnType<typeof setTimeout> } | undefined;
  /** The person has gone to a row that is not here yet. */
  #awaited: number | undefined;

  constructor(host: Host, scope: Scope, mode: ListMode, filter: Filter) {
    this.#host = host;
    this.#what = { scope, mode, filter };
    this.#asking = new ListAsking(
      () => this.total,
      (range) => host.call("list.window", { list: this.#name, ...range }),
    );
  }

  get scope(): string {
    return scopeKey(this.#what.scope);
  }

  get filter(): Filter {
    return this.#what.filter;
  }

  get mode(): ListMode {
    return this.#what.mode;
  }

  get isSearch(): boolean {
    return this.#what.scope.kind === "search";
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

  /** Shows something else from the next frame on; the rows stay until the app has told others. */
  change(name: string, scope: Scope, filter: Filter): void {
    this.#what = { ...this.#what, scope, filter };
    this.#name = name;
    this.replacing = true;
    this.#asking.opening();
    this.#changeFrame ??= requestAnimationFrame(() => {
      this.#changeFrame = undefined;
      this.#start();
    });
  }

  /** Asks for everything anew, such as of a server that can be reached again. */
  again(name: string): void {
    this.#name = name;
    this.#start();
  }

  close(): void {
    this.#close?.();
    this.#close = undefined;
    this.#letGo();
    this.#asking.close();
    if (this.#changeFrame !== undefined) {
      cancelAnimationFrame(this.#changeFrame);
      this.#changeFrame = undefined;
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
    this.#asking.see(from, to);
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
    this.#letGo();
    this.#told = false;
    this.#asking.opening();
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
          this.#asking.failed();
          this.onSettled?.();
        },
      },
    );
  }

  #apply(event: ListEvent): void {
    if (event.type === "search") {
      this.search = event.search;
      this.#told = true;
      if (this.#held && !this.#mayFind) {
        this.#settle(this.#held.event);
      }
      return;
    }
    if (this.#held) {
      this.#settle(this.#held.event);
    }
    if (event.type === "snapshot" && event.total === 0 && this.#mayFind) {
      const timer = setTimeout(() => this.#settle(event), KEEP_ROWS_MS);
      this.#held = { event, timer };
    } else {
      this.#settle(event);
    }
  }

  /** Whether a search that is new to the screen can still find something. */
  get #mayFind(): boolean {
    const isNew = this.isSearch && (this.replacing || !this.loaded);
    return isNew && (!this.#told || (this.search?.accounts.some((one) => one.searching) ?? false));
  }

  #letGo(): void {
    clearTimeout(this.#held?.timer);
    this.#held = undefined;
  }

  #settle(event: RowsEvent): void {
    this.#letGo();
    const before = this.#window;
    const after = applied(before, event);
    if (!after) {
      this.#start();
      return;
    }
    if (this.replacing) {
      this.#replace();
    }
    this.error = null;
    this.loaded = true;
    const newTotal = this.total !== event.total;
    this.total = event.total;
    this.unread = event.unread;
    this.failed = event.failed;
    this.#window = after;
    this.#keepCurrent(after);
    if (this.#awaited !== undefined && rowAt(after, this.#awaited)) {
      this.moveTo(this.#awaited);
    }
    const end = after.start + after.rows.length;
    this.#asking.given({ from: after.start, to: end }, newTotal);
    if (event.type === "snapshot") {
      this.#asking.now();
    } else {
      this.#keepPlace(before, after);
      this.#asking.soon();
    }
    const { from } = this.#asking.seen;
    if (from >= after.start && from < end) {
      this.#before = EMPTY_WINDOW;
    }
    this.onSettled?.();
  }

  /** The first rows of what is shown instead: nothing of before counts any longer. */
  #replace(): void {
    this.replacing = false;
    this.#before = EMPTY_WINDOW;
    this.#awaited = undefined;
    this.current = null;
    this.fresh = 0;
    this.scrolled = 0;
    this.onReveal?.(0);
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
