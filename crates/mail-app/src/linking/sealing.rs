//! The last look, sealing on this computer, and bringing everything back.
//!
//! Every step can be done again: a run that is cut short anywhere is finished by the next start,
//! from the record alone.

use std::sync::Arc;

use mail_auth::{Profile, SessionError, VaultError};
use mail_model::remote::TokenError;
use mail_store::AccountRecord;
use tokio_util::sync::CancellationToken;

use super::asking::{FIRST_WAIT, LONGEST_WAIT};
use super::copying::digest;
use super::flow::{Flow, trouble, trouble_in_words};
use super::journal::{Entry, Mailbox, Stage, Way, WayIn};
use super::looking::look;
use super::machine::{Event, State};
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
        let Ok((kept, set_aside)) = self.both(flow) else {
            return (Event::NotReady(LinkTrouble::Unexpected), None);
        };
        let signed_in = (kept.record().epoch, set_aside.record().epoch);
        let looked = tokio::select! {
            looked = self.last_look(flow) => looked,
            () = self.0.stopping.cancelled() => Err((Event::NotReady(LinkTrouble::Busy), None)),
        };
        let entry = match looked {
            Ok(entry) => entry,
            Err(came) => return came,
        };
        // Nobody waits for us while servers are asked, so another change may have been made.
        let _turn = self.one_change().await;
        let same = self.both(flow).is_ok_and(|(kept, set_aside)| {
            signed_in == (kept.record().epoch, set_aside.record().epoch)
        });
        if !same || set_aside.open().is_none() {
            return (Event::NotReady(LinkTrouble::Busy), None);
        }
        let now = self.0.linking.now().seconds();
        let over = flow.now().proof_over(now);
        if let Some(side) = over {
            return (Event::ProofOver(side), None);
        }
        flow.with(|now| now.entry = Some(entry.clone()));
        if let Err(error) = self.0.linking.journal.write(&entry) {
            tracing::error!(%error, "a change of sign-ins could not be written down");
            return (Event::NotReady(LinkTrouble::CannotSeal), None);
        }
        step_done("prepared");
        self.0.linking.hold(&kept.id, &set_aside.id);
        kept.freeze().await;
        set_aside.freeze().await;
        if let Err(came) = self.nothing_came_meanwhile(flow, &kept, &set_aside).await {
            return came;
        }
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

    /// What the person did between the last look and now would be sealed unsent.
    async fn nothing_came_meanwhile(
        &self,
        flow: &Arc<Flow>,
        kept: &Account,
        set_aside: &Account,
    ) -> Result<(), Came> {
        let queued = set_aside.open().map(|open| open.store.queued());
        if queued == Some(0) {
            return Ok(());
        }
        let noted = self.note(flow, |entry| {
            entry.stage = Stage::Undone;
            entry.ended_at = Some(self.0.linking.now().seconds());
        });
        if noted.is_err() {
            tracing::warn!("the end of a change is written down at the next start");
        }
        self.0.linking.let_go(&kept.id, &set_aside.id);
        kept.thaw().await;
        set_aside.thaw().await;
        let why = match queued {
            Some(queued) => {
                flow.with(|now| {
                    if let Some(counts) = &mut now.counts {
                        counts.queued = queued;
                    }
                });
                LinkTrouble::NotSettled
            }
            None => LinkTrouble::CannotSeal,
        };
        Err((Event::NotReady(why), None))
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
        let proved_with = flow.now().set_aside.proved_with.clone();
        let is_listed = |way: &WayIn| all.iter().map(WayIn::known).any(|known| known == *way);
        let sign_in = proved_with
            .filter(is_listed)
            .or_else(|| current(&set_aside.session, &all).map(WayIn::known));
        let Some(sign_in) = sign_in else {
            let told = match self.which_is_unclear(&set_aside).await {
                Some(told) => told,
                None => trouble_in_words(LinkTrouble::Unexpected, "the sign-in is not in the list"),
            };
            return Err((Event::NotReady(told.kind), Some(told)));
        };
        let mut expected = WayIn::all_of(&before);
        if expected.contains(&sign_in) {
            return Err(not_ready(LinkTrouble::AlreadyOpens));
        }
        expected.push(sign_in.clone());
        self.is_as_it_was(flow, &set_aside, now).await?;
        let copy = witness(flow).await?;
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

    /// Brings everything back before the page is told why it came to nothing; where that does
    /// not succeed it is told that instead, and the reason waits.
    pub(super) async fn bring_back(
        &self,
        flow: &Arc<Flow>,
        event: Event,
        told: Option<LinkTroubleView>,
    ) -> Came {
        match self.undo_sealing(flow).await {
            Ok(()) => (event, told),
            Err(why) => {
                flow.with(|now| now.came_to_nothing = told);
                not_back(why)
            }
        }
    }

    /// Tries once more to bring everything back.
    pub(super) async fn undo(&self, flow: &Arc<Flow>) {
        let _turn = flow.turn.lock().await;
        if flow.state() != State::Undoing || self.0.stopping.is_cancelled() {
            return;
        }
        let (event, told) = match self.undo_sealing(flow).await {
            Ok(()) => {
                let why = flow.now().came_to_nothing.clone();
                let why = why.unwrap_or_else(|| trouble(LinkTrouble::NotFinished));
                (Event::Undone(why.kind), Some(why))
            }
            Err(why) => not_back(why),
        };
        self.happen(flow, event, told).await;
    }

    /// The same after a while, longer each time, until it is done or the app is stopped.
    pub(super) async fn undo_later(&self, flow: &Arc<Flow>, stop: &CancellationToken) {
        let mut wait = FIRST_WAIT;
        while self.wait_a_while(wait, stop).await {
            self.undo(flow).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Brings everything back after a change that came to nothing, and says so in the record.
    ///
    /// # Errors
    /// What stands in the way. Both accounts are held then, and it can be done again.
    async fn undo_sealing(&self, flow: &Arc<Flow>) -> Result<(), LinkTroubleView> {
        let entry = self.note(flow, |entry| entry.stage = Stage::Refused)?;
        step_done("refused");
        let _turn = self.one_change().await;
        let (Some(kept), Some(set_aside)) = (entry.kept.id(), entry.set_aside.id()) else {
            return Err(trouble(LinkTrouble::Unexpected));
        };
        self.unseal_files_and_key(&entry).await?;
        self.note(flow, |entry| {
            entry.stage = Stage::Undone;
            entry.ended_at = Some(self.0.linking.now().seconds());
        })?;
        self.0.linking.let_go(&kept, &set_aside);
        step_done("undone");
        if let Ok(account) = self.account(set_aside.as_str()) {
            self.open_again(&account).await;
        }
        if let Ok(account) = self.account(kept.as_str()) {
            account.thaw().await;
        }
        Ok(())
    }

    /// Files and key to where an account has them. Done again it does what is left. The files
    /// come back whatever the keyring says: nobody but us looks for them where they are sealed.
    pub(super) async fn unseal_files_and_key(&self, entry: &Entry) -> Result<(), LinkTroubleView> {
        let Some(id) = entry.set_aside.id() else {
            return Err(trouble(LinkTrouble::Unexpected));
        };
        let key = match self.0.vault.get().unseal_key(&id).await {
            Ok(()) | Err(VaultError::NoKey) => {
                step_done("key brought back");
                Ok(())
            }
            Err(error) => {
                self.0.vault.note(&error);
                Err(trouble_in_words(LinkTrouble::Keyring, error.to_string()))
            }
        };
        let (folder, sealed) = (self.0.paths.account(&id), self.0.paths.sealed(&id));
        // Where nothing was ever sealed there is nothing to move.
        if self.0.paths.all_sealed().exists() {
            mail_store::unseal_account_folder(&sealed, &folder).map_err(|error| {
                tracing::error!(account = %id, %error, "a mailbox could not be brought back");
                trouble_in_words(LinkTrouble::CannotSeal, error.to_string())
            })?;
        }
        step_done("folder brought back");
        key
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

/// That not everything is back, in the words of what stands in the way.
fn not_back(why: LinkTroubleView) -> Came {
    let told = LinkTroubleView {
        kind: LinkTrouble::NotBack,
        ..why
    };
    (Event::NotUndone(told.kind), Some(told))
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
async fn witness(flow: &Flow) -> Result<Option<String>, Came> {
    let copy = flow.now().copy.clone();
    let Some(copy) = copy else {
        return Ok(None);
    };
    let file = copy.witness.clone();
    let found = tokio::task::spawn_blocking(move || digest(&file)).await;
    match found {
        Ok(Ok(found)) if found == copy.view.digest => Ok(Some(found)),
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
