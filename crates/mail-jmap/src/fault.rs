//! Failures inside this crate, and how JMAP's error types map to what a caller does.

use mail_model::remote::SourceError;
use serde::Deserialize;

/// A failure that is either final or answered by asking for less.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Final.
    Source(SourceError),
    /// The same in smaller pieces may work.
    TooLarge(&'static str),
    /// The anchor of a query is gone.
    AnchorNotFound,
    /// A state we sent was refused as no state at all.
    InvalidArguments,
    /// The session document no longer fits: fetch it anew and try once more.
    StaleSession,
    /// The server does not know this method.
    UnknownMethod,
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<Fault> for SourceError {
    fn from(fault: Fault) -> Self {
        let reason = match fault {
            Fault::Source(error) => return error,
            Fault::TooLarge(reason) => reason,
            Fault::AnchorNotFound => "anchorNotFound",
            Fault::InvalidArguments => "invalidArguments",
            Fault::UnknownMethod => "unknownMethod",
            Fault::StaleSession => {
                return Self::NoService {
                    reason: "the account is not on this server any more".into(),
                };
            }
        };
        Self::Refused {
            reason: reason.into(),
        }
    }
}

/// An answer that cannot be used.
pub(crate) fn bad_answer(reason: impl Into<String>) -> SourceError {
    SourceError::BadAnswer {
        reason: reason.into(),
    }
}

/// The arguments of an `error` response (RFC 8620 section 3.6.2).
#[derive(Debug, Deserialize)]
pub(crate) struct MethodError {
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

impl MethodError {
    pub(crate) fn fault(&self) -> Fault {
        match self.kind.as_str() {
            "cannotCalculateChanges" | "tooManyChanges" => {
                Fault::Source(SourceError::CannotCalculateChanges)
            }
            "requestTooLarge" => Fault::TooLarge("requestTooLarge"),
            "anchorNotFound" => Fault::AnchorNotFound,
            "invalidArguments" => Fault::InvalidArguments,
            "unknownMethod" => Fault::UnknownMethod,
            "accountNotFound" | "accountNotSupportedByMethod" => Fault::StaleSession,
            "accountReadOnly"
            | "forbidden"
            | "fromAccountNotFound"
            | "fromAccountNotSupportedByMethod"
            | "invalidResultReference"
            | "overQuota"
            | "unsupportedFilter"
            | "unsupportedSort" => Fault::Source(SourceError::Refused {
                reason: word(&self.kind),
            }),
            // An unknown type counts as serverFail (RFC 8620 section 3.6.2). stateMismatch and
            // serverPartialFail pass by asking again: every change sent is one that may be repeated.
            _ => Fault::Source(SourceError::Busy {
                retry_after: None,
                reason: word(&self.kind),
            }),
        }
    }
}

/// An error type as the log may hold it: a server's word, not a server's text.
pub(crate) fn word(kind: &str) -> String {
    kind.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.'))
        .take(80)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::Reaction;

    fn reaction(kind: &str) -> Reaction {
        SourceError::from(MethodError { kind: kind.into() }.fault()).reaction()
    }

    #[test]
    fn every_error_type_asks_for_one_reaction() {
        for (kind, expected) in [
            ("cannotCalculateChanges", Reaction::Resynchronise),
            ("tooManyChanges", Reaction::Resynchronise),
            ("serverUnavailable", Reaction::RetryLater(None)),
            ("serverFail", Reaction::RetryLater(None)),
            ("serverPartialFail", Reaction::RetryLater(None)),
            ("stateMismatch", Reaction::RetryLater(None)),
            ("rateLimit", Reaction::RetryLater(None)),
            ("neverHeardOf", Reaction::RetryLater(None)),
            ("accountNotFound", Reaction::AskPerson),
            ("accountNotSupportedByMethod", Reaction::AskPerson),
            ("accountReadOnly", Reaction::GiveUp),
            ("forbidden", Reaction::GiveUp),
            ("overQuota", Reaction::GiveUp),
            ("requestTooLarge", Reaction::GiveUp),
            ("invalidArguments", Reaction::GiveUp),
            ("unknownMethod", Reaction::GiveUp),
        ] {
            assert_eq!(reaction(kind), expected, "{kind}");
        }
    }

    #[test]
    fn a_servers_words_enter_the_log_without_line_breaks_and_short() {
        assert_eq!(word("a\r\nb <i>c"), "abic");
        assert_eq!(word(&"x".repeat(500)).len(), 80);
    }
}
