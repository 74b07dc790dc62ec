import { hostError } from "../host/host.ts";
import { errorWords } from "../words.ts";

/** Short words at the foot of the window, also read out. */
export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}

const STAYS_MS = 10_000;

export class NoticesStore {
  list = $state.raw<readonly Notice[]>([]);
  /** Read out politely. */
  spoken = $state("");
  #count = 0;

  say(text: string, bad = false): void {
    const id = ++this.#count;
    this.list = [...this.list.slice(-2), { id, text, bad }];
    this.announce(text);
    setTimeout(() => this.dismiss(id), STAYS_MS);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  /** Says in words why a step did not work, or that it did. */
  async run(step: Promise<unknown>, done?: string): Promise<boolean> {
    try {
      await step;
    } catch (reason) {
      this.say(errorWords(hostError(reason)), true);
      return false;
    }
    if (done !== undefined) {
      this.announce(done);
    }
    return true;
  }

  announce(text: string): void {
    this.spoken = text;
  }
}
