//! A session's life: the pure machine and the driver that runs it.

mod asking;
mod audience;
mod connection;
mod details;
mod holding;
mod keeping;
mod live;
mod machine;
mod renewal;
mod state;
mod stored;
mod tokens;

pub use asking::{LinkAnswer, SettingsPage};
pub use audience::TokenAudience;
pub use connection::ConnectionTokenSource;
pub use details::SessionDetails;
pub use live::{Session, SessionParts, SignOutReport};
pub use machine::step;
pub use state::{Effect, Event, NeedsSignIn, Origin, Refused, State, Validity};

use mail_model::{Reaction, UnixTime};

use crate::authress::AuthressError;
use crate::http::NetworkError;
use crate::keys::NoRandomBytes;
use crate::sealed_file::SealedFileError;
use crate::vault::VaultError;

/// What a session looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Ended by the person.
    SignedOut,
    /// Works; renews itself before `until`.
    SignedIn {
        /// The end of the token in hand.
        until: UnixTime,
    },
    /// Only the person can go on.
    NeedsSignIn {
        /// Why.
        why: NeedsSignIn,
    },
    /// The vault or the disk does not let the session be read or kept. It is not lost.
    VaultUnavailable {
        /// What is in the way.
        problem: VaultProblem,
    },
    /// The person has locked the account: its key and tokens are not in memory.
    LockedByPerson,
    /// Put aside by removal or linking.
    Sealed,
}

/// What keeps a session from being read or stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VaultProblem {
    /// The keyring is locked.
    Locked,
    /// No keyring is running.
    NoService,
    /// The person closed the keyring's window.
    Dismissed,
    /// The keyring does not answer.
    NoAnswer,
    /// Something else is wrong with the keyring.
    Keyring,
    /// The session file cannot be read or written.
    Disk,
}

impl VaultProblem {
    /// A sentence for the person, with what to do.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Locked => "Your keyring is locked. Unlock it, then try again.",
            Self::NoService => {
                "No keyring is available. Start one, or sign in for this session only."
            }
            Self::Dismissed => "The keyring was not unlocked. Try again when you are ready.",
            Self::NoAnswer => {
                "The keyring does not answer. Look for its password window, then try again."
            }
            Self::Keyring => "The keyring reports a problem.",
            Self::Disk => "The session cannot be saved. Check the free space and try again.",
        }
    }
}

impl From<&VaultError> for VaultProblem {
    fn from(error: &VaultError) -> Self {
        match error {
            VaultError::Locked => Self::Locked,
            VaultError::NoService(_) => Self::NoService,
            VaultError::Dismissed => Self::Dismissed,
            VaultError::TimedOut { .. } => Self::NoAnswer,
            VaultError::Damaged
            | VaultError::AlreadyThere
            | VaultError::NoKey
            | VaultError::Failed(_)
            | VaultError::NoRandomBytes(_) => Self::Keyring,
        }
    }
}

impl From<&SessionError> for VaultProblem {
    fn from(error: &SessionError) -> Self {
        match error {
            SessionError::Vault(error) => error.into(),
            SessionError::NoKey => Self::Keyring,
            SessionError::NotStored(_)
            | SessionError::OtherPerson
            | SessionError::Sealed
            | SessionError::LockedByPerson
            | SessionError::BadId
            | SessionError::Token(_)
            | SessionError::Login(_)
            | SessionError::Network(_) => Self::Disk,
        }
    }
}

/// Why a call on a session failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The vault has no key for this account.
    #[error("there is no key for this account in the keyring")]
    NoKey,
    /// The vault does not answer.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The session could not be written; the one before is still in place.
    #[error("the session cannot be saved")]
    NotStored(#[source] SealedFileError),
    /// Somebody else signed in than the person this account belongs to.
    #[error("another person signed in")]
    OtherPerson,
    /// The account has been put aside.
    #[error("the account is put aside")]
    Sealed,
    /// The person has locked the account.
    #[error("the account is locked")]
    LockedByPerson,
    /// An id that can name nothing: empty, or dots only.
    #[error("the id names nothing")]
    BadId,
    /// There is no token to ask with.
    #[error(transparent)]
    Token(#[from] mail_model::remote::TokenError),
    /// The login service did not do what was asked.
    #[error(transparent)]
    Login(#[from] AuthressError),
    /// No HTTP client can be made on this machine.
    #[error("the network cannot be used")]
    Network(#[source] NetworkError),
}

impl SessionError {
    /// What the caller should do.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::NoKey | Self::OtherPerson | Self::NotStored(_) | Self::Network(_) => {
                Reaction::AskPerson
            }
            Self::Vault(error) => error.reaction(),
            Self::LockedByPerson => Reaction::AskPerson,
            Self::Sealed | Self::BadId => Reaction::GiveUp,
            Self::Token(error) => match error {
                mail_model::remote::TokenError::SignInAgain => Reaction::SignInAgain,
                mail_model::remote::TokenError::Unreachable { retry_after } => {
                    Reaction::RetryLater(*retry_after)
                }
                _ => Reaction::AskPerson,
            },
            Self::Login(error) => error.reaction(),
        }
    }
}

impl From<SealedFileError> for SessionError {
    fn from(error: SealedFileError) -> Self {
        Self::NotStored(error)
    }
}

impl From<NoRandomBytes> for SessionError {
    fn from(error: NoRandomBytes) -> Self {
        Self::NotStored(error.into())
    }
}
