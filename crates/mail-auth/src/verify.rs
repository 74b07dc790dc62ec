//! Whether a token is what it says: signature, issuer, application, times, person.
//!
//! Only EdDSA, only keys that the tenant's own key set names. The key set is kept for an hour;
//! an unknown key name fetches it anew, at most once a minute.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use mail_model::{Reaction, UnixTime};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::http::{self, LazyClient, NetworkError};
use crate::tenant::TenantConfig;

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 60;
/// How long a key set is kept, in seconds.
const KEEP_KEYS: i64 = 60 * 60;
/// Time between two fetches for unknown key names, in seconds.
const REFETCH_PAUSE: i64 = 60;
/// Longest token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 32 * 1024;
/// Longest user id of the contract, in characters.
const LONGEST_SUBJECT: usize = 128;

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The key set could not be fetched; nothing is known about the token.
    #[error("the login service's keys cannot be fetched")]
    KeysUnreachable(#[source] NetworkError),
    /// The key set's answer is no key set.
    #[error("the login service's keys cannot be read (status {status})")]
    KeysUnreadable {
        /// HTTP status.
        status: u16,
    },
    /// The token is not good.
    #[error("the token is not accepted: {0}")]
    Rejected(Flaw),
}

impl VerifyError {
    /// What the caller should do.
    #[must_use]
    pub const fn reaction(&self) -> Reaction {
        match self {
            Self::KeysUnreachable(_) | Self::KeysUnreadable { .. } => Reaction::RetryLater(None),
            Self::Rejected(_) => Reaction::SignInAgain,
        }
    }
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Not a signed token at all.
    #[error("malformed")]
    Malformed,
    /// Signed in a way that is not allowed.
    #[error("algorithm")]
    Algorithm,
    /// Not an access token.
    #[error("type")]
    Type,
    /// Brings its own key, or demands extensions.
    #[error("header")]
    Header,
    /// Signed with a key the tenant does not name.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is not of this key and content.
    #[error("signature")]
    Signature,
    /// Another issuer.
    #[error("issuer")]
    Issuer,
    /// Made for another application.
    #[error("application")]
    Application,
    /// Past its end.
    #[error("expired")]
    Expired,
    /// Made in the future, or not valid yet.
    #[error("not valid yet")]
    Early,
    /// Names nobody, or another person than the one expected.
    #[error("subject")]
    Subject,
}

/// What an access token says, after it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// Authress's id for the person.
    pub subject: String,
    /// The connection used (`azp`), if told.
    pub connection: Option<String>,
    /// The end of the token.
    pub expires_at: UnixTime,
}

/// For showing only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DisplayClaims {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) picture: Option<String>,
    /// The provider's own id for the person, from the claims that the tenant passes on.
    pub(crate) connection_user_id: Option<String>,
}

/// Verifies one tenant's tokens. Holds public keys only and may be shared between accounts.
pub struct TokenVerifier {
    tenant: Arc<TenantConfig>,
    clock: Arc<dyn Clock>,
    http: LazyClient,
    keys: Mutex<KeySet>,
}

#[derive(Default)]
struct KeySet {
    keys: Vec<Jwk>,
    fetched: Option<UnixTime>,
}

impl TokenVerifier {
    /// For one tenant; contacts nobody yet.
    #[must_use]
    pub fn new(tenant: Arc<TenantConfig>, clock: Arc<dyn Clock>) -> Self {
        Self {
            http: LazyClient::new(tenant.is_loopback()),
            tenant,
            clock,
            keys: Mutex::default(),
        }
    }

