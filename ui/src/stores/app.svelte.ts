import type { AppView, OneAccountRequest } from "../contract.gen.ts";
import type { Close, Host, HostError } from "../host/host.ts";
import { follow } from "./feed.ts";

/** The app's own state: tenant, keyring, version. */
export class AppStore {
  view = $state.raw<AppView | null>(null);
  /** Why there is no view. */
  error = $state.raw<HostError | null>(null);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Follows the app until the returned function is called. */
  follow(onFirst: (view: AppView) => void): Close {
    return follow(
      this.#host,
      "app",
      {},
      {
        event: ({ app }) => {
          const first = this.view === null;
          this.view = app;
          this.error = null;
          if (first) {
            onFirst(app);
          }
        },
        failed: (error) => (this.error = error),
      },
    );
  }

  async connect(loginHost: string, applicationId: string): Promise<void> {
    await this.#host.call("tenant.connect", {
      login_host: loginHost.trim(),
      application_id: applicationId.trim(),
    });
  }

  async rehearse(): Promise<void> {
    await this.#host.call("tenant.rehearse", {});
  }

  async forgetTenant(): Promise<void> {
    await this.#host.call("tenant.forget", {});
  }

  /** "One account at a time". */
  async setOneAccount(request: OneAccountRequest): Promise<void> {
    await this.#host.call("one_account.set", request);
  }

  async retryVault(): Promise<void> {
    await this.#host.call("vault.retry", {});
  }

  async useSessionOnlyVault(): Promise<void> {
    await this.#host.call("vault.session_only", {});
  }
}
