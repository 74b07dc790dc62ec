import { hostError, type HostError } from "./host.ts";

/** One step a dialog asks of the host: whether it is under way, and what stopped it last time. */
export class Attempt {
  busy = $state(false);
  error = $state.raw<HostError | null>(null);

  /** Takes the step; says whether it was taken. */
  async take(step: () => Promise<void>): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      await step();
      return true;
    } catch (reason) {
      this.error = hostError(reason);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
