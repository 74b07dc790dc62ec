//! The accounts of this computer: adding, renewing, signing out, removing, and their feed.

use std::sync::{Arc, PoisonError, RwLock};

use mail_auth::SignedIn;
use mail_engine::IndexTurns;
use mail_model::AccountLetter;
use mail_store::{
    AccountRecord, AccountState, Seal, SealReason, SourceAddress, StoreError, UnreadMark,
};
use tokio::sync::watch;

use crate::account::{Account, Closed};
use crate::app::{App, now};
use crate::contract::{
    AccountRequest, AccountView, AccountsEvent, Empty, ErrorCode, RemovalView, SyncRequest,
    UiError, UpdateAccountRequest,
};
use crate::feed::{FeedSink, OpenFeed};
use crate::paths::make_private_folder;
use crate::rail::Rail;
use crate::sign_ins::{Chosen, discard};
use crate::vault::new_account_id;

/// Longest name of an account, in characters.
const LONGEST_NAME: usize = 40;

/// All accounts, in the person's order.
pub(crate) struct Accounts {
    all: RwLock<Vec<Arc<Account>>>,
    /// What the rail shows besides accounts.
    rail: RwLock<Rail>,
    /// Counts everything an accounts feed could show.
    changed: watch::Sender<u64>,
    /// Counts accounts and mailboxes that came or went: what a merged list is made of.
    membership: watch::Sender<u64>,
    /// Accounts are not indexed all at once.
    index_turns: IndexTurns,
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
            rail: RwLock::default(),
            changed: watch::Sender::new(0),
            membership: watch::Sender::new(0),
            index_turns: IndexTurns::default(),
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