    /// Verifies an access token. May fetch the key set.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn access(&self, token: &str) -> Result<AccessClaims, VerifyError> {
        #[derive(Deserialize)]
        struct Claims {
            iss: String,
            sub: String,
            client_id: String,
            azp: Option<String>,
            exp: i64,
            iat: i64,
            nbf: Option<i64>,
        }
        let header = header(token)?;
        if !header.typ.as_deref().is_some_and(is_access_token_type) {
            return Err(VerifyError::Rejected(Flaw::Type));
        }
        let claims: Claims = self.signed(token, &header).await?;
        let now = self.clock.now().seconds();
        let flaw = if claims.iss != self.tenant.issuer() {
            Some(Flaw::Issuer)
        } else if claims.client_id != self.tenant.application_id() {
            Some(Flaw::Application)
        } else if claims.exp.saturating_add(LEEWAY) <= now {
            Some(Flaw::Expired)
        } else if claims.iat.max(claims.nbf.unwrap_or(claims.iat)) > now.saturating_add(LEEWAY)
            || claims.exp <= claims.iat
        {
            Some(Flaw::Early)
        } else if !is_subject(&claims.sub) {
            Some(Flaw::Subject)
        } else {
            None
        };
        match flaw {
            Some(flaw) => Err(VerifyError::Rejected(flaw)),
            None => Ok(AccessClaims {
                subject: claims.sub,
                connection: claims.azp,
                expires_at: UnixTime::from_seconds(claims.exp),
            }),
        }
    }

    /// Name, address and picture from an id token that came over the same encrypted connection
    /// as its access token. A signature that is there has to be good; the cookie form has none.
    /// An id token of another person is refused.
    pub(crate) async fn display(
        &self,
        token: &str,
        subject: &str,
    ) -> Result<DisplayClaims, VerifyError> {
        #[derive(Deserialize)]
        struct Claims {
            iss: Option<String>,
            sub: Option<String>,
            name: Option<String>,
            email: Option<String>,
            picture: Option<String>,
            #[serde(default)]
            data: serde_json::Value,
        }
        let claims: Claims = match token.split('.').collect::<Vec<_>>().as_slice() {
            [head, _, signature] if !head.is_empty() && !signature.is_empty() => {
                let header = header(token)?;
                self.signed(token, &header).await?
            }
            ["", payload] | ["", payload, ""] => URL_SAFE_NO_PAD
                .decode(payload)
                .ok()
                .and_then(|json| serde_json::from_slice(&json).ok())
                .ok_or(VerifyError::Rejected(Flaw::Malformed))?,
            _ => serde_json::from_str(token).map_err(|_| VerifyError::Rejected(Flaw::Malformed))?,
        };
        if claims.iss.is_some_and(|iss| iss != self.tenant.issuer()) {
            return Err(VerifyError::Rejected(Flaw::Issuer));
        }
        if claims.sub.is_some_and(|sub| sub != subject) {
            return Err(VerifyError::Rejected(Flaw::Subject));
        }
        Ok(DisplayClaims {
            name: claims.name,
            email: claims.email,
            picture: claims.picture,
            connection_user_id: provider_id(&claims.data),
        })
    }

    async fn signed<C: DeserializeOwned>(
        &self,
        token: &str,
        header: &Header,
    ) -> Result<C, VerifyError> {
        let name = header.kid.as_deref().unwrap_or_default();
        let key = self.key(name).await?;
        let key =
            DecodingKey::from_jwk(&key).map_err(|_| VerifyError::Rejected(Flaw::UnknownKey))?;
        jsonwebtoken::decode::<C>(token, &key, &signature_only())
            .map(|data| data.claims)
            .map_err(|error| {
                VerifyError::Rejected(match error.kind() {
                    jsonwebtoken::errors::ErrorKind::InvalidSignature => Flaw::Signature,
                    jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => Flaw::Algorithm,
                    _ => Flaw::Malformed,
                })
            })
    }

    /// The lock is held while fetching, so that many callers make one request.
    async fn key(&self, name: &str) -> Result<Jwk, VerifyError> {
        let mut set = self.keys.lock().await;
        let now = self.clock.now();
        let age = set
            .fetched
            .map_or(i64::MAX, |at| now.seconds().saturating_sub(at.seconds()));
        let found = set.keys.iter().find(|key| is_named(key, name)).cloned();
        match found {
            Some(key) if age < KEEP_KEYS => return Ok(key),
            None if age < REFETCH_PAUSE => return Err(VerifyError::Rejected(Flaw::UnknownKey)),
            Some(_) | None => {}
        }
        let keys = self.fetch().await?;
        *set = KeySet {
            keys,
            fetched: Some(now),
        };
        set.keys
            .iter()
            .find(|key| is_named(key, name))
            .cloned()
            .ok_or(VerifyError::Rejected(Flaw::UnknownKey))
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, VerifyError> {
        let client = self.http.get().map_err(VerifyError::KeysUnreachable)?;
        let reply = http::get(client, self.tenant.jwks_url())
            .await
            .map_err(VerifyError::KeysUnreachable)?;
        let keys = usable_keys(&reply.body);
        if reply.status != 200 || keys.is_empty() {
            return Err(VerifyError::KeysUnreadable {
                status: reply.status,
            });
        }
        Ok(keys)
    }
}

