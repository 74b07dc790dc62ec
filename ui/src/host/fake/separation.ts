/** Where each account's things lie, and the check, answered out of memory. */
import type { CheckLineView, CheckReportView, SeparationView } from "../../contract.gen.ts";
import { HostError } from "../host.ts";
import type { FakeContext, Handlers } from "./context.ts";
import { fakeNow } from "./records.ts";
import { fakeHosts } from "./sessions.ts";

const FILES: [string, number][] = [
  ["mail.sqlite", 214_000_000],
  ["body.sqlite", 71_000_000],
  ["search.sqlite", 26_600_000],
  ["local.sqlite", 380_000],
  ["session.sealed", 20_000],
];

/** How a story makes the check find something. */
export interface SeparationControl {
  leak: boolean;
}

export function separationHandlers({ state }: FakeContext): Handlers {
  const control: SeparationControl = { leak: false };
  Object.assign(globalThis, { braidSeparation: control });
  let report: CheckReportView | null = null;

  const lines = (): CheckLineView[] =>
    state.accounts.flatMap(({ id }, at) => {
      const other = state.accounts[(at + 1) % state.accounts.length]?.id ?? id;
      const leaks = control.leak && at === 0;
      const line = (
        place: CheckLineView["place"],
        place_of: string | null,
        looked_at: number,
        expected: boolean,
        found = expected ? 1 : 0,
      ): CheckLineView => ({
        marker_of: id,
        place,
        place_of,
        looked_at,
        found,
        expected,
        leaks: expected || found === 0 ? [] : ["search.sqlite"],
      });
      return [
        line("rows", id, 4, true),
        line("rows", other, 4, false),
        line("files", other, FILES.length, false, leaks ? 1 : 0),
        line("keys", null, state.accounts.length, false),
        line("log", null, 1_204, false),
        line("requests", other, 318, false),
      ];
    });

  return {
    "separation.view": (): SeparationView => ({
      report,
      accounts: state.accounts.map(({ id }) => ({
        account: id,
        folder: `accounts/${id}`,
        files: FILES.map(([name, octets]) => ({ name, octets })),
        key: `braid / ${id}`,
        audience: ["https://mail.northwind.example", "app_1a2b3c"],
        hosts: fakeHosts(id, fakeNow()),
      })),
    }),
    "separation.check": () => {
      report = { at: fakeNow(), passed: !control.leak, lines: lines(), not_in_full: [] };
      return report;
    },
    "separation.save": () => {
      if (!report) {
        throw new HostError("not_found");
      }
      return { name: "braid-separation.txt" };
    },
  };
}
