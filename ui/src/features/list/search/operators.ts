/** The operators of the search language and their values, with what they look for. */

export interface Explained {
  readonly name: string;
  readonly does: string;
}

export const OPERATORS: readonly Explained[] = [
  { name: "from", does: "A sender’s name or address" },
  { name: "to", does: "A recipient’s name or address" },
  { name: "cc", does: "Somebody who got a copy" },
  { name: "subject", does: "Words of the subject" },
  { name: "in", does: "A mailbox" },
  { name: "account", does: "An account" },
  { name: "is", does: "Unread, starred, answered…" },
  { name: "has", does: "With files" },
  { name: "filename", does: "The name of a file" },
  { name: "before", does: "Received before a day" },
  { name: "after", does: "Received on a day or later" },
  { name: "on", does: "Received on a day, in a month or a year" },
  { name: "larger", does: "Larger than a size" },
  { name: "smaller", does: "Smaller than a size" },
];

export const VALUES: Readonly<Record<"is" | "has", readonly Explained[]>> = {
  is: [
    { name: "unread", does: "Not read yet" },
    { name: "read", does: "Read" },
    { name: "starred", does: "With a star" },
    { name: "answered", does: "You have replied" },
    { name: "draft", does: "Not finished" },
  ],
  has: [{ name: "file", does: "With files" }],
};

export const SIZES: readonly Explained[] = [
  { name: "1M", does: "1 megabyte" },
  { name: "5M", does: "5 megabytes" },
  { name: "10M", does: "10 megabytes" },
  { name: "25M", does: "25 megabytes" },
];

export interface NamedDate {
  readonly name: string;
  /** As the search language has it. */
  readonly date: string;
}

/** Days people mean, by the calendar of where they are. */
export function dates(now: Date): NamedDate[] {
  const day = (change: (date: Date) => void) => {
    const date = new Date(now.getFullYear(), now.getMonth(), now.getDate(), 12);
    change(date);
    return isoDay(date);
  };
  return [
    { name: "today", date: day(() => undefined) },
    { name: "yesterday", date: day((date) => date.setDate(date.getDate() - 1)) },
    { name: "a week ago", date: day((date) => date.setDate(date.getDate() - 7)) },
    { name: "a month ago", date: day(monthBefore) },
    { name: "a year ago", date: day(yearBefore) },
    { name: "start of the year", date: `${now.getFullYear()}-01-01` },
  ];
}

/** 31 March goes back to the end of February, not into March again. */
function monthBefore(date: Date): void {
  const day = date.getDate();
  date.setDate(1);
  date.setMonth(date.getMonth() - 1);
  date.setDate(Math.min(day, new Date(date.getFullYear(), date.getMonth() + 1, 0).getDate()));
}

function yearBefore(date: Date): void {
  const month = date.getMonth();
  date.setFullYear(date.getFullYear() - 1);
  if (date.getMonth() !== month) {
    date.setDate(0);
  }
}

function isoDay(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
