import type { Stores } from "../../stores/stores.ts";

/** Saves what an administrator needs, and says so. */
export async function saveRecoveryPack({ accounts, notices }: Stores, journal: string) {
  await notices.run(
    accounts.saveRecoveryPack(journal).then((name) => name && notices.say(`${name} is saved.`)),
  );
}
