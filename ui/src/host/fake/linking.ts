/** Opening one mailbox with two sign-ins, answered out of memory and led by a story. */
import type {
  LinkCountsView,
  LinkMailboxView,
  LinkSide,
  LinkStageView,
  LinkTrouble,
  LinkTroubleView,
  LinkView,
} from "../../contract.gen.ts";
import { HostError } from "../host.ts";
import type { FakeContext, Handlers } from "./context.ts";
import { identity, identityHandlers, type IdentitiesControl } from "./identities.ts";
import { fakeNow, fakeSealed } from "./records.ts";
import { fakeConnection } from "./sessions.ts";

/** What a story may do to the change. */
export interface LinkingControl extends IdentitiesControl {
  /** Steps wait for {@link LinkingControl.step}. */
  hold: boolean;
  step(): void;
  /** The browser came back with the right person. */
  proved(): void;
  at(change: Partial<LinkView>): void;
  trouble(
    kind: LinkTrouble,
    number?: number | null,
    other_number?: number | null,
    detail?: string | null,
  ): void;
}

const SOON_MS = 40;
const MESSAGES = 4_218;
const FLOW = "flow-1";

let view: LinkView | null = null;

export function linkView(): LinkView | null {
  return view;
}

export function linkingHandlers(context: FakeContext): Handlers {
  const { state, tell, signInAt } = context;
  const { handlers, control: identities } = identityHandlers(context);
  const waiting: (() => void)[] = [];
  view =
    state.linking === null
      ? null
      : {
          ...begun(context, "personal", "choir"),
          stage: { stage: "unknown", journal: "journal-choir" },
          trouble: { kind: "no_answer", detail: null, number: null, other_number: null },
        };

  const at = (change: Partial<LinkView>) => {
    if (view) {
      view = { ...view, ...change };
      tell("link");
    }
  };
  const to = (stage: LinkStageView, trouble: LinkTroubleView | null = null) =>
    at({ stage, trouble });
  const later = (step: () => void) => {
    waiting.push(step);
    if (!control.hold) {
      setTimeout(() => control.step(), SOON_MS);
    }
  };
  const control: LinkingControl = {
    ...identities,
    hold: false,
    step: () => waiting.shift()?.(),
    at,
    trouble: (kind, number = null, other_number = null, detail = null) =>
      at({ trouble: { kind, number, other_number, detail } }),
    proved() {
      if (view?.stage.stage !== "prove") {
        return;
      }
      const { side } = view.stage;
      signInAt({ phase: "proved", account: view[side].account });
      const minutes = side === "kept" ? 5 : 10;
      at({ [side]: { ...view[side], proved_until: fakeNow() + minutes * 60, sign_ins: 1 } });
      to(side === "kept" ? { stage: "prove", side: "set_aside" } : { stage: "direction" });
    },
  };
  Object.assign(globalThis, { braidLinking: control });

  const count = (settled: Partial<LinkCountsView> = {}) => {
    to({ stage: "counting" });
    later(() => {
      const counts = { ...counted(), ...view?.counts, ...settled, counted_at: fakeNow() };
      at({ counts });
      to({ stage: "preview" }, unsettled(counts));
    });
  };
  const copy = (written: number) => {
    const stage = (done: number, checking: boolean): LinkStageView => ({
      stage: "exporting",
      done,
      total: MESSAGES,
      octets: done * 74_000,
      checking,
    });
    to(stage(0, false));
    later(() => to(stage(1_240, false)));
    later(() => to(stage(MESSAGES, true)));
    later(() => {
      const gap = MESSAGES - written;
      at({ export: { ...exported(), written, missing: gap > 0 ? MISSING.slice(0, gap) : [] } });
      to({ stage: "exported" });
    });
  };
  const work = () => {
    to({ stage: "working", step: "sealing" });
    for (const step of ["asking", "checking", "closing"] as const) {
      later(() => to({ stage: "working", step }));
    }
    later(() => {
      const leaving = state.accounts.find(({ id }) => id === view?.set_aside.account);
      const kept = view?.kept.account ?? "";
      if (leaving) {
        state.accounts = state.accounts.filter((account) => account !== leaving);
        state.threads = state.threads.filter((thread) => thread.account !== leaving.id);
        state.sealed = [fakeSealed(leaving, "set_aside", 30), ...state.sealed];
        identities.give(kept, { ...identity(leaving.id), current: false });
        context.changed();
      }
      to({ stage: "done", at: fakeNow(), journal: `journal-${leaving?.id}`, sealed: "sealed-1" });
      over();
    });
  };
  const over = () => {
    state.linking = null;
    tell("app");
  };

  return {
    ...handlers,
    "link.begin": ({ kept, set_aside }) => {
      view = begun(context, kept, set_aside);
      state.linking = FLOW;
      tell("app");
      return { flow: FLOW };
    },
    "link.prove": () => {
      signInAt({ phase: "waiting" });
      return { attempt: "attempt-proof" };
    },
    "link.swap": () => {
      if (view) {
        const { kept, set_aside } = view;
        at({ kept: set_aside, set_aside: kept, counts: null, export: null });
        to({ stage: "direction" });
      }
      return {};
    },
    "link.go_on": () => {
      switch (view?.stage.stage) {
        case "direction":
          count();
          break;
        case "preview":
          to({ stage: "export" });
          break;
        case "export":
        case "exported":
          to({ stage: "confirm", type_this: view.set_aside.email });
          break;
      }
      return {};
    },
    "link.back": () => {
      const before: Partial<Record<LinkStageView["stage"], LinkStageView>> = {
        preview: { stage: "direction" },
        export: { stage: "preview" },
        exporting: { stage: "export" },
        exported: { stage: "export" },
        confirm: { stage: "export" },
      };
      waiting.length = 0;
      to(before[view?.stage.stage ?? "direction"] ?? { stage: "direction" });
      return {};
    },
    "link.look_again": () => {
      if (view?.stage.stage === "unknown") {
        work();
      } else {
        count();
      }
      return {};
    },
    "link.settle": ({ what }) => {
      to({ stage: "settling" });
      const settled = what === "outbox" ? { outbox: 0 } : { queued: 0 };
      later(() => {
        const counts = { ...counted(), ...view?.counts, ...settled };
        at({ counts });
        to({ stage: "preview" }, unsettled(counts));
      });
      return {};
    },
    "link.export": ({ retry, eml }) => {
      copy(retry || !eml ? MESSAGES : MESSAGES - MISSING.length);
      return {};
    },
    "link.confirm": ({ typed }) => {
      if (typed !== view?.set_aside.email) {
        throw new HostError("bad_request");
      }
      work();
      return {};
    },
    "link.cancel": () => {
      view = null;
      waiting.length = 0;
      over();
      return {};
    },
    "link.recovery_pack": () => ({ name: "braid-recovery.zip" }),
  };
}

