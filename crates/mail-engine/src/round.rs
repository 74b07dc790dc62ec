//! One round of synchronisation: the person's marks out, what has changed in, and older mail as
//! long as there is some.
//!
//! Every step asks the server once and commits the answer with the progress it stands for, so a
//! kill between any two steps costs at most one answer, or two while older mail comes. Between
//! steps of a long fill, new mail and new marks go first.

use std::sync::Arc;
use std::time::Duration;

use mail_model::remote::{MailboxSnapshot, MessageDelta, MessagePage, SourceError};
use mail_model::{Message, MessageId, StateString, UnixTime};
use mail_store::{FillState, Intent, ProgressUpdate, SyncBatch};

use crate::account_loop::{AccountLoop, EditRetry};
use crate::intents::{self, Verdict};
use crate::notice::Notice;
use crate::plan::{self, DeltaChain, Fill, NoProgress};
use crate::resync::Ids;
use crate::shared::{Shared, StepError};
use crate::sync_state::Event;

/// Messages asked for in one delta.
const DELTA: usize = 500;
/// Marks looked at at once.
const MARKS: usize = 100;
/// How often a lost state is answered with a whole inventory in one round.
const RESYNCS: u32 = 3;
/// The time of the last success is written this often; in between it is only shown.
const SUCCESS_WRITTEN: Duration = Duration::from_secs(600);

impl From<NoProgress> for StepError {
    fn from(error: NoProgress) -> Self {
        Self::Source(SourceError::BadAnswer {
            reason: error.to_string(),
        })
    }
}

impl AccountLoop {
    pub(crate) async fn round(&mut self) -> Result<(), StepError> {
        self.settle_account().await?;
        self.replay().await?;
        let progress = self.shared.store.progress().await?;
        let mut since = match (progress.fill, progress.message_state) {
            (FillState::Start, _) | (_, None) => self.first_page().await?,
            (_, Some(since)) => self.look(since, progress.mailbox_state).await?,
        };
        self.shared.ahead.notify_one();
        let filling = self.shared.store.progress().await?.fill;
        let mut fill = Fill::resume(&filling);
        if let (Some(fill), FillState::Start) = (&fill, progress.fill) {
            self.filled(fill);
        }
        let mut ahead = None;
        while let Some(going) = fill.take() {
            self.check_stop()?;
            // A page that is here is older than what a look would tell, so it is written first.
            if ahead.is_none() && self.shared.wakes.take().any() {
                self.shared.look_ends();
                self.shared.look_begins();
                self.replay().await?;
                let mailboxes = self.shared.store.progress().await?.mailbox_state;
                since = self.look(since, mailboxes).await?;
                self.shared.look_ends();
            }
            let page = match ahead.take() {
                Some(page) => page,
                None => {
                    let asked = going.clone();
                    self.ask(|shared| async move { older_page(&shared, &asked).await })
                        .await?
                }
            };
            (fill, ahead) = self.fill_page(going, page).await?;
        }
        self.succeeded().await
    }

