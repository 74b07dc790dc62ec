import type { NoticesStore } from "./notices.svelte.ts";

/** Puts text on the clipboard and says so. */
export async function copyText(notices: NoticesStore, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notices.say("Copied.");
  } catch {
    notices.say("It could not be copied.", true);
  }
}
