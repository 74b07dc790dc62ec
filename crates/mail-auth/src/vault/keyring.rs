//! The system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on
//! Windows. The store is named explicitly, because a keyring library without one would quietly
//! keep keys in memory or in the kernel.
//!
//! Every call may block for as long as a person looks at a password window. So each runs on a
//! thread of its own, never inside a task, and the caller waits five seconds at most. A call
//! that is given up goes on in its thread; the next one waits behind it, so that windows do not
//! pile up, and the end of the program does not wait for either.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use keyring_core::{CredentialStore, Entry, Error};
use mail_model::AccountId;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::moving::{Move, next};
use super::{Vault, VaultError};
use crate::keys::AccountKey;

const LIMIT: Duration = Duration::from_secs(5);
/// A refusal that took longer than this was a person closing a window.
const PERSON: Duration = Duration::from_millis(700);

/// Keys in the system's keyring.
pub struct KeyringVault {
    service: String,
    limit: Duration,
    store: Arc<Slot>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl KeyringVault {
    /// The vault of this program: entries of service `braid`. Contacts nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with_service("braid")
    }

    /// The same under another service name, which keeps profiles and tests apart.
    #[must_use]
    pub fn with_service(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            limit: LIMIT,
            store: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Runs one piece of work with the store on its own thread.
    async fn with_store<T, F>(&self, work: F) -> Result<T, VaultError>
    where
        T: Send + 'static,
        F: Fn(&Arc<CredentialStore>, &str) -> Result<T, Error> + Send + 'static,
    {
        let late = || VaultError::TimedOut { after: self.limit };
        let deadline = tokio::time::Instant::now() + self.limit;
        let turn = tokio::time::timeout_at(deadline, Arc::clone(&self.turn).lock_owned())
            .await
            .map_err(|_| late())?;
        let (reply, answer) = oneshot::channel();
        let store = Arc::clone(&self.store);
        let service = self.service.clone();
        std::thread::Builder::new()
            .name("keyring".to_owned())
            .spawn(move || {
                let is_new = slot(&store).is_none();
                let mut result = run(&store, &service, &work);
                let is_broken = matches!(result, Err(VaultError::NoService(_)));
                // A keyring that was started anew knows nothing of the connection to the one
                // before. Nothing is done again once nobody waits for it.
                if is_broken && !is_new && slot(&store).is_none() && !reply.is_closed() {
                    result = run(&store, &service, &work);
                }
                if reply.send(result).is_err() {
                    tracing::debug!("the keyring answered after the time limit");
                }
                drop(turn);
            })
            .map_err(|error| VaultError::Failed(Error::PlatformFailure(Box::new(error))))?;
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(result)) => result,
            // A closed channel is a panic in the keyring library.
            Ok(Err(_)) => Err(VaultError::NoService(None)),
            Err(_) => Err(late()),
        }
    }
}

impl Default for KeyringVault {
    fn default() -> Self {
        Self::new()
    }
}

/// Which entry of an account: the live key's is named after the account, the sealed one's is
/// told from it by a prefix that no account's name can have.
#[derive(Clone, Copy)]
enum Kind {
    Live,
    Sealed,
}

const SEALED: &str = "sealed:";

impl Kind {
    fn user(self, account: &AccountId) -> String {
        match self {
            Self::Live => account.as_str().to_owned(),
            Self::Sealed => format!("{SEALED}{account}"),
        }
    }

    /// The account, if the entry is of this kind.
    fn account(self, user: &str) -> Option<AccountId> {
        let id = match self {
            Self::Live => user,
            Self::Sealed => user.strip_prefix(SEALED)?,
        };
        AccountId::new(id).ok()
    }
}

impl KeyringVault {
    async fn read(
        &self,
        kind: Kind,
        account: &AccountId,
    ) -> Result<Option<AccountKey>, VaultError> {
        let user = kind.user(account);
        self.with_store(move |store, service| read(store, service, &user))
            .await?
            .map(Found::key)
            .transpose()
    }

