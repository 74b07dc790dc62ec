/**
 * Scrolling over more than an engine can lay out: WebKit ends at 33,554,431 px, some way before a
 * million rows. A list that is too tall gets an area of a height that works. Small steps in it move
 * the rows as far as they look; a jump, as by the scroll bar, goes to the same share of the list.
 */

/** CSS px; far enough from the end of every engine, and fine enough for a scroll bar. */
export const TALLEST = 8_000_000;
/** In views: a step that is larger is a jump. */
const JUMP = 3;

export class LongScroll {
  /** Distance of the view's top from the list's top, in CSS px of whole rows. */
  position = 0;
  /** Height of a row. */
  row = 1;
  rows = 0;
  /** Height of what is in sight. */
  view = 0;
  /** Of the scroll area, where it was seen last. */
  top = 0;

  /** Height of all rows. */
  get whole(): number {
    return this.rows * this.row;
  }

  /** Height of the area to scroll over. */
  get height(): number {
    return Math.min(this.whole, TALLEST);
  }

  /** Whether the area is less tall than the rows. */
  get isScaled(): boolean {
    return this.whole > TALLEST;
  }

  get #end(): number {
    return Math.max(0, this.whole - this.view);
  }

  get #areaEnd(): number {
    return Math.max(0, this.height - this.view);
  }

  /** What to add to a row's place in the list for its place in the area. */
  get shift(): number {
    return this.top - this.position;
  }

  /** Where the area has to be scrolled to for this position. */
  get wantedTop(): number {
    const wanted = this.#end > 0 ? (this.position / this.#end) * this.#areaEnd : 0;
    // Anywhere in between can be scrolled away from on both sides.
    const inside = this.position > 0 && this.position < this.#end;
    const edge = Math.min(this.view, this.#areaEnd / 2);
    // Whole px, or rows would stand between two.
    return Math.round(
      inside && this.isScaled ? Math.min(Math.max(wanted, edge), this.#areaEnd - edge) : wanted,
    );
  }

  /** The area is at `top`, by the person or by ourselves. */
  scrolled(top: number): void {
    const step = top - this.top;
    this.top = top;
    if (!this.isScaled) {
      this.position = top;
    } else if (top <= 0) {
      this.position = 0;
    } else if (top >= this.#areaEnd - 1) {
      this.position = this.#end;
    } else if (Math.abs(step) > JUMP * this.view) {
      this.position = Math.round((top / this.#areaEnd) * this.#end);
    } else {
      this.position = Math.min(Math.max(this.position + step, 0), this.#end);
    }
  }

  /** Goes to a position; the area has to be scrolled to what is returned. */
  to(position: number): number {
    this.position = Math.round(Math.min(Math.max(position, 0), this.#end));
    this.top = this.wantedTop;
    return this.top;
  }

  /** Whether the area has to be brought to where the position is: its end is near, the list's is not. */
  get isCramped(): boolean {
    const near = this.view;
    return (
      (this.top < near && this.position > this.top + 1) ||
      (this.#areaEnd - this.top < near && this.#end - this.position > this.#areaEnd - this.top + 1)
    );
  }
}
