//! The app: what exists once, and how the parts find each other.

mod rehearse;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail_auth::{Clock, Session, SessionParts, VerifiedIdentity};
use mail_model::{AccountColor, HostLog, UnixTime};
use mail_store::{AccountRecord, AccountState, Registry, StoreError};
use tokio::sync::{RwLock, watch};

use crate::account::{Account, Closed};
use crate::accounts::Accounts;
use crate::believable::Believable;
use crate::config::{Config, ConfigError, ORGANISATION_FILE};
use crate::contract::{ErrorCode, UiError};
use crate::conversation::Loads;
use crate::frames::{FrameReply, Frames};
use crate::host::Host;
use crate::linking::Linking;
use crate::lists::Lists;
use crate::paths::{DataLock, Paths, PathsError};
use crate::preferences::Preferences;
use crate::rehearsal::{Rehearsal, RehearsalError};
use crate::separation::LastCheck;
use crate::sign_ins::SignIns;
use crate::tenant::{Tenant, UnusableTenant};
use crate::vault::{VaultChoice, VaultSlot};

/// How to start.
#[derive(Clone)]
pub struct Start {
    /// Where things lie; the person's folders without it.
    pub paths: Option<Paths>,
    /// A new folder that is deleted at the end, instead of `paths`.
    pub fresh: bool,
    /// The configuration; read from its files without it.
    pub config: Option<Config>,
    /// Where keys are kept.
    pub vault: VaultChoice,
    /// The time by which it is judged whether a proof of a person is fresh.
    pub clock: Arc<dyn Clock>,
    /// Octets free where a folder is, asked before a copy is made.
    pub free_space: fn(&std::path::Path) -> std::io::Result<u64>,
    /// The world around the app.
    pub host: Arc<dyn Host>,
    /// Accounts of the rehearsal to sign in at once.
    pub rehearse: Vec<String>,
    /// Messages of each rehearsal account; `BRAID_REHEARSAL_SIZE` or 2,000 without it.
    pub rehearsal_size: Option<usize>,
    /// Servers are asked only when the page has painted its first rows, or after a second:
    /// for a window.
    pub after_first_paint: bool,
    /// How long a sign-in waits for its name to be confirmed.
    pub confirm_within: Duration,
}

impl Start {
    /// For the person at the keyboard.
    #[must_use]
    pub fn of_person(host: Arc<dyn Host>) -> Self {
        Self {
            paths: None,
            fresh: false,
            config: None,
            vault: VaultChoice::default(),
            clock: Arc::new(mail_auth::SystemClock),
            free_space: mail_engine::export::ExportOptions::default().free,
            host,
            rehearse: Vec::new(),
            rehearsal_size: None,
            after_first_paint: false,
            confirm_within: Duration::from_secs(10 * 60),
        }
    }
}

/// The longest wait for a window's first rows before servers are asked.
const FIRST_PAINT: Duration = Duration::from_secs(1);

