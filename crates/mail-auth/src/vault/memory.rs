//! A vault that forgets everything at the end: for tests and for sessions without a keyring.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use mail_model::AccountId;

use super::moving::{Move, next};
use super::{Vault, VaultError};
use crate::keys::AccountKey;

/// Keys in memory only.
#[derive(Default)]
pub struct MemoryVault {
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    live: BTreeMap<AccountId, AccountKey>,
    sealed: BTreeMap<AccountId, AccountKey>,
}

impl MemoryVault {
    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn carry(
    account: &AccountId,
    source: &mut BTreeMap<AccountId, AccountKey>,
    target: &mut BTreeMap<AccountId, AccountKey>,
) -> Result<(), VaultError> {
    loop {
        match next(source.get(account), target.get(account))? {
            Move::Copy => {
                if let Some(key) = source.get(account) {
                    target.insert(account.clone(), key.clone());
                }
            }
            Move::DeleteSource => {
                source.remove(account);
            }
            Move::Done => return Ok(()),
        }
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(self.keys().live.get(account).cloned())
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let mut keys = self.keys();
        if keys.live.contains_key(account) {
            return Err(VaultError::AlreadyThere);
        }
        let key = AccountKey::random()?;
        keys.live.insert(account.clone(), key.clone());
        Ok(key)
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.keys().live.remove(account);
        Ok(())
    }

    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        // Nothing here can be damaged.
        self.create_key(account).await
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        let Keys { live, sealed } = &mut *self.keys();
        carry(account, live, sealed)
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        let Keys { live, sealed } = &mut *self.keys();
        carry(account, sealed, live)
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(self.keys().sealed.get(account).cloned())
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.keys().sealed.remove(account);
        Ok(())
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(self.keys().sealed.keys().cloned().collect())
    }

    /// There is no other copy, so nothing is forgotten.
    fn forget(&self, _: &AccountId) {}

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(self.keys().live.keys().cloned().collect())
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

    #[tokio::test]
    async fn a_sealed_key_is_no_live_one_and_comes_back_the_same() {
        let vault = MemoryVault::new();
        let choir = AccountId::new("choir").unwrap();
        assert!(matches!(
            vault.seal_key(&choir).await,
            Err(VaultError::NoKey)
        ));
        let key = vault.create_key(&choir).await.unwrap();
        for _ in 0..2 {
            vault.seal_key(&choir).await.unwrap();
            assert!(vault.key(&choir).await.unwrap().is_none());
            assert!(vault.sealed_key(&choir).await.unwrap() == Some(key.clone()));
        }
        assert!(vault.names().await.unwrap().is_empty());
        assert_eq!(
            vault.sealed_names().await.unwrap(),
            std::slice::from_ref(&choir)
        );
        for _ in 0..2 {
            vault.unseal_key(&choir).await.unwrap();
            assert!(vault.key(&choir).await.unwrap() == Some(key.clone()));
            assert!(vault.sealed_key(&choir).await.unwrap().is_none());
        }
        vault.seal_key(&choir).await.unwrap();
        vault.create_key(&choir).await.unwrap();
        assert!(matches!(
            vault.unseal_key(&choir).await,
            Err(VaultError::AlreadyThere)
        ));
        vault.delete_sealed_key(&choir).await.unwrap();
        vault.delete_sealed_key(&choir).await.unwrap();
        assert!(vault.sealed_key(&choir).await.unwrap().is_none());
        assert!(vault.key(&choir).await.unwrap().is_some());
    }
}
