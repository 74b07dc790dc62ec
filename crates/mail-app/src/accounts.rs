//! The accounts of this computer: adding, renewing, signing out, removing, and their feed.

use std::sync::{Arc, PoisonError, RwLock};

use mail_auth::SignedIn;
use mail_model::{AccountLetter, MailboxRole};
use mail_store::{AccountRecord, AccountState, SourceAddress, StoreError, UnreadMark};
use tokio::sync::watch;

use crate::account::{Account, Closed};
use crate::app::{App, now};
use crate::contract::{
    AccountRequest, AccountView, AccountsEvent, Empty, ErrorCode, ReceiptView, RemovalView,
    SyncRequest, UiError, UpdateAccountRequest,
};
use crate::feed::{FeedSink, OpenFeed};
use crate::paths::make_private_folder;
use crate::sign_ins::{Chosen, discard};
use crate::vault::new_account_id;

/// Longest name of an account, in characters.
const LONGEST_NAME: usize = 40;

/// All accounts, in the person's order.
pub(crate) struct Accounts {
    all: RwLock<Vec<Arc<Account>>>,
    /// Counts everything an accounts feed could show.
    changed: watch::Sender<u64>,
    /// Counts accounts and mailboxes that came or went: what a merged list is made of.
    membership: watch::Sender<u64>,
}

/// How an account tells that something about it has changed.
#[derive(Clone)]
pub(crate) struct Signals {
    changed: watch::Sender<u64>,
    membership: watch::Sender<u64>,
}

impl Signals {
    /// Something that is shown.
    pub(crate) fn touch(&self) {
        self.changed
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Something merged lists are made of.
    pub(crate) fn regroup(&self) {
        self.membership
            .send_modify(|version| *version = version.wrapping_add(1));
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            all: RwLock::default(),
            changed: watch::Sender::new(0),
            membership: watch::Sender::new(0),
        }
    }
}

impl Accounts {
    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        self.all
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Account>> {
        self.all()
            .into_iter()
            .find(|account| account.id.as_str() == id)
    }

    pub(crate) fn signals(&self) -> Signals {
        Signals {
            changed: self.changed.clone(),
            membership: self.membership.clone(),
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn watch_membership(&self) -> watch::Receiver<u64> {
        self.membership.subscribe()
    }

    pub(crate) fn extend(&self, accounts: impl Iterator<Item = Arc<Account>>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.extend(accounts);
        all.sort_by_key(|account| account.record().position);
        drop(all);
        self.members_changed();
    }

    pub(crate) fn remove(&self, account: &Account) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.id != account.id);
        drop(all);
        self.members_changed();
    }

    pub(crate) fn members_changed(&self) {
        let signals = self.signals();
        signals.regroup();
        signals.touch();
    }
}

impl From<StoreError> for UiError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "store");
        if matches!(error, StoreError::Frozen) {
            return Self::new(ErrorCode::ChangeUnderWay);
        }
        Self::new(
            if matches!(error, StoreError::DiskFull(_) | StoreError::DiskFault(_)) {
                ErrorCode::Disk
            } else {
                ErrorCode::Bug
            },
        )
    }
}

impl App {
    /// Keeps a finished sign-in as a new account: key, session, registry, engine, in this
    /// order. What fails on the way is taken back. The caller has a turn ([`App::one_change`]).
    pub(crate) async fn add_account(
        &self,
        signed_in: SignedIn,
        chosen: Chosen,
    ) -> Result<String, UiError> {
        let identity = signed_in.identity.clone();
        let id = new_account_id().ok_or_else(|| UiError::new(ErrorCode::Bug))?;
        let name = short_name(&chosen.name, identity.email.as_deref());
        let last = self
            .0
            .accounts
            .all()
            .iter()
            .map(|account| account.record().position)
            .max();
        let record = AccountRecord {
            letter: AccountLetter::of(&name).as_str().to_owned(),
            id: id.clone(),
            issuer: identity.issuer,
            subject: identity.subject,
            name,
            email: identity.email.unwrap_or_default(),
            color: chosen.color,
            position: last.map_or(0, |last| last + 1),
            source: self.source_address(identity.connection.as_deref()).await,
            connection: identity.connection,
            state: AccountState::Active,
            epoch: 1,
            created_at: now(),
            picture: None,
            group: None,
            unread_mark: UnreadMark::default(),
            seal: None,
            link_journal: None,
        };
        let vault = self.0.vault.get();
        if let Err(error) = vault.create_key(&id).await {
            self.0.vault.note(&error);
            discard(signed_in).await;
            return Err(vault_error(&error));
        }
        let kept = self.keep_account(record, signed_in).await;
        if kept.is_err() {
            if let Err(error) = vault.delete_key(&id).await {
                tracing::warn!(%error, "the key of an account that was not added is left over");
            }
            if let Err(error) = mail_store::remove_account_folder(&self.0.paths.account(&id)) {
                tracing::warn!(%error, "the folder of an account that was not added is left over");
            }
        }
        kept
    }

