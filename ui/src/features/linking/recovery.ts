import { hostError } from "../../host/host.ts";
import type { Stores } from "../../stores/stores.ts";
import { errorWords } from "../../words.ts";

/** Saves what an administrator needs, and says so. */
export async function saveRecoveryPack({ linking, notices }: Stores, journal: string) {
  try {
    const name = await linking.recoveryPack(journal);
    if (name !== null) {
      notices.say(`${name} is saved.`);
    }
  } catch (reason) {
    notices.say(errorWords(hostError(reason)), true);
  }
}
