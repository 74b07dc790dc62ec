//! What the tasks of one account have in common: its store, its source, and how they wake and
//! stop each other.

use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use mail_model::Reaction;
use mail_model::remote::{MailSource, SourceError};
use mail_store::{AccountStore, StoreError};
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::bodies::Opened;
use crate::gate::Gate;
use crate::notice::Notice;
use crate::options::EngineOptions;
use crate::search::LookedAt;
use crate::status::StatusBoard;

/// Why a step of one account's task did not get through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The engine is being stopped.
    #[error("stopping")]
    Stopped,
    /// The account is paused or frozen.
    #[error("the account is paused")]
    Paused,
    /// The server, or the way to it.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The local copy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Shared by the tasks of one account.
pub(crate) struct Shared {
    pub(crate) store: AccountStore,
    pub(crate) source: Arc<dyn MailSource>,
    pub(crate) options: EngineOptions,
    pub(crate) board: StatusBoard,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) wakes: Wakes,
    /// Looks at the server, for who waits for the next one.
    pub(crate) looks: watch::Sender<Looks>,
    /// Whether the push channel is believed to tell of changes.
    pub(crate) push_tells: AtomicBool,
    /// Whether a push channel is wanted.
    pub(crate) push_wanted: watch::Sender<bool>,
    /// Bodies of the newest messages may be missing.
    pub(crate) ahead: Notify,
    /// Whether the search index follows the mail.
    pub(crate) indexing: watch::Sender<bool>,
    /// Pieces taken into the search index.
    pub(crate) indexed: watch::Sender<u64>,
    /// Whether the person looks at the account or searches it.
    pub(crate) looked_at: LookedAt,
    /// Counts how often the way to the server was lost from under us: the machine slept, or the
    /// network is another one. Requests and channels from before are given up.
    pub(crate) anew: watch::Sender<u64>,
    /// What the person has opened since the start.
    pub(crate) opened: Opened,
    /// Cuts short the wait of a task that failed.
    pub(crate) prod: Notify,
    pub(crate) stop: CancellationToken,
    /// Whether the account may speak to its server.
    pub(crate) gate: Gate,
    /// What synchronisation has written so far.
    pub(crate) writes: Writes,
}

impl Shared {
    pub(crate) fn look_begins(&self) {
        self.looks.send_modify(|looks| looks.begun += 1);
    }

    pub(crate) fn look_ends(&self) {
        self.looks.send_modify(|looks| looks.ended = looks.begun);
    }

    /// Every change up to the beginning of this look has been written.
    pub(crate) fn look_told(&self) {
        self.looks.send_modify(|looks| looks.told = looks.begun);
    }

    /// More or fewer changes of the person wait.
    pub(crate) fn note_queue(&self) {
        self.board.note_queue(&self.store);
    }

    /// Keeps which hosts were spoken to since the last time.
    pub(crate) async fn note_hosts(&self) -> Result<(), StoreError> {
        let contacts = self.source.hosts().take_unsaved();
        let noted = self.store.note_hosts(contacts.clone()).await;
        if noted.is_err() {
            self.source.hosts().put_back(&contacts);
        }
        noted
    }

    /// Makes sure that an answer about ids that are stored here is about those messages: while
    /// everything is compared with another account (see `moved`), the same ids mean others.
    /// Called after the answer has come and before anything of it is used.
    pub(crate) async fn answer_fits(&self) -> Result<(), StepError> {
        let state = self.store.progress().await?.message_state;
        if self.ask(self.source.fits(state.as_ref())).await? {
            return Ok(());
        }
        Err(SourceError::AccountChanged.into())
    }

    /// Runs one request, unless the engine stops, the account is paused, or the request takes too
    /// long.
    ///
    /// Dropping a request is safe: nothing is stored before it has been answered, and every edit
    /// can be sent again.
    pub(crate) async fn ask<T>(
        &self,
        request: impl Future<Output = Result<T, SourceError>> + Send,
    ) -> Result<T, StepError> {
        let late = self.options.clock.now() + self.options.request_limit;
        let mut anew = self.anew.subscribe();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(StepError::Stopped),
            () = self.gate.closed() => Err(StepError::Paused),
            answer = request => Ok(answer?),
            Ok(()) = anew.changed() => {
                Err(SourceError::Unreachable(Some(Box::new(WayLost))).into())
            }
            () = self.options.clock.sleep_until(late) => {
                Err(SourceError::Unreachable(Some(Box::new(TimedOut))).into())
            }
        }
    }
}

