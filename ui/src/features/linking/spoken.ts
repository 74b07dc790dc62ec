/** What a page of the change tells somebody who listens, while it stays the same page. */
import type { LinkView } from "../../contract.gen.ts";
import { linkCountsSpoken, linkProgressWords, linkStepWords } from "../../words/linking.ts";

/** Not at each message: ten times in all. */
const TENTHS = 10;

export function spokenPage(link: LinkView): string {
  const { counts, set_aside: aside, stage } = link;
  switch (stage.stage) {
    case "preview":
      return counts ? linkCountsSpoken(counts, aside.name) : "";
    case "exporting": {
      const step = Math.max(1, Math.floor(stage.total / TENTHS));
      const done = Math.floor(stage.done / step) * step;
      return linkProgressWords({ ...stage, done, octets: 0 }).split(" · ")[0] ?? "";
    }
    case "working":
      return linkStepWords(stage.step, link);
    default:
      return "";
  }
}
