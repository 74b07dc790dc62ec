import type { ConversationView, MessageView } from "../contract.gen.ts";
import type { Close, Host, HostError } from "../host/host.ts";
import { follow } from "./feed.ts";

/** How long unread mail is looked at before it counts as read. */
const READ_AFTER_MS = 1_200;
/** So many unfolded bodies are asked for before it is known which are in sight. */
const ASKED_AT_ONCE = 6;
/** Fewer read messages before the first unfolded one are shown as they are. */
const LEAST_EARLIER = 6;

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
  readonly #inSight = new Set<number>();
  /** Those before this one are out of the way; none when all are shown. */
  #shownFrom = $state<number | null>(null);
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
        this.#shownFrom = null;
        this.#inSight.add(message);
        this.wanted = message;
        this.#load();
      }
      return;
    }
    this.#reset();
    this.#setUnfolded(message, true);
    this.#inSight.add(message);
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

  /** How many read messages before the others are out of the way. */
  get earlier(): number {
    const from = this.#shownFrom;
    const place = this.view?.messages.findIndex(({ key }) => key === from) ?? -1;
    return Math.max(0, place);
  }

  showEarlier(): void {
    this.#shownFrom = null;
  }

  /** An unfolded message has come into sight, or nearly: its body is needed. */
  near(message: MessageView): void {
    this.#inSight.add(message.key);
    this.#load();
  }

  /** Opens or folds all of them. */
  unfoldAll(unfolded: boolean): void {
    const messages = this.view?.messages ?? [];
    this.#unfolded = new Map(messages.map(({ key }) => [key, unfolded]));
    this.#shownFrom = null;
    this.#load();
  }

  isUnfolded(message: MessageView): boolean {
    return this.#unfolded.get(message.key) ?? false;
  }

  toggle(message: MessageView): void {
    this.#setUnfolded(message.key, !this.isUnfolded(message));
    this.#inSight.add(message.key);
    this.#load();
  }

  /** Asks for a body again that could not be had. */
  load(message: MessageView): void {
    this.#asked.delete(message.key);
    this.#inSight.add(message.key);
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
    this.#inSight.clear();
    this.#shownFrom = null;
  }

  #apply(conversation: ConversationView | null): void {
    if (!conversation) {
      this.gone = true;
      return;
    }
    this.gone = false;
    this.error = null;
    const isFirst = this.view === null;
    const newest = conversation.messages.at(-1);
    for (const message of conversation.messages) {
      if (!this.#unfolded.has(message.key)) {
        this.#setUnfolded(message.key, !message.seen || message === newest);
      }
    }
    this.view = conversation;
    if (isFirst) {
      this.#putAway(conversation.messages);
    }
    this.#load();
    this.#readSoon(conversation);
  }

  /** Read messages before the first unfolded one, but for the last of them. */
  #putAway(messages: readonly MessageView[]): void {
    const earlier = messages.findIndex((message) => this.isUnfolded(message)) - 1;
    this.#shownFrom = earlier >= LEAST_EARLIER ? (messages[earlier]?.key ?? null) : null;
  }

  #setUnfolded(message: number, unfolded: boolean): void {
    this.#unfolded = new Map(this.#unfolded).set(message, unfolded);
  }

  #load(): void {
    const { view } = this;
    let unfolded = 0;
    for (const message of view?.messages ?? []) {
      if (!view || !this.isUnfolded(message)) {
        continue;
      }
      const near = unfolded++ < ASKED_AT_ONCE || this.#inSight.has(message.key);
      if (near && message.body.kind !== "ready" && !this.#asked.has(message.key)) {
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
