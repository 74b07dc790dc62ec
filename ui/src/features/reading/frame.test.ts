import { describe, expect, test } from "vitest";

import { originOf, reportedHeight, themed } from "./frame.ts";

const ORIGIN = "mail://localhost";
const frame = {} as Window;
const event = (data: unknown, source: unknown = frame, origin = ORIGIN) =>
  ({ data, source, origin }) as MessageEvent<unknown>;

describe("the height a frame reports", () => {
  test("is taken from the frame itself, from its origin", () => {
    expect(reportedHeight(event({ height: 412.5 }), frame, ORIGIN)).toBe(412.5);
  });

  test.each([
    ["another window", event({ height: 1 }, {})],
    ["another origin", event({ height: 1 }, frame, "https://example.com")],
    ["no number", event({ height: "1" })],
    ["no height", event({ width: 1 })],
    ["no object", event(12)],
    ["nothing", event(null)],
    ["too much", event({ height: 200_001 })],
    ["less than nothing", event({ height: -1 })],
    ["not a number", event({ height: Number.NaN })],
  ])("is not taken from %s", (_what, message) => {
    expect(reportedHeight(message, frame, ORIGIN)).toBeUndefined();
  });

  test("is not taken while there is no frame", () => {
    expect(reportedHeight(event({ height: 1 }, null), null, ORIGIN)).toBeUndefined();
  });
});

test("schemes of the app have an origin too", () => {
  expect(originOf(new URL("mail://localhost/abc/"))).toBe("mail://localhost");
  expect(originOf(new URL("http://127.0.0.1:4711/mail/abc/"))).toBe("http://127.0.0.1:4711");
});

test("the frame is asked for in the theme on the screen", () => {
  expect(themed("mail://localhost/abc/", "dark").href).toBe("mail://localhost/abc/?theme=dark");
});
