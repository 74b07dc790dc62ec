/** The frame a mail is shown in: what it may say, and what is believed. */

/** Taller mail scrolls inside of its frame. */
const TALLEST = 200_000;

/**
 * The height a frame reports, in CSS px. None for anything else, for another sender, or for
 * a number outside of the range.
 */
export function reportedHeight(
  event: Pick<MessageEvent<unknown>, "source" | "origin" | "data">,
  frame: Window | null,
  origin: string,
): number | undefined {
  if (frame === null || event.source !== frame || event.origin !== origin) {
    return undefined;
  }
  const { data } = event;
  if (typeof data !== "object" || data === null || !("height" in data)) {
    return undefined;
  }
  const { height } = data;
  return typeof height === "number" && height >= 0 && height <= TALLEST ? height : undefined;
}

/** Origin of an address, also for schemes to which the URL standard gives none. */
export function originOf(url: URL): string {
  return url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin;
}

/** The address of the frame in the theme that is on the screen. */
export function themed(address: string, theme: "light" | "dark"): URL {
  const url = new URL(address, location.href);
  url.searchParams.set("theme", theme);
  return url;
}
