/**
 * The same calls and feeds over one WebSocket to the page's own origin, so that a plain
 * browser can drive the real app in tests.
 */
import {
  HostError,
  hostError,
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

interface Incoming {
  id: number;
  reply?: unknown;
  event?: unknown;
  error?: unknown;
}

interface Waiting {
  resolve(reply: unknown): void;
  reject(error: HostError): void;
}

/** What is used of a WebSocket. */
export type Socket = Pick<WebSocket, "send" | "onopen" | "onmessage" | "onclose" | "close"> & {
  readonly readyState: number;
};

const OPEN = 1;

export class BridgeHost implements Host {
  readonly #connect: () => Socket;
  readonly #calls = new Map<number, Waiting>();
  readonly #feeds = new Map<number, FeedListener<FeedName>>();
  #socket: Socket | undefined;
  #unsent: string[] = [];
  #nextId = 1;

  constructor(connect: () => Socket = connectToOwnOrigin) {
    this.#connect = connect;
  }

  call<K extends CallName>(name: K, request: Request<K>): Promise<Reply<K>> {
    const id = this.#nextId++;
    return new Promise<Reply<K>>((resolve, reject) => {
      this.#calls.set(id, { resolve: (reply) => resolve(reply as Reply<K>), reject });
      this.#send({ id, call: name, payload: request });
    });
  }

  open<F extends FeedName>(feed: F, open: Open<F>, listener: FeedListener<F>): Close {
    const id = this.#nextId++;
    this.#feeds.set(id, {
      onEvent: (event) => listener.onEvent(event as FeedEvent<F>),
      onEnd: (error) => listener.onEnd(error),
    });
    this.#send({ id, open: feed, payload: open });
    return () => {
      if (this.#feeds.delete(id)) {
        this.#send({ id, close: true });
      }
    };
  }

  servesMail(url: URL): boolean {
    return url.hostname === location.hostname && url.pathname.startsWith("/mail/");
  }

  #send(message: object): void {
    const text = JSON.stringify(message);
    const socket = (this.#socket ??= this.#start());
    if (socket.readyState === OPEN) {
      socket.send(text);
    } else {
      this.#unsent.push(text);
    }
  }

  #start(): Socket {
    const socket = this.#connect();
    socket.onopen = () => {
      const texts = this.#unsent;
      this.#unsent = [];
      texts.forEach((text) => socket.send(text));
    };
    socket.onmessage = (message) => {
      this.#receive(JSON.parse(String(message.data)) as Incoming);
    };
    socket.onclose = () => this.#end();
    return socket;
  }

  #receive(message: Incoming): void {
    const call = this.#calls.get(message.id);
    const feed = this.#feeds.get(message.id);
    if (message.error !== undefined) {
      this.#calls.delete(message.id);
      this.#feeds.delete(message.id);
      const error = hostError(message.error);
      call?.reject(error);
      feed?.onEnd(error);
    } else if (message.event !== undefined) {
      feed?.onEvent(message.event as FeedEvent<FeedName>);
    } else if (call) {
      this.#calls.delete(message.id);
      call.resolve(message.reply);
    }
  }

  #end(): void {
    const error = new HostError("bug", "The connection to the app has ended.");
    const calls = [...this.#calls.values()];
    const feeds = [...this.#feeds.values()];
    this.#socket = undefined;
    this.#unsent = [];
    this.#calls.clear();
    this.#feeds.clear();
    calls.forEach((call) => call.reject(error));
    feeds.forEach((feed) => feed.onEnd(error));
  }
}

function connectToOwnOrigin(): Socket {
  const url = new URL("/bridge", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(url);
}
