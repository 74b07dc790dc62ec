//! One account of this computer, put together: record, session, store, server, engine.
//!
//! An account is always here, whatever is wrong with it: without its key it is closed, and says
//! why. Everything an open account holds belongs to it alone.

mod mending;
mod view;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use mail_auth::{AccountKey, KeyPurpose, Session, VaultError};
use mail_engine::{AccountEngine, EngineOptions};
use mail_jmap::JmapSource;
use mail_model::AccountId;
use mail_model::remote::{MailSource, SourceError};
use mail_store::{AccountRecord, AccountState, AccountStore, StoreError, StoreKey, StoreOptions};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::accounts::Signals;
use crate::frames::Tile;
use crate::host::Host;
use crate::tenant::MailAt;

/// What an account with its key has.
pub(crate) struct OpenAccount {
    pub(crate) store: AccountStore,
    pub(crate) engine: AccountEngine,
    pub(crate) source: Arc<dyn MailSource>,
    /// The account is being closed: whoever still shows something of it ends.
    pub(crate) closing: CancellationToken,
    /// Where its attachments lie that were opened.
    opened: PathBuf,
    /// The picture on its tile.
    tile: RwLock<Option<Arc<Tile>>>,
}

impl OpenAccount {
    pub(crate) fn set_tile(&self, tile: Option<Arc<Tile>>) {
        *self.tile.write().unwrap_or_else(PoisonError::into_inner) = tile;
    }

    fn tile_url(&self, host: &dyn Host) -> Option<String> {
        let tile = self.tile.read().unwrap_or_else(PoisonError::into_inner);
        tile.as_ref().map(|tile| tile.url(host))
    }
}

/// Why an account is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The keyring does not give its key out.
    VaultLocked,
    /// There is no key any more, or it opens nothing: only signing in again helps.
    KeyLost,
    /// The disk is full.
    DiskFull,
    /// A fault of ours.
    Fault,
    /// The person has locked it.
    Locked,
    /// It is being removed.
    Leaving,
    /// A change of sign-ins is under way that may set it aside.
    SetAside,
    /// Its mail lies elsewhere now; it is opened again at once.
    Moving,
    /// Its files were met damaged; it is opened again at once.
    Mending,
}

/// Why an account could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the account has no key")]
    NoKey,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl OpenError {
    fn closed(&self) -> Closed {
        match self {
            // An entry that is no key opens nothing, however long one waits.
            Self::NoKey | Self::Vault(VaultError::Damaged) | Self::Store(StoreError::WrongKey) => {
                Closed::KeyLost
            }
            Self::Vault(_) => Closed::VaultLocked,
            Self::Store(StoreError::DiskFull(_)) => Closed::DiskFull,
            Self::Store(_) | Self::Source(_) => Closed::Fault,
        }
    }
}

/// One account.
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) session: Session,
    record: RwLock<AccountRecord>,
    live: RwLock<Result<Arc<OpenAccount>, Closed>>,
    /// A change of sign-ins keeps its files as they are.
    frozen: AtomicBool,
    /// Whether the window has its first rows, or nobody waits for one.
    painted: watch::Receiver<bool>,
    /// When its files were met damaged in this run.
    mended: Mutex<Vec<Instant>>,
    /// Held while session and engine are told what they may do.
    settling: tokio::sync::Mutex<()>,
    signals: Signals,
}

impl Account {
    pub(crate) fn new(
        record: AccountRecord,
        session: Session,
        signals: Signals,
        painted: watch::Receiver<bool>,
    ) -> Self {
        let closed = match record.state {
            AccountState::Locked => Closed::Locked,
            _ => Closed::VaultLocked,
        };
        Self {
            id: record.id.clone(),
            session,
            record: RwLock::new(record),
            live: RwLock::new(Err(closed)),
            frozen: AtomicBool::new(false),
            painted,
            mended: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
            signals,
        }
    }

    pub(crate) fn record(&self) -> AccountRecord {
        self.record
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_record(&self, record: AccountRecord) {
        *self.record.write().unwrap_or_else(PoisonError::into_inner) = record;
        self.touch();
    }

    /// What the account has, if it is open.
    pub(crate) fn open(&self) -> Option<Arc<OpenAccount>> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .ok()
            .cloned()
    }

    /// Whether that is what it has just now.
    fn has_open(&self, open: &Arc<OpenAccount>) -> bool {
        self.open().is_some_and(|now| Arc::ptr_eq(&now, open))
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .err()
            .copied()
    }

    /// Whether the account is in that group.
    pub(crate) fn is_in_group(&self, group: &str) -> bool {
        let record = self.record.read().unwrap_or_else(PoisonError::into_inner);
        record
            .group
            .as_ref()
            .is_some_and(|own| own.as_str() == group)
    }