    pub(crate) fn index_turns(&self) -> IndexTurns {
        self.index_turns.clone()
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

    /// The place behind all accounts.
    pub(crate) fn next_position(&self) -> u32 {
        let all = self.all();
        let last = all.iter().map(|account| account.record().position).max();
        last.map_or(0, |last| last + 1)
    }

    /// Puts the accounts into the order of their records.
    pub(crate) fn sort(&self) {
        self.extend(std::iter::empty());
    }

    pub(crate) fn rail(&self) -> Rail {
        self.rail
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_rail(&self, rail: Rail) {
        *self.rail.write().unwrap_or_else(PoisonError::into_inner) = rail;
        self.signals().touch();
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
        let record = AccountRecord {
            letter: AccountLetter::of(&name).as_str().to_owned(),
            id: id.clone(),
            issuer: identity.issuer,
            subject: identity.subject,
            name,
            email: identity.email.unwrap_or_default(),
            color: chosen.color,
            position: self.0.accounts.next_position(),
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
        self.make_account_folder(&record.id)?;
        let parts = self.session_parts(&record).await?;
        let session = mail_auth::Session::create(parts, signed_in)
            .await
            .map_err(session_error)?;
        self.0.registry.insert(record.clone()).await?;
        let id = record.id.to_string();
        self.take_in(record, session).await;
        Ok(id)
    }

    /// Opens an account of the registry and puts it on the rail.
    pub(crate) async fn take_in(
        &self,
        record: AccountRecord,
        session: mail_auth::Session,
    ) -> Arc<Account> {
        let account = Arc::new(self.account_of_record(record, session));
        self.start_account(&account).await;
        self.0
            .accounts
            .extend(std::iter::once(Arc::clone(&account)));
        account
    }

    /// A folder for an account, which notes whether its key ends with this run.
    fn make_account_folder(&self, id: &mail_model::AccountId) -> Result<(), UiError> {
        let made = make_private_folder(&self.0.paths.account(id)).and_then(|()| {
            if self.0.vault.get().is_lasting() {
                return Ok(());
            }
            std::fs::write(self.0.paths.session_only(id), [])
        });
        made.map_err(|error| {
            tracing::error!(%error, "no folder for an account");
            UiError::new(ErrorCode::Disk)
        })
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

    /// Whether the mail of two connections is spoken to in different ways.
    async fn mail_differs(&self, one: Option<&str>, other: Option<&str>) -> bool {
        let tenant = self.0.tenant.read().await;
        let tenant = tenant.as_ref();
        tenant.is_some_and(|tenant| tenant.mail_of(one) != tenant.mail_of(other))
    }

    /// Puts a fresh sign-in of the same person in the place of the old one. The caller has a turn
    /// ([`App::one_change`]).
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] for one that was locked meanwhile, and what storing it can end with.
    pub(crate) async fn renew(
        &self,
        account: &Arc<Account>,
        signed_in: SignedIn,
    ) -> Result<(), UiError> {
        if account.record().state == AccountState::Locked {
            discard(signed_in).await;
            return Err(UiError::new(ErrorCode::Locked));
        }
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
        let before = account.record();
        let connection = connection.or_else(|| before.connection.clone());
        let has_moved = self
            .mail_differs(before.connection.as_deref(), connection.as_deref())
            .await;
        let record = AccountRecord {
            epoch,
            source: self.source_address(connection.as_deref()).await,
            connection,
            ..before
        };
        self.0.registry.update(record.clone()).await?;
        account.set_record(record);
        if has_moved {
            // Its engine asks where the former connection's mail lies, with that one's tokens.
            account.stop(Closed::Moving).await;
        }
        match account.open() {
            Some(open) => open.engine.sync_now(),
            None => self.start_account(account).await,
        }
        self.0.accounts.members_changed();
        Ok(())
    }

    /// An account whose key is gone gets a new one. Its unreadable files become a sealed copy
    /// under a name of its own: nothing is deleted before the person says so.
    async fn begin_anew(&self, account: &Arc<Account>) -> Result<(), UiError> {
        account.stop(Closed::KeyLost).await;
        let folder = self.0.paths.account(&account.id);
        if folder.exists() {
            let id = new_account_id().ok_or_else(|| UiError::new(ErrorCode::Bug))?;
            let copy = AccountRecord {
                id: id.clone(),
                state: AccountState::Sealed,
                seal: Some(Seal {
                    at: now(),
                    why: SealReason::KeyLost,
                    keep_until: None,
                }),
                group: None,
                link_journal: None,
                ..account.record()
            };
            // The row first: files without one would never be found again. A row without files is
            // taken away at the next start.
            self.0.registry.insert(copy).await?;
            crate::sealed::step_done("copy");
            mail_store::seal_account_folder(&folder, &self.0.paths.sealed(&id))?;
            tracing::warn!(account = %account.id, copy = %id, "files without a key are sealed");
            self.refresh_rail().await?;
        }
        self.make_account_folder(&account.id)?;
        let vault = self.0.vault.get();
        let made = match vault.key(&account.id).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => vault.create_key(&account.id).await.map(drop),
            Err(mail_auth::VaultError::Damaged) => {
                vault.replace_damaged_key(&account.id).await.map(drop)
            }
            // The keyring is not there, and this account's key never was in it.
            Err(_) if !vault.is_lasting() => vault.create_key(&account.id).await.map(drop),
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
            let octets = crate::sealed::folder_octets(&self.0.paths.account(&account.id));
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

    pub(crate) async fn update_account(
        &self,
        request: UpdateAccountRequest,
    ) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let account = self.account(&request.account)?;
        let mut record = account.record();
        record.name = short_name(&request.name, Some(&record.email));
        record.letter = match request.letter.as_deref().map(str::trim) {
            Some(letter) if !letter.is_empty() => letters(letter),
            _ => AccountLetter::of(&record.name).as_str().to_owned(),
        };
        record.color = request.color;
        record.unread_mark = request.unread_mark.into();
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
            views.push(account.view(connection, self.host()).await);
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
                let rail = app.0.accounts.rail();
                let groups = rail.group_views(&accounts);
                let shown = (accounts, groups, rail.sealed);
                if sent.as_ref() != Some(&shown) {
                    let (accounts, groups, sealed) = shown.clone();
                    sent = Some(shown);
                    let event = AccountsEvent {
                        seq,
                        accounts,
                        groups,
                        sealed,
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
}

/// What a person typed as letters of a tile: the first two that can be seen.
fn letters(typed: &str) -> String {
    let seen = typed
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace());
    seen.take(2).flat_map(char::to_uppercase).collect()
}

pub(crate) fn short_name(typed: &str, email: Option<&str>) -> String {
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
