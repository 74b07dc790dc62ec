//! One account under test: a store on the disk, a server in memory, a clock that stands still.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mail_engine::backoff::FixedJitter;
use mail_engine::clock::{ManualClock, Moment};
use mail_engine::{AccountEngine, AccountStatus, Arrival, EngineOptions, Health};
use mail_model::{Filter, Keywords, ListMode, ListRow, MailboxId, MessageId, MessageKey, RowKey};
use mail_store::{AccountStore, ListScope, StoreKey, StoreOptions};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::server::{Server, mailbox};

pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    pub(crate) store: AccountStore,
    pub(crate) clock: Arc<ManualClock>,
    _folder: TempDir,
}

/// Fails a test that would wait for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long: {what}"),
    }
}

impl World {
    pub(crate) async fn new(server: Arc<Server>) -> Self {
        let folder = TempDir::new().unwrap();
        let store = AccountStore::open(
            &folder.path().join("account"),
            StoreKey::new([7; 32]),
            StoreOptions::default(),
        )
        .await
        .unwrap();
        Self {
            server,
            store,
            clock: Arc::new(ManualClock::at(Moment::from_millis(1_700_000_000_000))),
            _folder: folder,
        }
    }

    pub(crate) async fn with_messages(count: u64) -> Self {
        Self::new(Server::with_messages(count)).await
    }

    pub(crate) fn options(&self) -> EngineOptions {
        let clock: Arc<ManualClock> = Arc::clone(&self.clock);
        EngineOptions {
            clock,
            jitter: Arc::new(FixedJitter(1.0)),
            hint_spacing: Duration::ZERO,
            bodies_ahead: 0,
            ..EngineOptions::default()
        }
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_with(self.options()).await
    }

    pub(crate) async fn start_with(&self, options: EngineOptions) -> Running {
        let source = Arc::clone(&self.server);
        let engine = AccountEngine::start(self.store.clone(), source, options)
            .await
            .unwrap();
        Running {
            status: engine.status(),
            engine,
        }
    }

    pub(crate) async fn start_paused(&self) -> Running {
        let source = Arc::clone(&self.server);
        let engine = AccountEngine::start_paused(self.store.clone(), source, self.options())
            .await
            .unwrap();
        Running {
            status: engine.status(),
            engine,
        }
    }

    /// An engine that has fetched everything once.
    pub(crate) async fn synced(&self) -> Running {
        let mut running = self.start().await;
        running.until(Health::Current).await;
        running
    }

    pub(crate) fn scope(&self, name: &str) -> ListScope {
        ListScope {
            mailbox: mailbox(name),
            mode: ListMode::Messages,
            filter: Filter::All,
        }
    }

    pub(crate) async fn rows(&self, name: &str) -> Vec<ListRow> {
        self.store
            .page(&self.scope(name), None, 100_000)
            .await
            .unwrap()
    }

    /// What is here of every message that lies in a mailbox.
    pub(crate) async fn local(&self) -> BTreeMap<MessageId, (Vec<MailboxId>, Keywords)> {
        let mut all = BTreeMap::new();
        for (mailbox, _) in self.store.mailboxes().await.unwrap() {
            for row in self.rows(mailbox.id.as_str()).await {
                let RowKey::Message(key) = row.key else {
                    panic!("a list of messages has a conversation")
                };
                let message = self.store.message(key).await.unwrap().unwrap().message;
                let mut mailboxes = message.mailboxes;
                mailboxes.sort();
                all.insert(message.id, (mailboxes, message.keywords));
            }
        }
        all
    }

    pub(crate) fn remote(&self) -> BTreeMap<MessageId, (Vec<MailboxId>, Keywords)> {
        self.server
            .messages()
            .into_iter()
            .map(|(id, message)| {
                let mut mailboxes = message.mailboxes;
                mailboxes.sort();
                (id, (mailboxes, message.keywords))
            })
            .collect()
    }

    /// The local copy is what the server has, and its counts are right.
    pub(crate) async fn assert_converged(&self) {
        let (local, remote) = (self.local().await, self.remote());
        assert_eq!(local.len(), remote.len(), "number of messages");
        assert_eq!(local, remote);
        assert_eq!(self.store.recount().await.unwrap(), []);
    }

    pub(crate) async fn key(&self, id: &MessageId) -> MessageKey {
        self.store.message_key(id).await.unwrap().unwrap()
    }

    pub(crate) async fn keywords(&self, id: &MessageId) -> Keywords {
        let key = self.key(id).await;
        self.store
            .message(key)
            .await
            .unwrap()
            .unwrap()
            .message
            .keywords
    }

    /// Waits until something holds of the local copy.
    pub(crate) async fn until<F>(&self, what: &str, holds: impl Fn() -> F)
    where
        F: Future<Output = bool>,
    {
        let mut changes = self.store.changes();
        soon(what, async {
            while !holds().await {
                changes.recv().await.unwrap();
            }
        })
        .await;
    }
}

pub(crate) struct Running {
    pub(crate) engine: AccountEngine,
    pub(crate) status: watch::Receiver<AccountStatus>,
}

impl Running {
    pub(crate) async fn until(&mut self, health: Health) {
        self.until_status(&format!("{health:?}"), |status| status.health == health)
            .await;
    }

    /// Waits until new mail is learnt of in this way.
    pub(crate) async fn until_arrival(&mut self, arrival: Arrival) {
        self.until_status(&format!("{arrival:?}"), |status| status.push == arrival)
            .await;
    }

    pub(crate) async fn until_status(
        &mut self,
        what: &str,
        holds: impl Fn(&AccountStatus) -> bool,
    ) {
        let status = self.status.clone();
        let waited = tokio::time::timeout(
            Duration::from_secs(30),
            self.status.wait_for(|status| holds(status)),
        );
        if waited.await.is_err() {
            panic!("waited too long for {what}: {:?}", *status.borrow());
        }
    }

    /// Looks now, and waits until that look is over and was good.
    pub(crate) async fn sync(&self) {
        let status = soon("a look", self.engine.sync()).await;
        assert_eq!(status.health, Health::Current);
    }
}
