import type { DeviceView, SessionView } from "../contract.gen.ts";
import { hostError, type Host, type HostError } from "../host/host.ts";

/** Every account's session in detail. Asked for, not followed. */
export class SessionsStore {
  list = $state.raw<readonly SessionView[] | null>(null);
  error = $state.raw<HostError | null>(null);
  /** Second factors of an account; none where the login service offers no list. */
  devices = $state.raw<ReadonlyMap<string, readonly DeviceView[] | null>>(new Map());

  readonly #host: Host;
  #loading = false;
  #again = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Asks anew; what is asked meanwhile is one more question, not many. */
  async load(): Promise<void> {
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    do {
      this.#again = false;
      try {
        this.list = (await this.#host.call("sessions.list", {})).sessions;
        this.error = null;
      } catch (reason) {
        this.error = hostError(reason);
      }
      // `load` may have been called while this waited.
    } while (this.#again as boolean);
    this.#loading = false;
  }

  async support(account: string): Promise<string> {
    return (await this.#host.call("session.support", { account })).text;
  }

  async loadDevices(account: string): Promise<void> {
    const { devices } = await this.#host.call("session.devices", { account });
    this.#keep(account, devices);
  }

  async removeDevice(account: string, device: string): Promise<void> {
    const { devices } = await this.#host.call("session.remove_device", { account, device });
    this.#keep(account, devices);
  }

  async openSettingsPage(account: string): Promise<void> {
    await this.#host.call("session.settings_page", { account });
  }

  #keep(account: string, devices: readonly DeviceView[] | null): void {
    this.devices = new Map(this.devices).set(account, devices);
  }
}
