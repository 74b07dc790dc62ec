/** One open list of the fake app. */
import type { AccountView, ListEvent, ListRequest, RowView, Scope } from "../../contract.gen.ts";
import { rowOf, type FakeThread } from "./mail.ts";
import type { FakeSetting } from "./states.ts";

const FIRST_PAGE = 60;

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

  #select({ accounts, threads }: FakeSetting): FakeThread[] {
    const { scope, filter } = this.#request;
    return threads.filter((thread) => {
      const account = accounts.find(({ id }) => id === thread.account);
      const readable = account !== undefined && account.health.kind !== "locked";
      return readable && inScope(thread, account, scope) && passes(thread, filter);
    });
  }

  #rows(all: readonly FakeThread[]): RowView[] {
    return all.slice(this.#range.from, this.#range.to).map(rowOf);
  }

  #counts(all: readonly FakeThread[]) {
    const unread = all.filter(({ messages }) => messages.some(({ seen }) => !seen)).length;
    return { total: all.length, unread };
  }

  #remember(rows: readonly RowView[]): void {
    this.#known = new Map(rows.map((row) => [row.key, JSON.stringify(row)]));
  }
}

function inScope(thread: FakeThread, account: AccountView, scope: Scope): boolean {
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
    case "search":
      return thread.subject.toLowerCase().includes(scope.text.trim().toLowerCase());
  }
}

function passes(thread: FakeThread, filter: ListRequest["filter"]): boolean {
  switch (filter) {
    case "all":
      return true;
    case "unread":
      return thread.messages.some(({ seen }) => !seen);
    case "starred":
      return thread.messages.some(({ flagged }) => flagged);
    case "files":
      return thread.messages.some(({ attachments }) => attachments.length > 0);
  }
}
