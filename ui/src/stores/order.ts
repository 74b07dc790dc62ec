/** Order of the rail, as values. */

/** The same things with one of them moved by some places; it stops at the ends. */
export function movedBy<T>(things: readonly T[], thing: T, by: number): T[] {
  const at = things.indexOf(thing);
  return at < 0 ? [...things] : placedAt(things, thing, at + by);
}

/** The same things with one of them at a place, counted among the others. */
export function placedAt<T>(things: readonly T[], thing: T, place: number): T[] {
  const others = things.filter((other) => other !== thing);
  if (others.length === things.length) {
    return others;
  }
  const to = Math.min(Math.max(place, 0), others.length);
  return [...others.slice(0, to), thing, ...others.slice(to)];
}
