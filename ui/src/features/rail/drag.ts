/** Dragging tiles of the rail with a pointer. Keys and the menu do the same. */

/** Farther than a hand trembles, in CSS px. */
const THRESHOLD = 5;
/** Near the edge the rail scrolls. */
const EDGE = 28;

/** Where a thing dropped at `y` stands among the others, whose middles are given in order. */
export function dropPlace(middles: readonly number[], y: number): number {
  const place = middles.findIndex((middle) => y < middle);
  return place < 0 ? middles.length : place;
}

export interface DragOptions {
  /** Which tiles go together: the value of `data-drag` on each of them. */
  readonly kind: string;
  readonly id: string;
  /** Tells how far the tile is from its place while it is dragged, and none afterwards. */
  readonly onmove: (offset: number | null) => void;
  /** The place among the others of its kind. */
  readonly ondrop: (place: number) => void;
}

/** Makes an element draggable along the column it stands in. */
export function draggable(options: () => DragOptions): (node: HTMLElement) => () => void {
  return (node) => {
    let start: { y: number; scroll: number; pointer: number } | undefined;
    let dragging = false;

    const scroller = () => node.closest<HTMLElement>("[data-drag-scroll]");
    const scrolled = () => scroller()?.scrollTop ?? 0;

    const end = () => {
      start = undefined;
      dragging = false;
      options().onmove(null);
    };

    const down = (event: PointerEvent) => {
      if (event.button === 0 && event.isPrimary) {
        start = { y: event.clientY, scroll: scrolled(), pointer: event.pointerId };
      }
    };

    const move = (event: PointerEvent) => {
      if (!start || event.pointerId !== start.pointer) {
        return;
      }
      const offset = event.clientY - start.y + scrolled() - start.scroll;
      if (!dragging && Math.abs(offset) < THRESHOLD) {
        return;
      }
      if (!dragging) {
        dragging = true;
        node.setPointerCapture(event.pointerId);
      }
      const frame = scroller()?.getBoundingClientRect();
      if (frame && event.clientY < frame.top + EDGE) {
        scroller()?.scrollBy(0, -8);
      } else if (frame && event.clientY > frame.bottom - EDGE) {
        scroller()?.scrollBy(0, 8);
      }
      options().onmove(offset);
    };

    const up = (event: PointerEvent) => {
      if (!dragging) {
        end();
        return;
      }
      const { kind, id, ondrop } = options();
      const others = document.querySelectorAll<HTMLElement>(`[data-drag="${kind}"]`);
      const middles = [...others]
        .filter((other) => other.dataset["dragId"] !== id)
        .map((other) => other.getBoundingClientRect())
        .map(({ top, height }) => top + height / 2);
      const place = dropPlace(middles, event.clientY);
      // The click that follows a drag is none.
      node.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => node.removeEventListener("click", swallow, { capture: true }));
      end();
      ondrop(place);
    };

    const key = (event: KeyboardEvent) => {
      if (dragging && event.key === "Escape") {
        event.stopPropagation();
        end();
      }
    };

    node.addEventListener("pointerdown", down);
    node.addEventListener("pointermove", move);
    node.addEventListener("pointerup", up);
    node.addEventListener("pointercancel", end);
    document.addEventListener("keydown", key, { capture: true });
    return () => {
      node.removeEventListener("pointerdown", down);
      node.removeEventListener("pointermove", move);
      node.removeEventListener("pointerup", up);
      node.removeEventListener("pointercancel", end);
      document.removeEventListener("keydown", key, { capture: true });
    };
  };
}

function swallow(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