/// Why the app could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folders cannot be used.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// No folder for a fresh start.
    #[error("no temporary folder can be made")]
    Fresh(#[source] std::io::Error),
    /// The configuration has a mistake.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The list of accounts cannot be read.
    #[error("the list of accounts cannot be read: {0}")]
    Registry(#[from] StoreError),
    /// The rehearsal does not start.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// The configured tenant has a mistake.
    #[error("the configured tenant cannot be used: {0}")]
    Tenant(#[from] UnusableTenant),
    /// A person of the rehearsal could not be signed in.
    #[error("the rehearsal's {account} account could not be signed in: {source}")]
    Rehearse {
        /// Which account.
        account: String,
        /// Why.
        #[source]
        source: UiError,
    },
}

pub(crate) struct Inner {
    pub(crate) paths: Paths,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) config: Mutex<Config>,
    pub(crate) tenant: RwLock<Option<Tenant>>,
    pub(crate) tenant_changed: watch::Sender<u64>,
    pub(crate) vault: VaultSlot,
    pub(crate) registry: Registry,
    pub(crate) preferences: Preferences,
    pub(crate) accounts: Accounts,
    pub(crate) lists: Lists,
    pub(crate) frames: Frames,
    pub(crate) loads: Loads,
    /// The app is being stopped.
    pub(crate) stopping: tokio_util::sync::CancellationToken,
    /// Held while the tenant or the set of accounts changes.
    changing: tokio::sync::Mutex<()>,
    sign_ins: SignIns,
    pub(crate) linking: Linking,
    pub(crate) last_check: LastCheck,
    pub(crate) believable: Believable,
    rehearsal_size: Option<usize>,
    /// Whether the window has its first rows, or nobody waits for one.
    pub(crate) painted: watch::Sender<bool>,
    pub(crate) confirm_within: Duration,
    // Dropped last: the folder and the lock outlive everything that uses them.
    lock: DataLock,
    _fresh: Option<tempfile::TempDir>,
}

/// The app. Cheap to clone; all clones are the same app.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

impl App {
    /// Starts everything: folders, keyring, tenant, accounts. Contacts no server for that; a
    /// locked keyring or a broken account does not keep the others from starting.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(start: Start) -> Result<Self, StartError> {
        let fresh = match start.fresh {
            true => Some(tempfile::tempdir().map_err(StartError::Fresh)?),
            false => None,
        };
        let paths = match (&fresh, start.paths) {
            (Some(fresh), _) => Paths::below(fresh.path()),
            (None, Some(paths)) => paths,
            (None, None) => Paths::of_person()?,
        };
        let lock = paths.lock()?;
        let mut config = match start.config {
            Some(config) => config,
            None => Config::load(&paths.config_file(), ORGANISATION_FILE.as_ref(), |name| {
                std::env::var(name).ok()
            })?,
        };
        config.rehearsal |= !start.rehearse.is_empty();
        for folder in [paths.accounts(), paths.all_sealed()] {
            if let Err(error) = mail_store::sweep_trash(&folder) {
                tracing::warn!(%error, "what a removal left behind could not be deleted");
            }
        }
        delete_opened(&paths.opened());
        let registry = Registry::open(paths.data()).await?;
        tracing::debug!("folders and registry are open");
        let rehearsing = config.rehearsal;
        let settings = config.tenant.clone().filter(|_| !rehearsing);
        let app = Self(Arc::new(Inner {
            host: start.host,
            config: Mutex::new(config),
            tenant: RwLock::new(settings.map(Tenant::new).transpose()?),
            tenant_changed: watch::Sender::new(0),
            vault: VaultSlot::new(start.vault),
            registry,
            preferences: Preferences::load(paths.preferences()),
            accounts: Accounts::default(),
            lists: Lists::default(),
            frames: Frames::default(),
            loads: Loads::default(),
            stopping: tokio_util::sync::CancellationToken::new(),
            changing: tokio::sync::Mutex::default(),
            sign_ins: SignIns::default(),
            linking: Linking::new(paths.data(), start.clock, start.free_space),
            last_check: LastCheck::default(),
            believable: Believable::load(paths.clock()),
            rehearsal_size: start.rehearsal_size.or_else(|| {
                std::env::var("BRAID_REHEARSAL_SIZE")
                    .ok()
                    .and_then(|size| size.parse().ok())
            }),
            painted: watch::Sender::new(!start.after_first_paint),
            confirm_within: start.confirm_within,
            paths,
            lock,
            _fresh: fresh,
        }));
        if rehearsing {
            app.begin_rehearsal().await?;
        }
        app.recover_links().await;
        app.open_accounts().await?;
        app.resume_links().await;
        app.refresh_rail().await?;
        app.tend_sealed_daily();
        app.watch_surroundings();
        if start.after_first_paint {
            let painted = app.0.painted.clone();
            tokio::spawn(async move {
                tokio::time::sleep(FIRST_PAINT).await;
                painted.send_replace(true);
            });
        }
        if app.0.accounts.all().is_empty() {
            // Nobody's key has told how the keyring is, and the first sign-in needs one.
            let app = app.clone();
            tokio::spawn(async move { app.0.vault.probe().await });
        }
        for account in start.rehearse {
            app.rehearse(&account)
                .await
                .map_err(|source| StartError::Rehearse { account, source })?;
        }
        Ok(app)
    }

    /// Stops every account, closes every file, ends the rehearsal.
    pub async fn stop(&self) {
        self.0.sign_ins.end_all().await;
        self.0.stopping.cancel();
        // Whoever is changing something ends it first; nobody begins anew.
        let _turn = self.one_change().await;
        let stopping = self.0.accounts.all().into_iter().map(|account| async move {
            account.stop(Closed::Leaving).await;
        });
        futures::future::join_all(stopping).await;
        self.0.registry.clone().close().await;
        let tenant = self.0.tenant.write().await.take();
        if let Some(rehearsal) = tenant.and_then(Tenant::into_rehearsal) {
            rehearsal.stop().await;
        }
        delete_opened(&self.0.paths.opened());
        self.0.lock.release();
    }

    /// A turn to change the tenant or the set of accounts: one at a time, so that what was looked
    /// at before is still true when it is acted on.
    pub(crate) async fn one_change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.changing.lock().await
    }

    pub(crate) fn tenant(&self) -> &RwLock<Option<Tenant>> {
        &self.0.tenant
    }

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.0.host
    }

    pub(crate) fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    /// The account of that id.
    pub(crate) fn account(&self, id: &str) -> Result<Arc<Account>, UiError> {
        self.0
            .accounts
            .find(id)
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))
    }

    /// The account of that person.
    pub(crate) fn account_of(&self, issuer: &str, subject: &str) -> Option<Arc<Account>> {
        self.0.accounts.all().into_iter().find(|account| {
            let record = account.record();
            record.issuer == issuer && record.subject == subject
        })
    }

    pub(crate) async fn connection_name(&self, id: &str) -> Option<String> {
        let tenant = self.0.tenant.read().await;
        let name = tenant
            .as_ref()
            .and_then(|tenant| tenant.settings().connection_name(id));
        Some(name.unwrap_or(id).to_owned())
    }

    pub(crate) fn free_color(&self) -> AccountColor {
        let accounts = self.0.accounts.all();
        let used: Vec<_> = accounts
            .iter()
            .map(|account| account.record().color)
            .collect();
        AccountColor::pick(&used)
    }

    /// A short name for a new account: the rehearsal's own, else the first part of the mail
    /// domain, which is what tells a person's accounts apart.
    pub(crate) async fn suggested_name(&self, identity: &VerifiedIdentity) -> String {
        let tenant = self.0.tenant.read().await;
        let rehearsal = tenant
            .as_ref()
            .and_then(Tenant::rehearsal)
            .map(Rehearsal::description);
        let rehearsed = rehearsal.and_then(|description| {
            let mut people = description.people.iter();
            people
                .find(|person| person.user == identity.subject)
                .map(|person| person.account.clone())
        });
        if let Some(name) = rehearsed {
            return name;
        }
        let email = identity.email.as_deref().unwrap_or_default();
        let domain = email.rsplit('@').next().unwrap_or_default();
        let first = domain.split('.').next().unwrap_or_default();
        let mut letters = first.chars();
        match letters.next() {
            Some(initial) => initial.to_uppercase().chain(letters).collect(),
            None => identity.name.clone().unwrap_or_else(|| "Mail".into()),
        }
    }

    pub(crate) fn tenant_has_changed(&self) {
        self.0
            .tenant_changed
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Answers one request of a mail frame.
    pub async fn frame(&self, path_and_query: &str) -> FrameReply {
        self.0.frames.serve(path_and_query, self.host()).await
    }

    /// Follows a link that was clicked in a mail: web, mail and telephone addresses go to the
    /// system, everything else nowhere.
    pub async fn follow_link(&self, url: &url::Url) {
        if !matches!(url.scheme(), "http" | "https" | "mailto" | "tel") {
            tracing::info!(scheme = url.scheme(), "a link was not followed");
            return;
        }
        if let Err(error) = self.host().open_url(url).await {
            tracing::warn!(%error, "a link could not be opened");
        }
    }

    /// Where an account's files hold a text: nowhere, if the text is another account's.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an account that is not here or not open.
    pub async fn traces_of(&self, account: &str, text: &str) -> Result<Vec<String>, UiError> {
        let open = self.account(account)?.open();
        let open = open.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        let traces = open.store.traces_of(text).await?;
        Ok(traces
            .into_iter()
            .map(|trace| format!("{}: {} ({} rows)", trace.file, trace.table, trace.rows))
            .collect())
    }

    /// A session as the parts of this app make it.
    pub(crate) async fn session_parts(
        &self,
        record: &AccountRecord,
    ) -> Result<SessionParts, UiError> {
        let tenant = self.0.tenant.read().await;
        let tenant = tenant
            .as_ref()
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        let parts = tenant.sign_in_parts(None);
        Ok(SessionParts {
            account: record.id.clone(),
            subject: record.subject.clone(),
            epoch: record.epoch,
            tenant: parts.tenant,
            verifier: parts.verifier,
            vault: self.0.vault.get(),
            file: self.0.paths.session(&record.id),
            clock: parts.clock,
            hosts: HostLog::new(),
        })
    }

    /// Opens every account of the registry that belongs to the tenant in use, at once.
    async fn open_accounts(&self) -> Result<(), StartError> {
        let issuer = self
            .0
            .tenant
            .read()
            .await
            .as_ref()
            .map(|tenant| tenant.issuer());
        let Some(issuer) = issuer else { return Ok(()) };
        let records = self.0.registry.accounts().await?;
        let records = records
            .into_iter()
            .filter(|record| record.issuer == issuer && record.state != AccountState::Sealed);
        let opening = records.map(|record| async move {
            let parts = self.session_parts(&record).await.ok()?;
            let session = match record.state {
                AccountState::Locked => Session::locked(parts),
                _ => Session::open(parts).await,
            };
            if record.state == AccountState::Paused {
                session.pause();
            }
            tracing::debug!(account = %record.id, "the session is read");
            let account = Arc::new(self.account_of_record(record, session));
            self.start_account(&account).await;
            Some(account)
        });
        let opened = futures::future::join_all(opening).await;
        self.0.accounts.extend(opened.into_iter().flatten());
        Ok(())
    }

    pub(crate) fn account_of_record(&self, record: AccountRecord, session: Session) -> Account {
        let painted = self.0.painted.subscribe();
        Account::new(record, session, self.0.accounts.signals(), painted)
    }

    /// Opens an account's files and starts its engine, unless the person has locked it.
    pub(crate) async fn start_account(&self, account: &Arc<Account>) {
        if account.record().state != AccountState::Locked {
            self.open_account(account).await;
        }
    }

    /// The same for one that is being unlocked too.
    pub(crate) async fn open_account(&self, account: &Arc<Account>) {
        if !self.may_open(account).await {
            return;
        }
        let vault = self.0.vault.get();
        let mut key = vault.key(&account.id).await;
        tracing::debug!(account = %account.id, "the keyring has answered");
        if let Err(error) = &key {
            self.0.vault.note(error);
            // A key that never was in the keyring does not come back with it.
            if !vault.is_lasting() && self.0.paths.session_only(&account.id).exists() {
                key = Ok(None);
            }
        }
        let record = account.record();
        let mail = {
            let tenant = self.0.tenant.read().await;
            tenant
                .as_ref()
                .map(|tenant| tenant.mail_of(record.connection.as_deref()))
        };
        if let Some(mail) = mail {
            account.start(self, key, mail).await;
        }
    }

    pub(crate) fn with_config<T>(&self, look: impl FnOnce(&mut Config) -> T) -> T {
        look(&mut self.0.config.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Deletes attachments that were opened. A run that was cut short leaves them to the next one.
pub(crate) fn delete_opened(opened: &std::path::Path) {
    match std::fs::remove_dir_all(opened) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "attachments that were opened could not be deleted"),
    }
}

pub(crate) fn now() -> UnixTime {
    mail_auth::SystemClock.now()
}
