//! The last look, sealing on this computer, and bringing everything back.
//!
//! Every step can be done again: a run that is cut short anywhere is finished by the next start,
//! from the record alone.

use std::sync::Arc;

use mail_auth::{Profile, SessionError, VaultError};
use mail_model::remote::TokenError;
use mail_store::AccountRecord;

use super::copying::digest;
use super::flow::{Flow, trouble, trouble_in_words};
use super::journal::{Entry, Mailbox, Stage, Way, WayIn};
use super::looking::look;
use super::machine::Event;
use crate::account::{Account, Closed};
use crate::app::App;
use crate::contract::{LinkSide, LinkTrouble, LinkTroubleView};
use crate::identities::{KnownIdentity, current};
use crate::sealed::step_done;

/// What came of a step, for the machine.
type Came = (Event, Option<LinkTroubleView>);

impl App {
    /// Looks at everything once more, writes it down, and seals the mailbox here.
    pub(super) async fn seal_mailbox(&self, flow: &Arc<Flow>) -> Came {
        let _turn = self.one_change().await;
        let entry = match self.last_look(flow).await {
            Ok(entry) => entry,
            Err(came) => return came,
        };
        let Ok((kept, set_aside)) = self.both(flow) else {
            return (Event::NotReady(LinkTrouble::Unexpected), None);
        };
        flow.with(|now| now.entry = Some(entry.clone()));
        if let Err(error) = self.0.linking.journal.write(&entry) {
            tracing::error!(%error, "a change of sign-ins could not be written down");
            return (Event::NotReady(LinkTrouble::CannotSeal), None);
        }
        step_done("prepared");
        self.0.linking.hold(&kept.id, &set_aside.id);
        kept.freeze().await;
        set_aside.freeze().await;
        // The answer to a renewal may hold the only copy of the next cookie.
        set_aside.session.pause();
        set_aside.session.settled().await;
        set_aside.stop(Closed::SetAside).await;
        step_done("frozen");
        if let Err(told) = self.seal_files_and_key(&set_aside.record()).await {
            return (Event::NotSealed(told.kind), Some(told));
        }
        // Late answers of its old engine and session belong to an earlier sign-in from here on.
        let record = AccountRecord {
            epoch: set_aside.record().epoch.saturating_add(1),
            ..set_aside.record()
        };
        if let Err(error) = self.0.registry.update(record.clone()).await {
            tracing::error!(%error, "the list of accounts could not be written");
            return (Event::NotSealed(LinkTrouble::CannotSeal), None);
        }
        set_aside.set_record(record);
        if let Err(told) = self.note(flow, |entry| entry.stage = Stage::Sealed) {
            return (Event::NotSealed(told.kind), Some(told));
        }
        step_done("sealed");
        (Event::Sealed, None)
    }

    /// Both sign-ins, policy, what has not left, what was looked at, and the copy.
    async fn last_look(&self, flow: &Arc<Flow>) -> Result<Entry, Came> {
        let now = self.0.linking.now().seconds();
        if let Some(side) = flow.now().proof_over(now) {
            return Err((Event::ProofOver(side), None));
        }
        let not_ready = |kind| (Event::NotReady(kind), None);
        let (kept, set_aside) = self
            .both(flow)
            .map_err(|_| not_ready(LinkTrouble::Unexpected))?;
        let before = ask_profile(&kept, LinkSide::Kept).await?;
        let others = ask_profile(&set_aside, LinkSide::SetAside).await?;
        let all: Vec<KnownIdentity> = set_aside.remember_identities(&others).await;
        kept.remember_identities(&before).await;
        let Some(sign_in) = current(&set_aside.session, &all) else {
            let told = trouble_in_words(LinkTrouble::Unexpected, "the sign-in is not in the list");
            return Err((Event::NotReady(told.kind), Some(told)));
        };
        let sign_in = WayIn {
            connection: sign_in.connection.clone(),
            user: sign_in.user.clone(),
        };
        let mut expected = WayIn::all_of(&before);
        if expected.contains(&sign_in) {
            return Err(not_ready(LinkTrouble::AlreadyOpens));
        }
        expected.push(sign_in.clone());
        self.is_as_it_was(flow, &set_aside, now).await?;
        let copy = witness(flow)?;
        let mailbox = |account: &Account| {
            let record = account.record();
            Mailbox {
                account: record.id.to_string(),
                user: record.subject,
                name: record.name,
                email: record.email,
            }
        };
        Ok(Entry {
            id: flow.id.clone(),
            stage: Stage::Prepared,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            issuer: kept.record().issuer,
            kept: mailbox(&kept),
            set_aside: mailbox(&set_aside),
            sign_in,
            before: WayIn::all_of(&before),
            expected,
            copy,
            prepared_at: now,
            asked_at: None,
            ended_at: None,
            way: Way::Request,
            answer: None,
            absent_looks: 0,
            incident: None,
            session_ended: None,
        })
    }

