import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

import { fakeMail } from "./dev/fakeMail.ts";

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), ...(mode === "production" ? [] : [fakeMail()])],
  // The fake host is only in builds for design work and tests.
  define: { __FAKE_HOST__: JSON.stringify(mode !== "production") },
  build: {
    target: "es2022",
    // The page's policy allows no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
  test: { environment: "jsdom", include: ["src/**/*.test.ts"] },
}));
