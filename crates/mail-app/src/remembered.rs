//! A vault that asks the one behind it once for each key.
//!
//! The keyring takes tens of milliseconds an answer and gives them one after the other. Session
//! and files of an account both need its key at start, and both hold it while the account is
//! open, so remembering it here keeps nothing in memory that is not there already.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mail_auth::{AccountKey, Vault, VaultError};
use mail_model::AccountId;

/// Remembers keys, never their absence.
pub(crate) struct Remembered<V> {
    behind: V,
    keys: Mutex<HashMap<AccountId, AccountKey>>,
}

impl<V: Vault> Remembered<V> {
    pub(crate) fn new(behind: V) -> Self {
        Self {
            behind,
            keys: Mutex::default(),
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<AccountId, AccountKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl<V: Vault> Vault for Remembered<V> {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        if let Some(key) = self.keys().get(account) {
            return Ok(Some(key.clone()));
        }
        let key = self.behind.key(account).await?;
        if let Some(key) = &key {
            self.keys().insert(account.clone(), key.clone());
        }
        Ok(key)
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let key = self.behind.create_key(account).await?;
        self.keys().insert(account.clone(), key.clone());
        Ok(key)
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.behind.delete_key(account).await?;
        self.keys().remove(account);
        Ok(())
    }

    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let key = self.behind.replace_damaged_key(account).await?;
        self.keys().insert(account.clone(), key.clone());
        Ok(key)
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.forget(account);
        self.behind.seal_key(account).await
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.forget(account);
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
        self.keys().remove(account);
        self.behind.forget(account);
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.behind.names().await
    }

    fn is_lasting(&self) -> bool {
        self.behind.is_lasting()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mail_auth::MemoryVault;

    use super::*;

    #[async_trait::async_trait]
    impl Vault for Shared {
        async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
            self.0.key(account).await
        }

        async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
            self.0.create_key(account).await
        }

        async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
            self.0.delete_key(account).await
        }

        async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
            self.0.replace_damaged_key(account).await
        }

        async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
            self.0.seal_key(account).await
        }

        async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
            self.0.unseal_key(account).await
        }

        async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
            self.0.sealed_key(account).await
        }

        async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
            self.0.delete_sealed_key(account).await
        }

        async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
            self.0.sealed_names().await
        }

        fn forget(&self, account: &AccountId) {
            self.0.forget(account);
        }

        async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
            self.0.names().await
        }

        fn is_lasting(&self) -> bool {
            self.0.is_lasting()
        }
    }

    struct Shared(Arc<MemoryVault>);

    #[tokio::test]
    async fn a_deleted_key_is_not_remembered() {
        let behind = Arc::new(MemoryVault::new());
        let vault = Remembered::new(Shared(Arc::clone(&behind)));
        let account = AccountId::new("a").unwrap();
        vault.create_key(&account).await.unwrap();
        vault.delete_key(&account).await.unwrap();
        assert!(vault.key(&account).await.unwrap().is_none());
        assert!(behind.key(&account).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_sealed_or_forgotten_key_is_not_remembered() {
        let behind = Arc::new(MemoryVault::new());
        let vault = Remembered::new(Shared(Arc::clone(&behind)));
        let account = AccountId::new("a").unwrap();
        let key = vault.create_key(&account).await.unwrap();
        vault.seal_key(&account).await.unwrap();
        assert!(vault.key(&account).await.unwrap().is_none());
        vault.unseal_key(&account).await.unwrap();
        assert!(vault.key(&account).await.unwrap() == Some(key));
        vault.forget(&account);
        assert!(vault.keys().is_empty());
        assert!(vault.key(&account).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_key_that_comes_later_is_found() {
        let behind = Arc::new(MemoryVault::new());
        let vault = Remembered::new(Shared(Arc::clone(&behind)));
        let account = AccountId::new("a").unwrap();
        assert!(vault.key(&account).await.unwrap().is_none());
        behind.create_key(&account).await.unwrap();
        assert!(vault.key(&account).await.unwrap().is_some());
    }
}
