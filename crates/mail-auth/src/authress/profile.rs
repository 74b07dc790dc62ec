//! A person as the login service describes them.

use serde::Deserialize;

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
}

/// A person at one identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionIdentity {
    /// The tenant's `connectionId`.
    pub connection_id: String,
    /// The provider's id for the person.
    pub user_id: String,
}
