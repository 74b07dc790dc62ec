//! Drives the sync machine of one account: waits for reasons to look, runs rounds, and turns what
//! came of them into events.
//!
//! It decides nothing the machine decides and asks the server nothing itself (see `round`). The
//! stop token is looked at between steps; storing is never interrupted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mail_model::Reaction;
use mail_model::remote::{SourceError, TokenError};
use mail_store::StoreError;

use crate::clock::Moment;
use crate::shared::{Shared, StepError};
use crate::status::Arrival;
use crate::sync_state::{Block, Effect, Event, State, step};

/// A mark the server could not take for the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EditRetry {
    /// When it is sent again; none once that time has come.
    pub(crate) at: Option<Moment>,
    /// Failures in a row.
    pub(crate) tries: u32,
}

/// The loop of one account.
pub(crate) struct AccountLoop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) edit_retry: Option<EditRetry>,
    pub(crate) last_success_written: Option<Moment>,
    state: State,
    timer: Option<Moment>,
    hint_at: Option<Moment>,
    round_begun: Option<Moment>,
    round_due: bool,
    /// The round was begun because it was time, and by nothing else, while a channel stood.
    pub(crate) polling: bool,
    /// The round has met something new on the server.
    pub(crate) news: bool,
    finished: bool,
}

impl AccountLoop {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            edit_retry: None,
            last_success_written: None,
            state: State::Idle,
            timer: None,
            hint_at: None,
            round_begun: None,
            round_due: false,
            polling: false,
            news: false,
            finished: false,
        }
    }

    /// Runs until the engine stops.
    ///
    /// # Errors
    /// The local copy fails in a way that only a new start can cure.
    pub(crate) async fn run(mut self) -> Result<(), StepError> {
        while !self.finished {
            if self.shared.stop.is_cancelled() {
                self.happen(Event::Stop);
            } else if self.heed_gate() {
                // The machine has stepped; its effects come first.
            } else if self.state == State::Idle {
                self.happen(Event::Start);
            } else if std::mem::take(&mut self.round_due) {
                self.round_begun = Some(self.now());
                self.shared.look_begins();
                self.news = false;
                let ended = match self.round().await {
                    Ok(()) => {
                        self.doubt_push();
                        self.happen(Event::Finished);
                        Ok(())
                    }
                    Err(error) => self.failed(error),
                };
                self.shared.look_ends();
                ended?;
            } else {
                self.idle().await;
            }
        }
        Ok(())
    }

    pub(crate) fn now(&self) -> Moment {
        self.shared.options.clock.now()
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// Makes the machine follow the gate; says whether it had to.
    fn heed_gate(&mut self) -> bool {
        let rests = self.state == State::Paused;
        match (self.shared.gate.is_open(), rests) {
            (false, false) => {
                self.happen(Event::Pause);
                self.round_due = false;
                self.hint_at = None;
                self.shared.gate.rest(true);
                true
            }
            (true, true) => {
                self.shared.gate.rest(false);
                self.happen(Event::Resume);
                true
            }
            _ => false,
        }
    }

    /// Lets the machine step and does what follows.
    pub(crate) fn happen(&mut self, event: Event) {
        let before = std::mem::replace(&mut self.state, State::Idle);
        let (state, effects) = step(before, event);
        self.state = state;
        self.shared.board.set_state(&self.state);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::BeginRound => self.round_due = true,
            Effect::SetTimer(at) => self.timer = Some(at),
            Effect::SetPollTimer => {
                let push = self.shared.board.push() == Arrival::Push;
                self.timer = Some(self.now() + self.shared.options.poll(push));
            }
            Effect::ClearTimer => self.timer = None,
            Effect::OpenPush => self.want_push(true),
            Effect::ClosePush => self.want_push(false),
            Effect::Finish => self.finished = true,
        }
    }

    /// A poll that finds what the channel has not told is the end of trust in the channel.
    fn doubt_push(&mut self) {
        let untold = std::mem::take(&mut self.polling) && self.news;
        if untold && self.shared.board.push() == Arrival::Push && !self.shared.wakes.is_hinted() {
            tracing::info!("the push channel does not tell what changes");
            self.shared.push_tells.store(false, Ordering::Relaxed);
            self.shared.board.set_push(Arrival::Polling);
        }
    }

    fn want_push(&self, wanted: bool) {
        self.shared.push_wanted.send_if_modified(|current| {
            let differs = *current != wanted;
            *current = wanted;
            differs
        });
    }

    /// Waits for the next reason to do something.
    async fn idle(&mut self) {
        let shared = Arc::clone(&self.shared);
        let edit_at = self.edit_retry.and_then(|retry| retry.at);
        let next = [self.timer, self.hint_at, edit_at]
            .into_iter()
            .flatten()
            .min();
        let rests = self.state == State::Paused;
        let gate_moves = async {
            if rests {
                shared.gate.opened().await;
            } else {
                shared.gate.closed().await;
            }
        };
        let due = async {
            match next {
                Some(at) => shared.options.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => (),
            () = gate_moves => (),
            () = shared.wakes.wait() => self.woken(),
            () = due => self.time_up(),
        }
    }

    fn woken(&mut self) {
        self.polling = false;
        let reasons = self.shared.wakes.take();
        if reasons.woken {
            self.happen(Event::Woken);
        } else if reasons.marked {
            self.happen(Event::Hinted);
        } else if reasons.hinted {
            let spacing = self.shared.options.hint_spacing;
            let earliest = self.round_begun.map(|begun| begun + spacing);
            match earliest.filter(|earliest| *earliest > self.now()) {
                Some(earliest) => self.hint_at = Some(earliest),
                None => self.happen(Event::Hinted),
            }
        }
    }

    fn time_up(&mut self) {
        let now = self.now();
        let passed = |at: &mut Option<Moment>| at.take_if(|at| *at <= now).is_some();
        let hinted = passed(&mut self.hint_at);
        // Outside of `Watching` nothing comes of it, and the next round sends the marks.
        let edit = self
            .edit_retry
            .as_mut()
            .is_some_and(|retry| passed(&mut retry.at));
        if passed(&mut self.timer) {
            let push = self.shared.board.push() == Arrival::Push;
            self.polling = push && self.state == State::Watching;
            self.happen(Event::TimeUp);
        } else if hinted || edit {
            self.happen(Event::Hinted);
        }
    }

    /// When to try again after one more failure.
    pub(crate) fn retry_at(&self, tries: u32, asked: Option<Duration>) -> Moment {
        let options = &self.shared.options;
        let delay =
            options
                .backoff
                .delay(tries.saturating_add(1), options.jitter.fraction(), asked);
        self.now() + delay
    }

    /// Turns a failed round into an event.
    fn failed(&mut self, error: StepError) -> Result<(), StepError> {
        let look_at = Some(self.now() + self.shared.options.block_check);
        let barred = |block, look_at| Event::Barred { block, look_at };
        let event = match error {
            // The loop looks at the token and the gate next.
            StepError::Stopped | StepError::Paused => return Ok(()),
            StepError::Store(StoreError::DiskFull(_)) => barred(Block::DiskFull, look_at),
            StepError::Store(
                error @ (StoreError::Damaged { .. } | StoreError::LocalDamaged(_)),
            ) => {
                // The store tells whoever can open it anew.
                tracing::error!(%error, "the local copy is damaged");
                barred(Block::Damaged, None)
            }
            StepError::Store(error) => return Err(error.into()),
            StepError::Source(error) => {
                tracing::info!(%error, "a round of synchronisation failed");
                self.source_failed(&error, look_at)
            }
        };
        self.happen(event);
        Ok(())
    }

    fn source_failed(&self, error: &SourceError, look_at: Option<Moment>) -> Event {
        let tries = self.state.tries();
        let barred = |block, look_at| Event::Barred { block, look_at };
        match error.reaction() {
            Reaction::RetryLater(asked) => {
                let at = self.retry_at(tries, asked);
                if asked.is_some() || matches!(error, SourceError::Busy { .. }) {
                    Event::Busy {
                        until: at,
                        asked: asked.is_some(),
                    }
                } else {
                    Event::Lost { retry_at: at }
                }
            }
            Reaction::SignInAgain => barred(Block::SignInNeeded, None),
            Reaction::AskPerson => match error {
                SourceError::Token(TokenError::VaultUnavailable) => {
                    barred(Block::VaultLocked, look_at)
                }
                SourceError::Token(TokenError::Paused | TokenError::LockedByPerson) => {
                    barred(Block::Paused, look_at)
                }
                other => barred(refused(other), look_at),
            },
            Reaction::GiveUp => barred(refused(error), look_at),
            Reaction::Resynchronise | Reaction::Bug => Event::Lost {
                retry_at: self.retry_at(tries, None),
            },
        }
    }
}

fn refused(error: &SourceError) -> Block {
    let detail = match error {
        SourceError::Refused { reason } | SourceError::NoService { reason } => reason.clone(),
        other => other.to_string(),
    };
    Block::Refused { detail }
}
