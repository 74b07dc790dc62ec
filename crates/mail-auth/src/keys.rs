//! The account key, and the keys made from it.
//!
//! One random key per account lies in the vault. What is encrypted on disk uses keys derived
//! from it, one for each purpose, so that no two kinds of file ever share a key.

use hkdf::Hkdf;
use rand::TryRng as _;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What a derived key is for. The texts are part of the file formats and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// The account's databases.
    Database,
    /// The file that holds cookies and tokens.
    Session,
}

impl KeyPurpose {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::Database => b"braid/account-key/1/database",
            Self::Session => b"braid/account-key/1/session",
        }
    }
}

/// The root of one account's encryption: 32 random bytes, wiped when dropped, not printable.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AccountKey([u8; Self::LENGTH]);

impl AccountKey {
    /// In bytes.
    pub const LENGTH: usize = 32;

    /// A new key from the system's random source.
    ///
    /// # Errors
    /// The system gives no random bytes; nothing can be encrypted then.
    pub fn random() -> Result<Self, NoRandomBytes> {
        let mut key = Self([0; Self::LENGTH]);
        rand::rngs::SysRng
            .try_fill_bytes(&mut key.0)
            .map_err(|_| NoRandomBytes)?;
        Ok(key)
    }

    /// A key that was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the vault and nothing else.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The key for one purpose, by HKDF (RFC 5869) with SHA-256. Always the same for the same
    /// account key and purpose.
    #[must_use]
    pub fn derive(&self, purpose: KeyPurpose) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0; 32]);
        // RFC 5869 allows 255 times 32 bytes: a fixed 32 cannot be refused.
        let expanded = Hkdf::<Sha256>::new(None, &self.0).expand(purpose.info(), &mut *derived);
        debug_assert!(expanded.is_ok());
        derived
    }
}

impl PartialEq for AccountKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for AccountKey {}

/// The system's random source does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomBytes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_own_key() {
        let key = AccountKey::from_bytes([7; 32]);
        assert_ne!(
            *key.derive(KeyPurpose::Database),
            *key.derive(KeyPurpose::Session)
        );
        assert_ne!(*key.derive(KeyPurpose::Database), [7; 32]);
    }

    #[test]
    fn derived_keys_never_change() {
        let key = AccountKey::from_bytes([7; 32]);
        let hex = |bytes: &[u8; 32]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(
            hex(&key.derive(KeyPurpose::Database)),
            "9cbe9e3795073087bf4a5f76a90128869b0492c918759464c28e95e3e2e36128"
        );
        assert_eq!(
            hex(&key.derive(KeyPurpose::Session)),
            "5d0bfb1484d5ba04aaf08f3eb21a2c753663c6e31f7b9b0dcc54f60b371f4cd2"
        );
    }

    #[test]
    fn random_keys_differ() {
        assert!(AccountKey::random().unwrap() != AccountKey::random().unwrap());
    }
}
