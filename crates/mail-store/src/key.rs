//! The key of an account's files.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 32 random octets that open one account's files. Not printable, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Takes the octets as they are: no derivation happens on top of them.
    #[must_use]
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The value of SQLCipher's `key` pragma: a raw key, so no pass-phrase derivation.
    pub(crate) fn pragma(&self) -> Zeroizing<String> {
        use std::fmt::Write as _;
        let mut text = Zeroizing::new(String::with_capacity(70));
        text.push_str("\"x'");
        for octet in self.0 {
            // Writing to a String cannot fail.
            write!(text, "{octet:02x}").unwrap_or_default();
        }
        text.push_str("'\"");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_raw_and_in_full() {
        let mut octets = [0u8; 32];
        octets[0] = 0xAB;
        octets[31] = 1;
        let text = StoreKey::new(octets).pragma();
        assert_eq!(text.as_str(), format!("\"x'ab{}01'\"", "00".repeat(30)));
    }
}
