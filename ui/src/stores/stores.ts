/** All stores of one window, handed down by Svelte's context. */
import { createContext } from "svelte";

import type { Host, HostError } from "../host/host.ts";
import { errorWords } from "../words.ts";
import { AccountsStore } from "./accounts.svelte.ts";
import { AppStore } from "./app.svelte.ts";
import { Attachments } from "./attachments.ts";
import { ConversationStore } from "./conversation.svelte.ts";
import { DialogsStore } from "./dialogs.svelte.ts";
import { IdentitiesStore } from "./identities.svelte.ts";
import { LinkingStore } from "./linking.svelte.ts";
import { ListStore } from "./list.svelte.ts";
import { Marks } from "./marks.ts";
import { NoticesStore } from "./notices.svelte.ts";
import { PreferencesStore } from "./preferences.svelte.ts";
import { SearchStore } from "./search.svelte.ts";
import { SeparationStore } from "./separation.svelte.ts";
import { SessionsStore } from "./sessions.svelte.ts";
import { SignInStore } from "./signIn.svelte.ts";
import { WindowStore } from "./window.svelte.ts";

export interface Stores {
  readonly app: AppStore;
  readonly accounts: AccountsStore;
  readonly attachments: Attachments;
  readonly conversation: ConversationStore;
  readonly dialogs: DialogsStore;
  readonly identities: IdentitiesStore;
  readonly linking: LinkingStore;
  readonly list: ListStore;
  readonly marks: Marks;
  readonly notices: NoticesStore;
  readonly preferences: PreferencesStore;
  readonly search: SearchStore;
  readonly separation: SeparationStore;
  readonly sessions: SessionsStore;
  readonly signIn: SignInStore;
  readonly window: WindowStore;
  /** Whether an address is one the host serves mail at. */
  readonly servesMail: (url: URL) => boolean;
}

export function createStores(host: Host): Stores {
  const notices = new NoticesStore();
  const accounts = new AccountsStore(host);
  const window = new WindowStore();
  const sayError = (error: HostError) => notices.say(errorWords(error), true);
  return {
    app: new AppStore(host),
    accounts,
    attachments: new Attachments(host),
    conversation: new ConversationStore(host),
    dialogs: new DialogsStore(),
    identities: new IdentitiesStore(host),
    linking: new LinkingStore(host),
    list: new ListStore(host),
    marks: new Marks(host, sayError),
    notices,
    preferences: new PreferencesStore(host),
    search: new SearchStore(window, () => ({ accounts: accounts.list, groups: accounts.groups })),
    separation: new SeparationStore(host),
    sessions: new SessionsStore(host),
    signIn: new SignInStore(host),
    window,
    servesMail: (url) => host.servesMail(url),
  };
}

export const [useStores, setStores] = createContext<Stores>();
