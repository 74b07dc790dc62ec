//! The identity provider's own tokens, for mail servers that want those.
//!
//! One value is for one account and one connection. What it holds is in memory only, is
//! forgotten with the session it came with, and is never used for another account.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use mail_model::UnixTime;
use mail_model::remote::{BearerToken, TokenError, TokenSource};
use secrecy::{ExposeSecret as _, SecretString};

use super::SessionError;
use super::live::{Inner, Session};
use crate::authress::AuthressError;

/// How long the provider's word stands that it has no better token, in seconds.
const REFUSED: i64 = 10 * 60;

/// The token of one account's identity provider. Cheap to clone; all of one account and
/// connection share what was fetched.
///
/// A token is kept until it is refused, because the service does not say how long it is good;
/// then it is fetched once more. The same token again, no token at the service, and a session
/// that was opened through another connection all mean [`TokenError::SignInAgain`]: the person
/// has to sign in with that connection.
#[derive(Clone)]
pub struct ConnectionTokenSource {
    session: Session,
    connection: String,
    shared: Shared,
}

/// Held while fetching, so that many callers make one request.
pub(super) type Shared = Arc<tokio::sync::Mutex<Held>>;

/// By connection.
pub(super) type Connections = HashMap<String, Shared>;

#[derive(Default)]
pub(super) struct Held {
    token: Option<SecretString>,
    /// The sign-in the token came with.
    epoch: u64,
    /// When the service gave the refused token once more.
    hopeless: Option<UnixTime>,
}

impl Session {
    /// The tokens of the identity provider behind `connection`, for this account's mail. Asks
    /// nobody yet.
    #[must_use]
    pub fn connection_tokens(&self, connection: &str) -> ConnectionTokenSource {
        let mut live = self.0.live();
        let shared = live.connections.entry(connection.to_owned()).or_default();
        ConnectionTokenSource {
            shared: Arc::clone(shared),
            session: self.clone(),
            connection: connection.to_owned(),
        }
    }
}

#[async_trait]
impl TokenSource for ConnectionTokenSource {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        self.obtain(None).await
    }

    async fn replace(&self, refused: &BearerToken) -> Result<BearerToken, TokenError> {
        self.obtain(Some(refused)).await
    }
}

impl ConnectionTokenSource {
    /// Whether the session was opened through this connection, so that there can be tokens.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.session.0.is_opened_through(&self.connection)
    }

    async fn obtain(&self, refused: Option<&BearerToken>) -> Result<BearerToken, TokenError> {
        let mut held = self.shared.lock().await;
        // Whatever keeps the account's own tokens back keeps these back too, but for a login
        // service that is away: the provider's token is good without it.
        match self.session.token().await {
            Ok(_) | Err(TokenError::Unreachable { .. }) => {}
            Err(error) => {
                if !matches!(error, TokenError::Paused) {
                    held.forget();
                }
                return Err(error);
            }
        }
        if !self.is_current() {
            held.forget();
            return Err(TokenError::SignInAgain);
        }
        let epoch = self.session.epoch();
        if held.epoch != epoch {
            held.forget();
            held.epoch = epoch;
        }
        let is_refused =
            |token: &SecretString| refused.is_some_and(|r| r.expose() == token.expose_secret());
        if let Some(token) = &held.token
            && held.hopeless.is_none()
            && !is_refused(token)
        {
            return Ok(bearer(token));
        }
        let now = self.session.0.parts.clock.now();
        if held
            .hopeless
            .is_some_and(|at| now.seconds().saturating_sub(at.seconds()) < REFUSED)
        {
            return Err(TokenError::SignInAgain);
        }
        let fresh = self.fetch().await?;
        if self.session.epoch() != epoch || !self.is_current() {
            return Err(TokenError::SignInAgain);
        }
        let same_again = is_refused(&fresh) || (held.hopeless.is_some() && held.holds(&fresh));
        held.hopeless = same_again.then_some(now);
        held.token = Some(fresh.clone());
        if same_again {
            return Err(TokenError::SignInAgain);
        }
        Ok(bearer(&fresh))
    }

    async fn fetch(&self) -> Result<SecretString, TokenError> {
        let fetched = self
            .session
            .asking(|client, token| async move { client.credentials(token.expose()).await })
            .await;
        fetched.map_err(|error| match error {
            SessionError::Token(error) => error,
            SessionError::Login(AuthressError::Busy { retry_after, .. }) => {
                TokenError::Unreachable { retry_after }
            }
            SessionError::Login(AuthressError::Refused { status, .. }) => {
                tracing::info!(status, "the login service has no token of the provider");
                TokenError::SignInAgain
            }
            _ => TokenError::Unreachable { retry_after: None },
        })
    }
}

impl Held {
    pub(super) fn forget(&mut self) {
        self.token = None;
        self.hopeless = None;
    }

    fn holds(&self, token: &SecretString) -> bool {
        self.token
            .as_ref()
            .is_some_and(|held| held.expose_secret() == token.expose_secret())
    }
}

impl Inner {
    fn is_opened_through(&self, connection: &str) -> bool {
        self.live()
            .credentials
            .as_ref()
            .is_some_and(|held| held.identity.connection.as_deref() == Some(connection))
    }
}

fn bearer(token: &SecretString) -> BearerToken {
    BearerToken::new(token.expose_secret().to_owned())
}
