//! A keyring that does as a test says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mail_app::{MemoryVault, Vault};
use mail_auth::{AccountKey, VaultError};
use mail_model::AccountId;

use crate::world::World;

type Act = Box<dyn FnOnce() + Send>;

/// Can be told to refuse to move keys, and to let something happen before the next one is moved
/// aside.
pub(crate) struct Stiff {
    behind: Arc<MemoryVault>,
    pub(crate) refuses: AtomicBool,
    meanwhile: Mutex<Option<Act>>,
}

impl Stiff {
    pub(crate) fn over(world: &World) -> Self {
        Self {
            behind: world.vault.clone(),
            refuses: AtomicBool::new(false),
            meanwhile: Mutex::default(),
        }
    }

    /// What happens when the next key is moved aside: after the last look and before the question.
    pub(crate) fn meanwhile(&self, act: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(act));
    }
}

#[mail_app::async_trait]
impl Vault for Stiff {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.behind.key(account).await
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        self.behind.create_key(account).await
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.behind.delete_key(account).await
    }

    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        self.behind.replace_damaged_key(account).await
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        let act = self
            .meanwhile
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(act) = act {
            act();
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(VaultError::Locked);
        }
        self.behind.seal_key(account).await
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(VaultError::Locked);
        }
        self.behind.unseal_key(account).await
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.behind.sealed_key(account).await
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.behind.delete_sealed_key(account).await
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.behind.sealed_names().await
    }

    fn forget(&self, account: &AccountId) {
        self.behind.forget(account);
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.behind.names().await
    }

    fn is_lasting(&self) -> bool {
        self.behind.is_lasting()
    }
}
