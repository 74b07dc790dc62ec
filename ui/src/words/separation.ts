/** The words of the check that accounts are kept apart. */
import type { CheckLineView, CheckPlace, CheckReportView } from "../contract.gen.ts";
import { momentWords } from "./dates.ts";
import { count } from "./numbers.ts";

/** What an account is called, by its id. */
export type NameOf = (account: string) => string;

const LOOKED: Record<CheckPlace, [one: string, other: string]> = {
  rows: ["table", "tables"],
  files: ["file", "files"],
  keys: ["key", "keys"],
  log: ["line", "lines"],
  requests: ["request", "requests"],
};

const PLACES: Record<CheckPlace, (of: string | null) => string> = {
  rows: (of) => `the mail of ${of ?? "no account"}`,
  files: (of) => `the files of ${of ?? "the app"}`,
  keys: (of) => (of === null ? "the names of the keys" : `the key of ${of}`),
  log: () => "the log of this run",
  requests: (of) => `what ${of ?? "the app"} sent`,
};

/** As it should be: there where it belongs, and nowhere else. */
export function linePassed({ expected, found, leaks }: CheckLineView): boolean {
  return expected ? found > 0 : found === 0 && leaks.length === 0;
}

/** "Marker of Work". */
export function markerWords(line: CheckLineView, name: NameOf): string {
  return name(line.marker_of);
}

/** "the files of Personal (5 files)". */
export function placeWords(line: CheckLineView, name: NameOf): string {
  const of = line.place_of === null ? null : name(line.place_of);
  const [one, other] = LOOKED[line.place];
  return `${PLACES[line.place](of)} (${count(line.looked_at, one, other)})`;
}

export function resultWords(line: CheckLineView): string {
  if (line.expected) {
    return linePassed(line) ? "Found, where it belongs" : "Not found, although it belongs there";
  }
  return linePassed(line)
    ? "Not found, as it should be"
    : `Found ${count(line.found, "time", "times")}: ${line.leaks.join(", ") || "no place named"}`;
}

export function reportWords(report: CheckReportView, now: Date = new Date()): string {
  const at = momentWords(report.at, now);
  return report.passed
    ? `Kept apart. Checked ${at}: each marker was found in its own account and nowhere else.`
    : `Not kept apart. Checked ${at}: look at the lines marked below, and save the report for support.`;
}
