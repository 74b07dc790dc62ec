import { expect, test } from "vitest";

import { Attempt } from "./attempt.svelte.ts";
import { HostError } from "./host.ts";

test("a step that is stopped says why until it is taken again", async () => {
  const attempt = new Attempt();
  const stopped = attempt.take(() => Promise.reject(new HostError("offline")));
  expect(attempt.busy).toBe(true);
  expect(await stopped).toBe(false);
  expect(attempt.busy).toBe(false);
  expect(attempt.error?.code).toBe("offline");

  const taken = attempt.take(() => Promise.resolve());
  expect(attempt.error).toBeNull();
  expect(await taken).toBe(true);
  expect(attempt.busy).toBe(false);
});
