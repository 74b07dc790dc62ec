//! Errors of the parts as codes of the contract.

use mail_engine::FetchError;
use mail_model::Reaction;
use mail_model::remote::{SourceError, TokenError};

use crate::contract::{ErrorCode, UiError};

/// What a mail server's failure means for the page.
pub(crate) fn source_error(error: &SourceError) -> UiError {
    UiError::new(source_code(error))
}

fn source_code(error: &SourceError) -> ErrorCode {
    match error {
        SourceError::Unreachable(_) | SourceError::Token(TokenError::Unreachable { .. }) => {
            ErrorCode::Offline
        }
        SourceError::Busy { .. } => ErrorCode::Busy,
        SourceError::Token(TokenError::SignInAgain) => ErrorCode::SignInAgain,
        SourceError::Token(TokenError::VaultUnavailable) => ErrorCode::VaultLocked,
        SourceError::Token(TokenError::Paused) => ErrorCode::Paused,
        SourceError::Token(TokenError::LockedByPerson) => ErrorCode::Locked,
        SourceError::NotFound => ErrorCode::NotFound,
        SourceError::NoService { .. } => ErrorCode::NoMailService,
        other => match other.reaction() {
            Reaction::RetryLater(_) => ErrorCode::Busy,
            _ => ErrorCode::Refused,
        },
    }
}

/// What a body that could not be fetched means for the page.
pub(crate) fn fetch_error(error: &FetchError) -> ErrorCode {
    match error {
        FetchError::Source(error) => source_code(error),
        FetchError::Paused => ErrorCode::Paused,
        _ => ErrorCode::Bug,
    }
}
