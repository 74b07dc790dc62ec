//! What the sealed session file holds. The form is tagged by version and never changes within
//! one; an old file is read for ever.

use std::borrow::Cow;
use std::sync::Arc;

use mail_model::UnixTime;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::state::{NeedsSignIn, Validity};
use crate::authress::AuthressClient;
use crate::credentials::{Credentials, VerifiedIdentity};
use crate::jar::CookieJar;
use crate::tenant::TenantConfig;

/// The content of a session file that cannot be read, or belongs to somebody else.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoredError {
    #[error("the stored session cannot be read")]
    Unreadable,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "version")]
enum Wire<'a> {
    /// Without the times of the sign-in and of the last renewal. Read only.
    #[serde(rename = "1")]
    V1(Content<'a>),
    #[serde(rename = "2")]
    V2(Content<'a>),
}

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    issuer: String,
    subject: String,
    #[serde(default)]
    connection: Option<String>,
    #[serde(default)]
    connection_user_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    picture: Option<String>,
    expires_at: UnixTime,
    renew_at: UnixTime,
    origin: String,
    access_token: Cow<'a, str>,
    /// The jar's own text.
    cookies: Cow<'a, str>,
    #[serde(default)]
    over: Option<Over>,
    #[serde(default)]
    signed_in_at: Option<UnixTime>,
    #[serde(default)]
    renewed_at: Option<UnixTime>,
}

/// Why a stored session is known to be over.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Over {
    SessionEnded,
    OtherPerson,
}

/// A session as it was stored.
pub(super) struct Stored {
    pub(super) credentials: Credentials,
    pub(super) over: Option<NeedsSignIn>,
}

/// Writes a session; `over` notes that it has ended.
pub(super) fn encode(
    credentials: &Credentials,
    over: Option<NeedsSignIn>,
) -> Result<Zeroizing<Vec<u8>>, StoredError> {
    let mut cookies = Zeroizing::new(Vec::new());
    credentials
        .client
        .jar()
        .save(&mut cookies)
        .map_err(|_| StoredError::Unreadable)?;
    let cookies = std::str::from_utf8(&cookies).map_err(|_| StoredError::Unreadable)?;
    let identity = &credentials.identity;
    let wire = Wire::V2(Content {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        connection: identity.connection.clone(),
        connection_user_id: identity.connection_user_id.clone(),
        name: identity.name.clone(),
        email: identity.email.clone(),
        picture: identity.picture.clone(),
        expires_at: credentials.validity.expires,
        renew_at: credentials.validity.renew_at,
        origin: credentials.client.origin().to_owned(),
        access_token: Cow::Borrowed(credentials.access.expose_secret()),
        cookies: Cow::Borrowed(cookies),
        over: match over {
            Some(NeedsSignIn::SessionEnded) => Some(Over::SessionEnded),
            Some(NeedsSignIn::OtherPerson) => Some(Over::OtherPerson),
            // The rest is found out anew at the next start, and may have mended itself.
            Some(_) | None => None,
        },
        signed_in_at: credentials.signed_in_at,
        renewed_at: credentials.renewed_at,
    });
    serde_json::to_vec(&wire)
        .map(Zeroizing::new)
        .map_err(|_| StoredError::Unreadable)
}

/// Reads a session of this tenant.
pub(super) fn decode(content: &[u8], tenant: &Arc<TenantConfig>) -> Result<Stored, StoredError> {
    let (Wire::V1(wire) | Wire::V2(wire)) =
        serde_json::from_slice(content).map_err(|_| StoredError::Unreadable)?;
    let jar = CookieJar::load(wire.cookies.as_bytes()).map_err(|_| StoredError::Unreadable)?;
    let client = AuthressClient::new(Arc::clone(tenant), jar, &wire.origin);
    Ok(Stored {
        credentials: Credentials {
            client: Arc::new(client),
            access: SecretString::from(wire.access_token.into_owned()),
            identity: VerifiedIdentity {
                issuer: wire.issuer,
                subject: wire.subject,
                connection: wire.connection,
                connection_user_id: wire.connection_user_id,
                name: wire.name,
                email: wire.email,
                picture: wire.picture,
                expires_at: wire.expires_at,
            },
            validity: Validity {
                renew_at: wire.renew_at,
                expires: wire.expires_at,
            },
            signed_in_at: wire.signed_in_at,
            renewed_at: wire.renewed_at,
        },
        over: wire.over.map(|over| match over {
            Over::SessionEnded => NeedsSignIn::SessionEnded,
            Over::OtherPerson => NeedsSignIn::OtherPerson,
        }),
    })
}
