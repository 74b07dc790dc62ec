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

use super::{Vault, VaultError};
use crate::keys::AccountKey;

const LIMIT: Duration = Duration::from_secs(5);
/// A refusal that took longer than this was a person closing a window.
const PERSON: Duration = Duration::from_millis(700);

/// Keys in the system's keyring.
pub struct KeyringVault {
    service: String,
    limit: Duration,
    store: Arc<Mutex<Option<Arc<CredentialStore>>>>,
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
        F: FnOnce(&Arc<CredentialStore>, &str) -> Result<T, Error> + Send + 'static,
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
                let began = Instant::now();
                let result = connected(&store).and_then(|store| work(&store, &service));
                if matches!(result, Err(Error::PlatformFailure(_))) {
                    // The keyring may have been restarted: connect anew next time.
                    *store.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
                let result = result.map_err(|error| read_error(error, began.elapsed()));
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

#[async_trait]
impl Vault for KeyringVault {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        let user = account.as_str().to_owned();
        let secret = self
            .with_store(move |store, service| {
                match Entry::new_in_store(store, service, &user)?.get_secret() {
                    Ok(secret) => Ok(Some(Zeroizing::new(secret))),
                    Err(Error::NoEntry) => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .await?;
        secret
            .map(|secret| {
                <[u8; AccountKey::LENGTH]>::try_from(secret.as_slice())
                    .map(AccountKey::from_bytes)
                    .map_err(|_| VaultError::Damaged)
            })
            .transpose()
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let key = AccountKey::random()?;
        let user = account.as_str().to_owned();
        let fresh = key.clone();
        let created = self
            .with_store(move |store, service| {
                let label = format!("Braid: {user}");
                let modifiers = HashMap::from([("label", label.as_str())]);
                let entry = Entry::new_in_store_with_modifiers(store, service, &user, &modifiers)?;
                match entry.get_secret() {
                    Err(Error::NoEntry) => entry.set_secret(fresh.expose()).map(|()| true),
                    Ok(found) => {
                        drop(Zeroizing::new(found));
                        Ok(false)
                    }
                    Err(error) => Err(error),
                }
            })
            .await?;
        if created {
            Ok(key)
        } else {
            Err(VaultError::AlreadyThere)
        }
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        let user = account.as_str().to_owned();
        self.with_store(move |store, service| {
            match Entry::new_in_store(store, service, &user)?.delete_credential() {
                Err(Error::NoEntry) => Ok(()),
                other => other,
            }
        })
        .await
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
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
        Ok(users
            .into_iter()
            .filter_map(|user| AccountId::new(user).ok())
            .collect())
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

fn connected(slot: &Mutex<Option<Arc<CredentialStore>>>) -> Result<Arc<CredentialStore>, Error> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
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
