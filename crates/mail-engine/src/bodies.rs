//! Fetches bodies: those somebody waits for at once, and those of the newest messages ahead.
//!
//! Who asks for a body that is already on its way waits for that one. Fetching ahead is done in
//! small pieces and only while nobody waits, so a person never waits for more than one piece.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use mail_model::remote::SourceError;
use mail_model::{Body, MessageId, MessageKey, Reaction};
use mail_store::StoreError;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::shared::{Shared, StepError};

/// Bodies fetched ahead in one request.
const AHEAD: usize = 10;
/// Bodies fetched in one request because they are waited for.
const TOGETHER: usize = 20;
/// Requests for bodies that are waited for, at the same time.
const REQUESTS: usize = 4;

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
        let known_absent = self.without.len() + self.waiting.len();
        let missing = self
            .shared
            .store
            .missing_bodies(self.shared.options.bodies_ahead, AHEAD + known_absent)
            .await?;
        let keys: Vec<MessageKey> = missing
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| !self.without.contains(key) && !self.waiting.contains_key(key))
            .take(AHEAD)
            .collect();
        for key in &keys {
            self.waiting.insert(*key, Vec::new());
        }
        self.fetch(keys, true);
        Ok(())
    }

    fn fetched(&mut self, fetched: Fetched) {
        if fetched.ahead {
            self.ahead_running = false;
            // After a failure the next good round asks again.
            self.ahead_due |= fetched.bodies.is_ok();
        } else {
            self.demanded -= 1;
        }
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
    let answer = shared.ask(shared.source.bodies(&ids)).await?;
    let bodies: HashMap<MessageKey, Body> = answer
        .into_iter()
        .filter_map(|(id, body)| Some((*by_id.get(&id)?, body)))
        .collect();
    let stored = bodies.iter().map(|(key, body)| (*key, body.clone()));
    let _writing = shared.gate.writing().await?;
    shared.store.store_bodies(stored.collect()).await?;
    Ok(bodies)
}
