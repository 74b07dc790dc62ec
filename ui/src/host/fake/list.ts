/** One open list of the fake app. */
import type {
  AccountView,
  ListEvent,
  ListRequest,
  MessageView,
  RowView,
  Scope,
} from "../../contract.gen.ts";
import { rowOf, type FakeThread } from "./mail.ts";
import { foundMessages, foundRow, searchState, type FoundMessage } from "./search.ts";
import type { FakeSetting } from "./states.ts";

const FIRST_PAGE = 60;

/** What makes a row: a conversation, or a message that was found. */
type Entry = FakeThread | FoundMessage;

function entryRow(entry: Entry): RowView {
  return "message" in entry ? foundRow(entry) : rowOf(entry);
}

function messagesOf(entry: Entry) {
  return "message" in entry ? [entry.message] : entry.messages;
}

export class FakeList {
  readonly #request: ListRequest;
  readonly #tell: (event: ListEvent) => void;
  #range = { from: 0, to: FIRST_PAGE };
  #seq = 0;
  #known = new Map<string, string>();

  constructor(request: ListRequest, tell: (event: ListEvent) => void) {
    this.#request = request;
    this.#tell = tell;
  }

  snapshot(setting: FakeSetting): void {
    this.#tellSearch(setting);
    const all = this.#select(setting);
    const rows = this.#rows(all);
    this.#remember(rows);
    this.#tell({
      type: "snapshot",
      seq: 0,
      ...this.#counts(all),
      start: this.#range.from,
      rows,
      failed: setting.failed,
    });
  }

  move(from: number, to: number, setting: FakeSetting): void {
    this.#range = { from, to };
    this.update(setting);
  }

  update(setting: FakeSetting): void {
    this.#tellSearch(setting);
    const all = this.#select(setting);
    const rows = this.#rows(all);
    const changed = rows.filter((row) => this.#known.get(row.key) !== JSON.stringify(row));
    this.#remember(rows);
    this.#tell({
      type: "diff",
      seq: ++this.#seq,
      ...this.#counts(all),
      start: this.#range.from,
      order: rows.map(({ key }) => key),
      rows: changed,
      failed: setting.failed,
    });
  }

  #tellSearch(setting: FakeSetting): void {
    const { scope } = this.#request;
    if (scope.kind === "search") {
      this.#tell({ type: "search", search: searchState(setting, scope) });
    }
  }

  #select(setting: FakeSetting): Entry[] {
    const { accounts, threads } = setting;
    const { scope, filter } = this.#request;
    if (scope.kind === "search") {
      return foundMessages(setting, scope).filter((found) => passes(messagesOf(found), filter));
    }
    return threads.filter((thread) => {
      const account = accounts.find(({ id }) => id === thread.account);
      const readable = account !== undefined && account.health.kind !== "locked";
      return readable && inScope(thread, account, scope) && passes(thread.messages, filter);
    });
  }

  #rows(all: readonly Entry[]): RowView[] {
    return all.slice(this.#range.from, this.#range.to).map(entryRow);
  }

  #counts(all: readonly Entry[]) {
    const unread = all.filter((entry) => messagesOf(entry).some(({ seen }) => !seen)).length;
    return { total: all.length, unread };
  }

  #remember(rows: readonly RowView[]): void {
    this.#known = new Map(rows.map((row) => [row.key, JSON.stringify(row)]));
  }
}

function inScope(
  thread: FakeThread,
  account: AccountView,
  scope: Exclude<Scope, { kind: "search" }>,
): boolean {
  switch (scope.kind) {
    case "merged":
      return (
        thread.role === scope.role && (scope.group === undefined || scope.group === account.group)
      );
    case "all":
      return thread.account === scope.account;
    case "starred":
      return (
        (scope.account === null || scope.account === thread.account) &&
        (scope.group === undefined || scope.group === account.group) &&
        thread.messages.some(({ flagged }) => flagged)
      );
    case "mailbox":
      return (
        thread.account === scope.account && scope.mailbox === `${thread.account}-${thread.role}`
      );
  }
}

function passes(messages: readonly MessageView[], filter: ListRequest["filter"]): boolean {
  switch (filter) {
    case "all":
      return true;
    case "unread":
      return messages.some(({ seen }) => !seen);
    case "starred":
      return messages.some(({ flagged }) => flagged);
    case "files":
      return messages.some(({ attachments }) => attachments.length > 0);
  }
}
