//! Proof key for code exchange (RFC 7636), S256 only.

use oauth2::PkceCodeChallenge;
use secrecy::{ExposeSecret, SecretString};

/// One attempt's verifier and the challenge made from it. Lives in memory only.
pub(crate) struct Pkce {
    challenge: String,
    verifier: SecretString,
}

impl Pkce {
    /// 512 random bits, 86 characters.
    pub(crate) fn new() -> Self {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256_len(64);
        Self {
            challenge: challenge.as_str().to_owned(),
            verifier: SecretString::from(verifier.into_secret()),
        }
    }

    pub(crate) fn challenge(&self) -> &str {
        &self.challenge
    }

    /// For the token request and nothing else.
    pub(crate) fn verifier(&self) -> &str {
        self.verifier.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn ten_thousand_verifiers_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let verifier = Pkce::new().verifier().to_owned();
            assert!((43..=128).contains(&verifier.len()));
            assert!(
                verifier
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
            );
            assert!(seen.insert(verifier));
        }
    }

    #[test]
    fn the_challenge_is_the_verifiers_digest() {
        let pkce = Pkce::new();
        assert_eq!(
            pkce.challenge(),
            URL_SAFE_NO_PAD.encode(Sha256::digest(pkce.verifier().as_bytes()))
        );
    }
}
