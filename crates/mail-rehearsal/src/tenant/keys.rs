//! The keys tokens are signed with, and the signing itself.
//!
//! There is one algorithm, Ed25519, so a compact signature is three base64url parts and no choice. The client
//! in this repository verifies with another implementation; that is the check on this one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Every key whose tokens may still live; the last one signs.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    kid: String,
    /// The secret seed, base64url.
    seed: String,
    /// When it began to sign, seconds since 1970.
    since: i64,
    /// When the next key took over, seconds since 1970.
    until: Option<i64>,
}

/// What a token is for; becomes the header's `typ`.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// An access token, RFC 9068.
    Access,
    /// An id token.
    Id,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

impl Key {
    fn signing_key(&self) -> Option<SigningKey> {
        let seed = URL_SAFE_NO_PAD.decode(&self.seed).ok()?;
        Some(SigningKey::from_bytes(seed.as_slice().try_into().ok()?))
    }
}

impl Keys {
    /// Makes a new key the signing one.
    pub(super) fn rotate(&mut self, now: i64) {
        if let Some(last) = self.keys.last_mut() {
            last.until = Some(now);
        }
        let seed: [u8; 32] = rand::random();
        let name: [u8; 9] = rand::random();
        self.keys.push(Key {
            kid: URL_SAFE_NO_PAD.encode(name),
            seed: URL_SAFE_NO_PAD.encode(seed),
            since: now,
            until: None,
        });
    }

    /// Rotates when the signing key has signed for `life` seconds, and forgets keys none of whose tokens,
    /// which live `token_life` seconds, can still be valid.
    pub(super) fn keep_fresh(&mut self, now: i64, life: i64, token_life: i64) {
        if self
            .keys
            .last()
            .is_none_or(|key| now.saturating_sub(key.since) >= life)
        {
            self.rotate(now);
        }
        self.keys.retain(|key| {
            key.until
                .is_none_or(|until| until.saturating_add(token_life) > now)
        });
    }

    /// Signs `claims` with the newest key; `None` when there is no usable key.
    pub(super) fn sign(&self, kind: Kind, claims: &Value) -> Option<String> {
        let key = self.keys.last()?;
        let typ = match kind {
            Kind::Access => "at+jwt",
            Kind::Id => "JWT",
        };
        let header = json!({ "alg": "EdDSA", "kid": key.kid, "typ": typ });
        let text = format!("{}.{}", part(&header), part(claims));
        let signature = key.signing_key()?.sign(text.as_bytes());
        Some(format!(
            "{text}.{}",
            URL_SAFE_NO_PAD.encode(signature.to_bytes())
        ))
    }

    /// The claims of a token one of our keys has signed; its times are not looked at.
    pub(super) fn claims<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let (text, signature) = token.rsplit_once('.')?;
        let (header, claims) = text.split_once('.')?;
        let header: Header = read_part(header)?;
        if header.alg != "EdDSA" {
            return None;
        }
        let key = self
            .keys
            .iter()
            .find(|key| key.kid == header.kid)?
            .signing_key()?;
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        key.verifying_key()
            .verify_strict(text.as_bytes(), &signature)
            .ok()?;
        read_part(claims)
    }

    /// The public keys as a JSON Web Key Set, or the one named.
    pub(super) fn published(&self, kid: Option<&str>) -> Value {
        let wanted = self
            .keys
            .iter()
            .filter(|key| kid.is_none_or(|kid| kid == key.kid));
        let keys: Vec<Value> = wanted
            .filter_map(|key| {
                let public = key.signing_key()?.verifying_key().to_bytes();
                let x = URL_SAFE_NO_PAD.encode(public);
                Some(json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.kid, "x": x }))
            })
            .collect();
        json!({ "keys": keys })
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn read_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn published_ids(keys: &Keys) -> usize {
        keys.published(None)["keys"].as_array().unwrap().len()
    }

    #[test]
    fn a_token_outlives_the_rotation_of_its_key() {
        let mut keys = Keys::default();
        keys.keep_fresh(0, 7 * DAY, DAY);
        let token = keys.sign(Kind::Access, &json!({ "sub": "a" })).unwrap();
        keys.rotate(DAY);
        assert_eq!(keys.claims::<Value>(&token).unwrap()["sub"], "a");
        assert_eq!(published_ids(&keys), 2);
    }

    #[test]
    fn an_old_key_is_published_until_its_last_token_has_ended() {
        let mut keys = Keys::default();
        keys.keep_fresh(0, 7 * DAY, DAY);
        keys.keep_fresh(7 * DAY - 1, 7 * DAY, DAY);
        assert_eq!(published_ids(&keys), 1);
        keys.keep_fresh(7 * DAY, 7 * DAY, DAY);
        assert_eq!(published_ids(&keys), 2);
        keys.keep_fresh(8 * DAY - 1, 7 * DAY, DAY);
        assert_eq!(published_ids(&keys), 2);
        keys.keep_fresh(8 * DAY, 7 * DAY, DAY);
        assert_eq!(published_ids(&keys), 1);
    }

    #[test]
    fn one_changed_character_makes_a_token_worthless() {
        let mut keys = Keys::default();
        keys.rotate(0);
        let token = keys.sign(Kind::Access, &json!({ "sub": "a" })).unwrap();
        let (text, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = text.split_once('.').unwrap();
        let forged = format!("{header}.{}.{signature}", part(&json!({ "sub": "b" })));
        assert!(keys.claims::<Value>(&forged).is_none());
        let unsigned = format!(
            "{}.{}.",
            part(&json!({ "alg": "none", "kid": "x" })),
            part(&json!({ "sub": "a" }))
        );
        assert!(keys.claims::<Value>(&unsigned).is_none());
    }
}
