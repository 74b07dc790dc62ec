/** The app's window. The only file that knows Tauri. */
import { Channel, invoke } from "@tauri-apps/api/core";

import {
  hostError,
  type CallName,
  type Close,
  type FeedEvent,
  type FeedListener,
  type FeedName,
  type Host,
  type Open,
  type Reply,
  type Request,
} from "./host.ts";

/** Where the app serves mail: its own scheme, or what stands for it on Windows. */
const MAIL_ORIGINS = new Set(["mail://localhost", "http://mail.localhost"]);

export class TauriHost implements Host {
  async call<K extends CallName>(name: K, request: Request<K>): Promise<Reply<K>> {
    try {
      return await invoke<Reply<K>>("call", { name, payload: request });
    } catch (reason) {
      throw hostError(reason);
    }
  }

  open<F extends FeedName>(feed: F, open: Open<F>, listener: FeedListener<F>): Close {
    let closed = false;
    let id: number | undefined;
    const channel = new Channel<FeedEvent<F>>((event) => {
      if (!closed) {
        listener.onEvent(event);
      }
    });
    const close = (feedId: number) => {
      // The window may be going away, and with it every feed.
      void invoke("close", { id: feedId }).catch(() => undefined);
    };
    invoke<number>("open", { feed, payload: open, channel }).then(
      (opened) => {
        id = opened;
        if (closed) {
          close(opened);
        }
      },
      (reason: unknown) => {
        if (!closed) {
          closed = true;
          listener.onEnd(hostError(reason));
        }
      },
    );
    return () => {
      if (closed) {
        return;
      }
      closed = true;
      if (id !== undefined) {
        close(id);
      }
    };
  }

  servesMail(url: URL): boolean {
    return MAIL_ORIGINS.has(`${url.protocol}//${url.host}`);
  }
}