/// Looks at what has changed on the server so far: one a round, and more during a long fill.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Looks {
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    /// The newest look that has written every change up to its beginning.
    pub(crate) told: u64,
}

/// Counts what synchronisation writes, for who writes messages beside it.
///
/// A message that was read from the server beside the account's loop is only written while the
/// count is what it was before the server was asked. The stored state is then no newer than the
/// answer, so whatever has happened to the message since is still to be told by the changes after
/// that state: a late answer can neither undo a change nor bring a deleted message back. Pages of
/// the first fill move no state and are not counted.
#[derive(Debug, Default)]
pub(crate) struct Writes(tokio::sync::Mutex<u64>);

impl Writes {
    /// The count at the moment.
    pub(crate) async fn count(&self) -> u64 {
        *self.0.lock().await
    }

    /// Held by synchronisation while it writes what moves the state, or is part of such a move.
    pub(crate) async fn moving(&self) -> tokio::sync::MutexGuard<'_, u64> {
        let mut count = self.0.lock().await;
        *count = count.wrapping_add(1);
        count
    }

    /// Held while something is written that was asked for at that count; none once it has moved.
    pub(crate) async fn still(&self, asked_at: u64) -> Option<tokio::sync::MutexGuard<'_, u64>> {
        let count = self.0.lock().await;
        (*count == asked_at).then_some(count)
    }
}

/// A request from before the machine slept or the network changed.
#[derive(Debug, thiserror::Error)]
#[error("the connection is from before a sleep or a change of network")]
struct WayLost;

/// A request that was given up.
#[derive(Debug, thiserror::Error)]
#[error("no answer in time")]
struct TimedOut;

/// Reasons to look, collected until the loop has time for them.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    set: Mutex<WakeSet>,
    notify: Notify,
}

/// Reasons that were taken early and still need a look of their own: they are put back when this
/// goes, by a panic as well.
pub(crate) struct TakenEarly {
    shared: Arc<Shared>,
    pub(crate) set: WakeSet,
}

impl TakenEarly {
    pub(crate) fn none_yet(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            set: WakeSet::default(),
        }
    }
}

impl Drop for TakenEarly {
    fn drop(&mut self) {
        self.shared.wakes.put_back(self.set);
    }
}

/// Which reasons there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WakeSet {
    /// A person asks, the network is back, or a session was renewed.
    pub(crate) woken: bool,
    /// The server hints at a change.
    pub(crate) hinted: bool,
    /// The person changed something.
    pub(crate) marked: bool,
}

impl WakeSet {
    pub(crate) const fn merge(&mut self, other: Self) {
        self.woken |= other.woken;
        self.hinted |= other.hinted;
        self.marked |= other.marked;
    }

    pub(crate) const fn any(self) -> bool {
        self.woken || self.hinted || self.marked
    }
}

impl Wakes {
    pub(crate) fn wake(&self) {
        self.add(|set| set.woken = true);
    }

    pub(crate) fn hint(&self) {
        self.add(|set| set.hinted = true);
    }

    pub(crate) fn mark(&self) {
        self.add(|set| set.marked = true);
    }

    /// The reasons so far; they are forgotten.
    pub(crate) fn take(&self) -> WakeSet {
        std::mem::take(&mut *self.lock())
    }

    /// Whether a person asks, or the like.
    pub(crate) fn is_woken(&self) -> bool {
        self.lock().woken
    }

    /// A person, or the like, gets what was asked for; that reason is forgotten.
    pub(crate) fn take_woken(&self) {
        self.lock().woken = false;
    }

    /// Reasons that were taken early and still need a look of their own.
    pub(crate) fn put_back(&self, set: WakeSet) {
        if set.any() {
            self.add(|kept| kept.merge(set));
        }
    }

    /// Whether there is a reason.
    pub(crate) fn any(&self) -> bool {
        self.lock().any()
    }

    /// Whether the server has hinted and nobody has looked yet.
    pub(crate) fn is_hinted(&self) -> bool {
        self.lock().hinted
    }

    /// Returns once there may be a reason.
    pub(crate) async fn wait(&self) {
        self.notify.notified().await;
    }

    fn add(&self, change: impl FnOnce(&mut WakeSet)) {
        change(&mut self.lock());
        self.notify.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WakeSet> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StepError {
    /// What a loop has to do about it.
    pub(crate) fn reaction(&self) -> Reaction {
        match self {
            Self::Stopped | Self::Paused => Reaction::GiveUp,
            Self::Source(error) => error.reaction(),
            Self::Store(error) => error.reaction(),
        }
    }
}
