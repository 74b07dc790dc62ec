/** What of a conversation is in sight, and how it stays there while what is above it grows. */

/** Room above it, in rem. */
const ABOVE_REM = 1;

/**
 * Scrolls to a message now and whenever the conversation changes its height, until the person
 * scrolls or presses something in it. Returns how to stop.
 */
export function keepInSight(feed: HTMLElement, message: number, done: () => void): () => void {
  const scroller = feed.parentElement;
  const scroll = () => {
    const article = feed.querySelector(`[data-message="${message}"]`);
    if (scroller && article) {
      const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
      const from = scroller.getBoundingClientRect().top;
      scroller.scrollTop += article.getBoundingClientRect().top - from - ABOVE_REM * rem;
    }
  };
  const observer = new ResizeObserver(scroll);
  observer.observe(feed);
  scroll();
  const leaves = ["wheel", "pointerdown", "keydown", "touchmove"] as const;
  leaves.forEach((name) => scroller?.addEventListener(name, done, { passive: true }));
  return () => {
    observer.disconnect();
    leaves.forEach((name) => scroller?.removeEventListener(name, done));
  };
}

/** How far beyond the edges something is near, in heights of the pane. */
const NEAR = "100% 0px";

/** Says whenever something of a conversation comes near what is in sight, or leaves it. */
export function whenNear(element: HTMLElement, tell: (near: boolean) => void): () => void {
  const observer = new IntersectionObserver(
    (entries) => tell(entries.at(-1)?.isIntersecting ?? false),
    { root: element.closest("[data-region]"), rootMargin: NEAR },
  );
  observer.observe(element);
  return () => observer.disconnect();
}

/** Changes the height of something; what is in sight stays where it is when that lies above. */
export function grow(element: HTMLElement, change: () => void): void {
  const scroller = element.closest("[data-region]");
  const above =
    scroller !== null &&
    element.getBoundingClientRect().bottom <= scroller.getBoundingClientRect().top;
  const before = element.offsetHeight;
  change();
  if (above) {
    scroller.scrollTop += element.offsetHeight - before;
  }
}