    async fn keep_account(
        &self,
        record: AccountRecord,
        signed_in: SignedIn,
    ) -> Result<String, UiError> {
        make_private_folder(&self.0.paths.account(&record.id)).map_err(|error| {
            tracing::error!(%error, "no folder for a new account");
            UiError::new(ErrorCode::Disk)
        })?;
        let parts = self.session_parts(&record).await?;
        let session = mail_auth::Session::create(parts, signed_in)
            .await
            .map_err(session_error)?;
        self.0.registry.insert(record.clone()).await?;
        let id = record.id.to_string();
        let account = Arc::new(Account::new(record, session, self.0.accounts.signals()));
        self.start_account(&account).await;
        self.0.accounts.extend(std::iter::once(account));
        Ok(id)
    }

    async fn source_address(&self, connection: Option<&str>) -> SourceAddress {
        let tenant = self.0.tenant.read().await;
        let url = tenant
            .as_ref()
            .map(|tenant| tenant.mail_address(connection));
        SourceAddress::Jmap {
            session_url: url.map(String::from).unwrap_or_default(),
        }
    }

    /// Puts a fresh sign-in of the same person in the place of the old one. The caller has a turn
    /// ([`App::one_change`]).
    pub(crate) async fn renew(
        &self,
        account: &Arc<Account>,
        signed_in: SignedIn,
    ) -> Result<(), UiError> {
        let connection = signed_in.identity.connection.clone();
        if account.closed() == Some(Closed::KeyLost)
            && let Err(error) = self.begin_anew(account).await
        {
            discard(signed_in).await;
            return Err(error);
        }
        let epoch = account
            .session
            .replace_credentials(signed_in)
            .await
            .map_err(session_error)?;
        let mut record = account.record();
        record.epoch = epoch;
        record.connection = connection.or(record.connection);
        self.0.registry.update(record.clone()).await?;
        account.set_record(record);
        match account.open() {
            Some(open) => open.engine.sync_now(),
            None => self.start_account(account).await,
        }
        self.0.accounts.members_changed();
        Ok(())
    }