    /// Nothing may wait here, and nothing may have changed since the person looked.
    async fn is_as_it_was(
        &self,
        flow: &Arc<Flow>,
        set_aside: &Account,
        now: i64,
    ) -> Result<(), Came> {
        let open = set_aside
            .open()
            .ok_or((Event::NotReady(LinkTrouble::Keyring), None))?;
        let looked = look(&open, now)
            .await
            .map_err(|_| (Event::NotReady(LinkTrouble::CannotSeal), None))?;
        let (mark, seen_by_server) = {
            let state = flow.now();
            let counts = state.counts.as_ref();
            (
                state.mark.clone(),
                counts.is_some_and(|counts| !counts.at_least),
            )
        };
        if looked.counts.outbox > 0 || looked.counts.queued > 0 {
            flow.with(|state| state.counts = Some(looked.counts));
            return Err((Event::NotReady(LinkTrouble::NotSettled), None));
        }
        if !looked.by_server && seen_by_server {
            return Err((Event::NotReady(LinkTrouble::Offline), None));
        }
        let Some(mark) = mark else {
            return Ok(());
        };
        if mark == looked.mark {
            return Ok(());
        }
        let more = |now: u64, before: u64| i64::try_from(now.saturating_sub(before)).ok();
        let told = LinkTroubleView {
            number: more(looked.mark.holdings.messages, mark.holdings.messages),
            other_number: more(looked.mark.holdings.drafts, mark.holdings.drafts),
            ..trouble(LinkTrouble::Changed)
        };
        flow.with(|state| {
            state.counts = Some(looked.counts);
            // Messages that came later are not in the copy.
            if mark.state != looked.mark.state
                && let Some(copy) = &mut state.copy
            {
                copy.whole = false;
            }
            state.mark = Some(looked.mark);
        });
        Err((Event::Changed, Some(told)))
    }

    /// Writes down how far the change is.
    pub(super) fn note(
        &self,
        flow: &Flow,
        change: impl FnOnce(&mut Entry),
    ) -> Result<Entry, LinkTroubleView> {
        let entry = flow.with(|now| {
            if let Some(entry) = &mut now.entry {
                change(entry);
            }
            now.entry.clone()
        });
        let Some(entry) = entry else {
            return Err(trouble(LinkTrouble::Unexpected));
        };
        match self.0.linking.journal.write(&entry) {
            Ok(()) => Ok(entry),
            Err(error) => {
                tracing::error!(%error, "how far a change of sign-ins is could not be written down");
                Err(trouble(LinkTrouble::CannotSeal))
            }
        }
    }

    async fn seal_files_and_key(&self, record: &AccountRecord) -> Result<(), LinkTroubleView> {
        let (folder, sealed) = (
            self.0.paths.account(&record.id),
            self.0.paths.sealed(&record.id),
        );
        mail_store::seal_account_folder(&folder, &sealed).map_err(|error| {
            tracing::warn!(account = %record.id, %error, "a mailbox could not be sealed");
            trouble_in_words(LinkTrouble::CannotSeal, error.to_string())
        })?;
        step_done("folder sealed");
        if let Err(error) = self.0.vault.get().seal_key(&record.id).await {
            self.0.vault.note(&error);
            return Err(trouble_in_words(LinkTrouble::Keyring, error.to_string()));
        }
        step_done("key sealed");
        Ok(())
    }

    /// Brings everything back after a change that came to nothing, and says so in the record.
    /// What stands in the way of that, if anything does.
    pub(super) async fn undo_sealing(&self, flow: &Arc<Flow>) -> Option<LinkTroubleView> {
        let entry = match self.note(flow, |entry| entry.stage = Stage::Refused) {
            Ok(entry) => entry,
            Err(told) => return Some(told),
        };
        step_done("refused");
        let _turn = self.one_change().await;
        let (Some(kept), Some(set_aside)) = (entry.kept.id(), entry.set_aside.id()) else {
            return Some(trouble(LinkTrouble::Unexpected));
        };
        if let Err(told) = self.unseal_files_and_key(&entry).await {
            return Some(told);
        }
        self.0.linking.let_go(&kept, &set_aside);
        let told = self
            .note(flow, |entry| {
                entry.stage = Stage::Undone;
                entry.ended_at = Some(self.0.linking.now().seconds());
            })
            .err();
        step_done("undone");
        if let Ok(account) = self.account(set_aside.as_str()) {
            self.open_again(&account).await;
        }
        if let Ok(account) = self.account(kept.as_str()) {
            account.thaw().await;
        }
        told
    }

