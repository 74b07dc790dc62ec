/** A host for unit tests: it writes down what is asked and answers what the test says. */
import {
  HostError,
  type CallName,
  type Close,
  type FeedEvent,
  type FeedListener,
  type FeedName,
  type Host,
  type Open,
  type Reply,
  type Request,
} from "./host.ts";

export interface OpenedFeed {
  readonly feed: FeedName;
  readonly open: unknown;
  closed: boolean;
  readonly listener: FeedListener<FeedName>;
}

export class ScriptedHost implements Host {
  readonly calls: { name: CallName; request: unknown }[] = [];
  readonly feeds: OpenedFeed[] = [];
  /** Answers by name; anything else is answered with an empty reply. */
  readonly replies: { [K in CallName]?: () => Promise<Reply<K>> } = {};

  call<K extends CallName>(name: K, request: Request<K>): Promise<Reply<K>> {
    this.calls.push({ name, request });
    const reply = this.replies[name] as (() => Promise<Reply<K>>) | undefined;
    return reply ? reply() : Promise.resolve({} as Reply<K>);
  }

  open<F extends FeedName>(feed: F, open: Open<F>, listener: FeedListener<F>): Close {
    const opened: OpenedFeed = {
      feed,
      open,
      closed: false,
      listener: listener as unknown as FeedListener<FeedName>,
    };
    this.feeds.push(opened);
    return () => {
      opened.closed = true;
    };
  }

  servesMail(): boolean {
    return true;
  }

  /** The newest feed of a name. */
  last(feed: FeedName): OpenedFeed {
    const found = this.feeds.findLast((opened) => opened.feed === feed);
    if (!found) {
      throw new Error(`no feed ${feed} was opened`);
    }
    return found;
  }

  tell<F extends FeedName>(feed: F, event: FeedEvent<F>): void {
    this.last(feed).listener.onEvent(event);
  }

  end(feed: FeedName, code: HostError["code"]): void {
    this.last(feed).listener.onEnd(new HostError(code));
  }

  /** What was asked under a name. */
  asked(name: CallName): unknown[] {
    return this.calls.filter((call) => call.name === name).map(({ request }) => request);
  }
}
