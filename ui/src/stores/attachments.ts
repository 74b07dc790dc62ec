import type { Host } from "../host/host.ts";

/** Files of messages: they are opened and saved by the app, never by the page. */
export class Attachments {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async open(account: string, message: number, index: number): Promise<void> {
    await this.#host.call("attachment.open", { account, message, index });
  }

  /** The name it was saved by; none when the person changed their mind. */
  async save(account: string, message: number, index: number): Promise<string | null> {
    const { name } = await this.#host.call("attachment.save", { account, message, index });
    return name;
  }
}