    async fn delete(&self, kind: Kind, account: &AccountId) -> Result<(), VaultError> {
        let user = kind.user(account);
        self.with_store(move |store, service| delete(store, service, &user))
            .await
    }

    async fn list(&self, kind: Kind) -> Result<Vec<AccountId>, VaultError> {
        let users = self
            .with_store(|store, service| {
                let found = store.search(&HashMap::from([("service", service)]))?;
                Ok(found
                    .iter()
                    .filter_map(|entry| entry.get_specifiers())
                    .map(|(_, user)| user)
                    .collect::<Vec<_>>())
            })
            .await?;
        Ok(users.iter().filter_map(|user| kind.account(user)).collect())
    }

    /// Moves a key step by step; each one is read back before the next.
    async fn carry(&self, account: &AccountId, from: Kind, to: Kind) -> Result<(), VaultError> {
        loop {
            let source = self.read(from, account).await?;
            let target = self.read(to, account).await?;
            match next(source.as_ref(), target.as_ref())? {
                Move::Copy => {
                    if let Some(key) = source {
                        let user = to.user(account);
                        self.with_store(move |store, service| write(store, service, &user, &key))
                            .await?;
                        // A keyring that takes a key and does not have it then would be asked
                        // for ever.
                        if self.read(to, account).await?.is_none() {
                            return Err(VaultError::Damaged);
                        }
                    }
                }
                Move::DeleteSource => {
                    self.delete(from, account).await?;
                    if self.read(from, account).await?.is_some() {
                        return Err(VaultError::AlreadyThere);
                    }
                }
                Move::Done => return Ok(()),
            }
        }
    }
}

#[async_trait]
impl Vault for KeyringVault {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.read(Kind::Live, account).await
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let key = AccountKey::random()?;
        let user = Kind::Live.user(account);
        let fresh = key.clone();
        let created = self
            .with_store(move |store, service| match read(store, service, &user)? {
                None => write(store, service, &user, &fresh).map(|()| true),
                // Its own, if the keyring ended before it could say so.
                Some(Found::Key(key)) => Ok(key == fresh),
                Some(Found::Damaged) => Ok(false),
            })
            .await?;
        if created {
            Ok(key)
        } else {
            Err(VaultError::AlreadyThere)
        }
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.delete(Kind::Live, account).await
    }

    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let key = AccountKey::random()?;
        let user = Kind::Live.user(account);
        let fresh = key.clone();
        let replaced = self
            .with_store(move |store, service| {
                if let Some(Found::Key(key)) = read(store, service, &user)? {
                    return Ok(key == fresh);
                }
                delete(store, service, &user)?;
                write(store, service, &user, &fresh).map(|()| true)
            })
            .await?;
        if replaced {
            Ok(key)
        } else {
            Err(VaultError::AlreadyThere)
        }
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.carry(account, Kind::Live, Kind::Sealed).await
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.carry(account, Kind::Sealed, Kind::Live).await
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.read(Kind::Sealed, account).await
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.delete(Kind::Sealed, account).await
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.list(Kind::Sealed).await
    }

    /// Nothing is remembered beyond a call.
    fn forget(&self, _: &AccountId) {}

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.list(Kind::Live).await
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

/// What lies in an entry.
enum Found {
    Key(AccountKey),
    /// Something else.
    Damaged,
}

impl Found {
    fn key(self) -> Result<AccountKey, VaultError> {
        match self {
            Self::Key(key) => Ok(key),
            Self::Damaged => Err(VaultError::Damaged),
        }
    }
}

