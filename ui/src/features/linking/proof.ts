/** How a proof ended, as something that stands in the way. */
import type { ErrorCode, LinkTrouble, LinkTroubleView } from "../../contract.gen.ts";
import type { BrowserSignIn } from "../../stores/browserSignIn.svelte.ts";

const KINDS: Partial<Record<ErrorCode, LinkTrouble>> = {
  sign_in_expired: "not_finished",
  sign_in_refused: "not_finished",
  browser: "not_finished",
  redirect_port: "not_finished",
  sign_in_untrusted: "not_ours",
  clock: "clock",
  linking_forbidden: "forbidden",
  managed: "forbidden",
  not_offered: "not_switched_on",
  sign_in_taken: "belongs_elsewhere",
  change_under_way: "busy",
  vault_locked: "keyring",
  offline: "offline",
  tenant_unreachable: "offline",
};

const trouble = (kind: LinkTrouble, detail: string | null = null): LinkTroubleView => ({
  kind,
  detail,
  number: null,
  other_number: null,
});

/** None while it is under way, or where it went well. */
export function troubleOf({ view, error }: BrowserSignIn): LinkTroubleView | null {
  if (error) {
    return trouble(KINDS[error.code] ?? "unexpected", error.detail);
  }
  switch (view?.phase) {
    case "other_person":
      return trouble("wrong_person", view.found);
    case "already_opens":
      return trouble("already_opens");
    case "linked_by_itself":
      return trouble("linked_by_itself");
    case "cancelled":
      return trouble("not_finished");
    case "failed":
      return trouble(KINDS[view.code] ?? "unexpected", view.detail);
    default:
      return null;
  }
}
