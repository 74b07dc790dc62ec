//! Tokens as a session would give them.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mail_model::remote::{BearerToken, TokenError, TokenSource};

/// Gives `first` until it is refused, then `renewed`; counts the renewals.
#[derive(Default)]
pub(crate) struct Tokens {
    first: String,
    renewed: Option<String>,
    renewals: AtomicUsize,
}

impl Tokens {
    pub(crate) fn only(token: &str) -> Self {
        Self {
            first: token.into(),
            ..Self::default()
        }
    }

    pub(crate) fn renewable(first: &str, renewed: &str) -> Self {
        Self {
            first: first.into(),
            renewed: Some(renewed.into()),
            renewals: AtomicUsize::new(0),
        }
    }

    pub(crate) fn renewals(&self) -> usize {
        self.renewals.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenSource for Tokens {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        let token = match &self.renewed {
            Some(renewed) if self.renewals() > 0 => renewed,
            _ => &self.first,
        };
        Ok(BearerToken::new(token.clone()))
    }

    async fn replace(&self, refused: &BearerToken) -> Result<BearerToken, TokenError> {
        let renewed = self.renewed.as_ref().ok_or(TokenError::SignInAgain)?;
        if refused.expose() == self.first {
            self.renewals.fetch_add(1, Ordering::SeqCst);
        }
        Ok(BearerToken::new(renewed.clone()))
    }
}