    /// Asks the server once; the first answer of a round is news of its own.
    pub(crate) async fn ask<T, F>(
        &mut self,
        request: impl FnOnce(Arc<Shared>) -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, SourceError>> + Send,
    {
        let shared = Arc::clone(&self.shared);
        let answer = shared.ask(request(Arc::clone(&shared))).await?;
        self.happen(Event::Answered);
        Ok(answer)
    }

    pub(crate) async fn apply(&self, batches: Vec<SyncBatch>) -> Result<(), StepError> {
        for batch in batches {
            self.check_stop()?;
            let _writing = self.shared.gate.writing().await?;
            let _moving = self.shared.writes.moving().await;
            self.shared.store.apply(batch).await?;
        }
        Ok(())
    }

    /// The same for a page of older mail.
    async fn apply_fill(&self, batches: Vec<SyncBatch>) -> Result<(), StepError> {
        for batch in batches {
            self.check_stop()?;
            let _writing = self.shared.gate.writing().await?;
            self.shared.store.apply(batch).await?;
        }
        Ok(())
    }

    pub(crate) fn check_stop(&self) -> Result<(), StepError> {
        if self.shared.stop.is_cancelled() {
            Err(StepError::Stopped)
        } else if !self.shared.gate.is_open() {
            Err(StepError::Paused)
        } else {
            Ok(())
        }
    }

    /// Mailboxes and the newest page, in one round trip and one commit.
    async fn first_page(&mut self) -> Result<StateString, StepError> {
        let (mailboxes, page) = self
            .ask(|shared| async move {
                let source = &shared.source;
                tokio::try_join!(source.mailboxes(), source.newest(0, plan::FIRST_PAGE))
            })
            .await?;
        let state = page.state.clone();
        self.apply(plan::first_batches(mailboxes, page)).await?;
        self.shared.look_told();
        Ok(state)
    }

    /// What has changed, in messages and then in mailboxes: so every mailbox a message names is
    /// known afterwards.
    async fn look(
        &mut self,
        since: StateString,
        mailboxes: Option<StateString>,
    ) -> Result<StateString, StepError> {
        let since = self.changes(since).await?;
        let snapshot = self.mailboxes(mailboxes).await?;
        self.news |= snapshot.is_some();
        if snapshot.is_some() {
            let batch = SyncBatch {
                mailboxes: snapshot,
                ..SyncBatch::default()
            };
            self.apply(vec![batch]).await?;
        }
        self.shared.look_told();
        Ok(since)
    }

    async fn mailboxes(
        &mut self,
        since: Option<StateString>,
    ) -> Result<Option<MailboxSnapshot>, StepError> {
        let answer = self
            .ask(|shared| async move {
                match since {
                    Some(since) => shared.source.mailboxes_since(&since).await,
                    None => shared.source.mailboxes().await.map(Some),
                }
            })
            .await;
        match answer {
            Err(StepError::Source(SourceError::CannotCalculateChanges)) => {
                let all = self
                    .ask(|shared| async move { shared.source.mailboxes().await })
                    .await?;
                Ok(Some(all))
            }
            other => other,
        }
    }

    /// Follows the chain of deltas to its end; gives the state that was reached.
    async fn changes(&mut self, mut since: StateString) -> Result<StateString, StepError> {
        let mut chain = DeltaChain::default();
        let mut resyncs = 0;
        let mut fetched = 0;
        loop {
            self.check_stop()?;
            let from = since.clone();
            let answer = self
                .ask(|shared| async move { shared.source.message_changes(&from, DELTA).await })
                .await;
            let lost = match &answer {
                Ok(delta) => chain.check(&since, delta).is_err(),
                Err(StepError::Source(SourceError::CannotCalculateChanges)) => true,
                Err(_) => false,
            };
            if lost {
                // A server that was asked before and still knows nothing gets one more chance a
                // round: each of them costs the whole inventory.
                let allowed = if self.state().tries() == 0 {
                    RESYNCS
                } else {
                    1
                };
                if resyncs >= allowed {
                    return Err(NoProgress.into());
                }
                resyncs += 1;
                tracing::info!("the server cannot tell what has changed; looking at everything");
                since = self.resynchronise(Ids::OfServer).await?;
                chain = DeltaChain::default();
                continue;
            }
            let delta = self.with_unknown(answer?).await?;
            let more = delta.has_more;
            let next = delta.new_state.clone();
            fetched += (delta.created.len() + delta.updated.len()) as u64;
            self.news |= !delta.created.is_empty()
                || !delta.updated.is_empty()
                || !delta.destroyed.is_empty();
            let arrived = !delta.created.is_empty();
            let batch = plan::delta_batch(&since, delta);
            self.apply(batch.into_iter().collect()).await?;
            if arrived {
                self.shared.ahead.notify_one();
            }
            since = next;
            if !more {
                return Ok(since);
            }
            self.happen(Event::Advanced {
                done: fetched,
                of: None,
                lasting: true,
            });
        }
    }

    /// Makes messages that are told as updated and are not here into ones that are new here.
    ///
    /// Between two of its answers a server may have counted a new message as known: Cyrus orders
    /// by the last change and calls created what is younger than the state it was asked with.
    async fn with_unknown(&mut self, mut delta: MessageDelta) -> Result<MessageDelta, StepError> {
        let ids: Vec<_> = delta.updated.iter().map(|one| one.id.clone()).collect();
        if ids.is_empty() {
            return Ok(delta);
        }
        let unknown = self.shared.store.unknown_ids(&ids).await?;
        delta.updated.retain(|one| !unknown.contains(&one.id));
        delta.created.extend(self.whole(unknown).await?);
        Ok(delta)
    }

    /// Messages as the server has them; none is asked for where there is none.
    pub(crate) async fn whole(&mut self, ids: Vec<MessageId>) -> Result<Vec<Message>, StepError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(|shared| async move { shared.source.messages(&ids).await })
            .await
    }

    fn filled(&mut self, fill: &Fill) {
        let (done, of) = fill.progress();
        self.happen(Event::Advanced {
            done,
            of,
            lasting: true,
        });
        self.shared.ahead.notify_one();
    }

    /// Writes a page of older mail, and meanwhile asks for the next one, unless something else
    /// goes first.
    async fn fill_page(
        &mut self,
        fill: Fill,
        page: MessagePage,
    ) -> Result<(Option<Fill>, Option<MessagePage>), StepError> {
        let (batches, next) = fill.absorb(page)?;
        let Some(next) = next else {
            self.apply_fill(batches).await?;
            return Ok((None, None));
        };
        let shared = Arc::clone(&self.shared);
        let write = async {
            self.apply_fill(batches).await?;
            self.filled(&next);
            Ok::<_, StepError>(())
        };
        let ask = async {
            if shared.wakes.any() {
                return Ok(None);
            }
            // No error of it ends `write`: writing is never broken off.
            Ok(Some(shared.ask(older_page(&shared, &next)).await))
        };
        let ((), answer) = tokio::try_join!(write, ask)?;
        let ahead = answer.transpose()?;
        if ahead.is_some() {
            self.happen(Event::Answered);
        }
        Ok((Some(next), ahead))
    }

