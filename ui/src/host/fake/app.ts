/** Answers calls and feeds out of memory, always a moment later, as the app does. */
import type {
  AccountView,
  BodyView,
  MarkRequest,
  PreferencesView,
  SignInView,
} from "../../contract.gen.ts";
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
} from "../host.ts";
import type { FakeContext, Handlers } from "./context.ts";
import { lifeHandlers } from "./life.ts";
import { linkView, linkingHandlers } from "./linking.ts";
import { FakeList } from "./list.ts";
import type { FakeThread } from "./mail.ts";
import { separationHandlers } from "./separation.ts";
import { sessionHandlers } from "./sessions.ts";
import type { FakeSetting } from "./states.ts";
import { appView, conversationView } from "./views.ts";

interface Subscriber {
  readonly feed: FeedName;
  /** Numbers the event and tells it. */
  readonly tell: (event: Record<string, unknown>) => void;
  readonly open: unknown;
}

export class FakeApp implements Host {
  readonly #state: FakeSetting;
  readonly #lists = new Map<string, FakeList>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #bodies = new Map<number, BodyView>();
  #preferences: PreferencesView = {
    theme: "system",
    scope: null,
    sidebar_width: null,
    list_width: null,
  };
  #signIn: SignInView = { phase: "preparing" };
  #delivered = 0;
  readonly #handlers: Handlers;

  constructor(state: FakeSetting) {
    this.#state = state;
    const context: FakeContext = {
      state,
      changeAccount: (id, change) => this.#changeAccount(id, change),
      changed: () => this.#changed(),
      tell: (feed) => this.#broadcast(feed),
      signInAt: (view) => this.signInAt(view),
      signIn: () => this.#signIn,
    };
    this.#handlers = {
      ...this.#own,
      ...lifeHandlers(context),
      ...sessionHandlers(context),
      ...separationHandlers(context),
      ...linkingHandlers(context),
    };
    this.#count();
    Object.assign(globalThis, { braidFake: this });
  }

  async call<K extends CallName>(name: K, request: Request<K>): Promise<Reply<K>> {
    await Promise.resolve();
    const handler = this.#handlers[name] as ((request: Request<K>) => Reply<K>) | undefined;
    return handler ? handler(request) : ({} as Reply<K>);
  }

  open<F extends FeedName>(feed: F, open: Open<F>, listener: FeedListener<F>): Close {
    let seq = 0;
    let closed = false;
    const subscriber: Subscriber = {
      feed,
      open,
      tell: (event) => {
        if (!closed) {
          listener.onEvent({ seq: seq++, ...event } as unknown as FeedEvent<F>);
        }
      },
    };
    queueMicrotask(() => {
      if (feed === "list") {
        this.#openList(open as Open<"list">, listener as FeedListener<"list">);
      } else if (!closed) {
        this.#subscribers.add(subscriber);
        this.#tell(subscriber);
      }
    });
    return () => {
      closed = true;
      this.#subscribers.delete(subscriber);
      if (feed === "list") {
        this.#lists.delete((open as Open<"list">).list);
      }
    };
  }

  servesMail(url: URL): boolean {
    return url.origin === location.origin && url.pathname.startsWith("/fake-mail/");
  }

  /** New mail arrives on top. */
  deliver(subject: string, account = "work"): void {
    const thread = 1_000_000 + ++this.#delivered;
    const like = this.#state.threads.find((one) => one.account === account);
    const base = like?.messages.at(-1);
    if (!base) {
      return;
    }
    this.#state.threads.unshift({
      ...(like as FakeThread),
      thread,
      subject,
      messages: [{ ...base, key: thread, seen: false, received_at: Math.floor(Date.now() / 1000) }],
    });
    this.#changed();
  }

  /** The state of an account changes by itself. */
  healthAt(account: string, health: AccountView["health"]): void {
    this.#changeAccount(account, { health });
  }

  /** The accounts that have not answered a search do so. */
  searchGoesOn(): void {
    this.#state.search = "works";
    this.#lists.forEach((list) => list.update(this.#state));
  }

  /** The sign-in under way moves on. */
  signInAt(view: SignInView): void {
    this.#signIn = view;
    this.#broadcast("sign_in");
  }

  readonly #own: Handlers = {
    "tenant.rehearse": () => this.#setTenant("rehearsal"),
    "tenant.forget": () => this.#setTenant("none"),
    "tenant.connect": ({ login_host, application_id }) => {
      if (!login_host.includes(".")) {
        throw new HostError("tenant_address");
      }
      if (!application_id.startsWith("app")) {
        throw new HostError("application_id");
      }
      return this.#setTenant("organisation");
    },
    "vault.session_only": () => {
      this.#state.vault = "session_only";
      this.#broadcast("app");
      return {};
    },
    "preferences.set": (preferences) => {
      this.#preferences = preferences;
      return {};
    },
    "sign_in.begin": () => {
      this.signInAt({ phase: "waiting" });
      return { attempt: "attempt-1" };
    },
    "list.window": ({ list, from, to }) => {
      this.#lists.get(list)?.move(from, to, this.#state);
      return {};
    },
    "message.load": ({ message }) => {
      this.#load(message);
      return {};
    },
    "message.mark": (request) => {
      this.#mark(request);
      return {};
    },
    "attachment.save": () => ({ name: "rollback.pdf" }),
  };

  #setTenant(tenant: FakeSetting["tenant"]) {
    this.#state.tenant = tenant;
    this.#broadcast("app");
    return {};
  }

  #openList(open: Open<"list">, listener: FeedListener<"list">): void {
    if (this.#state.list === "silent") {
      return;
    }
    if (this.#state.list === "offline") {
      listener.onEnd(new HostError("offline"));
      return;
    }
    const list = new FakeList(open, (event) => listener.onEvent(event));
    this.#lists.set(open.list, list);
    list.snapshot(this.#state);
  }

  #load(message: number): void {
    const trackers = message % 3 === 0 ? { blocked_images: 3, trackers: 1 } : {};
    const bodies: Record<FakeSetting["bodies"], BodyView> = {
      works: {
        kind: "ready",
        url: `/fake-mail/${message % 4}`,
        blocked_images: 0,
        trackers: 0,
        truncated: false,
        ...trackers,
      },
      silent: { kind: "loading" },
      offline: { kind: "offline" },
      failed: { kind: "failed", code: "busy" },
    };
    this.#bodies.set(message, bodies[this.#state.bodies]);
    this.#broadcast("conversation");
  }

  #mark({ targets, mark, set }: MarkRequest): void {
    for (const target of targets) {
      const thread = this.#state.threads.find(({ account, thread: key, messages }) =>
        target.kind === "thread"
          ? account === target.account && key === target.thread
          : messages.some((message) => message.key === target.message),
      );
      thread?.messages.forEach((message, place) => {
        const newest = place === thread.messages.length - 1;
        const meant = target.kind === "message" ? message.key === target.message : true;
        if (meant && mark === "seen") {
          message.seen = set || (target.kind === "thread" && !newest);
        } else if (meant && (target.kind === "message" || newest || !set)) {
          message.flagged = set;
        }
      });
    }
    this.#changed();
  }

  #changeAccount(id: string, change: Partial<AccountView>): void {
    this.#state.accounts = this.#state.accounts.map((account) =>
      account.id === id ? { ...account, ...change } : account,
    );
    this.#broadcast("accounts");
  }

  #changed(): void {
    this.#count();
    this.#broadcast("accounts");
    this.#broadcast("conversation");
    this.#lists.forEach((list) => list.update(this.#state));
  }

  #count(): void {
    this.#state.accounts = this.#state.accounts.map((account) => {
      const inbox = this.#state.threads.filter((thread) => thread.account === account.id);
      const unread = inbox.filter(({ messages }) => messages.some(({ seen }) => !seen)).length;
      const mailboxes = account.mailboxes.map((mailbox) =>
        mailbox.role === "inbox" ? { ...mailbox, unread, total: inbox.length } : mailbox,
      );
      return { ...account, unread, mailboxes };
    });
  }

  #broadcast(feed: FeedName): void {
    this.#subscribers.forEach((subscriber) => subscriber.feed === feed && this.#tell(subscriber));
  }

  #tell({ feed, open, tell }: Subscriber): void {
    switch (feed) {
      case "app":
        return tell({ app: appView(this.#state, this.#preferences) });
      case "accounts":
        return tell({
          accounts: this.#state.accounts,
          groups: this.#state.groups,
          sealed: this.#state.sealed,
        });
      case "sign_in":
        return tell({ sign_in: this.#signIn });
      case "conversation":
        return tell({
          conversation: conversationView(
            this.#state.threads,
            this.#bodies,
            open as Open<"conversation">,
          ),
        });
      case "link":
        return tell({ link: linkView() });
      case "list":
        return;
    }
  }
}
