//! The one question to the service, and what became of it.
//!
//! The question is asked once for each record. Whatever is not a clear answer is looked up in the
//! service's own list, which only reads, as often as it takes.

use std::sync::Arc;
use std::time::Duration;

use mail_auth::{
    AccountKey, LinkAnswer, LoginRequest, Refusal, Session, SessionParts, Vault, VaultError,
};
use mail_model::AccountId;
use mail_store::{AccountRecord, AccountState, Seal, SealReason};
use tokio_util::sync::CancellationToken;

use super::flow::{Flow, trouble, trouble_in_words};
use super::journal::{Answer, Entry, Stage, Way};
use super::machine::Event;
use super::proving::of_error;
use super::sealing::of_session;
use crate::app::App;
use crate::contract::{LinkStep, LinkTrouble, LinkTroubleView, SignInView, UiError};
use crate::sealed::{KEPT_DAYS, days_from, step_done};

type Came = (Event, Option<LinkTroubleView>);

/// Between two looks at a list that does not have it.
const BREATH: Duration = Duration::from_secs(2);
/// The first wait before it is looked for again by itself; doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often a list is read without it before a service that said "yes" is not believed any more.
const NOT_BELIEVED: u32 = 6;
/// The same where it said nothing that is clear.
const NOT_THERE: u32 = 2;

impl App {
    /// Asks, once. The record says so before.
    pub(super) async fn ask_service(&self, flow: &Arc<Flow>) -> Came {
        let Ok((kept, _)) = self.both(flow) else {
            return (Event::NotAsked(LinkTrouble::Unexpected), None);
        };
        let now = self.0.linking.now().seconds();
        let asked = self.note(flow, |entry| {
            entry.stage = Stage::Asked;
            entry.asked_at = Some(now);
        });
        let entry = match asked {
            Ok(entry) => entry,
            Err(told) => return (Event::NotAsked(told.kind), Some(told)),
        };
        step_done("asked");
        let answer = kept.session.link_identity(&entry.sign_in.identity()).await;
        step_done("answered");
        match answer {
            LinkAnswer::Accepted => {
                self.note_answer(flow, Answer::Yes);
                (Event::Accepted, None)
            }
            LinkAnswer::Refused {
                status: 404 | 405, ..
            } => self.other_way(flow),
            LinkAnswer::Refused {
                status,
                refusal,
                retry_after,
            } => {
                self.note_answer(flow, Answer::No);
                let told = refused(status, &refusal, retry_after);
                flow.with(|now| {
                    if let Some(entry) = &mut now.entry {
                        entry.incident = refusal.incident;
                    }
                });
                (Event::Refused(told.kind), Some(told))
            }
            LinkAnswer::NotSent(error) => {
                let told = of_session(&error);
                (Event::NotAsked(told.kind), Some(told))
            }
            LinkAnswer::Unknown { reason } if reason == "status 501" => self.other_way(flow),
            LinkAnswer::Unknown { reason } => {
                self.note_answer(flow, Answer::Unclear);
                let kind = if reason.starts_with("status") {
                    LinkTrouble::ServerFault
                } else {
                    LinkTrouble::NoAnswer
                };
                (Event::Unclear(kind), Some(trouble_in_words(kind, reason)))
            }
        }
    }

    fn other_way(&self, flow: &Flow) -> Came {
        match self.note(flow, |entry| entry.way = Way::Browser) {
            Ok(_) => (Event::OtherWay, None),
            Err(told) => (Event::NotAsked(told.kind), Some(told)),
        }
    }

    /// The list decides in any case; the answer is only remembered for when it is believed.
    fn note_answer(&self, flow: &Flow, answer: Answer) {
        if let Err(told) = self.note(flow, |entry| entry.answer = Some(answer)) {
            tracing::warn!(kind = ?told.kind, "an answer could not be written down");
        }
    }

    /// Lets the browser ask, where the service has no other way: the person signs in with the
    /// other sign-in once more, and the service joins it meanwhile.
    pub(super) async fn ask_in_browser(&self, flow: &Arc<Flow>) -> Came {
        let (Ok((kept, _)), Some(entry)) = (self.both(flow), flow.now().entry.clone()) else {
            return (Event::NotAsked(LinkTrouble::Unexpected), None);
        };
        let connection = entry.sign_in.connection;
        let parts = match self.parts_of_sign_in(Some(&connection)).await {
            Ok(parts) => parts,
            Err(error) => return (Event::NotAsked(of_error(&error).kind), None),
        };
        let login = LoginRequest {
            connection: Some(connection),
            tenant_lookup: None,
            invite: None,
        };
        let guide = flow.now().guide.clone();
        let (told, asked) = tokio::sync::oneshot::channel();
        let app = self.clone();
        let account = kept.id.to_string();
        let begun = self.begin_attempt(|attempt| async move {
            let asked = app
                .ask_for_identity(&attempt, &kept, parts, login, guide)
                .await;
            let phase = asked.clone().map(|()| SignInView::Proved { account });
            // Nobody listens once the app is being stopped.
            drop(told.send(asked));
            phase
        });
        flow.with(|now| now.attempt = Some(begun.attempt));
        let asked: Result<(), UiError> = asked.await.unwrap_or(Ok(()));
        flow.with(|now| now.attempt = None);
        step_done("answered");
        match asked {
            Ok(()) => {
                self.note_answer(flow, Answer::Yes);
                (Event::Accepted, None)
            }
            Err(error) => {
                self.note_answer(flow, Answer::Unclear);
                let told = of_error(&error);
                (Event::Unclear(told.kind), Some(told))
            }
        }
    }

