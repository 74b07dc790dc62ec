/**
 * The only way out of the page: calls that are answered once and feeds that go on until they
 * are closed. Three hosts implement it: the app's window, the test bridge, and the fake one.
 */
import type { Calls, ErrorCode, Feeds, UiError } from "../contract.gen.ts";

export type CallName = keyof Calls;
export type FeedName = keyof Feeds;
export type Request<K extends CallName> = Calls[K]["request"];
export type Reply<K extends CallName> = Calls[K]["reply"];
export type Open<F extends FeedName> = Feeds[F]["open"];
export type FeedEvent<F extends FeedName> = Feeds[F]["event"];

/** A refusal, with the code the page acts on. */
export class HostError extends Error {
  readonly code: ErrorCode;
  /** The other side's own words, if any. */
  readonly detail: string | null;

  constructor(code: ErrorCode, detail: string | null = null) {
    super(detail ? `${code}: ${detail}` : code);
    this.name = "HostError";
    this.code = code;
    this.detail = detail;
  }
}

/** Makes one error type of whatever a transport rejects with. */
export function hostError(reason: unknown): HostError {
  if (reason instanceof HostError) {
    return reason;
  }
  if (isUiError(reason)) {
    return new HostError(reason.code, reason.detail);
  }
  return new HostError("bug", reason instanceof Error ? reason.message : null);
}

function isUiError(reason: unknown): reason is UiError {
  return (
    typeof reason === "object" &&
    reason !== null &&
    "code" in reason &&
    typeof reason.code === "string"
  );
}

/** What a feed tells. After `onEnd` nothing more comes. */
export interface FeedListener<F extends FeedName> {
  onEvent(event: FeedEvent<F>): void;
  onEnd(error: HostError): void;
}

/** Ends a feed; nothing is told after it returns. */
export type Close = () => void;

export interface Host {
  /** Asks once. Rejects with a {@link HostError}. */
  call<K extends CallName>(name: K, request: Request<K>): Promise<Reply<K>>;
  /** Opens a feed. */
  open<F extends FeedName>(feed: F, open: Open<F>, listener: FeedListener<F>): Close;
  /** Whether an address of a message's body is one this host serves. */
  servesMail(url: URL): boolean;
}
