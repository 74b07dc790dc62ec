//! The one question to the service, and what became of it.
//!
//! The question is asked once for each record. Whatever is not a clear answer is looked up in the
//! service's own list, which only reads, as often as it takes.

use std::sync::Arc;
use std::time::Duration;

use mail_auth::{LinkAnswer, LinkedIdentity, LoginRequest, Profile, Refusal};
use tokio_util::sync::CancellationToken;

use super::flow::{Flow, trouble, trouble_in_words};
use super::journal::{Answer, Entry, Stage, Way, WayIn};
use super::machine::{Event, State};
use super::proving::of_error;
use super::sealing::of_session;
use crate::app::App;
use crate::contract::{LinkTrouble, LinkTroubleView, SignInView, UiError};
use crate::sealed::step_done;

type Came = (Event, Option<LinkTroubleView>);

/// Between two looks at a list that does not have it.
const BREATH: Duration = Duration::from_secs(2);
/// The first wait before it is looked for again by itself; doubled up to the longest.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(5);
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often a list is read without it before a service that said "yes" is not believed any more.
const NOT_BELIEVED: u32 = 6;
/// The same where it said nothing that is clear.
const NOT_THERE: u32 = 2;
/// Seconds after which a question that was lost on its way cannot arrive any more.
const NOT_ON_ITS_WAY: i64 = 60 * 60;

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
                let mut told = refused(status, &refusal, retry_after);
                let sign_ins = flow.now().set_aside.view.sign_ins;
                // It is not somebody else's: the mailbox has others that would lead nowhere.
                if told.kind == LinkTrouble::BelongsElsewhere && sign_ins > 1 {
                    told.kind = LinkTrouble::BothAffected;
                    told.number = Some(i64::from(sign_ins));
                }
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
    async fn look_up(&self, flow: &Arc<Flow>) -> Came {
        let (Ok((kept, _)), Some(entry)) = (self.both(flow), flow.now().entry.clone()) else {
            return (Event::CannotTell(LinkTrouble::Unexpected), None);
        };
        let sign_in = entry.sign_in.identity();
        let mut other = None;
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
                Ok(profile) => {
                    other = match joined_instead(&entry, &profile) {
                        Some(joined) => Some(self.name_of(joined).await),
                        None => None,
                    };
                    flow.with(|now| {
                        if let Some(entry) = &mut now.entry {
                            entry.absent_looks = entry.absent_looks.saturating_add(1);
                        }
                    });
                }
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
        self.judge_absence(flow, other).await
    }

    /// What a person knows a sign-in by: its address, or as little as the service says.
    async fn name_of(&self, joined: &LinkedIdentity) -> String {
        if let Some(name) = joined.email.as_ref().or(joined.name.as_ref()) {
            return name.clone();
        }
        let user = &joined.connection.user_id;
        match self.connection_name(&joined.connection.connection_id).await {
            Some(connection) => format!("{connection} ({user})"),
            None => user.clone(),
        }
    }

    /// What a list without it means.
    async fn judge_absence(&self, flow: &Arc<Flow>, other: Option<String>) -> Came {
        let (entry, why) = {
            let now = flow.now();
            (now.entry.clone(), now.asked_trouble.clone())
        };
        let Some(entry) = entry else {
            return (Event::CannotTell(LinkTrouble::Unexpected), None);
        };
        // In the browser one sign-in is joined: it was another one.
        let other = other.map(|other| trouble_in_words(LinkTrouble::OtherJoined, other));
        let said_yes = entry.answer == Some(Answer::Yes);
        if other.is_none() && said_yes && entry.absent_looks < NOT_BELIEVED {
            return (Event::CannotTell(LinkTrouble::NotShownYet), None);
        }
        if other.is_none() && entry.absent_looks < NOT_THERE {
            return (Event::CannotTell(LinkTrouble::NoAnswer), None);
        }
        // Absent from one list is not yet present in the other.
        if !self.is_surely_absent(&entry).await {
            let told = other.unwrap_or_else(|| trouble(LinkTrouble::NoAnswer));
            return (Event::CannotTell(told.kind), Some(told));
        }
        let told = match (other, why) {
            (Some(other), _) => other,
            _ if said_yes => trouble_in_words(
                LinkTrouble::ServerFault,
                "it confirmed the change and did not make it",
            ),
            (None, Some(why)) => why,
            (None, None) => trouble(LinkTrouble::NoAnswer),
        };
        (Event::Absent(told.kind), Some(told))
    }

    /// Whether the sign-in surely opens the other mailbox still: by the list of that mailbox's own
    /// session, read with the sealed files. Where the service does not take that session any
    /// more, time is the proof.
    async fn is_surely_absent(&self, entry: &Entry) -> bool {
        let Some((_, session)) = self.old_session(entry).await else {
            return self.is_long_ago(entry);
        };
        match session.profile().await {
            Ok(profile) => profile.opens_with(&entry.sign_in.identity()),
            Err(error) if of_session(&error).kind == LinkTrouble::KeptExpired => {
                self.is_long_ago(entry)
            }
            Err(error) => {
                tracing::info!(%error, "whether a change came to nothing cannot be told now");
                false
            }
        }
    }

    fn is_long_ago(&self, entry: &Entry) -> bool {
        let now = self.0.linking.now().seconds();
        let asked = entry.asked_at.unwrap_or(entry.prepared_at);
        now.saturating_sub(asked) >= NOT_ON_ITS_WAY
    }

    /// Looks, and takes the step that follows from it.
    pub(super) async fn look(&self, flow: &Arc<Flow>) {
        let _turn = flow.turn.lock().await;
        if !matches!(flow.state(), State::Looking | State::Unknown) {
            return;
        }
        let (event, told) = tokio::select! {
            came = self.look_up(flow) => came,
            // The next start looks again.
            () = self.0.stopping.cancelled() => return,
        };
        self.happen(flow, event, told).await;
    }

    /// Looks again after a while, longer each time, until it is known or the app is stopped.
    pub(super) async fn look_later(&self, flow: &Arc<Flow>, stop: &CancellationToken) {
        let mut wait = FIRST_WAIT;
        loop {
            // From the last look on: that one renews the session by itself.
            let kept = self.both(flow).ok().map(|(kept, _)| kept.session.state());
            let signs_in_again = async {
                match kept {
                    Some(mut session) => session.changed().await.is_ok(),
                    None => false,
                }
            };
            let goes_on = tokio::select! {
                waited = self.wait_a_while(wait, stop) => waited,
                true = signs_in_again => self.wait_a_while(BREATH, stop).await,
            };
            if !goes_on {
                return;
            }
            self.look(flow).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits; `false` when nobody needs what comes then.
    pub(super) async fn wait_a_while(&self, wait: Duration, stop: &CancellationToken) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = stop.cancelled() => false,
            () = self.0.stopping.cancelled() => false,
        }
    }
}

/// A sign-in that opens the kept mailbox now and is neither one of before nor the one that was
/// asked for; only the browser can bring one.
fn joined_instead<'a>(entry: &Entry, profile: &'a Profile) -> Option<&'a LinkedIdentity> {
    if entry.way != Way::Browser {
        return None;
    }
    let mut linked = profile.linked_identities.iter();
    linked.find(|linked| !entry.expected.contains(&WayIn::of(&linked.connection)))
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
