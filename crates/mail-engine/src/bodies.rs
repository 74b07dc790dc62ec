//! Fetches bodies: those somebody waits for at once, then those of opened conversations, then
//! those of the newest messages ahead. And drops the oldest, where the account keeps only so much.
//!
//! Who asks for a body that is already on its way waits for that one. Fetching ahead is done in
//! small pieces and only while nobody waits, so a person never waits for more than one piece.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use mail_model::remote::SourceError;
use mail_model::{Body, MessageId, MessageKey, Reaction, UnixTime};
use mail_store::{Retention, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::clock::Moment;
use crate::shared::{Shared, StepError};

/// Bodies fetched ahead in one request.
const AHEAD: usize = 10;
/// Bodies fetched in one request because they are waited for.
const TOGETHER: usize = 20;
/// Requests for bodies that are waited for, at the same time.
const REQUESTS: usize = 4;
/// After so many new bodies it is looked whether they are too much together, ...
const CHECK_AFTER: usize = 200;
/// ... and after this long whether some are too old.
const CHECK_EVERY: Duration = Duration::from_secs(60 * 60);

/// Why a body or a file is not there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// The message is not there any more, or has no such file.
    #[error("it is not there any more")]
    Gone,
    /// The server, or the way to it.
    #[error(transparent)]
    Source(Arc<SourceError>),
    /// The local copy.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The account is paused, and it is not here.
    #[error("the account is paused")]
    Paused,
    /// The engine was stopped, or failed while it was fetching.
    #[error("fetching was given up")]
    Stopped,
}

impl FetchError {
    /// What the caller should do.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Gone => Reaction::GiveUp,
            Self::Source(error) => error.reaction(),
            Self::Store(error) => error.reaction(),
            Self::Paused => Reaction::AskPerson,
            Self::Stopped => Reaction::RetryLater(None),
        }
    }
}

impl From<StoreError> for FetchError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<StepError> for FetchError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Stopped => Self::Stopped,
            StepError::Paused => Self::Paused,
            StepError::Source(error) => Self::Source(Arc::new(error)),
            StepError::Store(error) => error.into(),
        }
    }
}

type Answer = Result<Body, FetchError>;

/// Somebody waits for a body.
pub(crate) struct Demand {
    pub(crate) key: MessageKey,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// Where demands arrive; kept outside of the task, so that they survive its restart.
pub(crate) type Demands = Arc<Mutex<mpsc::UnboundedReceiver<Demand>>>;

/// What a person has opened since the start: its bodies come first, and stay.
#[derive(Debug, Default)]
pub(crate) struct Opened(std::sync::Mutex<OpenedSets>);

#[derive(Debug, Default)]
struct OpenedSets {
    all: BTreeSet<MessageKey>,
    /// Bodies of opened conversations that are not here, the next one last.
    wanted: Vec<MessageKey>,
}

impl Opened {
    fn sets(&self) -> std::sync::MutexGuard<'_, OpenedSets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, keys: impl IntoIterator<Item = MessageKey>) {
        self.sets().all.extend(keys);
    }

    /// Wants these next, the last one first.
    pub(crate) fn want(&self, keys: Vec<MessageKey>) {
        let mut sets = self.sets();
        sets.wanted.retain(|key| !keys.contains(key));
        sets.wanted.extend(keys);
    }

    fn take(&self, most: usize) -> Vec<MessageKey> {
        let mut sets = self.sets();
        let rest = sets.wanted.len().saturating_sub(most);
        let mut next = sets.wanted.split_off(rest);
        next.reverse();
        next
    }

    fn all(&self) -> BTreeSet<MessageKey> {
        self.sets().all.clone()
    }
}

struct Fetched {
    keys: Vec<MessageKey>,
    ahead: bool,
    bodies: Result<HashMap<MessageKey, Body>, FetchError>,
}

