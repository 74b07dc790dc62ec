//! Which vault is in use: the system keyring, or memory when the person chose so.

use std::sync::{Arc, PoisonError, RwLock};

use mail_auth::{AccountKey, KeyringVault, MemoryVault, Vault, VaultError};
use mail_model::AccountId;
use tokio::sync::watch;

use crate::contract::VaultView;
use crate::remembered::Remembered;

/// Where keys are kept.
#[derive(Clone, Default)]
pub enum VaultChoice {
    /// The system keyring.
    #[default]
    Keyring,
    /// Memory: sign-ins end with the app.
    SessionOnly,
    /// A vault of the caller's.
    Given(Arc<dyn Vault>),
}

/// The vault in use, and how it is.
pub(crate) struct VaultSlot {
    vault: RwLock<Arc<dyn Vault>>,
    /// The keyring that memory has taken the place of.
    before: RwLock<Option<Arc<dyn Vault>>>,
    state: watch::Sender<VaultView>,
}

impl VaultSlot {
    pub(crate) fn new(choice: VaultChoice) -> Self {
        let (vault, state): (Arc<dyn Vault>, _) = match choice {
            VaultChoice::Keyring => (
                Arc::new(Remembered::new(KeyringVault::new())),
                VaultView::Ready,
            ),
            VaultChoice::SessionOnly => (Arc::new(MemoryVault::new()), VaultView::SessionOnly),
            VaultChoice::Given(vault) => (vault, VaultView::Ready),
        };
        Self {
            vault: RwLock::new(vault),
            before: RwLock::default(),
            state: watch::Sender::new(state),
        }
    }

    pub(crate) fn get(&self) -> Arc<dyn Vault> {
        Arc::clone(&self.vault.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn before(&self) -> Option<Arc<dyn Vault>> {
        self.before
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The account's key. When memory is in use, a key that is not there still lies in the
    /// keyring: it is not lost.
    pub(crate) async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        match (self.get().key(account).await, self.before()) {
            (Ok(None), Some(keyring)) => keyring.key(account).await,
            (key, _) => key,
        }
    }

    /// Deletes the account's key wherever it lies; says whether it is gone.
    pub(crate) async fn delete_key(&self, account: &AccountId) -> Result<bool, VaultError> {
        for vault in std::iter::once(self.get()).chain(self.before()) {
            vault.delete_key(account).await?;
            if vault.key(account).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<VaultView> {
        self.state.subscribe()
    }

    /// Asks for the names of the keys, to learn whether there is a keyring. A locked one answers
    /// too; that it is locked shows when a key is asked for.
    pub(crate) async fn probe(&self) {
        if *self.state.borrow() == VaultView::SessionOnly {
            return;
        }
        match self.get().names().await {
            Ok(_) => self.set(VaultView::Ready),
            Err(error) => self.note(&error),
        }
    }

    /// Learns from an error how the keyring is.
    pub(crate) fn note(&self, error: &VaultError) {
        tracing::warn!(%error, "keyring");
        if *self.state.borrow() == VaultView::SessionOnly {
            return;
        }
        self.set(match error {
            VaultError::NoService(_) => VaultView::Missing,
            _ => VaultView::Locked,
        });
    }

    /// Goes on without a keyring.
    pub(crate) fn use_memory(&self) {
        if *self.state.borrow() == VaultView::SessionOnly {
            return;
        }
        let keyring = {
            let mut vault = self.vault.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *vault, Arc::new(MemoryVault::new()))
        };
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = Some(keyring);
        self.set(VaultView::SessionOnly);
    }

    fn set(&self, view: VaultView) {
        self.state.send_if_modified(|current| {
            let changed = *current != view;
            *current = view;
            changed
        });
    }
}

/// A new name for an account on this machine.
pub(crate) fn new_account_id() -> Option<AccountId> {
    AccountId::new(uuid::Uuid::new_v4().to_string()).ok()
}
