//! Keeps the search index of one account up with its mail: after every commit, in small pieces.
//!
//! Nothing is sent for it, so a paused account is indexed too; a frozen one is not, since its
//! files are final. While synchronisation is fetching, indexing takes a fifth of the time, or half
//! of it where the person looks: mail comes first, and what is not indexed the server finds.
//! Accounts take turns at it ([`IndexTurns`](super::IndexTurns)).

use std::sync::Arc;
use std::time::Duration;

use mail_store::StoreError;
use tokio::sync::broadcast::error::RecvError;

use crate::shared::{Shared, StepError};
use crate::status::Health;

/// Messages taken into the index before anybody else gets a turn: some tenths of a second. Many
/// small transactions would cost far more, since each one leaves a segment to be merged.
const PIECE: usize = 1000;
/// While mail is being fetched, a piece is followed by a rest this many times as long.
const RESTS: u32 = 4;
/// A piece that seems longer was not at work all the time: the machine slept, or writing waited.
const LONGEST_PIECE: Duration = Duration::from_secs(1);

/// Runs until the engine stops.
///
/// # Errors
/// The local copy fails in a way that only a new start can cure.
pub(crate) async fn run(shared: Arc<Shared>) -> Result<(), StepError> {
    let stopped = shared.stop.clone();
    let kept = stopped.run_until_cancelled_owned(keep(&shared)).await;
    kept.unwrap_or(Ok(()))
}

async fn keep(shared: &Shared) -> Result<(), StepError> {
    let mut changes = shared.store.changes();
    let mut wanted = shared.indexing.subscribe();
    // The sender lives as long as `shared`.
    let _wanted = wanted.wait_for(|wanted| *wanted).await.is_ok();
    loop {
        match catch_up(shared).await {
            Ok(()) => {}
            Err(StepError::Paused) => {
                shared.gate.writable().await;
                continue;
            }
            Err(StepError::Store(StoreError::DiskFull(_))) => {
                let clock = &shared.options.clock;
                let later = clock.now() + shared.options.block_check;
                clock.sleep_until(later).await;
                continue;
            }
            Err(StepError::Store(error @ StoreError::Damaged { .. })) => {
                // The store tells whoever can open it anew.
                tracing::error!(%error, "the local copy is damaged");
                return Ok(());
            }
            Err(StepError::Store(StoreError::Closed)) => return Ok(()),
            Err(error) => return Err(error),
        }
        loop {
            match changes.recv().await {
                Ok(change) if change.threads.is_empty() && change.bodies.is_empty() => {}
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }
}

/// Indexes until nothing is left.
async fn catch_up(shared: &Shared) -> Result<(), StepError> {
    let clock = &shared.options.clock;
    let mut left = u64::MAX;
    loop {
        let turn = shared.options.index_turns.take(&shared.looked_at).await;
        let begun = clock.now();
        let progress = {
            let _writing = shared.gate.writing().await?;
            shared.store.index_some(PIECE).await?
        };
        drop(turn);
        if progress.done > 0 {
            shared
                .indexed
                .send_modify(|pieces| *pieces = pieces.wrapping_add(1));
        }
        // What goes no further now is tried again after the next commit.
        let is_over = progress.left == 0 && !progress.untidy;
        if is_over || (progress.done == 0 && progress.left >= left.max(1)) {
            return Ok(());
        }
        left = progress.left;
        let fetching = matches!(
            shared.board.watch().borrow().health,
            Health::Working | Health::Rebuilding
        );
        if fetching {
            let rests = if shared.looked_at.is_now() { 1 } else { RESTS };
            let now = clock.now();
            let took = begun.until(now).min(LONGEST_PIECE);
            clock.sleep_until(now + took * rests).await;
        }
        tokio::task::yield_now().await;
    }
}
