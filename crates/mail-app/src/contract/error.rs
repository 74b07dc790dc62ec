//! What goes wrong, as the page needs to know it. The page makes the words.

use serde::Serialize;
use ts_rs::TS;

/// Codes the page acts on or has words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The page asked for something of another shape.
    BadRequest,
    /// It is not there (any more), or belongs to another account.
    NotFound,
    /// The tenant's address is no address.
    TenantAddress,
    /// The tenant does not answer.
    TenantUnreachable,
    /// Something answers there, but it is no Authress tenant.
    TenantNotAuthress,
    /// The application id has another shape.
    ApplicationId,
    /// The tenant does not know the application, or not this redirect address.
    ApplicationRefused,
    /// None of the redirect ports is free.
    RedirectPort,
    /// The browser could not be opened.
    Browser,
    /// The sign-in took too long.
    SignInExpired,
    /// The tenant or the person refused.
    SignInRefused,
    /// What came back was not what was asked for.
    SignInUntrusted,
    /// What came back is not valid yet: this computer's clock is behind.
    Clock,
    /// The session has ended.
    SignInAgain,
    /// The keyring is locked.
    VaultLocked,
    /// There is no keyring.
    VaultMissing,
    /// No connection.
    Offline,
    /// The server asks to wait.
    Busy,
    /// The server refuses.
    Refused,
    /// No mail service for this account.
    NoMailService,
    /// The file may only be saved.
    SaveOnly,
    /// The file could not be written.
    Disk,
    /// The organisation has set it.
    Managed,
    /// There are still accounts.
    AccountsLeft,
    /// Several accounts are here, and only one may stay: say which.
    ChooseAccount,
    /// A fresh sign-in has to come first.
    ProofNeeded,
    /// It is the only sign-in that opens the mailbox.
    LastSignIn,
    /// The sign-in opens another mailbox.
    SignInTaken,
    /// The organisation does not allow these sign-ins to be joined.
    LinkingForbidden,
    /// The login service does not offer it.
    NotOffered,
    /// A change of sign-ins is under way.
    ChangeUnderWay,
    /// The account is paused.
    Paused,
    /// The account is locked.
    Locked,
    /// The person is here already, as another account.
    PersonHere,
    /// The picture is no picture, or too large.
    Picture,
    /// A fault of ours.
    Bug,
}

/// A refusal of a call or feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct UiError {
    /// What it is.
    pub code: ErrorCode,
    /// The other side's own words, if any; never a secret.
    pub detail: Option<String>,
}

impl UiError {
    /// A refusal without further words.
    #[must_use]
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, detail: None }
    }

    /// A refusal with the other side's words.
    #[must_use]
    pub fn with_detail(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: Some(detail.into()),
        }
    }

    pub(crate) fn unknown_name() -> Self {
        Self::new(ErrorCode::BadRequest)
    }

    /// The message of a parser can quote the request, so only its place is logged.
    #[allow(clippy::needless_pass_by_value, reason = "used in map_err")]
    pub(crate) fn bad_request(error: serde_json::Error) -> Self {
        tracing::warn!(
            line = error.line(),
            column = error.column(),
            "request of another shape"
        );
        Self::new(ErrorCode::BadRequest)
    }

    pub(crate) fn bug(error: impl std::error::Error) -> Self {
        tracing::error!(%error, "fault");
        Self::new(ErrorCode::Bug)
    }
}

impl std::fmt::Display for UiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.code)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UiError {}
