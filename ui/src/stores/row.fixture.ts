/** A row for tests. */
import type { RowView } from "../contract.gen.ts";

export function row(key: string, change: Partial<RowView> = {}): RowView {
  return {
    key,
    account: "work",
    thread: Number(key.replace(/\D/g, "")) || 1,
    message: 1,
    received_at: 1_700_000_000,
    senders: ["Ines Okafor"],
    subject: key,
    preview: "",
    messages: 1,
    unread: 0,
    starred: false,
    files: false,
    answered: false,
    draft: false,
    found: null,
    ...change,
  };
}