/// Whether an answer is a key set with at least one key of ours.
pub(crate) fn has_usable_key(body: &[u8]) -> bool {
    !usable_keys(body).is_empty()
}

/// Ed25519 signature keys with a name; others are left out, so that a set may hold any.
fn usable_keys(body: &[u8]) -> Vec<Jwk> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let Ok(set) = serde_json::from_slice::<Set>(body) else {
        return Vec::new();
    };
    set.keys
        .into_iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .filter(|key| {
            let named = key
                .common
                .key_id
                .as_deref()
                .is_some_and(|id| !id.is_empty());
            let signs = !matches!(
                key.common.public_key_use,
                Some(jsonwebtoken::jwk::PublicKeyUse::Encryption)
            );
            let curve = matches!(
                &key.algorithm,
                AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519
            );
            named && signs && curve
        })
        .collect()
}

fn is_named(key: &Jwk, name: &str) -> bool {
    key.common.key_id.as_deref() == Some(name)
}

fn header(token: &str) -> Result<Header, VerifyError> {
    if token.len() > LONGEST_TOKEN || token.split('.').count() != 3 {
        return Err(VerifyError::Rejected(Flaw::Malformed));
    }
    // An algorithm that the library does not know, `none` among them, is malformed to it.
    let header =
        jsonwebtoken::decode_header(token).map_err(|_| VerifyError::Rejected(Flaw::Malformed))?;
    if header.alg != Algorithm::EdDSA {
        return Err(VerifyError::Rejected(Flaw::Algorithm));
    }
    let brings_key = header.jwk.is_some()
        || header.jku.is_some()
        || header.x5u.is_some()
        || header.x5c.is_some()
        || header.crit.is_some();
    if brings_key {
        return Err(VerifyError::Rejected(Flaw::Header));
    }
    if header.kid.as_deref().unwrap_or_default().is_empty() {
        return Err(VerifyError::Rejected(Flaw::UnknownKey));
    }
    Ok(header)
}

/// The library checks the signature; claims are checked here, against our clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

/// RFC 9068 section 2.1.
fn is_access_token_type(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
}

/// The provider's id for the person among its claims: `sub` (`OpenID` Connect), else `id`, which
/// plain OAuth providers have, some of them as a number.
fn provider_id(claims: &serde_json::Value) -> Option<String> {
    let id = |name: &str| match claims.get(name)? {
        serde_json::Value::String(id) => Some(id.clone()),
        serde_json::Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    ["sub", "id"]
        .into_iter()
        .find_map(id)
        .filter(|id| is_subject(id))
}

fn is_subject(subject: &str) -> bool {
    !subject.trim().is_empty()
        && subject.chars().count() <= LONGEST_SUBJECT
        && !subject.chars().any(char::is_control)
}
