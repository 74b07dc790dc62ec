import { AxeBuilder } from "@axe-core/playwright";

import type { Window } from "./fixture.ts";

/** What axe finds serious or worse on the page, or in a part of it, each with its element. */
export async function serious(window: Window, within = "html"): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page: window.page })
    .include(within)
    // What a mail holds is not the page's.
    .exclude("iframe")
    .analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`),
    );
}
