//! Handing out tokens: which caller gets one, who waits, who starts the renewal.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mail_model::UnixTime;
use mail_model::remote::{BearerToken, TokenError, TokenSource};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::live::{Inner, Live, Session};
use super::renewal;
use super::state::{Effect, Event, State};
use crate::authress::AuthressClient;

/// What a caller who wants a token has to do next.
enum Plan {
    Give(BearerToken),
    Await(watch::Receiver<()>),
    TryVault,
    Fail(TokenError),
}

/// Gives the token in hand, or renews it first when it has less than five minutes left. While
/// the login service cannot be reached, a token with less time left is given as long as it is
/// good at all. While the session is paused, nobody is given any.
#[async_trait]
impl TokenSource for Session {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        self.0.obtain(None).await
    }

    async fn replace(&self, refused: &BearerToken) -> Result<BearerToken, TokenError> {
        self.0.obtain(Some(refused)).await
    }
}

impl Inner {
    async fn obtain(
        self: &Arc<Self>,
        refused: Option<&BearerToken>,
    ) -> Result<BearerToken, TokenError> {
        let mut plan = self.plan(refused);
        if matches!(plan, Plan::TryVault) {
            self.try_vault(false).await;
            plan = self.plan(refused);
        }
        match plan {
            Plan::Give(token) => Ok(token),
            Plan::Fail(error) => Err(error),
            Plan::TryVault => Err(TokenError::VaultUnavailable),
            Plan::Await(mut waiting) => {
                // The sender is dropped when there is nothing to wait for any more.
                while waiting.changed().await.is_ok() {}
                self.outcome(refused)
            }
        }
    }

    fn plan(self: &Arc<Self>, refused: Option<&BearerToken>) -> Plan {
        let mut live = self.live();
        if live.paused {
            return Plan::Fail(TokenError::Paused);
        }
        let now = self.parts.clock.now();
        let event = match refused {
            Some(refused) if live.holds(refused) => Event::TokenRefused { now },
            Some(_) | None => Event::TokenWanted { now },
        };
        let effects = self.apply(&mut live, event);
        if effects.contains(&Effect::Renew) {
            live.waiting = Some(watch::Sender::new(()));
            live.under_way = Some(renewal::start(self, &live));
        }
        for effect in effects {
            match effect {
                Effect::GiveToken => return live.give(),
                Effect::AwaitRenewal => {
                    if let Some(waiting) = &live.waiting {
                        return Plan::Await(waiting.subscribe());
                    }
                }
                Effect::TryVault => return Plan::TryVault,
                Effect::RefuseUnreachable => return Plan::Fail(live.unreachable(now)),
                Effect::RefuseVault => return Plan::Fail(TokenError::VaultUnavailable),
                Effect::RefuseLocked => return Plan::Fail(TokenError::LockedByPerson),
                _ => {}
            }
        }
        Plan::Fail(TokenError::SignInAgain)
    }

    /// What a caller gets after waiting. Never starts anything: whoever waited for a renewal
    /// that failed must not begin the next one.
    fn outcome(&self, refused: Option<&BearerToken>) -> Result<BearerToken, TokenError> {
        let live = self.live();
        if live.paused {
            return Err(TokenError::Paused);
        }
        let now = self.parts.clock.now();
        match live.state {
            State::SignedIn {
                validity,
                not_before,
                ..
            } => {
                let is_refused = refused.is_some_and(|token| live.holds(token));
                if is_refused || !(validity.is_good(now) || not_before.is_none()) {
                    return Err(live.unreachable(now));
                }
                match live.give() {
                    Plan::Give(token) => Ok(token),
                    _ => Err(TokenError::SignInAgain),
                }
            }
            // Somebody else has already found the new token too old.
            State::Renewing { .. } => Err(TokenError::Unreachable { retry_after: None }),
            State::VaultUnavailable => Err(TokenError::VaultUnavailable),
            State::LockedByPerson => Err(TokenError::LockedByPerson),
            State::SignedOut
            | State::Authorizing { .. }
            | State::Exchanging { .. }
            | State::NeedsSignIn { .. }
            | State::Sealed => Err(TokenError::SignInAgain),
        }
    }

    pub(super) fn client(&self) -> Result<Arc<AuthressClient>, TokenError> {
        self.live()
            .credentials
            .as_ref()
            .map(|credentials| Arc::clone(&credentials.client))
            .ok_or(TokenError::SignInAgain)
    }
}

impl Live {
    fn holds(&self, token: &BearerToken) -> bool {
        self.credentials
            .as_ref()
            .is_some_and(|held| held.access.expose_secret() == token.expose())
    }

    fn give(&self) -> Plan {
        match &self.credentials {
            Some(held) => Plan::Give(BearerToken::new(held.access.expose_secret().to_owned())),
            None => Plan::Fail(TokenError::SignInAgain),
        }
    }

    fn unreachable(&self, now: UnixTime) -> TokenError {
        let until = match self.state {
            State::SignedIn { not_before, .. } => not_before,
            _ => None,
        };
        let seconds = until.map(|until| until.seconds().saturating_sub(now.seconds()));
        TokenError::Unreachable {
            retry_after: seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
        }
    }
}
