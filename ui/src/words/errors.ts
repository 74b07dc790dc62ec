/** A sentence for each code: what is wrong, and what to do. */
import type { ErrorCode } from "../contract.gen.ts";

const SENTENCES: Record<ErrorCode, string> = {
  bad_request: "Braid did not understand its own question. Please report this.",
  not_found: "It is no longer there.",
  tenant_address: "This is not a login address. It looks like login.example.com.",
  tenant_unreachable: "Nothing answers at this address. Check the address and your connection.",
  tenant_not_authress:
    "Something answers at this address, but it is not a login service Braid knows.",
  application_id: "This is not an application id. It looks like app_1a2b3c.",
  application_refused:
    "The login service does not know this application, or does not allow it to return to Braid.",
  redirect_port:
    "Braid could not listen for the browser’s answer. Close other copies and try again.",
  browser: "The browser could not be opened.",
  sign_in_expired: "The sign-in took too long.",
  sign_in_refused: "The sign-in was refused.",
  sign_in_untrusted: "The answer did not belong to this sign-in, so it was not used.",
  sign_in_again: "Sign in again to go on.",
  vault_locked: "The system keyring is locked.",
  vault_missing: "There is no system keyring to keep the sign-in in.",
  offline: "There is no connection.",
  busy: "The server asks to wait a little.",
  refused: "The server refused.",
  no_mail_service: "There is no mail service for this account.",
  save_only: "This kind of file can be saved, but not opened from here.",
  disk: "The file could not be written. The disk may be full.",
  accounts_left: "Remove all accounts first.",
  managed: "Your organisation has set this.",
  choose_account: "Only one account may stay. Choose which one.",
  proof_needed: "Sign in once more first, so that it is certain that it is you.",
  last_sign_in: "This is the only way into the mailbox.",
  sign_in_taken: "This sign-in already opens a different mailbox.",
  clock: "This computer’s clock is wrong. Set it, then try again.",
  linking_forbidden: "Your organisation does not allow these sign-ins to open one mailbox.",
  not_offered: "The login service does not offer this.",
  change_under_way: "A change of sign-ins is under way. Wait until it has ended.",
  paused: "The account is paused.",
  locked: "The account is locked.",
  person_here: "This person is signed in here already, as another account.",
  picture: "This file is not a picture Braid can use, or it is too large.",
  bug: "Something went wrong in Braid.",
};

export function codeWords(code: ErrorCode): string {
  return SENTENCES[code] ?? SENTENCES.bug;
}

export function errorWords(error: { readonly code: ErrorCode }): string {
  return codeWords(error.code);
}
