/** Keeps one message of a conversation in sight while those above it still grow. */

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
