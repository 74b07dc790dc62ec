import type { AppView } from "../contract.gen.ts";
import type { Close, Host } from "../host/host.ts";
import { follow } from "./feed.ts";

/** The app's own state: tenant, keyring, version. */
export class AppStore {
  view = $state.raw<AppView | null>(null);
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
          if (first) {
            onFirst(app);
          }
        },
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

  async retryVault(): Promise<void> {
    await this.#host.call("vault.retry", {});
  }

  async useSessionOnlyVault(): Promise<void> {
    await this.#host.call("vault.session_only", {});
  }
}
