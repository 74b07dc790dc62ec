//! A person as the login service describes them, and the provider's token it keeps for them.

use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;

use super::{AuthressClient, AuthressError, parse};

/// A person as the login service knows them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Authress's id for the person, if told.
    #[serde(default)]
    pub user_id: Option<String>,
    /// Display name.
    #[serde(default)]
    pub name: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Address of a picture. Fetching it would tell its host who is asking.
    #[serde(default)]
    pub picture: Option<String>,
    /// Every way this person can sign in.
    #[serde(default)]
    pub linked_identities: Vec<LinkedIdentity>,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedIdentity {
    /// The connection and the provider's id for the person.
    pub connection: ConnectionIdentity,
    /// When it was linked, as the server writes it.
    #[serde(default)]
    pub linked_time: Option<String>,
    /// The person's name there, where the server tells it.
    #[serde(default)]
    pub name: Option<String>,
    /// The person's address there, where the server tells it.
    #[serde(default)]
    pub email: Option<String>,
}

/// A person at one identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionIdentity {
    /// The tenant's `connectionId`.
    pub connection_id: String,
    /// The provider's id for the person.
    pub user_id: String,
}

impl Profile {
    /// Whether that identity is one of the ways in.
    #[must_use]
    pub fn opens_with(&self, identity: &ConnectionIdentity) -> bool {
        self.linked_identities
            .iter()
            .any(|linked| linked.connection == *identity)
    }
}

impl AuthressClient {
    /// Who the person is: `GET /api/session/profile`.
    pub(crate) async fn profile(&self, bearer: &str) -> Result<Profile, AuthressError> {
        let url = self.tenant.join(&["api", "session", "profile"]);
        let reply = self
            .retrying(|| self.once(Method::GET, &url, None, Some(bearer)))
            .await?;
        parse(&reply, "the profile")
    }

    /// The identity provider's own token: `GET /api/session/credentials`.
    pub(crate) async fn credentials(&self, bearer: &str) -> Result<SecretString, AuthressError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Credentials {
            access_token: String,
        }
        let url = self.tenant.join(&["api", "session", "credentials"]);
        let reply = self
            .retrying(|| self.once(Method::GET, &url, None, Some(bearer)))
            .await?;
        let found: Credentials = parse(&reply, "the provider's credentials")?;
        Ok(found.access_token.into())
    }
}
