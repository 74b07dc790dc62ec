import type {
  LinkExportRequest,
  LinkSide,
  LinkStageView,
  LinkView,
  SettleHow,
  Unsettled,
} from "../contract.gen.ts";
import { hostError, type Close, type Host, type HostError } from "../host/host.ts";
import { BrowserSignIn } from "./browserSignIn.svelte.ts";
import { follow } from "./feed.ts";

/** Where the dialog stands: two pages before anything is asked, then the app's own flow. */
export type LinkingStage = "closed" | "purpose" | "choose" | "flow";

/** How the copy is made. */
export type LinkExportHow = Pick<LinkExportRequest, "eml" | "passphrase">;

/** Once it has begun, or its end is not known, it goes on without the dialog. */
const CANNOT_STOP = new Set<LinkStageView["stage"]>(["working", "done", "unknown"]);

/** Opening one mailbox with two sign-ins. One at a time in the whole app. */
export class LinkingStore {
  stage = $state<LinkingStage>("closed");
  /** The two mailboxes, while they are chosen. */
  kept = $state<string | null>(null);
  setAside = $state<string | null>(null);
  view = $state.raw<LinkView | null>(null);
  error = $state.raw<HostError | null>(null);
  busy = $state(false);
  /** The dialog made way for the window behind it. */
  minimised = $state(false);
  /** The side that was proved last, or is being proved. */
  proving = $state<LinkSide>("kept");
  /** The proof of one side. */
  readonly browser: BrowserSignIn;

  readonly #host: Host;
  #exported: LinkExportHow = { eml: false, passphrase: null };
  #flow: string | null = null;
  #close: Close | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.browser = new BrowserSignIn(host);
  }

  /** Whether closing the dialog gives the change up, or only hides it. */
  get canStop(): boolean {
    return this.view === null || !CANNOT_STOP.has(this.view.stage.stage);
  }

  /** Opens at the first page, or at the change that is under way. */
  start(kept: string | null = null): void {
    this.minimised = false;
    if (this.stage === "flow") {
      return;
    }
    this.kept = kept;
    this.setAside = null;
    this.error = null;
    this.stage = "purpose";
  }

  choose(): void {
    this.error = null;
    this.stage = "choose";
  }

  async begin(kept: string, setAside: string): Promise<void> {
    await this.#run(async () => {
      const { flow } = await this.#host.call("link.begin", { kept, set_aside: setAside });
      this.#follow(flow);
    });
  }

  /** The same for another sign-in than the one that was chosen. */
  async beginAnew(kept: string, setAside: string): Promise<void> {
    const cancelled = this.cancel();
    this.kept = kept;
    this.setAside = setAside;
    this.stage = "choose";
    await cancelled;
    await this.begin(kept, setAside);
  }

  /** Takes up a change the app tells of: after a start, or of another window. */
  adopt(flow: string): void {
    if (this.#flow === null && !this.busy) {
      this.minimised = true;
      this.#follow(flow);
    }
  }

  async prove(side: LinkSide): Promise<void> {
    const flow = this.#flow;
    this.proving = side;
    if (flow !== null) {
      await this.browser.run(() => this.#host.call("link.prove", { flow, side }));
    }
  }

  swap(): Promise<void> {
    return this.#ask((flow) => this.#host.call("link.swap", { flow }));
  }

  goOn(understood = false): Promise<void> {
    return this.#ask((flow) => this.#host.call("link.go_on", { flow, understood }));
  }

  back(): Promise<void> {
    return this.#ask((flow) => this.#host.call("link.back", { flow }));
  }

  lookAgain(): Promise<void> {
    return this.#ask((flow) => this.#host.call("link.look_again", { flow }));
  }

  settle(what: Unsettled, how: SettleHow): Promise<void> {
    return this.#ask((flow) => this.#host.call("link.settle", { flow, what, how }));
  }

  export(how: LinkExportHow): Promise<void> {
    this.#exported = how;
    return this.#ask((flow) => this.#host.call("link.export", { flow, ...how, retry: false }));
  }

  /** The same copy once more: all of it elsewhere, or only what is missing. */
  exportAgain(retry: boolean): Promise<void> {
    const how = this.#exported;
    return this.#ask((flow) => this.#host.call("link.export", { flow, ...how, retry }));
  }

  confirm(typed: string): Promise<void> {
    return this.#ask((flow) => this.#host.call("link.confirm", { flow, typed }));
  }

  /** Back to choosing; the flow, which has changed nothing, is given up. */
  async chooseAnother(): Promise<void> {
    const { kept } = this.view ?? {};
    const cancelled = this.cancel();
    this.kept = kept?.account ?? null;
    this.setAside = null;
    this.stage = "choose";
    await cancelled;
  }

  /** Gives the change up where that is still possible, and closes. */
  async cancel(): Promise<void> {
    const flow = this.#flow;
    const stop = this.canStop;
    this.#end();
    if (flow !== null && stop) {
      await this.#host.call("link.cancel", { flow }).catch(() => undefined);
    }
  }

  /** Makes way for the window behind; the change waits. */
  minimise(): void {
    this.minimised = true;
  }

  restore(): void {
    this.minimised = false;
  }

  #follow(flow: string): void {
    this.#close?.();
    this.#flow = flow;
    this.#close = follow(
      this.#host,
      "link",
      { flow },
      {
        event: ({ link }) => {
          this.view = link;
          this.stage = "flow";
          this.#followAttempt(link);
        },
        failed: (error) => {
          if (error.code === "not_found") {
            this.#end();
          }
        },
      },
    );
  }

  /**
   * The app may begin a sign-in by itself: where the service has no other way, the change is one.
   * One that was asked for from here is followed already.
   */
  #followAttempt({ attempt, stage }: LinkView): void {
    if (attempt !== null && !this.browser.waiting && attempt !== this.browser.last) {
      this.proving = stage.stage === "prove" ? stage.side : "set_aside";
      void this.browser.run(() => Promise.resolve({ attempt }));
    }
  }

  async #ask(call: (flow: string) => Promise<unknown>): Promise<void> {
    const flow = this.#flow;
    if (flow !== null) {
      await this.#run(() => call(flow));
    }
  }

  async #run(step: () => Promise<unknown>): Promise<void> {
    this.busy = true;
    this.error = null;
    try {
      await step();
    } catch (reason) {
      this.error = hostError(reason);
    } finally {
      this.busy = false;
    }
  }

  #end(): void {
    this.#close?.();
    this.#close = undefined;
    this.#flow = null;
    this.#exported = { eml: false, passphrase: null };
    this.browser.giveUp();
    this.view = null;
    this.error = null;
    this.minimised = false;
    this.stage = "closed";
  }
}
