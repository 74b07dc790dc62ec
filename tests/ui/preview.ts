/** Builds the page with its fake host once and serves it on a free port for all stories. */
import { execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { firstMatch, stop } from "./program.ts";

const UI = fileURLToPath(new URL("../../ui", import.meta.url));

export default async function preview(): Promise<() => Promise<void>> {
  execFileSync("npm", ["run", "--silent", "build:fake", "--", "--logLevel", "error"], {
    cwd: UI,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const vite = ["node_modules/vite/bin/vite.js", "preview", "--mode", "fake"];
  const where = ["--outDir", "dist-fake", "--host", "127.0.0.1", "--port", "0"];
  const server = spawn(process.execPath, [...vite, ...where], {
    cwd: UI,
    stdio: ["ignore", "pipe", "inherit"],
    // Colours would stand in the middle of the address.
    env: { ...process.env, FORCE_COLOR: "", NO_COLOR: "1" },
  });
  process.env["BRAID_PREVIEW"] = await firstMatch(server, /http:\/\/127\.0\.0\.1:\d+/);
  return () => stop(server);
}