    /// Sends the person's marks, oldest first, until none is left or the server wants to wait.
    pub(crate) async fn replay(&mut self) -> Result<(), StepError> {
        let later = self.edit_retry.and_then(|retry| retry.at);
        if later.is_some_and(|at| at > self.now()) {
            return Ok(());
        }
        let mut alone = 0_usize;
        loop {
            self.check_stop()?;
            let mut open = self.shared.store.intents(MARKS).await?;
            self.shared.note_queue();
            if open.is_empty() {
                self.edit_retry = None;
                return Ok(());
            }
            // What the server tells next is partly our own doing.
            self.polling = false;
            if alone > 0 {
                alone -= 1;
                open.truncate(1);
            }
            let sent = {
                let shared = Arc::clone(&self.shared);
                let _sending = shared.gate.sending.lock().await;
                self.send(&open).await
            };
            match sent {
                Ok(Sent::All) => self.edit_retry = None,
                Ok(Sent::RefusedTogether(number)) => alone = number,
                Ok(Sent::Later(asked)) => {
                    let tries = self.edit_retry.map_or(0, |retry| retry.tries);
                    self.edit_retry = Some(EditRetry {
                        at: Some(self.retry_at(tries, asked)),
                        tries: tries + 1,
                    });
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn send(&mut self, open: &[Intent]) -> Result<Sent, StepError> {
        let batch = intents::batch(open);
        let edits = batch.edits.clone();
        let answer = if edits.is_empty() {
            Ok(Vec::new())
        } else {
            self.ask(|shared| async move { shared.source.edit(&edits).await })
                .await
        };
        let verdicts = match answer {
            Ok(outcomes) => match intents::verdicts(&batch, outcomes) {
                Some(verdicts) => verdicts,
                None => return Ok(Sent::Later(None)),
            },
            Err(StepError::Source(error)) => match error {
                // One of them may be to blame: each is asked for alone.
                SourceError::Refused { .. } | SourceError::NotFound if batch.runs.len() > 1 => {
                    return Ok(Sent::RefusedTogether(batch.runs.len()));
                }
                SourceError::Refused { .. } | SourceError::NotFound => {
                    let refuse = |(id, _): &(_, usize)| (*id, intents::refusal(error.to_string()));
                    batch.runs.iter().map(refuse).collect()
                }
                // The way to the server is fine: reading goes on, the mark is tried again.
                SourceError::BadAnswer { .. }
                | SourceError::Busy {
                    retry_after: None, ..
                } => return Ok(Sent::Later(None)),
                other => return Err(other.into()),
            },
            Err(error) => return Err(error),
        };
        let mut sent = Sent::All;
        for (id, verdict) in verdicts {
            match verdict {
                Verdict::Again => sent = Sent::Later(None),
                Verdict::Over { outcome, reason } => {
                    let _writing = self.shared.gate.writing().await?;
                    self.shared.store.finish_intent(id, outcome).await?;
                    self.shared.note_queue();
                    if let Some(reason) = reason {
                        let notice = Notice::EditRefused { intent: id, reason };
                        // Nobody may be listening; the row shows the server's value again.
                        let _told = self.shared.notices.send(notice).is_ok();
                    }
                }
            }
        }
        Ok(sent)
    }

    async fn succeeded(&mut self) -> Result<(), StepError> {
        let now = self.now();
        let time = UnixTime::from_seconds(now.millis().div_euclid(1000));
        self.shared.board.set_synced_at(time);
        self.shared.board.rebuilt();
        let due = self
            .last_success_written
            .is_none_or(|at| at.until(now) >= SUCCESS_WRITTEN);
        if due {
            let progress = ProgressUpdate {
                last_success: Some(time),
                ..ProgressUpdate::default()
            };
            let batch = SyncBatch {
                progress,
                ..SyncBatch::default()
            };
            self.apply(vec![batch]).await?;
            self.shared.note_hosts().await?;
            self.last_success_written = Some(now);
        }
        Ok(())
    }
}

/// Asks for the next page of a fill.
async fn older_page(shared: &Shared, fill: &Fill) -> Result<MessagePage, SourceError> {
    let (before, position, limit) = fill.request();
    shared.source.older_than(before, position, limit).await
}

/// What came of sending some marks.
enum Sent {
    /// Each has its outcome.
    All,
    /// That many were refused together; nothing is known of each.
    RefusedTogether(usize),
    /// Some have to be sent again, not before this long.
    Later(Option<Duration>),
}