    /// An account whose key is gone gets a new one; its unreadable files are kept aside.
    async fn begin_anew(&self, account: &Arc<Account>) -> Result<(), UiError> {
        account.stop(Closed::KeyLost).await;
        let aside = self.set_aside(account).map_err(|error| {
            tracing::error!(%error, "files without a key could not be put aside");
            UiError::new(ErrorCode::Disk)
        })?;
        if let Some(aside) = aside {
            tracing::warn!(account = %account.id, place = %aside.display(), "files without a key are kept aside");
        }
        make_private_folder(&self.0.paths.account(&account.id)).map_err(|error| {
            tracing::error!(%error, "no folder for an account that begins anew");
            UiError::new(ErrorCode::Disk)
        })?;
        let vault = self.0.vault.get();
        let made = match vault.key(&account.id).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => vault.create_key(&account.id).await.map(drop),
            Err(mail_auth::VaultError::Damaged) => {
                vault.replace_damaged_key(&account.id).await.map(drop)
            }
            Err(error) => Err(error),
        };
        made.map_err(|error| vault_error(&error))
    }

    /// What removing an account would delete.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn removal(&self, request: AccountRequest) -> Result<RemovalView, UiError> {
        let account = self.account(&request.account)?;
        let Some(open) = account.open() else {
            let octets = folder_octets(&self.0.paths.account(&account.id));
            return Ok(RemovalView {
                messages: 0,
                queued: 0,
                octets,
            });
        };
        Ok(RemovalView {
            messages: open.store.message_count().await?,
            queued: open.engine.status().borrow().queued,
            octets: open.store.sizes().total(),
        })
    }

    /// Removes an account from this computer: session, engine, files, key, registry, in this
    /// order, and looks whether they are gone. The mail on the server stays.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Disk`] when files could not be deleted; the
    /// account is then still listed, so that it can be tried again.
    pub async fn remove_account(&self, request: AccountRequest) -> Result<ReceiptView, UiError> {
        let _turn = self.one_change().await;
        let account = self.account(&request.account)?;
        account.stop(Closed::Leaving).await;
        let session_ended = match account.session.sign_out().await {
            Ok(report) => report.told_login_service,
            Err(error) => {
                tracing::warn!(%error, "an account that is removed did not sign out well");
                false
            }
        };
        let removed = mail_store::remove_account_folder(&self.0.paths.account(&account.id))?;
        let key_deleted = match self.0.vault.delete_key(&account.id).await {
            Ok(gone) => gone,
            Err(error) => {
                tracing::warn!(%error, "the key of a removed account is left over");
                false
            }
        };
        self.0.registry.remove(&account.id).await?;
        self.0.accounts.remove(&account);
        Ok(ReceiptView {
            email: account.record().email,
            at: now().seconds(),
            items: Vec::new(),
            files: u32::try_from(removed.files).unwrap_or(u32::MAX),
            octets: removed.octets,
            key_deleted,
            session_ended,
        })
    }

    pub(crate) async fn update_account(
        &self,
        request: UpdateAccountRequest,
    ) -> Result<Empty, UiError> {
        let account = self.account(&request.account)?;
        let mut record = account.record();
        record.name = short_name(&request.name, Some(&record.email));
        record.letter = match request.letter.as_deref().map(str::trim) {
            Some(letter) if !letter.is_empty() => AccountLetter::of(letter).as_str().to_owned(),
            _ => AccountLetter::of(&record.name).as_str().to_owned(),
        };
        record.color = request.color;
        self.0.registry.update(record.clone()).await?;
        account.set_record(record);
        Ok(Empty {})
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn sync_now(&self, request: SyncRequest) -> Result<Empty, UiError> {
        let accounts = match request.account {
            Some(id) => vec![self.account(&id)?],
            None => self.0.accounts.all(),
        };
        for account in accounts {
            if let Some(open) = account.open() {
                open.engine.sync_now();
            }
        }
        Ok(Empty {})
    }

    /// All accounts as they are at the moment, in the person's order.
    pub async fn accounts_now(&self) -> Vec<AccountView> {
        let mut views = Vec::new();
        for account in self.0.accounts.all() {
            let connection = match account.record().connection {
                Some(id) => self.connection_name(&id).await,
                None => None,
            };
            views.push(account.view(connection).await);
        }
        views
    }

    #[allow(clippy::unused_async, reason = "one shape for all feeds")]
    pub(crate) async fn open_accounts_feed(
        &self,
        _: Empty,
        sink: FeedSink,
    ) -> Result<OpenFeed, UiError> {
        let app = self.clone();
        let mut changed = self.0.accounts.watch();
        Ok(OpenFeed::spawn(move |_| async move {
            let mut seq = 0;
            let mut sent = None;
            loop {
                changed.mark_unchanged();
                let accounts = app.accounts_now().await;
                if sent.as_ref() != Some(&accounts) {
                    sent = Some(accounts.clone());
                    let event = AccountsEvent {
                        seq,
                        accounts,
                        groups: Vec::new(),
                        sealed: Vec::new(),
                    };
                    if !sink.send(&event) {
                        return;
                    }
                    seq += 1;
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        }))
    }

    /// The members of a merged mailbox: every account that has one of that role.
    pub(crate) async fn mailboxes_of_role(
        &self,
        role: MailboxRole,
    ) -> Vec<(Arc<Account>, mail_model::MailboxId)> {
        let mut found = Vec::new();
        for account in self.0.accounts.all() {
            let Some(open) = account.open() else { continue };
            match open.store.role_mailbox(role).await {
                Ok(Some(mailbox)) => found.push((account, mailbox)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(account = %account.id, %error, "mailboxes cannot be read")
                }
            }
        }
        found
    }
}

fn short_name(typed: &str, email: Option<&str>) -> String {
    let name: String = typed
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_NAME)
        .collect();
    match (name.is_empty(), email) {
        (false, _) => name,
        (true, Some(email)) if !email.is_empty() => email.chars().take(LONGEST_NAME).collect(),
        _ => "Mail".into(),
    }
}

pub(crate) fn vault_error(error: &mail_auth::VaultError) -> UiError {
    UiError::new(match error {
        mail_auth::VaultError::NoService(_) => ErrorCode::VaultMissing,
        _ => ErrorCode::VaultLocked,
    })
}

pub(crate) fn session_error(error: mail_auth::SessionError) -> UiError {
    use mail_auth::SessionError;

    tracing::warn!(%error, "session");
    match error {
        SessionError::Vault(error) => vault_error(&error),
        SessionError::NoKey => UiError::new(ErrorCode::VaultLocked),
        SessionError::NotStored(_) => UiError::new(ErrorCode::Disk),
        SessionError::OtherPerson => UiError::new(ErrorCode::SignInUntrusted),
        _ => UiError::new(ErrorCode::TenantUnreachable),
    }
}

fn folder_octets(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|file| file.len())
        .sum()
}
