//! Where account keys lie: the system's keyring, or memory for one run only.
//!
//! A vault holds one 32-byte key for each account and nothing else, either as the live one or,
//! for an account that was put aside, as a sealed one. It never makes up for a missing key
//! silently and never falls back to a plain file.

mod keyring;
mod memory;
mod moving;

use std::time::Duration;

use async_trait::async_trait;
use mail_model::{AccountId, Reaction};

pub use keyring::KeyringVault;
pub use memory::MemoryVault;

use crate::keys::{AccountKey, NoRandomBytes};

/// Holds the account keys.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The account's key; `None` if the vault was asked and has none.
    ///
    /// # Errors
    /// See [`VaultError`]; this holds for every call of the trait.
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError>;

    /// Makes and stores a key. An existing one is never replaced:
    /// [`VaultError::AlreadyThere`].
    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError>;

    /// Removes the account's key; it is no error if there is none.
    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError>;

    /// Makes a new key in the place of an entry that is no key ([`VaultError::Damaged`]), after
    /// the person has signed in. Whatever is a key is never replaced:
    /// [`VaultError::AlreadyThere`].
    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError>;

    /// Turns the account's live key into its sealed one: [`Vault::key`] finds nothing then. The
    /// live one is deleted after the sealed one was read back; killed anywhere, a second call
    /// ends what the first began. [`VaultError::NoKey`] if there is neither,
    /// [`VaultError::AlreadyThere`] if there is another sealed key.
    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError>;

    /// The way back, as carefully.
    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError>;

    /// The sealed key of an account that was put aside.
    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError>;

    /// Removes the sealed key; what it opens is lost. It is no error if there is none.
    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError>;

    /// The accounts that have a sealed key here.
    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError>;

    /// Forgets what this process remembers of the account's key. A vault that remembers nothing
    /// beyond a call, or has no other copy, does nothing.
    fn forget(&self, account: &AccountId);

    /// The accounts that have a live key here. Entries of other programs are not looked at.
    async fn names(&self) -> Result<Vec<AccountId>, VaultError>;

    /// Whether keys survive the end of the program.
    fn is_lasting(&self) -> bool;
}

/// Why the vault did not do what was asked, in words for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The keyring is locked and nobody could unlock it.
    #[error("Your keyring is locked. Unlock it, then try again.")]
    Locked,
    /// No keyring is running or none is set up.
    #[error(
        "No keyring is available. Install or start one (GNOME Keyring or KWallet), or sign in for this session only."
    )]
    NoService(#[source] Option<keyring_core::Error>),
    /// The person closed the keyring's own window.
    #[error("The keyring was not unlocked. Try again when you are ready.")]
    Dismissed,
    /// The keyring did not answer in time; it may be showing a window of its own.
    #[error("The keyring does not answer. Look for its password window, then try again.")]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The entry is there but is not a key of ours.
    #[error("The keyring's entry for this account is not usable.")]
    Damaged,
    /// A key exists already.
    #[error("The keyring already has an entry for this account.")]
    AlreadyThere,
    /// There is no key to move.
    #[error("The keyring has no entry for this account.")]
    NoKey,
    /// Something else went wrong in the keyring.
    #[error("The keyring reports a problem.")]
    Failed(#[source] keyring_core::Error),
    /// The system gives no random bytes.
    #[error(transparent)]
    NoRandomBytes(#[from] NoRandomBytes),
}

impl VaultError {
    /// What the caller should do.
    #[must_use]
    pub const fn reaction(&self) -> Reaction {
        match self {
            Self::Locked
            | Self::NoService(_)
            | Self::Dismissed
            | Self::TimedOut { .. }
            | Self::Damaged
            | Self::NoKey
            | Self::Failed(_)
            | Self::NoRandomBytes(_) => Reaction::AskPerson,
            Self::AlreadyThere => Reaction::Bug,
        }
    }
}