struct BodyLoop {
    shared: Arc<Shared>,
    waiting: HashMap<MessageKey, Vec<oneshot::Sender<Answer>>>,
    requests: FuturesUnordered<BoxFuture<'static, Fetched>>,
    demanded: usize,
    ahead_due: bool,
    ahead_running: bool,
    /// Messages whose body the server did not give: not asked for ahead again.
    without: HashSet<MessageKey>,
    /// Bodies that came since it was looked what may stay.
    fresh: usize,
    checked_at: Option<Moment>,
    /// What may stay, as it was then.
    retention: Option<Retention>,
    /// How far dropping has come in this run.
    dropped_to: Option<MessageKey>,
    /// The newest message whose body was dropped in this run: up to it, none is fetched ahead.
    floor: Option<MessageKey>,
}

/// Runs until the engine stops.
///
/// # Errors
/// The local copy cannot be read.
pub(crate) async fn run(shared: Arc<Shared>, demands: Demands) -> Result<(), StepError> {
    let mut demands = demands.lock().await;
    let mut bodies = BodyLoop {
        shared: Arc::clone(&shared),
        waiting: HashMap::new(),
        requests: FuturesUnordered::new(),
        demanded: 0,
        ahead_due: false,
        ahead_running: false,
        without: HashSet::new(),
        fresh: 0,
        checked_at: None,
        retention: None,
        dropped_to: None,
        floor: None,
    };
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return Ok(()),
            Some(demand) = demands.recv(), if bodies.demanded < REQUESTS => {
                let mut keys = Vec::new();
                bodies.demand(demand, &mut keys);
                while keys.len() < TOGETHER {
                    let Ok(demand) = demands.try_recv() else { break };
                    bodies.demand(demand, &mut keys);
                }
                bodies.fetch(keys, false);
            }
            Some(fetched) = bodies.requests.next(), if !bodies.requests.is_empty() => {
                bodies.fetched(fetched);
            }
            () = shared.ahead.notified() => bodies.ahead_due = true,
        }
        if bodies.ahead_due && !bodies.ahead_running && bodies.demanded == 0 {
            if let Err(error) = bodies.drop_old().await {
                tracing::warn!(%error, "old bodies stay for now");
            }
            bodies.fetch_ahead().await?;
        }
    }
}

impl BodyLoop {
    fn demand(&mut self, demand: Demand, keys: &mut Vec<MessageKey>) {
        let waiting = self.waiting.entry(demand.key).or_insert_with(|| {
            keys.push(demand.key);
            Vec::new()
        });
        waiting.push(demand.reply);
    }

    fn fetch(&mut self, keys: Vec<MessageKey>, ahead: bool) {
        if keys.is_empty() {
            return;
        }
        if ahead {
            self.ahead_running = true;
        } else {
            self.demanded += 1;
        }
        let shared = Arc::clone(&self.shared);
        self.requests.push(Box::pin(async move {
            let bodies = fetch(&shared, &keys).await;
            Fetched {
                keys,
                ahead,
                bodies,
            }
        }));
    }

    async fn fetch_ahead(&mut self) -> Result<(), StepError> {
        self.ahead_due = false;
        let mut keys = self.shared.opened.take(TOGETHER);
        keys.retain(|key| !self.waiting.contains_key(key));
        if keys.is_empty() {
            keys = self.newest_missing().await?;
        }
        for key in &keys {
            self.waiting.insert(*key, Vec::new());
        }
        self.fetch(keys, true);
        Ok(())
    }

