//! Asking the server for what is not here.
//!
//! It is asked after the first local results, page by page, up to a small number of matches.
//! What it names and what is not here is fetched without its body and stored as synchronisation
//! stores a message. That is safe beside a first fill that is still going back in time, because
//!
//! 1. the fill asks by receipt and keeps its own place, so a message that is here already is met
//!    again and written again, and shifts nothing;
//! 2. before a message is fetched, the changes up to its being named have been written
//!    ([`Looks::told`](crate::shared::Looks)): it is older than the stored state, so its deletion
//!    will be told (a server need not tell of what came and went between two states, RFC 8620
//!    section 5.2);
//! 3. it is only written while the stored state has not moved since it was asked for
//!    ([`Writes`](crate::shared::Writes)), so every later change of it is told after it is here.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use mail_model::MessageId;
use mail_model::Reaction;
use mail_model::remote::{SearchPage, SourceError};
use mail_model::search::Query;
use mail_store::StoreError;

use super::ServerSearch;
use super::asking::Search;
use super::need::asked_of_server;
use crate::plan;
use crate::shared::StepError;
use crate::status::{AccountStatus, Health};

/// Matches asked for in one request.
const PAGE: usize = 50;
/// Matches taken from the server for one search, at most.
const MOST_NAMED: u64 = 200;
/// How often messages are fetched again because synchronisation wrote meanwhile.
const TRIES: u32 = 4;

impl Search {
    /// Asks the server if it has to be asked; again when it can be reached again.
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub(super) async fn ask_server(&self) -> Result<(), StepError> {
        let mut state = self.state.subscribe();
        // The sender is this search's own.
        let _searched = state.wait_for(|state| !state.searching).await.is_ok();
        let options = &self.shared.options;
        let typed = options.clock.now() + options.server_search_after;
        options.clock.sleep_until(typed).await;
        let mut status = self.shared.board.watch();
        loop {
            let coverage = self.shared.store.search_coverage().await?;
            let mailboxes = self.list.index().mailboxes().await?;
            let asked = self.wanted.asked(&mailboxes);
            let asked = asked.and_then(|query| asked_of_server(&query, &coverage, &self.zone));
            let Some(query) = asked else {
                self.stands(ServerSearch::NotNeeded);
                return Ok(());
            };
            let mut prod = std::pin::pin!(self.shared.prod.notified());
            prod.as_mut().enable();
            status.mark_unchanged();
            self.stands(ServerSearch::Asking);
            match self.walk(&query).await {
                Ok(()) => {
                    self.stands(ServerSearch::Asked);
                    return Ok(());
                }
                Err(StepError::Stopped) => return Ok(()),
                Err(StepError::Store(error)) if has_no_room(&error) => {
                    tracing::info!(%error, "what the server found could not be kept");
                    self.stands(ServerSearch::NoRoom);
                    let later = options.clock.now() + options.block_check;
                    tokio::select! {
                        () = prod => (),
                        () = options.clock.sleep_until(later) => (),
                    }
                    continue;
                }
                // Synchronisation has met the full disk first.
                Err(_) if status.borrow().health == Health::DiskFull => {
                    self.stands(ServerSearch::NoRoom);
                }
                Err(StepError::Store(error)) => return Err(error.into()),
                Err(StepError::Source(error)) if refuses(&error) => {
                    tracing::info!(%error, "the server refuses a search");
                    self.stands(ServerSearch::Refused);
                    return Ok(());
                }
                Err(StepError::Paused) => self.stands(ServerSearch::Unreachable),
                Err(StepError::Source(error)) => {
                    tracing::info!(%error, "the server could not be asked for a search");
                    self.stands(ServerSearch::Unreachable);
                }
            }
            tokio::select! {
                () = prod => (),
                () = answers_again(&mut status) => (),
            }
        }
    }

    fn stands(&self, server: ServerSearch) {
        self.change(|state| state.server = server);
    }

    async fn walk(&self, query: &Query) -> Result<(), StepError> {
        let mut position = 0;
        while position < MOST_NAMED {
            let search = self.shared.source.search(query, &self.zone, position, PAGE);
            let SearchPage { ids, queried } = self.shared.ask(search).await?;
            self.shared.answer_fits().await?;
            if queried == 0 {
                return Ok(());
            }
            position += queried as u64;
            self.fetch(&ids).await?;
            let mut named = self.named.lock().await;
            let known: BTreeSet<MessageId> = named.iter().cloned().collect();
            named.extend(ids.into_iter().filter(|id| !known.contains(id)));
            drop(named);
            self.show_named().await?;
        }
        // More than its first ones is for a narrower search.
        self.server_has_more.store(true, Ordering::Relaxed);
        self.change(|state| state.more = true);
        Ok(())
    }

    /// Stores those of the messages that are not here.
    async fn fetch(&self, ids: &[MessageId]) -> Result<(), StepError> {
        let shared = &self.shared;
        if shared.store.unknown_ids(ids).await?.is_empty() {
            return Ok(());
        }
        self.catch_up().await?;
        for _ in 0..TRIES {
            let asked_at = shared.writes.count().await;
            let unknown = shared.store.unknown_ids(ids).await?;
            if unknown.is_empty() {
                return Ok(());
            }
            let messages = shared.ask(shared.source.messages(&unknown)).await?;
            let _writing = shared.gate.writing().await?;
            let Some(_still) = shared.writes.still(asked_at).await else {
                continue;
            };
            for batch in plan::upserts(messages, None) {
                shared.store.apply(batch).await?;
            }
            return Ok(());
        }
        // They are named, and shown once synchronisation has brought them.
        Ok(())
    }

    /// Returns once every change up to now has been asked for and written.
    async fn catch_up(&self) -> Result<(), StepError> {
        let shared = &self.shared;
        let mut looks = shared.looks.subscribe();
        let mut status = shared.board.watch();
        // A look that is under way may have asked already; the one after it has not.
        let next = looks.borrow().begun + 1;
        shared.wakes.hint();
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => Err(StepError::Stopped),
            () = shared.gate.closed() => Err(StepError::Paused),
            _ = looks.wait_for(|looks| looks.told >= next) => Ok(()),
            _ = status.wait_for(|status| !may_answer(status)) => {
                Err(SourceError::Unreachable(None).into())
            }
        }
    }
}

/// Whether something could not be written because of the disk. What was here before can be read.
fn has_no_room(error: &StoreError) -> bool {
    error.is_disk_full() || matches!(error, StoreError::DiskFault(_))
}

fn refuses(error: &SourceError) -> bool {
    matches!(error.reaction(), Reaction::GiveUp | Reaction::Bug)
}

/// Whether the account's loop has not met anything that keeps it from the server.
const fn may_answer(status: &AccountStatus) -> bool {
    matches!(
        status.health,
        Health::Current | Health::Working | Health::Rebuilding
    )
}

/// Returns when the account's loop has been kept from the server and is not any more.
async fn answers_again(status: &mut tokio::sync::watch::Receiver<AccountStatus>) {
    let answers = |status: &AccountStatus| match status.health {
        Health::Current => true,
        // Connecting is working too; what fetches has an answer.
        Health::Working | Health::Rebuilding => status.progress.is_some(),
        _ => false,
    };
    // The board lives as long as this search.
    let _kept = status.wait_for(|status| !answers(status)).await.is_ok();
    let _freed = status.wait_for(answers).await.is_ok();
}
