// A rehearsal process: started, told what to do wrong, stopped.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const BINARY = process.env.BRAID_REHEARSAL_SERVE;

export class Rehearsal {
  #process;

  /** Starts the program named in BRAID_REHEARSAL_SERVE with `options` and reads its one line. */
  static async start(...options) {
    if (!BINARY) {
      throw new Error(
        'BRAID_REHEARSAL_SERVE has to name the program that serves a rehearsal (mail-rehearsal\'s example "serve")',
      );
    }
    const rehearsal = new Rehearsal();
    rehearsal.#process = spawn(BINARY, ["--control", "--size", "10", ...options], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: rehearsal.#process.stdout });
    const ended = once(rehearsal.#process, "exit").then(([code]) => {
      throw new Error(`the rehearsal ended early with ${code}`);
    });
    const [line] = await Promise.race([once(lines, "line"), ended]);
    ended.catch(() => {});
    Object.assign(rehearsal, JSON.parse(line));
    return rehearsal;
  }

  /** Adds a fault, such as `{ path, act: { kind: 'status', status: 500 }, times: 1 }`. */
  async fault(rule) {
    await this.#order("/faults/rules", rule);
  }

  async switch(name, on) {
    await this.#order("/faults/switches", { switch: name, on });
  }

  /** How a connection links from now on: `off`, `explicit` or `automatic`. */
  async linking(connection, mode) {
    await this.#order("/tenant/linking", { connection, linking: mode });
  }

  /** Who is set aside. */
  async setAside() {
    return (await fetch(`${this.control_url}/tenant/set-aside`)).json();
  }

  async bringBack(user) {
    await this.#order("/tenant/bring-back", { user });
  }

  async heal() {
    await fetch(`${this.control_url}/faults`, { method: "DELETE" });
  }

  async stop() {
    const ended = once(this.#process, "exit");
    this.#process.stdin.end();
    await ended;
  }

  /** Asks the program to end, as a service manager does; gives its exit code, or null when a signal ended it. */
  async terminate() {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const [code] = await ended;
    return code;
  }

  async #order(path, body) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(this.control_url + path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    if (!answer.ok) {
      throw new Error(`the rehearsal refused an order with ${answer.status}`);
    }
  }
}
