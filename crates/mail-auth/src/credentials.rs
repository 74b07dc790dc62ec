//! What a sign-in yields: who it is, and what proves it.

use std::sync::Arc;
use std::time::Duration;

use mail_model::UnixTime;
use secrecy::{ExposeSecret as _, SecretString};

use crate::authress::{AuthressClient, AuthressError, Profile};
use crate::session::Validity;

/// For telling the login service that a session is not wanted.
const FAREWELL: Duration = Duration::from_secs(2);

/// A person, as a verified token names them. `(issuer, subject)` is the key; the rest is for
/// showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedIdentity {
    /// The tenant.
    pub issuer: String,
    /// Authress's id for the person.
    pub subject: String,
    /// The connection used, if told.
    pub connection: Option<String>,
    /// What the connection's provider calls the person: which of several ways in by this
    /// connection was used. Only the id token says it, and not every tenant's does; believe it
    /// no further than to choose among the ways in that [`Profile::linked_identities`] lists.
    pub connection_user_id: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Address of a picture. Fetching it would tell its host who is asking.
    pub picture: Option<String>,
    /// The end of the access token.
    pub expires_at: UnixTime,
}

/// Tokens and cookies of one person. Not printable; they leave this crate as a bearer token for
/// the mail server and as a sealed file, in no other way.
pub struct Credentials {
    pub(crate) client: Arc<AuthressClient>,
    pub(crate) access: SecretString,
    pub(crate) identity: VerifiedIdentity,
    pub(crate) validity: Validity,
    /// Unknown for a session that an older version stored.
    pub(crate) signed_in_at: Option<UnixTime>,
    pub(crate) renewed_at: Option<UnixTime>,
}

/// A finished sign-in. Nothing is stored yet.
pub struct SignedIn {
    /// Who signed in.
    pub identity: VerifiedIdentity,
    /// What proves it, for [`crate::Session::create`] or
    /// [`crate::Session::replace_credentials`].
    pub credentials: Credentials,
}

impl SignedIn {
    /// Who the person is and every way they can sign in, from the login service, before
    /// anything of this sign-in is kept.
    ///
    /// # Errors
    /// See [`AuthressError`].
    pub async fn profile(&self) -> Result<Profile, AuthressError> {
        let credentials = &self.credentials;
        let token = credentials.access.expose_secret();
        credentials.client.profile(token).await
    }

    /// Ends the session that was just opened, for a sign-in that is not kept. Two seconds at
    /// most; gives whether the login service has confirmed it. If not, the session ends there
    /// by itself.
    pub async fn discard(self) -> bool {
        self.credentials.client.end_within(FAREWELL).await
    }
}
