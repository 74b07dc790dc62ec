//! The engine of one account: its tasks, and what a person can ask of them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mail_model::remote::{ByteStream, MailSource};
use mail_model::{Attachment, Body, MessageKey, ThreadKey};
use mail_store::{AccountStore, FileKind, IntentId, NewIntent, Retention, StoreError};
use tokio::sync::{Mutex, Notify, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::account_loop::AccountLoop;
use crate::bodies::{self, Demand, FetchError, Opened};
use crate::gate::{Gate, Passage, guarded};
use crate::notice::Notice;
use crate::options::EngineOptions;
use crate::push;
use crate::search::{LookedAt, indexing};
use crate::shared::{Shared, Wakes, Writes};
use crate::status::{AccountStatus, Health, StatusBoard};
use crate::supervisor::{keep_running, keep_synchronising};
use crate::sync_state::State;

mod control;
mod survey;

pub use control::Settled;

/// Notices kept for a listener that lags.
const NOTICES: usize = 64;

/// Synchronises one account and carries the person's changes to its server.
///
/// Owns four tasks, each of which is started again when it fails: the account's loop, the push
/// channel, the fetching of bodies, and the indexing. They know one store and one source; nothing
/// here names or reaches another account.
pub struct AccountEngine {
    pub(crate) shared: Arc<Shared>,
    demands: mpsc::UnboundedSender<Demand>,
    tasks: Mutex<JoinSet<()>>,
}

impl AccountEngine {
    /// Starts to synchronise. Changes that a person made earlier are sent first.
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub async fn start(
        store: AccountStore,
        source: Arc<dyn MailSource>,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        Self::begin(store, source, options, Passage::Open).await
    }

    /// Starts without any traffic: what is here can be read and changed, and changes wait until
    /// [`Self::resume`].
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub async fn start_paused(
        store: AccountStore,
        source: Arc<dyn MailSource>,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        Self::begin(store, source, options, Passage::Paused).await
    }

    async fn begin(
        store: AccountStore,
        source: Arc<dyn MailSource>,
        options: EngineOptions,
        passage: Passage,
    ) -> Result<Self, StoreError> {
        let report = store.report();
        // What exists only here is not fetched.
        let rebuilding = report
            .set_aside
            .iter()
            .any(|set| set.file != FileKind::Local);
        let state = if passage == Passage::Open {
            State::Idle
        } else {
            State::Paused
        };
        let board = StatusBoard::new(state, rebuilding);
        board.note_queue(&store);
        if let Some(at) = store.progress().await?.last_success {
            board.set_synced_at(at);
        }
        let shared = Arc::new(Shared {
            store,
            source,
            options,
            board,
            notices: broadcast::channel(NOTICES).0,
            wakes: Wakes::default(),
            looks: watch::Sender::default(),
            push_tells: AtomicBool::new(true),
            push_wanted: watch::Sender::new(false),
            ahead: Notify::new(),
            indexing: watch::Sender::new(passage == Passage::Open),
            indexed: watch::Sender::default(),
            looked_at: LookedAt::default(),
            anew: watch::Sender::default(),
            opened: Opened::default(),
            prod: Notify::new(),
            stop: CancellationToken::new(),
            gate: Gate::new(passage),
            writes: Writes::default(),
        });
        let (demands, received) = mpsc::unbounded_channel();
        let received = Arc::new(Mutex::new(received));
        let mut tasks = JoinSet::new();
        let of_loop = Arc::clone(&shared);
        tasks.spawn(keep_synchronising(
            Arc::clone(&shared),
            "synchronisation",
            move || AccountLoop::new(Arc::clone(&of_loop)).run(),
        ));
        let of_push = Arc::clone(&shared);
        tasks.spawn(keep_running(Arc::clone(&shared), "push", move || {
            push::run(Arc::clone(&of_push))
        }));
        let of_bodies = Arc::clone(&shared);
        tasks.spawn(keep_running(Arc::clone(&shared), "bodies", move || {
            bodies::run(Arc::clone(&of_bodies), Arc::clone(&received))
        }));
        let of_index = Arc::clone(&shared);
        tasks.spawn(keep_running(Arc::clone(&shared), "indexing", move || {
            indexing::run(Arc::clone(&of_index))
        }));
        Ok(Self {
            shared,
            demands,
            tasks: Mutex::new(tasks),
        })
    }

    /// How the account is, now and from now on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<AccountStatus> {
        self.shared.board.watch()
    }

    /// What the person should be told once.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.shared.notices.subscribe()
    }

    /// The account's local copy.
    #[must_use]
    pub fn store(&self) -> &AccountStore {
        &self.shared.store
    }

    /// Looks for new mail now: a person asks, the network is back, the session was renewed or the
    /// keyring unlocked. Cuts short every wait but one the server asked for.
    pub fn sync_now(&self) {
        self.shared.wakes.wake();
        self.shared.prod.notify_waiters();
    }

    /// Says how much of the bodies stays on this machine. What is too much goes soon afterwards,
    /// and what may stay again is fetched ahead again.
    ///
    /// # Errors
    /// It cannot be written down; then everything is as before.
    pub async fn set_retention(&self, retention: Retention) -> Result<(), StoreError> {
        self.shared.store.set_retention(retention).await?;
        self.shared.ahead.notify_one();
        Ok(())
    }

    /// The machine woke up, or the network is another one: connections from before may be dead
    /// without anybody having said so. Gives them up, opens the push channel anew and looks now.
    /// Takes some milliseconds.
    pub fn reconnect(&self) {
        self.shared.source.forget_connections();
        self.shared.anew.send_modify(|times| *times += 1);
        self.sync_now();
    }

    /// Looks for new mail now and waits until that look is over, well or not; gives how the
    /// account is then. It may still be fetching older mail; see [`AccountStatus::progress`].
    /// Does not wait where the server has asked to be left alone, nor where the account is paused.
    pub async fn sync(&self) -> AccountStatus {
        let mut looks = self.shared.looks.subscribe();
        let mut status = self.status();
        // A look that is under way may have asked already; the one after it has not.
        let next = looks.borrow().begun + 1;
        self.sync_now();
        tokio::select! {
            _ = looks.wait_for(|looks| looks.ended >= next) => (),
            _ = status.wait_for(|status| matches!(status.health, Health::Waiting { .. })) => (),
            () = self.shared.gate.closed() => (),
            () = self.shared.stop.cancelled() => (),
        }
        self.status().borrow().clone()
    }

    /// Changes messages: durable and shown when this returns, sent to the server as soon as it
    /// can be reached.
    ///
    /// # Errors
    /// [`StoreError::Frozen`] after [`Self::freeze`]; else see [`AccountStore::queue_edit`].
    ///
    /// # Cancellation
    /// Once begun it goes on to its end, whether or not anyone waits.
    pub async fn edit(&self, edit: NewIntent) -> Result<IntentId, StoreError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let Ok(_writing) = shared.gate.writing().await else {
                return Err(StoreError::Frozen);
            };
            let queued = shared.store.queue_edit(edit).await;
            // One that was kept and could not be shown is sent all the same.
            shared.note_queue();
            shared.wakes.mark();
            queued.map(|(id, _)| id)
        });
        task.await.map_err(|_| StoreError::Closed)?
    }

    /// The body of a message: from the local copy, or from the server ahead of everything else.
    /// Several calls for the same message share one request.
    ///
    /// # Errors
    /// See [`FetchError`].
    ///
    /// # Cancellation
    /// Dropping the future gives up waiting; a body that is on its way is stored all the same.
    pub async fn fetch_body(&self, key: MessageKey) -> Result<Body, FetchError> {
        self.shared.opened.note([key]);
        if let Some(body) = self.shared.store.body(key).await? {
            return Ok(body);
        }
        if !self.shared.gate.is_open() {
            return Err(FetchError::Paused);
        }
        let (reply, answer) = oneshot::channel();
        self.demands
            .send(Demand { key, reply })
            .map_err(|_| FetchError::Stopped)?;
        tokio::select! {
            answer = answer => answer.map_err(|_| FetchError::Stopped)?,
            () = self.shared.stop.cancelled() => Err(FetchError::Stopped),
        }
    }

    /// A person opens a conversation: the bodies of its messages that are not here are fetched
    /// next, newest first, after those somebody waits for. Returns at once.
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub async fn open_thread(&self, thread: ThreadKey) -> Result<(), StoreError> {
        let store = &self.shared.store;
        let messages = store.thread(thread).await?;
        let mut keys: Vec<MessageKey> = messages.iter().map(|message| message.key).collect();
        self.shared.opened.note(keys.iter().copied());
        let here = store.bodies_here(&keys).await?;
        keys.retain(|key| !here.contains(key));
        keys.sort_unstable_by_key(|key| key.get());
        self.shared.opened.want(keys);
        self.shared.ahead.notify_one();
        Ok(())
    }

    /// The bytes of a message's `index`th file as they arrive, and what is known of it. They are
    /// not kept here.
    ///
    /// # Errors
    /// [`FetchError::Gone`] if there is no such file; else see [`FetchError`].
    pub async fn open_blob(
        &self,
        key: MessageKey,
        index: usize,
    ) -> Result<(Attachment, ByteStream), FetchError> {
        let body = self.fetch_body(key).await?;
        let attachment = body.attachments.into_iter().nth(index);
        let attachment = attachment.ok_or(FetchError::Gone)?;
        let request = self.shared.source.blob(&attachment.blob);
        let bytes = self.shared.ask(request).await?;
        self.shared.answer_fits().await?;
        Ok((attachment, guarded(Arc::clone(&self.shared), bytes)))
    }

    /// Stops all tasks. Requests are dropped; what is being stored is stored to its end by the
    /// store. Returns within [`stop_limit`](EngineOptions::stop_limit); a task that has not ended
    /// by then is aborted. Calling it again does nothing.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.shared.options.stop_limit, ended)
            .await
            .is_err()
        {
            tracing::error!("a task of an account did not stop in time");
            tasks.shutdown().await;
        }
        // Hosts are noted for showing only: a failure here costs the newest of them.
        if let Err(error) = self.shared.note_hosts().await {
            tracing::debug!(%error, "the hosts spoken to could not be kept");
        }
    }
}

impl Drop for AccountEngine {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