const MISSING = ["Parts for the Fauré", "Minutes of Tuesday", "Photos from the lake", "M4192"];

function begun({ state }: FakeContext, kept: string, setAside: string): LinkView {
  const mailbox = (id: string, side: LinkSide): LinkMailboxView => {
    const account = state.accounts.find((one) => one.id === id);
    if (!account) {
      throw new HostError("not_found");
    }
    const { name, email, letter, color } = account;
    return {
      account: id,
      name,
      email,
      letter,
      color,
      connection: fakeConnection(id),
      messages: side === "kept" ? 12_403 : MESSAGES,
      oldest: fakeNow() - (side === "kept" ? 2_600 : 1_100) * 86_400,
      octets: side === "kept" ? 1_920_000_000 : 312_000_000,
      sign_ins: 0,
      proved_until: null,
    };
  };
  return {
    flow: FLOW,
    kept: mailbox(kept, "kept"),
    set_aside: mailbox(setAside, "set_aside"),
    stage: { stage: "prove", side: "kept" },
    counts: null,
    export: null,
    trouble: null,
    attempt: null,
  };
}

function counted(): LinkCountsView {
  return {
    counted_at: fakeNow(),
    at_least: false,
    conversations: 1_862,
    messages: MESSAGES,
    unread: 127,
    drafts: 2,
    outbox: 1,
    queued: 2,
    attachment_bytes: 268_000_000,
    identities: 1,
    rules: null,
  };
}

function unsettled({ outbox, queued }: LinkCountsView): LinkTroubleView | null {
  return outbox + queued === 0
    ? null
    : { kind: "not_settled", detail: null, number: outbox, other_number: queued };
}

function exported() {
  return {
    name: "Choir 2026-11-28",
    written: MESSAGES,
    expected: MESSAGES,
    octets: 318_400_000,
    missing: [],
    digest: "9f2c41b07d6e53aa8c10e4d7f3b9625018ce7ab4d96f3021785be6c4fd01a93e",
  };
}
