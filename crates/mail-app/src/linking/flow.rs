//! One change under way: its state, what the person chose, and what the page sees of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mail_model::AccountId;
use mail_store::{AccountRecord, Holdings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::copying::Wanted;
use super::journal::{Entry, WayIn};
use super::machine::{Effect, Event, Facts, State, Step, step};
use crate::contract::{
    LinkCountsView, LinkExportView, LinkMailboxView, LinkSide, LinkStageView, LinkStep,
    LinkTrouble, LinkTroubleView, LinkView, SettleHow, Unsettled,
};
use crate::identities::FRESH;
use crate::sign_ins::Guide;

/// How long the proof of the mailbox that is set aside holds, in seconds. That of the kept one
/// holds for [`FRESH`].
pub(super) const PROOF: i64 = 10 * 60;

/// One mailbox of the change.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) id: AccountId,
    pub(super) view: LinkMailboxView,
    /// When the person proved that it is theirs, Unix seconds.
    pub(super) proved_at: Option<i64>,
    /// The sign-in it was proved with, where that can be told.
    pub(super) proved_with: Option<WayIn>,
}

impl Side {
    pub(super) fn of(record: &AccountRecord, connection: Option<String>) -> Self {
        Self {
            id: record.id.clone(),
            view: LinkMailboxView {
                account: record.id.to_string(),
                name: record.name.clone(),
                email: record.email.clone(),
                letter: record.letter.clone(),
                color: record.color,
                connection,
                messages: 0,
                oldest: None,
                octets: 0,
                sign_ins: 0,
                proved_until: None,
            },
            proved_at: None,
            proved_with: None,
        }
    }

    /// What confirms that this mailbox is set aside: its address, or its name where it has none.
    pub(super) fn type_this(&self) -> &str {
        if self.view.email.trim().is_empty() {
            &self.view.name
        } else {
            &self.view.email
        }
    }

    fn view(&self, side: LinkSide) -> LinkMailboxView {
        LinkMailboxView {
            proved_until: self
                .proved_at
                .map(|at| at.saturating_add(proof_seconds(side))),
            ..self.view.clone()
        }
    }
}

pub(super) const fn proof_seconds(side: LinkSide) -> i64 {
    match side {
        LinkSide::Kept => FRESH,
        LinkSide::SetAside => PROOF,
    }
}

/// What was looked at, for noticing that it is another mailbox now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) holdings: Holdings,
    pub(super) outbox: u64,
    pub(super) state: Option<String>,
}

/// The copy that was made.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) view: LinkExportView,
    /// What lists it, or the packed file itself.
    pub(super) witness: PathBuf,
    pub(super) whole: bool,
}

/// Progress of the copy.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Copying {
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) octets: u64,
    pub(super) checking: bool,
}

/// What the change knows at the moment.
pub(super) struct Now {
    pub(super) state: State,
    pub(super) kept: Side,
    pub(super) set_aside: Side,
    pub(super) counts: Option<LinkCountsView>,
    pub(super) mark: Option<Mark>,
    pub(super) copy: Option<Copy>,
    pub(super) copying: Copying,
    pub(super) declined: bool,
    pub(super) wanted: Option<Wanted>,
    pub(super) settle: (Unsettled, SettleHow),
    pub(super) trouble: Option<LinkTroubleView>,
    /// What was unclear about the answer to the question.
    pub(super) asked_trouble: Option<LinkTroubleView>,
    /// Why it came to nothing, while it is not back yet.
    pub(super) came_to_nothing: Option<LinkTroubleView>,
    /// The sign-in in the browser that belongs to it.
    pub(super) attempt: Option<String>,
    /// Who takes the person there.
    pub(super) guide: Guide,
    pub(super) working: LinkStep,
    pub(super) entry: Option<Entry>,
    /// Ends what runs for the present page.
    pub(super) stop: CancellationToken,
}

