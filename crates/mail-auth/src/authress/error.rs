//! Why the login service did not do what was asked.

use std::time::Duration;

use mail_model::Reaction;
use serde::Deserialize;

use crate::http::{NetworkError, Reply};

/// Longest text of the server that is kept for the person, in characters.
const LONGEST_TITLE: usize = 300;

/// Why the login service did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthressError {
    /// No answer.
    #[error("the login service cannot be reached")]
    Unreachable(#[from] NetworkError),
    /// It answers with a fault of its own, or asks to wait.
    #[error("the login service has a problem at the moment (status {status})")]
    Busy {
        /// HTTP status.
        status: u16,
        /// Not before this long.
        retry_after: Option<Duration>,
    },
    /// It refuses, in so many words.
    #[error("the login service refuses: {}", refusal.title)]
    Refused {
        /// HTTP status, 4xx.
        status: u16,
        /// What it says.
        refusal: Refusal,
    },
    /// Its answer is not of the contract.
    #[error("the login service's answer cannot be understood: {what}")]
    BadAnswer {
        /// What was wrong; never the answer's content.
        what: &'static str,
    },
    /// The program is ending.
    #[error("the program is ending")]
    ShuttingDown,
}

impl AuthressError {
    /// What the caller should do.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Unreachable(_) | Self::BadAnswer { .. } => Reaction::RetryLater(None),
            Self::Busy { retry_after, .. } => Reaction::RetryLater(*retry_after),
            Self::Refused { status: 401, .. } => Reaction::SignInAgain,
            Self::Refused { .. } => Reaction::AskPerson,
            Self::ShuttingDown => Reaction::GiveUp,
        }
    }

    /// Whether the same request may succeed at once: nothing arrived, or the server failed.
    pub(crate) const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(NetworkError::NotConnected(_) | NetworkError::Broken(_)) => true,
            Self::Busy { status, .. } => *status >= 500,
            Self::Unreachable(_)
            | Self::Refused { .. }
            | Self::BadAnswer { .. }
            | Self::ShuttingDown => false,
        }
    }
}

/// The login service's own words for a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// For people; may change at any time.
    pub title: String,
    /// Stable, but the list is open.
    pub code: Option<String>,
    /// Names the incident to the service's support.
    pub incident: Option<String>,
}

pub(super) fn refusal(reply: &Reply) -> Refusal {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Body {
        title: Option<String>,
        error_code: Option<String>,
        error_id: Option<String>,
        error: Option<String>,
    }
    let body: Body = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.error_code.or(body.error).map(|text| tidy(&text));
    let title = body
        .title
        .map(|text| tidy(&text))
        .or_else(|| code.clone())
        .unwrap_or_else(|| format!("status {}", reply.status));
    Refusal {
        title,
        code,
        incident: body.error_id.map(|text| tidy(&text)),
    }
}

/// A server's text in one line of bounded length.
fn tidy(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_TITLE)
        .collect::<String>()
        .trim()
        .to_owned()
}
