//! Everything the page may ask for: one table of calls and feeds, from which both the dispatch
//! and `ui/src/contract.gen.ts` are made.
//!
//! A **call** is answered once. A **feed** answers with a snapshot and then with numbered
//! events until it is closed; after a gap in the numbers the page opens it anew.
//! Nothing here holds a secret: no token, cookie, code or key has a field to be in.

mod error;
mod kept;
mod linking;
mod rail;
mod request;
mod search;
mod sessions;
mod typescript;
mod view;

pub use error::{ErrorCode, UiError};
pub use kept::*;
pub use linking::*;
pub use rail::*;
pub use request::*;
pub use search::*;
pub use sessions::*;
pub use typescript::typescript;
pub use view::*;

/// Declares the calls and feeds. `$handler` is a method of [`crate::App`].
macro_rules! contract {
    (
        calls { $( $(#[$call_doc:meta])* $call:literal => $call_method:ident($request:ty) -> $reply:ty; )+ }
        feeds { $( $(#[$feed_doc:meta])* $feed:literal => $feed_method:ident($open:ty) -> $event:ty; )+ }
    ) => {
        /// Names and types of all calls, for the generated TypeScript.
        pub(crate) fn call_types(config: &ts_rs::Config) -> Vec<(&'static str, String, String)> {
            vec![$( ($call, <$request as ts_rs::TS>::name(config), <$reply as ts_rs::TS>::name(config)) ),+]
        }

        /// Names and types of all feeds, for the generated TypeScript.
        pub(crate) fn feed_types(config: &ts_rs::Config) -> Vec<(&'static str, String, String)> {
            vec![$( ($feed, <$open as ts_rs::TS>::name(config), <$event as ts_rs::TS>::name(config)) ),+]
        }

        impl crate::App {
            /// Answers one call of the page.
            ///
            /// # Errors
            /// [`ErrorCode::BadRequest`] for an unknown name or a request of another shape,
            /// else what the handler says.
            pub async fn call(
                &self,
                name: &str,
                payload: serde_json::Value,
            ) -> Result<serde_json::Value, UiError> {
                match name {
                    $( $call => {
                        let request: $request = serde_json::from_value(payload).map_err(UiError::bad_request)?;
                        let reply: $reply = self.$call_method(request).await?;
                        serde_json::to_value(reply).map_err(UiError::bug)
                    } )+
                    _ => Err(UiError::unknown_name()),
                }
            }

            /// Opens one feed of the page.
            ///
            /// # Errors
            /// As for [`Self::call`].
            pub async fn open(
                &self,
                name: &str,
                payload: serde_json::Value,
                sink: crate::feed::FeedSink,
            ) -> Result<crate::feed::OpenFeed, UiError> {
                match name {
                    $( $feed => {
                        let request: $open = serde_json::from_value(payload).map_err(UiError::bad_request)?;
                        self.$feed_method(request, sink).await
                    } )+
                    _ => Err(UiError::unknown_name()),
                }
            }
        }
    };
}

contract! {
    calls {
        /// Checks a tenant and keeps it.
        "tenant.connect" => connect_tenant(ConnectTenantRequest) -> Empty;
        /// Starts the built-in rehearsal and uses it as the tenant.
        "tenant.rehearse" => start_rehearsal(Empty) -> Empty;
        /// Forgets the tenant; only while no account is left.
        "tenant.forget" => forget_tenant(Empty) -> Empty;
        /// Tries the keyring again.
        "vault.retry" => retry_vault(Empty) -> Empty;
        /// Goes on without a keyring: sign-ins last until the app ends.
        "vault.session_only" => use_session_only_vault(Empty) -> Empty;
        /// Remembers how the window looks.
        "preferences.set" => set_preferences(PreferencesView) -> Empty;
        /// The page has painted its first rows.
        "window.painted" => painted(PaintedRequest) -> Empty;
        /// Begins to add an account, or to sign one in again.
        "sign_in.begin" => begin_sign_in(BeginSignInRequest) -> AttemptView;
        /// Opens the browser once more.
        "sign_in.reopen" => reopen_sign_in(AttemptRequest) -> Empty;
        /// Adds the account that was named.
        "sign_in.confirm" => confirm_sign_in(ConfirmSignInRequest) -> Empty;
        /// Gives a sign-in up; nothing has changed.
        "sign_in.cancel" => cancel_sign_in(AttemptRequest) -> Empty;
        /// Ends an account's session and takes it off the rail; its mail is sealed or wiped.
        "account.sign_out" => sign_out(SignOutRequest) -> SignOutView;
        /// No traffic for this account; its mail stays readable.
        "account.pause" => pause_account(AccountRequest) -> Empty;
        /// Traffic again.
        "account.resume" => resume_account(AccountRequest) -> Empty;
        /// The account's key leaves memory; its rows vanish.
        "account.lock" => lock_account(AccountRequest) -> Empty;
        /// Takes the key from the keyring again.
        "account.unlock" => unlock_account(AccountRequest) -> Empty;
        /// Lets the person choose a picture for an account's tile.
        "account.choose_picture" => choose_picture(AccountRequest) -> Empty;
        /// Back to the letter.
        "account.remove_picture" => remove_picture(AccountRequest) -> Empty;
        /// Brings a sealed copy back to the rail; the person signs in again there.
        "sealed.restore" => restore_sealed(SealedRequest) -> Empty;
        /// Deletes a sealed copy and says what was deleted.
        "sealed.destroy" => destroy_sealed(SealedRequest) -> ReceiptView;
        /// Says how long a sealed copy is kept.
        "sealed.keep" => keep_sealed(KeepSealedRequest) -> Empty;
        /// Makes a group.
        "group.create" => create_group(CreateGroupRequest) -> GroupRequest;
        /// Renames a group and says who is in it.
        "group.update" => update_group(UpdateGroupRequest) -> Empty;
        /// Dissolves a group; its accounts stay.
        "group.delete" => delete_group(GroupRequest) -> Empty;
        /// Puts groups and accounts into another order.
        "rail.reorder" => reorder_rail(ReorderRequest) -> Empty;
        /// Turns "one account at a time" on or off.
        "one_account.set" => set_one_account(OneAccountRequest) -> Empty;
        /// Every account's session in detail.
        "sessions.list" => sessions(Empty) -> SessionsView;
        /// What to send to somebody who helps: no mail, no secret.
        "session.support" => support_text(AccountRequest) -> TextView;
        /// Second factors of the person.
        "session.devices" => devices(AccountRequest) -> DevicesView;
        /// Removes a second factor.
        "session.remove_device" => remove_device(DeviceRequest) -> DevicesView;
        /// Opens the login service's own settings page.
        "session.settings_page" => open_settings_page(AccountRequest) -> Empty;
        /// What belongs to each account, and the last check.
        "separation.view" => separation(Empty) -> SeparationView;
        /// Plants markers and looks for them where they do not belong.
        "separation.check" => check_separation(Empty) -> CheckReportView;
        /// Saves the report of the last check.
        "separation.save" => save_separation_report(Empty) -> SavedView;
        /// The sign-ins that open a mailbox.
        "identities.list" => identities(AccountRequest) -> IdentitiesView;
        /// Adds a sign-in that owns nothing yet; it goes on in the `sign_in` feed.
        "identity.add" => add_identity(AddIdentityRequest) -> AttemptView;
        /// Removes a sign-in.
        "identity.remove" => remove_identity(RemoveIdentityRequest) -> IdentitiesView;
        /// Begins to open one mailbox with two sign-ins. One at a time.
        "link.begin" => begin_link(LinkBeginRequest) -> LinkRequest;
        /// Proves one side by a fresh sign-in; it goes on in the `sign_in` feed.
        "link.prove" => prove_link(LinkProveRequest) -> AttemptView;
        /// Keeps the other mailbox.
        "link.swap" => swap_link(LinkRequest) -> Empty;
        /// Goes to the next page.
        "link.go_on" => go_on_link(LinkGoOnRequest) -> Empty;
        /// Goes to the page before.
        "link.back" => back_link(LinkRequest) -> Empty;
        /// Counts anew, or asks again what became of it.
        "link.look_again" => look_again_link(LinkRequest) -> Empty;
        /// Settles what has not left this computer.
        "link.settle" => settle_link(LinkSettleRequest) -> Empty;
        /// Makes the copy to take along.
        "link.export" => export_link(LinkExportRequest) -> Empty;
        /// Confirms by typing; from here on it cannot be stopped.
        "link.confirm" => confirm_link(LinkConfirmRequest) -> Empty;
        /// Gives it up; nothing was changed.
        "link.cancel" => cancel_link(LinkRequest) -> Empty;
        /// Saves what an administrator needs to bring a mailbox back.
        "link.recovery_pack" => save_recovery_pack(JournalRequest) -> SavedView;
        /// What removing an account would delete.
        "account.removal" => removal(AccountRequest) -> RemovalView;
        /// Removes an account from this computer and says what was deleted.
        "account.remove" => remove_account(AccountRequest) -> ReceiptView;
        /// How much of an account's texts stays on this computer.
        "account.kept_texts" => kept_texts(AccountRequest) -> KeptTextsView;
        /// Says how much of them stays.
        "account.keep_texts" => keep_texts(KeepTextsRequest) -> Empty;
        /// Renames or recolours an account.
        "account.update" => update_account(UpdateAccountRequest) -> Empty;
        /// Looks for new mail now.
        "account.sync" => sync_now(SyncRequest) -> Empty;
        /// Says which part of an open list is on the screen.
        "list.window" => set_list_window(ListWindowRequest) -> Empty;
        /// Asks for a message's body; it arrives in the conversation feed.
        "message.load" => load_message(MessageRequest) -> Empty;
        /// Adds or removes a mark.
        "message.mark" => mark(MarkRequest) -> Empty;
        /// Opens an attachment with the system's program for it.
        "attachment.open" => open_attachment(AttachmentRequest) -> Empty;
        /// Saves an attachment where the person says.
        "attachment.save" => save_attachment(AttachmentRequest) -> SavedView;
    }
    feeds {
        /// The app's own state: configured or not, keyring, preferences.
        "app" => open_app_feed(Empty) -> AppEvent;
        /// All accounts with their mailboxes, counts and states.
        "accounts" => open_accounts_feed(Empty) -> AccountsEvent;
        /// One sign-in under way.
        "sign_in" => open_sign_in_feed(AttemptRequest) -> SignInEvent;
        /// A change of sign-ins under way.
        "link" => open_link_feed(LinkRequest) -> LinkEvent;
        /// A list of conversations or messages.
        "list" => open_list_feed(ListRequest) -> ListEvent;
        /// One conversation.
        "conversation" => open_conversation_feed(ConversationRequest) -> ConversationEvent;
    }
}
