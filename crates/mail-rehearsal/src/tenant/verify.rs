//! The one question other servers ask the tenant: whose token is this?

use crate::people::Person;

/// Tells whose access token a request carries.
///
/// The mail server holds this instead of the tenant, so that it knows nothing about sessions and keys.
pub trait TokenVerifier: Send + Sync {
    /// The person a bearer token speaks for. `bearer` is the token alone, without the word `Bearer`.
    ///
    /// # Errors
    /// [`TokenRefused`] when the token is not this tenant's or no longer valid; both are HTTP 401.
    fn person_of(&self, bearer: &str) -> Result<Person, TokenRefused>;
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Not a token of this tenant: malformed, forged, or of another tenant.
    #[error("the token was not issued here")]
    Unknown,
    /// A token of this tenant whose time is over.
    #[error("the token has expired")]
    Expired,
}