    /// Files and key to where an account has them. Done again it does what is left.
    pub(super) async fn unseal_files_and_key(&self, entry: &Entry) -> Result<(), LinkTroubleView> {
        let Some(id) = entry.set_aside.id() else {
            return Err(trouble(LinkTrouble::Unexpected));
        };
        match self.0.vault.get().unseal_key(&id).await {
            Ok(()) | Err(VaultError::NoKey) => {}
            Err(error) => {
                self.0.vault.note(&error);
                return Err(trouble_in_words(LinkTrouble::Keyring, error.to_string()));
            }
        }
        step_done("key brought back");
        let (folder, sealed) = (self.0.paths.account(&id), self.0.paths.sealed(&id));
        // Where nothing was ever sealed there is nothing to move.
        if self.0.paths.all_sealed().exists() {
            mail_store::unseal_account_folder(&sealed, &folder).map_err(|error| {
                tracing::error!(account = %id, %error, "a mailbox could not be brought back");
                trouble_in_words(LinkTrouble::CannotSeal, error.to_string())
            })?;
        }
        step_done("folder brought back");
        Ok(())
    }

    /// Puts an account that was closed for the change back into use, with its session as it was.
    async fn open_again(&self, account: &Arc<Account>) {
        let record = account.record();
        let parts = match self.session_parts(&record).await {
            Ok(parts) => parts,
            Err(error) => {
                tracing::error!(%error, "an account that was brought back opens at the next start");
                return;
            }
        };
        let session = mail_auth::Session::open(parts).await;
        self.0.accounts.remove(account);
        self.take_in(record, session).await;
    }
}

/// The account's own list, or why it is not there.
async fn ask_profile(account: &Account, side: LinkSide) -> Result<Profile, Came> {
    account.session.profile().await.map_err(|error| {
        let expired = matches!(
            error,
            SessionError::Token(TokenError::SignInAgain)
                | SessionError::Login(mail_auth::AuthressError::Refused { status: 401, .. })
        );
        if expired {
            return (Event::ProofOver(side), None);
        }
        let told = of_session(&error);
        (Event::NotReady(told.kind), Some(told))
    })
}

/// The digest of the copy, if there is one and it is still what was made.
fn witness(flow: &Flow) -> Result<Option<String>, Came> {
    let copy = flow.now().copy.clone();
    let Some(copy) = copy else {
        return Ok(None);
    };
    match digest(&copy.witness) {
        Ok(found) if found == copy.view.digest => Ok(Some(found)),
        _ => {
            tracing::warn!("the copy is not there any more");
            flow.with(|now| {
                if let Some(copy) = &mut now.copy {
                    copy.whole = false;
                }
            });
            Err((Event::NotReady(LinkTrouble::ExportIncomplete), None))
        }
    }
}

/// What a session's failure means for a change.
pub(super) fn of_session(error: &SessionError) -> LinkTroubleView {
    use mail_auth::AuthressError;

    match error {
        SessionError::Token(TokenError::SignInAgain)
        | SessionError::Login(AuthressError::Refused { status: 401, .. }) => {
            trouble(LinkTrouble::KeptExpired)
        }
        SessionError::Token(TokenError::Unreachable { .. })
        | SessionError::Login(AuthressError::Unreachable(_))
        | SessionError::Network(_) => trouble(LinkTrouble::Offline),
        SessionError::Login(AuthressError::Busy {
            status: 429,
            retry_after,
        }) => LinkTroubleView {
            number: retry_after.and_then(|wait| i64::try_from(wait.as_secs()).ok()),
            ..trouble(LinkTrouble::TooMany)
        },
        SessionError::Login(AuthressError::Busy { status, .. }) => {
            trouble_in_words(LinkTrouble::ServerFault, format!("status {status}"))
        }
        SessionError::Login(AuthressError::Refused {
            status: 403,
            refusal,
        }) => trouble_in_words(LinkTrouble::Forbidden, refusal.title.clone()),
        SessionError::Vault(_) | SessionError::NoKey | SessionError::LockedByPerson => {
            trouble(LinkTrouble::Keyring)
        }
        error => trouble_in_words(LinkTrouble::Unexpected, error.to_string()),
    }
}
