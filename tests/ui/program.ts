/** Programs that stories start. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** The first words on a program's output that look like what is waited for. */
export function firstMatch(program: ChildProcess, pattern: RegExp): Promise<string> {
  const { stdout } = program;
  if (!stdout) {
    throw new Error("the program has no output");
  }
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stdout });
    lines.on("line", (line) => {
      const found = pattern.exec(line);
      if (found) {
        resolve(found[0]);
      }
    });
    program.once("exit", () => {
      reject(new Error("the program ended without saying where it is"));
    });
  });
}

export async function stop(program: ChildProcess): Promise<void> {
  if (program.exitCode === null && program.signalCode === null) {
    const ended = once(program, "exit");
    program.kill("SIGINT");
    await ended;
  }
}
