import type { Filter, ListMode, Scope } from "../contract.gen.ts";
import type { Host } from "../host/host.ts";
import { ListView } from "./listView.svelte.ts";
import { listKey, scopeKey } from "./scope.ts";

/** The list on the screen, and where the person was in the others. */
export class ListStore {
  view = $state.raw<ListView | null>(null);
  readonly #host: Host;
  readonly #views = new Map<string, ListView>();
  #count = 0;
  #painted = false;

  constructor(host: Host) {
    this.#host = host;
  }

  show(scope: Scope, mode: ListMode, filter: Filter): void {
    const key = listKey(scope, mode, filter);
    const next = this.#views.get(key) ?? new ListView(this.#host, scope, mode, filter);
    const last = this.view;
    if (next === last) {
      return;
    }
    if (last?.current && last.scope === scopeKey(scope)) {
      // Another filter of the same place: what is open stays open.
      next.current = { row: last.current.row, index: -1 };
    }
    this.#views.set(key, next);
    last?.close();
    this.view = next;
    next.open(`list-${++this.#count}`);
  }

  hide(): void {
    this.view?.close();
    this.view = null;
  }

  /** Keeps places, but no row of an account that was locked or has gone. */
  forget(account: string): void {
    this.#views.forEach((view) => view.forget(account));
  }

  /** The first rows are laid out; once the screen has them, the app is told. */
  painted(rows: number): void {
    if (this.#painted) {
      return;
    }
    this.#painted = true;
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        // Only whoever measures needs to know.
        this.#host.call("window.painted", { rows }).catch(() => undefined);
      }),
    );
  }
}