    /// Reads the service's list: twice, with a pause, as long as it does not have it.
    pub(super) async fn look_up(&self, flow: &Arc<Flow>) -> Came {
        let (Ok((kept, _)), Some(entry)) = (self.both(flow), flow.now().entry.clone()) else {
            return (Event::CannotTell(LinkTrouble::Unexpected), None);
        };
        let sign_in = entry.sign_in.identity();
        for again in [false, true] {
            if again {
                tokio::time::sleep(BREATH).await;
            }
            match kept.session.profile().await {
                Ok(profile) if profile.opens_with(&sign_in) => {
                    return match self.note(flow, |entry| entry.stage = Stage::Committed) {
                        Ok(_) => {
                            step_done("committed");
                            (Event::Present, None)
                        }
                        Err(told) => (Event::CannotTell(told.kind), Some(told)),
                    };
                }
                Ok(_) => flow.with(|now| {
                    if let Some(entry) = &mut now.entry {
                        entry.absent_looks = entry.absent_looks.saturating_add(1);
                    }
                }),
                Err(error) => {
                    tracing::info!(%error, "what became of a change cannot be looked up now");
                    let kept_out = of_session(&error);
                    let kind = match kept_out.kind {
                        kind @ (LinkTrouble::KeptExpired | LinkTrouble::Keyring) => kind,
                        _ => LinkTrouble::NoAnswer,
                    };
                    return (Event::CannotTell(kind), Some(trouble(kind)));
                }
            }
        }
        let (looks, answer, why) = {
            let now = flow.now();
            let entry = now.entry.as_ref();
            (
                entry.map_or(0, |entry| entry.absent_looks),
                entry.and_then(|entry| entry.answer),
                now.trouble.clone(),
            )
        };
        let said_yes = answer == Some(Answer::Yes);
        if said_yes && looks < NOT_BELIEVED {
            return (Event::CannotTell(LinkTrouble::NotShownYet), None);
        }
        if looks < NOT_THERE {
            return (Event::CannotTell(LinkTrouble::NoAnswer), None);
        }
        let told = match why {
            _ if said_yes => trouble_in_words(
                LinkTrouble::ServerFault,
                "it confirmed the change and did not make it",
            ),
            Some(why) => why,
            None => trouble(LinkTrouble::NoAnswer),
        };
        (Event::Absent(told.kind), Some(told))
    }

