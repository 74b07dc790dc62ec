//! Why an attempt came to nothing.

use mail_model::Reaction;
use mail_model::remote::TokenError;

use crate::authress::{AuthressError, Refusal};
use crate::loopback::NoFreePort;
use crate::verify::VerifyError;

/// Why a sign-in came to nothing. A sign-in has changed nothing in any of
/// these cases. A link may have been made all the same when the browser was open: read
/// [`crate::Session::profile`] and compare.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Another program holds every redirect port.
    #[error(transparent)]
    NoFreePort(#[from] NoFreePort),
    /// The login service did not do what was asked.
    #[error(transparent)]
    Login(#[from] AuthressError),
    /// The person gave up here.
    #[error("the sign-in was cancelled")]
    Cancelled,
    /// Nothing came back from the browser in five minutes.
    #[error("the sign-in took too long")]
    Expired,
    /// The person or the organisation said no in the browser.
    #[error("the sign-in was declined ({code})")]
    Declined {
        /// A short word of the protocol, for the log.
        code: String,
    },
    /// The login service put tokens into the address although a code was asked for.
    #[error("the login service answered with tokens in the address, which is not accepted")]
    TokensInAddress,
    /// The browser came back without a usable code.
    #[error("the login service answered without a code")]
    NoCode,
    /// The code was not taken: too late, used, or changed on the way.
    #[error("the login service does not accept its own code: {}", refusal.title)]
    CodeRefused {
        /// What it says.
        refusal: Refusal,
    },
    /// The tokens are not good.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Only when adding a way in: the login service says that the identity belongs to another
    /// account, or cannot belong to this one.
    #[error("the identity belongs to another account ({detail})")]
    Conflict {
        /// The service's title, or its short word from the redirect.
        detail: String,
    },
    /// Only when adding a way in: somebody else came back than the person of the account. Their
    /// session has been ended; the account's own is untouched.
    #[error("another person signed in")]
    OtherPerson,
    /// Only when adding a way in: neither a connection nor an address was named.
    #[error("no connection was named")]
    NoConnection,
    /// Only when adding a way in: the session belongs to another login service.
    #[error("the session belongs to another login service")]
    OtherTenant,
    /// Only when adding a way in: the session gives no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A sign-in was waited for as a link, or a link as a sign-in. Nobody was asked.
    #[error("the attempt is for something else")]
    OtherPurpose,
}

impl SignInError {
    /// What the caller should do.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::NoFreePort(_)
            | Self::Declined { .. }
            | Self::TokensInAddress
            | Self::NoCode
            | Self::CodeRefused { .. }
            | Self::Conflict { .. }
            | Self::OtherPerson => Reaction::AskPerson,
            Self::Login(error) => error.reaction(),
            Self::Cancelled => Reaction::GiveUp,
            Self::Expired => Reaction::SignInAgain,
            Self::Verify(error) => error.reaction(),
            Self::Token(TokenError::SignInAgain) => Reaction::SignInAgain,
            Self::Token(TokenError::Unreachable { retry_after }) => {
                Reaction::RetryLater(*retry_after)
            }
            Self::Token(_) => Reaction::AskPerson,
            Self::NoConnection | Self::OtherTenant | Self::OtherPurpose => Reaction::Bug,
        }
    }
}
