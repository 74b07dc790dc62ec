/** Follows one feed for as long as the page wants it. */
import type { Close, FeedEvent, FeedName, Host, HostError, Open } from "../host/host.ts";

/** What a follower does. */
export interface Follower<F extends FeedName> {
  event(event: FeedEvent<F>): void;
  /** The feed cannot be had, now or ever; it is tried again unless that would be of no use. */
  failed?(error: HostError): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Asking again gives the same answer. */
const FINAL = new Set<string>(["bad_request", "not_found"]);

/**
 * Opens a feed and keeps it open: after a gap in the numbers it is opened anew at once,
 * after an end it is opened anew after a pause. An event without a number tells all of its
 * matter anew and cannot be missed.
 */
export function follow<F extends FeedName>(
  host: Host,
  feed: F,
  open: Open<F>,
  follower: Follower<F>,
): Close {
  let closed = false;
  let close: Close = () => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST_WAIT_MS;

  const start = () => {
    let last: number | undefined;
    let alive = true;
    const end = host.open(feed, open, {
      onEvent(event) {
        if (!alive) {
          return;
        }
        const seq = "seq" in event ? event.seq : undefined;
        if (seq !== undefined && last !== undefined && seq !== last + 1) {
          alive = false;
          end();
          start();
          return;
        }
        last = seq ?? last;
        wait = FIRST_WAIT_MS;
        follower.event(event);
      },
      onEnd(error) {
        if (!alive || closed) {
          return;
        }
        alive = false;
        follower.failed?.(error);
        if (!FINAL.has(error.code)) {
          timer = setTimeout(start, wait);
          wait = Math.min(wait * 2, LONGEST_WAIT_MS);
        }
      },
    });
    close = () => {
      alive = false;
      end();
    };
  };

  start();
  return () => {
    closed = true;
    clearTimeout(timer);
    close();
  };
}
