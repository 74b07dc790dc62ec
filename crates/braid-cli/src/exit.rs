//! How a run ends.

use std::process::ExitCode;

use mail_app::{ErrorCode, UiError};

/// Why a run did not succeed. The numbers are in the README.
#[derive(Debug)]
pub(crate) enum Exit {
    /// 1.
    Failed,
    /// 1, with the reason.
    Because(String),
    /// 1, by code.
    Refused(UiError),
    /// 2.
    NotUnderstood,
    /// 2: no such account, connection or message.
    NotFound(&'static str),
    /// 6: accounts that cannot go on without the person, by name.
    PersonNeeded(Vec<String>),
    /// 7: nobody knows yet whether a change of sign-ins happened.
    Unknown,
    /// 130.
    Interrupted,
    /// 130: a change of sign-ins was given up in time.
    GivenUp,
}

impl Exit {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed | Self::Because(_) => 1,
            Self::NotUnderstood | Self::NotFound(_) => 2,
            Self::Refused(error) => match error.code {
                ErrorCode::SignInAgain | ErrorCode::SignInRefused | ErrorCode::SignInExpired => 3,
                ErrorCode::Offline | ErrorCode::TenantUnreachable | ErrorCode::Busy => 4,
                ErrorCode::VaultLocked | ErrorCode::VaultMissing => 5,
                _ => 1,
            },
            Self::PersonNeeded(_) => 6,
            Self::Unknown => 7,
            Self::Interrupted | Self::GivenUp => 130,
        })
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::Failed | Self::NotUnderstood => "it did not work".into(),
            Self::Because(reason) => reason.clone(),
            Self::Refused(error) => refusal(error),
            Self::NotFound(what) => format!("there is no such {what}"),
            Self::PersonNeeded(accounts) => {
                format!("something is needed from you: {}", accounts.join(", "))
            }
            Self::Unknown => {
                "it is not known yet whether it happened; both mailboxes are read-only until it is. Start Braid again: it looks by itself".into()
            }
            Self::Interrupted => "interrupted".into(),
            Self::GivenUp => "interrupted; nothing was changed, both mailboxes are as before".into(),
        }
    }
}

impl From<UiError> for Exit {
    fn from(error: UiError) -> Self {
        Self::Refused(error)
    }
}

fn refusal(error: &UiError) -> String {
    let words = match error.code {
        ErrorCode::VaultLocked => "the system keyring is locked; unlock it and try again",
        ErrorCode::VaultMissing => "there is no system keyring; install one, such as gnome-keyring",
        ErrorCode::SignInAgain => "the session has ended; sign in again",
        ErrorCode::SignInExpired => "the sign-in took too long; try again",
        ErrorCode::SignInRefused => "the sign-in was refused",
        ErrorCode::SignInUntrusted => "what came back was not what was asked for; nothing was kept",
        ErrorCode::Clock => "this computer's clock is wrong; set it and try again",
        ErrorCode::TenantUnreachable => "the login service does not answer",
        ErrorCode::Offline => "there is no connection",
        ErrorCode::Busy => "the server asks to wait",
        ErrorCode::NotFound => "it is not there",
        ErrorCode::Browser => "the browser could not be opened",
        ErrorCode::RedirectPort => "none of the redirect ports is free",
        ErrorCode::NoMailService => "no mail service was found for this account",
        ErrorCode::ProofNeeded => {
            "sign in to this account again first; it has to be less than five minutes ago"
        }
        ErrorCode::LastSignIn => {
            "it is the only sign-in that opens this mailbox; add another one first"
        }
        ErrorCode::ChangeUnderWay => "a change of sign-ins is under way",
        ErrorCode::LinkingForbidden => {
            "your organisation does not allow one mailbox to be opened with several sign-ins"
        }
        ErrorCode::NotOffered => "the login service does not offer it",
        ErrorCode::BadRequest => "it was not understood",
        ErrorCode::TenantAddress => "that is no address of a login service",
        ErrorCode::TenantNotAuthress => "no Authress login service answers there",
        ErrorCode::ApplicationId => "an application id looks different",
        ErrorCode::ApplicationRefused => {
            "the login service does not know this application or its redirect address"
        }
        ErrorCode::Refused => "the server refuses",
        ErrorCode::SaveOnly => "this file can only be saved",
        ErrorCode::Disk => "a file could not be written or deleted; is there room on the disk",
        ErrorCode::Managed => "the organisation has set it",
        ErrorCode::AccountsLeft => "there are still accounts; remove them first",
        ErrorCode::ChooseAccount => "only one account may be here; sign the other one out first",
        ErrorCode::SignInTaken => "this sign-in opens another mailbox already",
        ErrorCode::Paused => "the account is paused; resume it first",
        ErrorCode::Locked => "the account is locked; unlock it first",
        ErrorCode::PersonHere => "this person is here already, as another account",
        ErrorCode::Picture => "that is no picture, or it is too large",
        ErrorCode::Bug => "it did not work; this is a fault of Braid's",
    };
    match &error.detail {
        Some(detail) => format!("{words} ({detail})"),
        None => words.into(),
    }
}
