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

/// The vault in use, and how it is. A vault itself, so that sessions follow when memory takes the
/// keyring's place. Cheap to clone; all clones are the same slot.
#[derive(Clone)]
pub(crate) struct VaultSlot(Arc<Slot>);

struct Slot {
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
        Self(Arc::new(Slot {
            vault: RwLock::new(vault),
            before: RwLock::default(),
            state: watch::Sender::new(state),
        }))
    }

    /// The slot as a vault.
    pub(crate) fn get(&self) -> Arc<dyn Vault> {
        Arc::new(self.clone())
    }

    fn current(&self) -> Arc<dyn Vault> {
        Arc::clone(&self.0.vault.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn before(&self) -> Option<Arc<dyn Vault>> {
        self.0
            .before
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The one that holds what is sealed or unsealed: memory if it has any of it, else the
    /// keyring.
    async fn holder(&self, account: &AccountId) -> Result<Arc<dyn Vault>, VaultError> {
        let current = self.current();
        let Some(before) = self.before() else {
            return Ok(current);
        };
        let has =
            current.key(account).await?.is_some() || current.sealed_key(account).await?.is_some();
        Ok(if has { current } else { before })
    }

    /// Deletes both keys of an account wherever they lie; gives the name of each and whether it
    /// was looked for afterwards and not found.
    pub(crate) async fn destroy_keys(&self, account: &AccountId) -> Vec<(String, bool)> {
        let gone = async {
            self.delete_key(account).await?;
            Ok::<_, VaultError>(self.key(account).await?.is_none())
        };
        let sealed_gone = async {
            self.delete_sealed_key(account).await?;
            Ok::<_, VaultError>(self.sealed_key(account).await?.is_none())
        };
        let told = |outcome: Result<bool, VaultError>| {
            outcome.unwrap_or_else(|error| {
                tracing::warn!(%account, %error, "a key could not be deleted");
                false
            })
        };
        vec![
            (account.to_string(), told(gone.await)),
            (format!("sealed:{account}"), told(sealed_gone.await)),
        ]
    }

    pub(crate) fn watch(&self) -> watch::Receiver<VaultView> {
        self.0.state.subscribe()
    }

    /// Asks for the names of the keys, to learn whether there is a keyring. A locked one answers
    /// too; that it is locked shows when a key is asked for.
    pub(crate) async fn probe(&self) {
        if *self.0.state.borrow() == VaultView::SessionOnly {
            return;
        }
        match self.current().names().await {
            Ok(_) => self.set(VaultView::Ready),
            Err(error) => self.note(&error),
        }
    }

    /// Learns from an error how the keyring is.
    pub(crate) fn note(&self, error: &VaultError) {
        tracing::warn!(%error, "keyring");
        // One account's entry says nothing about the keyring.
        let of_one = matches!(
            error,
            VaultError::Damaged | VaultError::NoKey | VaultError::AlreadyThere
        );
        if of_one || *self.0.state.borrow() == VaultView::SessionOnly {
            return;
        }
        self.set(match error {
            VaultError::NoService(_) => VaultView::Missing,
            _ => VaultView::Locked,
        });
    }

    /// Goes on without a keyring.
    pub(crate) fn use_memory(&self) {
        if *self.0.state.borrow() == VaultView::SessionOnly {
            return;
        }
        let keyring = {
            let mut vault = self.0.vault.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *vault, Arc::new(MemoryVault::new()))
        };
        *self
            .0
            .before
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(keyring);
        self.set(VaultView::SessionOnly);
    }

    fn set(&self, view: VaultView) {
        self.0.state.send_if_modified(|current| {
            let changed = *current != view;
            *current = view;
            changed
        });
    }
}

#[async_trait::async_trait]
impl Vault for VaultSlot {
    /// When memory is in use, a key that is not there still lies in the keyring: it is not lost.
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        match (self.current().key(account).await, self.before()) {
            (Ok(None), Some(keyring)) => keyring.key(account).await,
            (key, _) => key,
        }
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        self.current().create_key(account).await
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        for vault in std::iter::once(self.current()).chain(self.before()) {
            vault.delete_key(account).await?;
        }
        Ok(())
    }

    /// In memory there is nothing to replace: a key there comes before the damaged entry.
    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        match self.before() {
            Some(_) => self.current().create_key(account).await,
            None => self.current().replace_damaged_key(account).await,
        }
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.holder(account).await?.seal_key(account).await
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.holder(account).await?.unseal_key(account).await
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        match (self.current().sealed_key(account).await, self.before()) {
            (Ok(None), Some(keyring)) => keyring.sealed_key(account).await,
            (key, _) => key,
        }
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        for vault in std::iter::once(self.current()).chain(self.before()) {
            vault.delete_sealed_key(account).await?;
        }
        Ok(())
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        let mut names = self.current().sealed_names().await?;
        if let Some(keyring) = self.before() {
            names.extend(keyring.sealed_names().await?);
        }
        Ok(names)
    }

    fn forget(&self, account: &AccountId) {
        self.current().forget(account);
        if let Some(keyring) = self.before() {
            keyring.forget(account);
        }
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        let mut names = self.current().names().await?;
        if let Some(keyring) = self.before() {
            names.extend(keyring.names().await?);
        }
        Ok(names)
    }

    fn is_lasting(&self) -> bool {
        self.current().is_lasting()
    }
}

/// A new name for an account on this machine.
pub(crate) fn new_account_id() -> Option<AccountId> {
    AccountId::new(uuid::Uuid::new_v4().to_string()).ok()
}
