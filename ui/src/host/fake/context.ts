/** What the parts of the fake app share. */
import type { AccountView, SignInView } from "../../contract.gen.ts";
import type { CallName, FeedName, Reply, Request } from "../host.ts";
import type { FakeSetting } from "./states.ts";

/** Replies by name; any other call is answered with an empty one. */
export type Handlers = { [K in CallName]?: (request: Request<K>) => Reply<K> };

export interface FakeContext {
  readonly state: FakeSetting;
  /** Changes one account and tells it. */
  readonly changeAccount: (id: string, change: Partial<AccountView>) => void;
  /** Counts anew and tells everything that shows accounts or mail. */
  readonly changed: () => void;
  /** Tells a feed its state. */
  readonly tell: (feed: FeedName) => void;
  /** The sign-in under way moves on. */
  readonly signInAt: (view: SignInView) => void;
  /** Where it is. */
  readonly signIn: () => SignInView;
}