    /// Looks again after a while, longer each time, until it is known or the app is stopped.
    pub(super) async fn look_up_later(&self, flow: &Arc<Flow>, stop: &CancellationToken) -> Came {
        let mut wait = FIRST_WAIT;
        loop {
            let mut accounts = self.0.accounts.watch();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // The kept side has signed in again, or the network is back.
                changed = accounts.changed(), if wait > FIRST_WAIT => {
                    if changed.is_ok() {
                        tokio::time::sleep(BREATH).await;
                    }
                }
                () = stop.cancelled() => break,
                () = self.0.stopping.cancelled() => break,
            }
            let came = self.look_up(flow).await;
            if let (Event::CannotTell(_), Some(told)) = &came {
                let told = told.clone();
                flow.with(|now| now.trouble = Some(told));
            }
            if !matches!(came.0, Event::CannotTell(_)) {
                return came;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        (Event::CannotTell(LinkTrouble::NoAnswer), None)
    }

    /// Keeps the sealed copy, ends the old session, and lets the kept mailbox go on.
    pub(super) async fn close_old(&self, flow: &Arc<Flow>) -> Came {
        let Some(entry) = flow.now().entry.clone() else {
            return (Event::Closed { ended: false }, None);
        };
        let _turn = self.one_change().await;
        flow.with(|now| now.working = LinkStep::Closing);
        let until = match self.keep_sealed_copy(&entry).await {
            Ok(until) => until,
            Err(error) => {
                tracing::error!(%error, "a sealed copy is not in the list yet");
                None
            }
        };
        step_done("copy kept");
        let ended = self.end_old_session(&entry).await;
        let (Some(kept), Some(set_aside)) = (entry.kept.id(), entry.set_aside.id()) else {
            return (Event::Closed { ended }, None);
        };
        self.0.linking.let_go(&kept, &set_aside);
        if let Ok(account) = self.account(kept.as_str()) {
            account.thaw().await;
            if let Ok(profile) = account.session.profile().await {
                account.remember_identities(&profile).await;
            }
        }
        let noted = self.note(flow, |entry| {
            entry.stage = Stage::Done;
            entry.session_ended = Some(ended);
            entry.ended_at = Some(self.0.linking.now().seconds());
        });
        if noted.is_err() {
            tracing::warn!("the end of a change is written down at the next start");
        }
        step_done("done");
        self.0.accounts.members_changed();
        let told = LinkTroubleView {
            number: until,
            ..trouble(LinkTrouble::SessionLeft)
        };
        (Event::Closed { ended }, (!ended).then_some(told))
    }

    /// The account leaves the rail and becomes a sealed copy. When its old session ends by
    /// itself, if the service has said so.
    async fn keep_sealed_copy(&self, entry: &Entry) -> Result<Option<i64>, UiError> {
        let Some(id) = entry.set_aside.id() else {
            return Ok(None);
        };
        let account = self.account(id.as_str()).ok();
        let until = account
            .as_ref()
            .and_then(|account| account.session.details().session_until)
            .map(mail_model::UnixTime::seconds);
        let records = self.0.registry.accounts().await?;
        if let Some(record) = records.into_iter().find(|record| record.id == id)
            && record.state != AccountState::Sealed
        {
            let at = self.0.linking.now();
            let sealed = AccountRecord {
                state: AccountState::Sealed,
                seal: Some(Seal {
                    at,
                    why: SealReason::SetAside,
                    keep_until: Some(days_from(at, KEPT_DAYS)),
                }),
                ..record
            };
            self.0
                .registry
                .set_link_journal(&id, Some(&entry.id))
                .await?;
            self.0.registry.update(sealed).await?;
        }
        if let Some(account) = account {
            self.0.accounts.remove(&account);
        }
        self.refresh_rail().await?;
        Ok(until)
    }

    /// Ends the session of the mailbox that was set aside, from its sealed file.
    async fn end_old_session(&self, entry: &Entry) -> bool {
        let Some(id) = entry.set_aside.id() else {
            return false;
        };
        let file = self.0.paths.sealed(&id).join("session.sealed");
        if !file.exists() {
            return entry.session_ended.unwrap_or(false);
        }
        let record = match self.0.registry.accounts().await {
            Ok(records) => records.into_iter().find(|record| record.id == id),
            Err(_) => None,
        };
        let Some(record) = record else {
            return false;
        };
        let Ok(parts) = self.session_parts(&record).await else {
            return false;
        };
        let vault: Arc<dyn Vault> = Arc::new(Sealed(Arc::clone(&parts.vault)));
        let session = Session::open(SessionParts {
            vault,
            file,
            ..parts
        })
        .await;
        match session.sign_out().await {
            Ok(report) => report.told_login_service,
            Err(error) => {
                tracing::warn!(account = %id, %error, "an old session did not end well");
                false
            }
        }
    }
}

/// What a clear "no" means.
fn refused(status: u16, refusal: &Refusal, retry_after: Option<Duration>) -> LinkTroubleView {
    let words = match &refusal.code {
        Some(code) if *code != refusal.title => format!("{} ({code})", refusal.title),
        _ => refusal.title.clone(),
    };
    match status {
        401 => trouble(LinkTrouble::KeptExpired),
        403 => trouble_in_words(LinkTrouble::Forbidden, words),
        409 | 422 => trouble_in_words(LinkTrouble::BelongsElsewhere, words),
        429 => LinkTroubleView {
            number: retry_after.and_then(|wait| i64::try_from(wait.as_secs()).ok()),
            ..trouble(LinkTrouble::TooMany)
        },
        _ => trouble_in_words(LinkTrouble::Unexpected, words),
    }
}

/// Gives the sealed key for the live one, to read the sealed session and nothing else.
struct Sealed(Arc<dyn Vault>);

#[async_trait::async_trait]
impl Vault for Sealed {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.0.sealed_key(account).await
    }

    async fn create_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn delete_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn replace_damaged_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn seal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn unseal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.0.sealed_key(account).await
    }

    async fn delete_sealed_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.0.sealed_names().await
    }

    fn forget(&self, account: &AccountId) {
        self.0.forget(account);
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(Vec::new())
    }

    fn is_lasting(&self) -> bool {
        self.0.is_lasting()
    }
}
