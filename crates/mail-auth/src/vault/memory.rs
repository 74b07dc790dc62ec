//! A vault that forgets everything at the end: for tests and for sessions without a keyring.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use mail_model::AccountId;

use super::{Vault, VaultError};
use crate::keys::AccountKey;

/// Keys in memory only.
#[derive(Default)]
pub struct MemoryVault {
    keys: Mutex<BTreeMap<AccountId, AccountKey>>,
}

impl MemoryVault {
    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, BTreeMap<AccountId, AccountKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(self.keys().get(account).cloned())
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let mut keys = self.keys();
        if keys.contains_key(account) {
            return Err(VaultError::AlreadyThere);
        }
        let key = AccountKey::random()?;
        keys.insert(account.clone(), key.clone());
        Ok(key)
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.keys().remove(account);
        Ok(())
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(self.keys().keys().cloned().collect())
    }

    fn is_lasting(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_made_once_and_given_until_it_is_deleted() {
        let vault = MemoryVault::new();
        let work = AccountId::new("work").unwrap();
        assert!(vault.key(&work).await.unwrap().is_none());
        let key = vault.create_key(&work).await.unwrap();
        assert!(matches!(
            vault.create_key(&work).await,
            Err(VaultError::AlreadyThere)
        ));
        assert!(vault.key(&work).await.unwrap() == Some(key));
        assert_eq!(vault.names().await.unwrap(), std::slice::from_ref(&work));
        vault.delete_key(&work).await.unwrap();
        vault.delete_key(&work).await.unwrap();
        assert!(vault.key(&work).await.unwrap().is_none());
    }
}