fn read(store: &Arc<CredentialStore>, service: &str, user: &str) -> Result<Option<Found>, Error> {
    match Entry::new_in_store(store, service, user)?.get_secret() {
        Ok(secret) => {
            let secret = Zeroizing::new(secret);
            Ok(Some(
                <[u8; AccountKey::LENGTH]>::try_from(secret.as_slice())
                    .map_or(Found::Damaged, |bytes| {
                        Found::Key(AccountKey::from_bytes(bytes))
                    }),
            ))
        }
        Err(Error::NoEntry) => Ok(None),
        Err(Error::BadEncoding(secret) | Error::BadDataFormat(secret, _)) => {
            drop(Zeroizing::new(secret));
            Ok(Some(Found::Damaged))
        }
        // Several entries of one name are none of ours.
        Err(Error::Ambiguous(_)) => Ok(Some(Found::Damaged)),
        Err(error) => Err(error),
    }
}

fn write(
    store: &Arc<CredentialStore>,
    service: &str,
    user: &str,
    key: &AccountKey,
) -> Result<(), Error> {
    let label = format!("Braid: {user}");
    let modifiers = HashMap::from([("label", label.as_str())]);
    Entry::new_in_store_with_modifiers(store, service, user, &modifiers)?.set_secret(key.expose())
}

fn delete(store: &Arc<CredentialStore>, service: &str, user: &str) -> Result<(), Error> {
    let gone = |result| match result {
        Err(Error::NoEntry) => Ok(()),
        other => other,
    };
    match Entry::new_in_store(store, service, user)?.delete_credential() {
        Err(Error::Ambiguous(entries)) => entries
            .iter()
            .try_for_each(|entry| gone(entry.delete_credential())),
        other => gone(other),
    }
}

type Slot = Mutex<Option<Arc<CredentialStore>>>;

fn slot(slot: &Slot) -> std::sync::MutexGuard<'_, Option<Arc<CredentialStore>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs work on the connection; lets go of one that failed.
fn run<T>(
    store: &Slot,
    service: &str,
    work: impl Fn(&Arc<CredentialStore>, &str) -> Result<T, Error>,
) -> Result<T, VaultError> {
    let began = Instant::now();
    let result = connected(store).and_then(|connection| work(&connection, service));
    if matches!(result, Err(Error::PlatformFailure(_))) {
        *slot(store) = None;
    }
    result.map_err(|error| read_error(error, began.elapsed()))
}

fn connected(store: &Slot) -> Result<Arc<CredentialStore>, Error> {
    let mut slot = slot(store);
    if let Some(store) = &*slot {
        return Ok(Arc::clone(store));
    }
    #[cfg(target_os = "linux")]
    let store = zbus_secret_service_keyring_store::Store::new()?;
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new()?;
    #[cfg(target_os = "windows")]
    let store = windows_native_keyring_store::Store::new()?;
    let store: Arc<CredentialStore> = store;
    *slot = Some(Arc::clone(&store));
    Ok(store)
}

#[cfg(target_os = "linux")]
fn read_error(error: Error, took: Duration) -> VaultError {
    let (Error::PlatformFailure(cause) | Error::NoStorageAccess(cause)) = &error else {
        return read_common(error);
    };
    match cause.downcast_ref::<secret_service::Error>() {
        Some(secret_service::Error::Locked) => VaultError::Locked,
        // A prompt that is refused at once was never shown: there is no screen to show it on.
        Some(secret_service::Error::Prompt) if took < PERSON => VaultError::Locked,
        Some(secret_service::Error::Prompt | secret_service::Error::PromptDisconnected) => {
            VaultError::Dismissed
        }
        Some(
            secret_service::Error::Unavailable
            | secret_service::Error::NoResult
            | secret_service::Error::Zbus(_)
            | secret_service::Error::ZbusFdo(_),
        ) => VaultError::NoService(Some(error)),
        Some(_) | None => VaultError::Failed(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn read_error(error: Error, took: Duration) -> VaultError {
    match error {
        Error::NoStorageAccess(_) if took < PERSON => VaultError::Locked,
        Error::NoStorageAccess(_) => VaultError::Dismissed,
        error => read_common(error),
    }
}

fn read_common(error: Error) -> VaultError {
    match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::Ambiguous(_) => {
            VaultError::Damaged
        }
        Error::NoDefaultStore => VaultError::NoService(Some(error)),
        error => VaultError::Failed(error),
    }
}
