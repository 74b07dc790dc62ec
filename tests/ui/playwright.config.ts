import { defineConfig, devices } from "@playwright/test";

/**
 * Stories in a plain browser. Those in `design/` drive the page over its fake host, those in
 * `rehearsal/` drive the real app over the bridge named by BRAID_BRIDGE.
 */
export default defineConfig({
  testDir: "stories",
  globalSetup: "./preview.ts",
  outputDir: "results",
  timeout: 120_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  // Every story has a browser and an app of its own.
  workers: 2,
  reporter: [["list"]],
  use: {
    ...devices["Desktop Chrome"],
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
    timezoneId: "Europe/Lisbon",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env["BRAID_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    },
  },
});