/// One change.
pub(crate) struct Flow {
    pub(super) id: String,
    now: Mutex<Now>,
    view: watch::Sender<LinkView>,
    /// Held from a look at the service's list to the step that follows from it, everything that
    /// is brought back between them included.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Flow {
    pub(super) fn new(id: String, state: State, kept: Side, set_aside: Side) -> Arc<Self> {
        let now = Now {
            state,
            kept,
            set_aside,
            counts: None,
            mark: None,
            copy: None,
            copying: Copying::default(),
            declined: false,
            wanted: None,
            settle: (Unsettled::Queue, SettleHow::Send),
            trouble: None,
            asked_trouble: None,
            came_to_nothing: None,
            attempt: None,
            guide: Guide::Browser,
            working: LinkStep::Checking,
            entry: None,
            stop: CancellationToken::new(),
        };
        let view = watch::Sender::new(now.view(&id));
        Arc::new(Self {
            id,
            now: Mutex::new(now),
            view,
            turn: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> State {
        self.now().state
    }

    pub(super) fn watch(&self) -> watch::Receiver<LinkView> {
        self.view.subscribe()
    }

    /// Changes what is known, and shows it.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Now) -> T) -> T {
        let (view, out) = {
            let mut now = self.now();
            let out = change(&mut now);
            (now.view(&self.id), out)
        };
        self.view.send_if_modified(|shown| {
            let changed = *shown != view;
            *shown = view;
            changed
        });
        out
    }

    /// Whether the event belongs to the present state.
    pub(super) fn would_take(&self, event: Event) -> bool {
        let now = self.now();
        step(now.state, event, now.facts()).is_some()
    }

    /// Takes a step; gives what has to be done. `None` when the event does not belong here.
    pub(super) fn take(&self, event: Event, told: Option<LinkTroubleView>) -> Option<Step> {
        self.with(|now| {
            let taken = step(now.state, event, now.facts())?;
            tracing::info!(flow = %short(&self.id), from = ?now.state, to = ?taken.state, "a change of sign-ins");
            if taken.state != now.state || matches!(taken.effect, Some(Effect::Count)) {
                now.stop.cancel();
                now.stop = CancellationToken::new();
            }
            now.take(event, taken, told);
            Some(taken)
        })
    }
}

/// Ids are shortened in logs.
pub(super) fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// A trouble without figures.
pub(super) const fn trouble(kind: LinkTrouble) -> LinkTroubleView {
    LinkTroubleView {
        kind,
        detail: None,
        number: None,
        other_number: None,
    }
}

/// A trouble with the other side's words.
pub(super) fn trouble_in_words(kind: LinkTrouble, detail: impl Into<String>) -> LinkTroubleView {
    LinkTroubleView {
        detail: Some(detail.into()),
        ..trouble(kind)
    }
}

impl Now {
    fn take(&mut self, event: Event, taken: Step, told: Option<LinkTroubleView>) {
        match (self.state, event) {
            (State::Export, Event::GoOn { understood: true }) => self.declined = true,
            (_, Event::Export) => self.declined = false,
            _ => {}
        }
        if taken.effect == Some(Effect::Forget) {
            std::mem::swap(&mut self.kept, &mut self.set_aside);
            self.counts = None;
            self.mark = None;
            self.copy = None;
            self.wanted = None;
            self.declined = false;
        }
        self.trouble = taken.trouble.map(|kind| match told {
            Some(told) if told.kind == kind => told,
            _ => self.figures(kind),
        });
        if matches!(event, Event::Unclear(_)) {
            self.asked_trouble = self.trouble.clone();
        }
        self.working = match taken.state {
            State::Sealing => LinkStep::Sealing,
            State::Asking => LinkStep::Asking,
            State::Closing => LinkStep::Closing,
            _ => LinkStep::Checking,
        };
        self.state = taken.state;
    }

    /// A trouble with the figures its words need.
    fn figures(&self, kind: LinkTrouble) -> LinkTroubleView {
        let figure = |n: u64| Some(i64::try_from(n).unwrap_or(i64::MAX));
        let counts = self.counts.as_ref();
        let copy = self.copy.as_ref().map(|copy| &copy.view);
        let (number, other_number) = match kind {
            LinkTrouble::NotSettled => (
                counts.and_then(|counts| figure(counts.outbox)),
                counts.and_then(|counts| figure(counts.queued)),
            ),
            LinkTrouble::BothAffected => (Some(i64::from(self.set_aside.view.sign_ins)), None),
            LinkTrouble::CannotCount => {
                (counts.and_then(|counts| figure(counts.conversations)), None)
            }
            LinkTrouble::ExportIncomplete => (
                copy.and_then(|copy| figure(copy.written)),
                copy.and_then(|copy| figure(copy.expected)),
            ),
            LinkTrouble::ProofExpired => (Some(PROOF / 60), None),
            LinkTrouble::KeptExpired => (Some(FRESH / 60), None),
            _ => (None, None),
        };
        LinkTroubleView {
            number,
            other_number,
            ..trouble(kind)
        }
    }

    fn facts(&self) -> Facts {
        let counts = self.counts.as_ref();
        Facts {
            unsettled: counts.is_some_and(|counts| counts.outbox > 0 || counts.queued > 0),
            at_least: counts.is_none_or(|counts| counts.at_least),
            several: self.set_aside.view.sign_ins > 1,
            copied: self.copy.as_ref().is_some_and(|copy| copy.whole),
            gaps: self.copy.as_ref().is_some_and(|copy| !copy.whole),
            declined: self.declined,
        }
    }

    /// Which side an account is on at the moment.
    pub(super) fn side_of(&self, account: &AccountId) -> Option<LinkSide> {
        [LinkSide::Kept, LinkSide::SetAside]
            .into_iter()
            .find(|side| self.side(*side).id == *account)
    }

    pub(super) fn side(&self, side: LinkSide) -> &Side {
        match side {
            LinkSide::Kept => &self.kept,
            LinkSide::SetAside => &self.set_aside,
        }
    }

    pub(super) fn side_mut(&mut self, side: LinkSide) -> &mut Side {
        match side {
            LinkSide::Kept => &mut self.kept,
            LinkSide::SetAside => &mut self.set_aside,
        }
    }

    /// The side whose proof has run out at that time; the kept one first.
    pub(super) fn proof_over(&self, at: i64) -> Option<LinkSide> {
        [LinkSide::Kept, LinkSide::SetAside]
            .into_iter()
            .find(|side| {
                self.side(*side)
                    .proved_at
                    .is_none_or(|proved| at.saturating_sub(proved) > proof_seconds(*side))
            })
    }

    fn stage(&self) -> LinkStageView {
        match self.state {
            State::Blocked => LinkStageView::Blocked,
            State::Proving { side, .. } => LinkStageView::Prove { side },
            State::Direction => LinkStageView::Direction,
            State::Checking | State::Counting => LinkStageView::Counting,
            State::Preview => LinkStageView::Preview,
            State::Settling => LinkStageView::Settling,
            State::Export => LinkStageView::Export,
            State::Exporting => LinkStageView::Exporting {
                done: self.copying.done,
                total: self.copying.total,
                octets: self.copying.octets,
                checking: self.copying.checking,
            },
            State::Exported => LinkStageView::Exported,
            State::Confirm => LinkStageView::Confirm {
                type_this: self.set_aside.type_this().to_owned(),
            },
            State::Sealing | State::Asking | State::Looking | State::Closing => {
                LinkStageView::Working { step: self.working }
            }
            State::Done => LinkStageView::Done {
                at: self
                    .entry
                    .as_ref()
                    .and_then(|entry| entry.ended_at)
                    .unwrap_or_default(),
                journal: self.journal(),
                sealed: self.set_aside.id.to_string(),
            },
            State::NotChanged | State::Over => LinkStageView::NotChanged,
            State::Unknown | State::Undoing => LinkStageView::Unknown {
                journal: self.journal(),
            },
        }
    }

    fn journal(&self) -> String {
        self.entry
            .as_ref()
            .map(|entry| entry.id.clone())
            .unwrap_or_default()
    }

    fn view(&self, flow: &str) -> LinkView {
        LinkView {
            flow: flow.to_owned(),
            kept: self.kept.view(LinkSide::Kept),
            set_aside: self.set_aside.view(LinkSide::SetAside),
            stage: self.stage(),
            counts: self.counts.clone(),
            export: self.copy.as_ref().map(|copy| copy.view.clone()),
            trouble: self.trouble.clone(),
            attempt: self.attempt.clone(),
        }
    }
}