    /// The newest messages without a body here, as far as it would stay.
    async fn newest_missing(&mut self) -> Result<Vec<MessageKey>, StepError> {
        let newest = self.shared.options.bodies_ahead;
        if newest == 0 {
            return Ok(Vec::new());
        }
        let store = &self.shared.store;
        let known_absent = self.without.len() + self.waiting.len();
        let missing = store.missing_bodies(newest, AHEAD + known_absent).await?;
        let mut keys: Vec<MessageKey> = missing
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| !self.without.contains(key) && !self.waiting.contains_key(key))
            // What was dropped to make room is not fetched ahead again.
            .take_while(|key| self.floor.is_none_or(|floor| *key > floor))
            .take(AHEAD)
            .collect();
        if keys.is_empty() {
            return Ok(keys);
        }
        let retention = store.retention().await?;
        if !retention.has_room(store.body_octets().await?) {
            return Ok(Vec::new());
        }
        if let Some(cutoff) = retention.cutoff(self.time()) {
            keys = store.received_since(&keys, cutoff).await?;
        }
        Ok(keys)
    }

    /// Drops the bodies that may not stay, if it is time to look.
    async fn drop_old(&mut self) -> Result<(), StepError> {
        let now = self.shared.options.clock.now();
        let store = &self.shared.store;
        let retention = store.retention().await?;
        if self.retention.is_some_and(|before| before != retention) {
            // What was dropped may stay from now on, and what stayed may have to go.
            (self.checked_at, self.dropped_to, self.floor) = (None, None, None);
        }
        self.retention = Some(retention);
        let is_due = self
            .checked_at
            .is_none_or(|at| at.until(now) >= CHECK_EVERY);
        if !is_due && self.fresh < CHECK_AFTER {
            return Ok(());
        }
        self.checked_at = Some(now);
        self.fresh = 0;
        let opened = self.shared.opened.all();
        let Ok(_writing) = self.shared.gate.writing().await else {
            return Ok(());
        };
        let done = store
            .drop_old_bodies(retention, self.time(), &opened, self.dropped_to)
            .await?;
        self.dropped_to = done.reached;
        self.floor = self.floor.max(done.newest);
        if done.bodies > 0 {
            tracing::info!(
                bodies = done.bodies,
                octets = done.octets,
                "old bodies were dropped"
            );
        }
        Ok(())
    }

    fn time(&self) -> UnixTime {
        UnixTime::from_seconds(self.shared.options.clock.now().millis().div_euclid(1000))
    }

    fn fetched(&mut self, fetched: Fetched) {
        if fetched.ahead {
            self.ahead_running = false;
            // After a failure the next good round asks again.
            self.ahead_due |= fetched.bodies.is_ok();
        } else {
            self.demanded -= 1;
        }
        self.fresh += fetched.bodies.as_ref().map_or(0, HashMap::len);
        for key in fetched.keys {
            let answer = match &fetched.bodies {
                Ok(bodies) => bodies.get(&key).cloned().ok_or(FetchError::Gone),
                Err(error) => Err(error.clone()),
            };
            if matches!(answer, Err(FetchError::Gone)) {
                self.without.insert(key);
            }
            for reply in self.waiting.remove(&key).unwrap_or_default() {
                // Who asked may have gone away; the body is stored all the same.
                let _answered = reply.send(answer.clone()).is_ok();
            }
        }
    }
}

async fn fetch(
    shared: &Shared,
    keys: &[MessageKey],
) -> Result<HashMap<MessageKey, Body>, FetchError> {
    let known = shared.store.message_ids(keys).await?;
    if known.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<MessageId> = known.iter().map(|(_, id)| id.clone()).collect();
    let by_id: HashMap<MessageId, MessageKey> =
        known.into_iter().map(|(key, id)| (id, key)).collect();
    let way = shared.anew.subscribe();
    let answer = match shared.ask(shared.source.bodies(&ids)).await {
        // The way was lost meanwhile; there may be another one.
        Err(StepError::Source(_)) if way.has_changed().unwrap_or(false) => {
            shared.ask(shared.source.bodies(&ids)).await?
        }
        answer => answer?,
    };
    shared.answer_fits().await?;
    let bodies: HashMap<MessageKey, Body> = answer
        .into_iter()
        .filter_map(|(id, body)| Some((*by_id.get(&id)?, body)))
        .collect();
    let stored = bodies.iter().map(|(key, body)| (*key, body.clone()));
    let _writing = shared.gate.writing().await?;
    shared.store.store_bodies(stored.collect()).await?;
    Ok(bodies)
}
