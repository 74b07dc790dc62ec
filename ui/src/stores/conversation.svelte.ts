import type { ConversationView, MessageView } from "../contract.gen.ts";
import type { Close, Host, HostError } from "../host/host.ts";
import { follow } from "./feed.ts";

/** How long unread mail is looked at before it counts as read. */
const READ_AFTER_MS = 1_200;

/** The conversation in the reading pane. It stays until the person leaves it. */
export class ConversationStore {
  /** Which one is open. */
  account = $state<string | null>(null);
  thread = $state<number | null>(null);
  view = $state.raw<ConversationView | null>(null);
  error = $state.raw<HostError | null>(null);
  /** It has left the app while it was open. */
  gone = $state(false);
  /** The message that is to be in sight, until the person goes elsewhere. */
  wanted = $state<number | null>(null);

  readonly #host: Host;
  /** What the person has opened or folded by hand, or what was open by itself. */
  #unfolded = $state.raw<ReadonlyMap<number, boolean>>(new Map());
  readonly #asked = new Set<number>();
  #close: Close | undefined;
  #readTimer: ReturnType<typeof setTimeout> | undefined;
  #markedRead = false;

  constructor(host: Host) {
    this.#host = host;
  }

  get isOpen(): boolean {
    return this.thread !== null;
  }

  shows(account: string, thread: number): boolean {
    return this.account === account && this.thread === thread;
  }

  /** Opens a conversation with one of its messages unfolded, and in sight where that is meant. */
  open(account: string, thread: number, message: number, inSight = false): void {
    if (this.shows(account, thread)) {
      if (inSight) {
        this.#setUnfolded(message, true);
        this.wanted = message;
        this.#load();
      }
      return;
    }
    this.#reset();
    this.#setUnfolded(message, true);
    this.wanted = inSight ? message : null;
    this.account = account;
    this.thread = thread;
    this.#close = follow(
      this.#host,
      "conversation",
      { account, thread },
      {
        event: ({ conversation }) => this.#apply(conversation),
        failed: (error) => {
          this.gone = error.code === "not_found" && this.view !== null;
          this.error = this.view ? null : error;
        },
      },
    );
  }

  leave(): void {
    this.#reset();
    this.account = null;
    this.thread = null;
  }

  isUnfolded(message: MessageView): boolean {
    return this.#unfolded.get(message.key) ?? false;
  }

  toggle(message: MessageView): void {
    this.#setUnfolded(message.key, !this.isUnfolded(message));
    this.#load();
  }

  /** Asks for a body again that could not be had. */
  load(message: MessageView): void {
    this.#asked.delete(message.key);
    this.#load();
  }

  /** Not again by itself once the person has said "unread". */
  keepUnread(): void {
    this.#markedRead = true;
    clearTimeout(this.#readTimer);
  }

  #reset(): void {
    this.#close?.();
    this.#close = undefined;
    clearTimeout(this.#readTimer);
    this.view = null;
    this.error = null;
    this.gone = false;
    this.wanted = null;
    this.#markedRead = false;
    this.#unfolded = new Map();
    this.#asked.clear();
  }

  #apply(conversation: ConversationView | null): void {
    if (!conversation) {
      this.gone = true;
      return;
    }
    this.gone = false;
    this.error = null;
    const newest = conversation.messages.at(-1);
    for (const message of conversation.messages) {
      if (!this.#unfolded.has(message.key)) {
        this.#setUnfolded(message.key, !message.seen || message === newest);
      }
    }
    this.view = conversation;
    this.#load();
    this.#readSoon(conversation);
  }

  #setUnfolded(message: number, unfolded: boolean): void {
    this.#unfolded = new Map(this.#unfolded).set(message, unfolded);
  }

  #load(): void {
    const { view } = this;
    for (const message of view?.messages ?? []) {
      const wanted = this.isUnfolded(message) && message.body.kind !== "ready";
      if (view && wanted && !this.#asked.has(message.key)) {
        this.#asked.add(message.key);
        // What is wrong arrives as the body's own state.
        this.#host
          .call("message.load", { account: view.account, message: message.key })
          .catch(() => undefined);
      }
    }
  }

  #readSoon(conversation: ConversationView): void {
    const unread = conversation.messages.some((message) => !message.seen);
    if (!unread || this.#markedRead) {
      return;
    }
    const { account, thread } = conversation;
    this.#markedRead = true;
    this.#readTimer = setTimeout(() => {
      this.#host
        .call("message.mark", {
          targets: [{ kind: "thread", account, thread }],
          mark: "seen",
          set: true,
        })
        .catch(() => undefined);
    }, READ_AFTER_MS);
  }
}
