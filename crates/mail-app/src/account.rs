//! One account of this computer, put together: record, session, store, server, engine.
//!
//! An account is always here, whatever is wrong with it: without its key it is closed, and says
//! why. Everything an open account holds belongs to it alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use mail_auth::{AccountKey, KeyPurpose, NeedsSignIn, Session, SessionState, VaultError};
use mail_engine::{AccountEngine, AccountStatus, EngineOptions, Health};
use mail_jmap::JmapSource;
use mail_model::remote::{MailSource, SourceError};
use mail_model::{AccountId, MailboxRole};
use mail_store::{AccountRecord, AccountState, AccountStore, StoreError, StoreKey, StoreOptions};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::accounts::Signals;
use crate::contract::{AccountView, HealthView, MailboxView, ProgressView, UnreadMark};
use crate::frames::Tile;
use crate::host::Host;
use crate::paths::Paths;
use crate::tenant::MailAt;

/// What an account with its key has.
pub(crate) struct OpenAccount {
    pub(crate) store: AccountStore,
    pub(crate) engine: AccountEngine,
    pub(crate) source: Arc<dyn MailSource>,
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
        self.closed()
            .is_some_and(|why| !matches!(why, Closed::Locked | Closed::Leaving | Closed::SetAside))
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
        let opened = self.try_open(&app.0.paths, key, mail).await;
        let live = opened.map(Arc::new).map_err(|error| {
            tracing::warn!(account = %self.id, %error, "an account could not be opened");
            error.closed()
        });
        if let Ok(open) = &live {
            open.set_tile(app.stored_tile(open, &self.record()).await);
            self.watch(open);
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
        paths: &Paths,
        key: Result<Option<AccountKey>, VaultError>,
        mail: MailAt,
    ) -> Result<OpenAccount, OpenError> {
        let key = key?.ok_or(OpenError::NoKey)?;
        let store_key = StoreKey::new(*key.derive(KeyPurpose::Database));
        let folder = paths.account(&self.id);
        let store = AccountStore::open(&folder, store_key, StoreOptions::default()).await?;
        tracing::debug!(account = %self.id, "files are open");
        let tokens = mail.tokens(&self.session);
        let config = mail.config(self.session.hosts());
        let source: Arc<dyn MailSource> = Arc::new(JmapSource::new(config, tokens)?);
        // Nothing is asked before it is clear that it may be.
        let options = EngineOptions::default();
        let engine =
            AccountEngine::start_paused(store.clone(), Arc::clone(&source), options).await?;
        Ok(OpenAccount {
            store,
            engine,
            source,
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

    /// Stops the engine and closes the files. Nothing of the account runs afterwards.
    pub(crate) async fn stop(&self, why: Closed) {
        let open = {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *live, Err(why)).ok()
        };
        if let Some(open) = open {
            open.engine.stop().await;
            if let Err(error) = open.store.clone().close().await {
                tracing::warn!(account = %self.id, %error, "an account's files did not close well");
            }
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

    fn health(&self, state: AccountState, status: Option<&AccountStatus>) -> HealthView {
        let session = *self.session.state().borrow();
        if self.closed() == Some(Closed::Locked) || session == SessionState::LockedByPerson {
            return HealthView::Locked;
        }
        match self.closed() {
            Some(Closed::VaultLocked) => return HealthView::VaultLocked,
            Some(Closed::DiskFull) => return HealthView::DiskFull,
            _ => {}
        }
        match session {
            SessionState::VaultUnavailable { .. } => return HealthView::VaultLocked,
            _ if state == AccountState::Paused && self.open().is_some() => {
                return HealthView::Paused;
            }
            SessionState::SignedOut
            | SessionState::NeedsSignIn {
                why: NeedsSignIn::NothingStored | NeedsSignIn::PutBack,
            } => return HealthView::SignedOut,
            SessionState::NeedsSignIn { .. } | SessionState::Sealed => {
                return HealthView::SignInNeeded;
            }
            SessionState::LockedByPerson | SessionState::SignedIn { .. } => {}
        }
        match (status.map(|status| &status.health), self.closed()) {
            // Not by the person: what is here is kept as it is, or is about to be looked at.
            (Some(Health::Paused), None) if self.is_frozen() => HealthView::Current,
            (Some(Health::Paused), None) => HealthView::Working,
            (Some(health), None) => health_view(health),
            (_, Some(Closed::VaultLocked)) => HealthView::VaultLocked,
            (_, Some(Closed::KeyLost)) => HealthView::SignInNeeded,
            (_, Some(Closed::DiskFull)) => HealthView::DiskFull,
            (_, Some(Closed::Locked)) => HealthView::Locked,
            (_, Some(Closed::SetAside)) => HealthView::Working,
            (None, None) | (_, Some(Closed::Fault | Closed::Leaving)) => HealthView::Fault,
        }
    }

    /// The account as the page sees it.
    pub(crate) async fn view(
        &self,
        connection_name: Option<String>,
        host: &dyn Host,
    ) -> AccountView {
        let record = self.record();
        let open = self.open();
        let status = open
            .as_ref()
            .map(|open| open.engine.status().borrow().clone());
        let mailboxes = match &open {
            Some(open) => mailboxes(&open.store).await,
            None => Vec::new(),
        };
        let inbox = mailboxes
            .iter()
            .find(|mailbox| mailbox.role == Some(MailboxRole::Inbox));
        AccountView {
            id: record.id.to_string(),
            name: record.name,
            email: record.email,
            letter: record.letter,
            color: record.color,
            picture: open.as_ref().and_then(|open| open.tile_url(host)),
            group: record.group.map(|group| group.to_string()),
            unread_mark: record.unread_mark.into(),
            connection: connection_name,
            session_ends_at: self
                .session
                .details()
                .session_until
                .map(|until| until.seconds()),
            read_only: self.is_frozen(),
            health: self.health(record.state, status.as_ref()),
            progress: status.as_ref().and_then(|status| {
                status.progress.map(|progress| ProgressView {
                    done: progress.done,
                    total: progress.total,
                })
            }),
            synced_at: status
                .as_ref()
                .and_then(|status| status.synced_at)
                .map(|at| at.seconds()),
            queued: status.as_ref().map_or(0, |status| status.queued),
            unread: inbox.map_or(0, |inbox| inbox.unread),
            mailboxes,
        }
    }
}

impl From<mail_store::UnreadMark> for UnreadMark {
    fn from(mark: mail_store::UnreadMark) -> Self {
        match mark {
            mail_store::UnreadMark::Number => Self::Number,
            mail_store::UnreadMark::Dot => Self::Dot,
            mail_store::UnreadMark::None => Self::None,
        }
    }
}

impl From<UnreadMark> for mail_store::UnreadMark {
    fn from(mark: UnreadMark) -> Self {
        match mark {
            UnreadMark::Number => Self::Number,
            UnreadMark::Dot => Self::Dot,
            UnreadMark::None => Self::None,
        }
    }
}

fn health_view(health: &Health) -> HealthView {
    match health {
        Health::Current => HealthView::Current,
        Health::Working => HealthView::Working,
        Health::Offline => HealthView::Offline,
        Health::Waiting { until } => HealthView::Waiting {
            until: until.seconds(),
        },
        Health::SignInNeeded => HealthView::SignInNeeded,
        Health::Paused => HealthView::Paused,
        Health::VaultLocked => HealthView::VaultLocked,
        Health::Refused { detail } => HealthView::Refused {
            detail: detail.clone(),
        },
        Health::Rebuilding => HealthView::Rebuilding,
        Health::DiskFull => HealthView::DiskFull,
        Health::Fault => HealthView::Fault,
    }
}

/// Mailboxes in the store's order, with each one's children right after it.
async fn mailboxes(store: &AccountStore) -> Vec<MailboxView> {
    let all = match store.mailboxes().await {
        Ok(all) => all,
        Err(error) => {
            tracing::warn!(%error, "mailboxes cannot be read");
            return Vec::new();
        }
    };
    let mut views = Vec::with_capacity(all.len());
    let roots = all.iter().filter(|(mailbox, _)| {
        let parent = mailbox.parent.as_ref();
        parent.is_none_or(|parent| !all.iter().any(|(other, _)| other.id == *parent))
    });
    let mut waiting: Vec<_> = roots.map(|found| (found, 0_u32)).collect();
    waiting.reverse();
    while let Some(((mailbox, counts), depth)) = waiting.pop() {
        // A parent that is its own descendant would never end; the depth of any real tree does.
        if depth > 32 {
            continue;
        }
        if views.len() >= all.len() {
            break;
        }
        views.push(MailboxView {
            id: mailbox.id.to_string(),
            name: mailbox.name.clone(),
            role: mailbox.role,
            depth,
            unread: counts.unread_threads,
            total: counts.threads,
        });
        let children = all
            .iter()
            .filter(|(other, _)| other.parent.as_ref() == Some(&mailbox.id));
        let mut children: Vec<_> = children.map(|found| (found, depth + 1)).collect();
        children.reverse();
        waiting.extend(children);
    }
    views
}
