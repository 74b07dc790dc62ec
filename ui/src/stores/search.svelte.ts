import type { Filter, Scope } from "../contract.gen.ts";
import { firstPlace, searchScope, type Known, type SearchPlace } from "./searchPlace.ts";
import type { WindowStore } from "./window.svelte.ts";

/** What the person looks for. It lies over what the window shows, which stays as it was. */
export class SearchStore {
  /** The results are to be entered as soon as they are here. */
  entering = $state(false);
  /** The box is being entered by its key. */
  invited = $state(false);
  /** Whether each account's own line is shown. */
  unfolded = $state(false);
  readonly #window: WindowStore;
  readonly #known: () => Known;
  #text = $state("");
  #chosen = $state.raw<SearchPlace | null>(null);
  #filter = $state<Filter>("all");
  /** Going anywhere else ends a search: the number of moves it was begun at. */
  #moves = $state(-1);
  /** What was shown where only one pane fits, and what had the focus. */
  #pane: "list" | "reading" = "list";
  #focused: HTMLElement | null = null;

  constructor(window: WindowStore, known: () => Known) {
    this.#window = window;
    this.#known = known;
  }

  /** As typed. */
  get text(): string {
    return this.#moves === this.#window.moves ? this.#text : "";
  }

  /** Whether the list shows what was found. */
  get active(): boolean {
    return this.text.trim() !== "";
  }

  get place(): SearchPlace {
    return (this.active ? this.#chosen : null) ?? firstPlace(this.#window, this.#known());
  }

  get filter(): Filter {
    return this.active ? this.#filter : "all";
  }

  /** None while nothing is looked for. A space at the end says that the last word is finished. */
  get scope(): Scope | null {
    return this.active ? searchScope(this.#text.trimStart(), this.place) : null;
  }

  /** The box is about to be entered by key: remembers where the person was. */
  begin(focused: Element | null): void {
    if (!this.active) {
      this.#reset();
      this.#pane = this.#window.pane;
      this.#focused = focused instanceof HTMLElement ? focused : null;
    }
    this.invited = true;
    this.#window.pane = "list";
    this.#window.sidebarOpen = false;
  }

  type(text: string): void {
    if (this.#moves !== this.#window.moves) {
      this.#reset();
    }
    this.#text = text;
    this.entering = false;
    this.invited = false;
    if (!this.active) {
      this.#chosen = null;
      this.#filter = "all";
      this.unfolded = false;
    }
  }

  lookIn(place: SearchPlace): void {
    this.#chosen = place;
  }

  only(filter: Filter): void {
    this.#filter = filter;
  }

  /** Back to where the person was; gives what had the focus there, where it is known. */
  leave(): HTMLElement | null {
    const focused = this.#focused;
    const pane = this.#pane;
    this.#reset();
    this.#window.pane = pane;
    return focused?.isConnected ? focused : null;
  }

  #reset(): void {
    this.#text = "";
    this.#chosen = null;
    this.#filter = "all";
    this.#moves = this.#window.moves;
    this.#pane = "list";
    this.#focused = null;
    this.entering = false;
    this.invited = false;
    this.unfolded = false;
  }
}
