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
  bug: "Something went wrong in Braid.",
};

export function codeWords(code: ErrorCode): string {
  return SENTENCES[code] ?? SENTENCES.bug;
}

export function errorWords(error: { readonly code: ErrorCode }): string {
  return codeWords(error.code);
}