    /// Whether its rows are missing from lists for a reason the person did not ask for.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.closed().is_some_and(|why| {
            !matches!(
                why,
                Closed::Locked
                    | Closed::Leaving
                    | Closed::SetAside
                    | Closed::Moving
                    | Closed::Mending
            )
        })
    }

    /// Whether a change of sign-ins keeps it as it is.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    /// Keeps the files as they are for a change of sign-ins: no synchronisation, no changes by
    /// the person, until [`Self::thaw`]. The session goes on. Returns once nothing is under way.
    pub(crate) async fn freeze(&self) {
        self.frozen.store(true, Ordering::Release);
        self.settle_traffic().await;
        self.touch();
    }

    /// Ends [`Self::freeze`]; an account the person has paused stays so.
    pub(crate) async fn thaw(&self) {
        self.frozen.store(false, Ordering::Release);
        self.settle_traffic().await;
        self.touch();
    }

    /// Makes session and engine do what record, freeze and window allow.
    pub(crate) async fn settle_traffic(&self) {
        let _turn = self.settling.lock().await;
        let active = self.record().state == AccountState::Active;
        if active {
            self.session.resume();
        } else {
            self.session.pause();
        }
        let Some(open) = self.open() else { return };
        if *self.painted.borrow() {
            open.engine.index();
        }
        if self.is_frozen() {
            open.engine.freeze().await;
        } else if active && *self.painted.borrow() {
            open.engine.resume().await;
        } else {
            open.engine.pause().await;
        }
    }

    fn touch(&self) {
        self.signals.touch();
    }

    /// Opens the store with the account's key and starts its engine. Does nothing when open.
    pub(crate) async fn start(
        self: &Arc<Self>,
        app: &crate::App,
        key: Result<Option<AccountKey>, VaultError>,
        mail: MailAt,
    ) {
        if self.open().is_some() {
            return;
        }
        let opened = self.try_open(app, key, mail).await;
        let live = opened.map(Arc::new).map_err(|error| {
            tracing::warn!(account = %self.id, %error, "an account could not be opened");
            error.closed()
        });
        if let Ok(open) = &live {
            open.set_tile(app.stored_tile(open, &self.record()).await);
            self.watch(open);
            self.watch_damage(app, open);
        }
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
        self.settle_traffic().await;
        self.resume_when_painted();
        self.touch();
    }

    /// What is on the disk is shown first; the servers are asked after that.
    fn resume_when_painted(self: &Arc<Self>) {
        if *self.painted.borrow() {
            return;
        }
        let mut painted = self.painted.clone();
        let account = Arc::downgrade(self);
        tokio::spawn(async move {
            let told = painted.wait_for(|painted| *painted).await.is_ok();
            if let Some(account) = account.upgrade().filter(|_| told) {
                account.settle_traffic().await;
            }
        });
    }

    async fn try_open(
        &self,
        app: &crate::App,
        key: Result<Option<AccountKey>, VaultError>,
        mail: MailAt,
    ) -> Result<OpenAccount, OpenError> {
        let key = key?.ok_or(OpenError::NoKey)?;
        let store_key = StoreKey::new(*key.derive(KeyPurpose::Database));
        let paths = &app.0.paths;
        let folder = paths.account(&self.id);
        let store = AccountStore::open(&folder, store_key, StoreOptions::default()).await?;
        tracing::debug!(account = %self.id, "files are open");
        let tokens = mail.tokens(&self.session);
        let config = mail.config(self.session.hosts());
        let source: Arc<dyn MailSource> = Arc::new(JmapSource::new(config, tokens)?);
        // Nothing is asked before it is clear that it may be.
        let options = EngineOptions {
            index_turns: app.0.accounts.index_turns(),
            ..EngineOptions::default()
        };
        let engine =
            AccountEngine::start_paused(store.clone(), Arc::clone(&source), options).await?;
        Ok(OpenAccount {
            store,
            engine,
            source,
            closing: CancellationToken::new(),
            opened: paths.opened_of(&self.id),
            tile: RwLock::default(),
        })
    }

    /// Tells the feeds of every change of status, count or session. Ends with the account.
    fn watch(self: &Arc<Self>, open: &Arc<OpenAccount>) {
        let mut status = open.engine.status();
        let mut store = open.store.changes();
        let mut session = self.session.state();
        let account = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let mut regrouped = false;
                let alive = tokio::select! {
                    changed = status.changed() => changed.is_ok(),
                    changed = session.changed() => changed.is_ok(),
                    change = store.recv() => match change {
                        Ok(change) => {
                            regrouped = change.mailbox_tree;
                            true
                        }
                        Err(RecvError::Lagged(_)) => {
                            regrouped = true;
                            true
                        }
                        Err(RecvError::Closed) => false,
                    },
                };
                let Some(account) = account.upgrade() else {
                    return;
                };
                if regrouped {
                    account.signals.regroup();
                }
                account.touch();
                if !alive {
                    return;
                }
            }
        });
    }

    /// Stops the engine, closes the files and deletes the attachments that were opened. Nothing
    /// of the account runs afterwards, and no feed shows anything of it.
    pub(crate) async fn stop(&self, why: Closed) {
        let open = {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *live, Err(why)).ok()
        };
        if let Some(open) = open {
            open.closing.cancel();
            // Its rows go at once; closing takes its time.
            self.signals.regroup();
            self.touch();
            open.engine.stop().await;
            if let Err(error) = open.store.clone().close().await {
                tracing::warn!(account = %self.id, %error, "an account's files did not close well");
            }
            crate::app::delete_opened(&open.opened);
        }
        self.touch();
    }

    /// The account is closed for another reason now.
    pub(crate) fn stay_closed(&self, why: Closed) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if live.is_err() {
            *live = Err(why);
        }
        drop(live);
        self.touch();
    }
}
