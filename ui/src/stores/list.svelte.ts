import type { Filter, ListMode, Scope } from "../contract.gen.ts";
import type { Host } from "../host/host.ts";
import { ListView } from "./listView.svelte.ts";
import { listKey, scopeKey } from "./scope.ts";

/** The list on the screen, and where the person was in the others. */
export class ListStore {
  view = $state.raw<ListView | null>(null);
  readonly #host: Host;
  readonly #views = new Map<string, ListView>();
  /** The search, from its first letter until it is left. */
  #search: ListView | null = null;
  #count = 0;
  #painted = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Looks for something; what is on the screen stays until the first rows of the search. */
  search(scope: Scope, filter: Filter): void {
    const open = this.#search;
    if (open?.scope === scopeKey(scope) && open.filter === filter) {
      return;
    }
    if (open) {
      open.change(this.#nextName(), scope, filter);
      return;
    }
    const view = new ListView(this.#host, scope, "messages", filter);
    this.#search = view;
    view.onSettled = () => {
      if (this.view !== view) {
        this.view?.close();
        this.view = view;
      }
    };
    view.open(this.#nextName());
  }

  /** Asks for the search once more. */
  searchAgain(): void {
    this.#search?.again(this.#nextName());
  }

  show(scope: Scope, mode: ListMode, filter: Filter): void {
    this.#leaveSearch();
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
    next.open(this.#nextName());
  }

  hide(): void {
    this.#leaveSearch();
    this.view?.close();
    this.view = null;
  }

  /** Keeps places, but no row of an account that was locked or has gone. */
  forget(account: string): void {
    this.#views.forEach((view) => view.forget(account));
    this.#search?.forget(account);
  }

  #leaveSearch(): void {
    this.#search?.close();
    this.#search = null;
  }

  #nextName(): string {
    return `list-${++this.#count}`;
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
