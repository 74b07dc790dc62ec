/** The loaded part of a list, as a value, and how events change it. */
import type { ListEvent, RowView } from "../contract.gen.ts";

/** An event that speaks of rows. */
export type RowsEvent = Exclude<ListEvent, { type: "search" }>;

export interface ListWindow {
  /** Place of the first row below. */
  readonly start: number;
  readonly rows: readonly RowView[];
}

export const EMPTY_WINDOW: ListWindow = { start: 0, rows: [] };

export function rowAt(window: ListWindow, index: number): RowView | undefined {
  return window.rows[index - window.start];
}

export function indexOf(window: ListWindow, key: string): number | undefined {
  const place = window.rows.findIndex((row) => row.key === key);
  return place < 0 ? undefined : window.start + place;
}

/**
 * The window after an event. None when the event speaks of a row that neither it nor the
 * window before has: then something was missed.
 */
export function applied(window: ListWindow, event: RowsEvent): ListWindow | undefined {
  if (event.type === "snapshot") {
    return { start: event.start, rows: event.rows };
  }
  const known = new Map(window.rows.map((row) => [row.key, row]));
  for (const row of event.rows) {
    known.set(row.key, row);
  }
  const rows: RowView[] = [];
  for (const key of event.order) {
    const row = known.get(key);
    if (!row) {
      return undefined;
    }
    rows.push(row);
  }
  return { start: event.start, rows };
}

/** How far the first row at or after `index` that is in both windows has moved. */
export function shiftAt(before: ListWindow, after: ListWindow, index: number): number {
  const places = new Map(after.rows.map((row, place) => [row.key, after.start + place]));
  const last = before.start + before.rows.length;
  for (let place = Math.max(index, before.start); place < last; place++) {
    const row = rowAt(before, place);
    const moved = row && places.get(row.key);
    if (moved !== undefined) {
      return moved - place;
    }
  }
  return 0;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

const OVERSCAN = 80;
const MARGIN = 24;
/** What the app gives at most. */
const LONGEST = 400;

/** The range to ask for so that `seen` can be shown; none while the last answer will do. */
export function rangeToAsk(
  seen: Range,
  asked: Range | undefined,
  total: number,
): Range | undefined {
  const needFrom = Math.max(0, seen.from - MARGIN);
  const needTo = Math.min(total, seen.to + MARGIN);
  if (asked && asked.from <= needFrom && asked.to >= needTo) {
    return undefined;
  }
  const from = Math.max(0, seen.from - OVERSCAN);
  const to = Math.min(Math.max(total, seen.to), seen.to + OVERSCAN, from + LONGEST);
  return { from, to };
}
