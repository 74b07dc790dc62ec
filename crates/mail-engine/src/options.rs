//! What an account's engine can be told to do differently.

use std::sync::Arc;
use std::time::Duration;

use crate::backoff::{Backoff, Jitter, RandomJitter};
use crate::clock::{Clock, SystemClock};
use crate::search::IndexTurns;

/// Intervals, limits, and the outside world of one account's engine.
#[derive(Clone)]
pub struct EngineOptions {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Spreads retries.
    pub jitter: Arc<dyn Jitter>,
    /// Delays after failures.
    pub backoff: Backoff,
    /// How often new mail is asked for where the server does not tell. At least 5 s.
    pub poll: Duration,
    /// How often it is asked for although the server tells: a hint can be lost.
    pub poll_with_push: Duration,
    /// Rounds that push hints lead to begin at most this often.
    pub hint_spacing: Duration,
    /// How long one request may take.
    pub request_limit: Duration,
    /// How long a push channel may be silent before it counts as dead.
    pub push_silence: Duration,
    /// How often it is looked whether a block is gone (disk, keyring, refusal).
    pub block_check: Duration,
    /// How many of the newest messages have their bodies fetched ahead.
    pub bodies_ahead: usize,
    /// Turns at indexing; accounts that share them are not indexed all at once.
    pub index_turns: IndexTurns,
    /// An open search looks through the local index again at most this often.
    pub search_spacing: Duration,
    /// How long a search waits before it asks the server: a person may still be typing.
    pub server_search_after: Duration,
    /// How long [`stop`](crate::AccountEngine::stop) waits before it gives up on a task.
    pub stop_limit: Duration,
}

impl EngineOptions {
    /// The shortest poll interval.
    pub const SHORTEST_POLL: Duration = Duration::from_secs(5);

    /// The poll interval that holds at the moment.
    pub(crate) fn poll(&self, push: bool) -> Duration {
        let poll = if push { self.poll_with_push } else { self.poll };
        poll.max(Self::SHORTEST_POLL)
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            jitter: Arc::new(RandomJitter),
            backoff: Backoff::STANDARD,
            poll: Duration::from_secs(60),
            poll_with_push: Duration::from_secs(15 * 60),
            hint_spacing: Duration::from_millis(500),
            request_limit: Duration::from_secs(90),
            push_silence: Duration::from_secs(6 * 60),
            block_check: Duration::from_secs(5 * 60),
            bodies_ahead: 1_000,
            index_turns: IndexTurns::default(),
            search_spacing: Duration::from_millis(250),
            server_search_after: Duration::from_millis(400),
            stop_limit: Duration::from_secs(5),
        }
    }
}
