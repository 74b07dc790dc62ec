//! Ids as newtypes, so that one kind can never be passed for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdError {
    /// An id has at least one character.
    #[error("an id cannot be empty")]
    Empty,
    /// Longer than the 255 octets of RFC 8620 section 1.2.
    #[error("an id has at most 255 octets")]
    TooLong,
    /// A character that does not belong into an id of this kind.
    #[error("an id has a character that does not belong there")]
    BadCharacter,
}

/// What every kind of checked id has in common; [`new`](AccountId::new) checks each its own way.
macro_rules! checked_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(id: String) -> Result<Self, IdError> {
                Self::new(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

macro_rules! server_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a server's id as it is.
            ///
            /// RFC 8620 allows letters, digits, `-` and `_`; servers of other protocols give
            /// more, so only control characters are refused.
            ///
            /// # Errors
            /// Empty, longer than 255 octets, or with a control character.
            pub fn new(id: impl Into<String>) -> Result<Self, IdError> {
                let id = id.into();
                if id.is_empty() {
                    return Err(IdError::Empty);
                }
                if id.len() > 255 {
                    return Err(IdError::TooLong);
                }
                if id.chars().any(char::is_control) {
                    return Err(IdError::BadCharacter);
                }
                Ok(Self(id))
            }

            /// The id as the server wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        checked_text!($name);
    };
}

server_id! {
    /// A mailbox (folder) as its server names it.
    MailboxId
}
server_id! {
    /// A message (JMAP `Email`) as its server names it.
    MessageId
}
server_id! {
    /// A conversation as its server names it.
    ThreadId
}
server_id! {
    /// Bytes on the server: a whole message or one part of it.
    BlobId
}
server_id! {
    /// A sender identity (JMAP `Identity`).
    IdentityId
}
server_id! {
    /// A message handed over for sending (JMAP `EmailSubmission`).
    SubmissionId
}
server_id! {
    /// Where one data type of one account stood (RFC 8620 section 1.6.2). Compared for equality only.
    StateString
}

macro_rules! machine_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Part of file and key names, so only lower-case letters, digits and `-` are allowed.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a name of this machine.
            ///
            /// # Errors
            /// Empty, longer than 64 characters, or with anything but `a-z`, `0-9` and `-`.
            pub fn new(id: impl Into<String>) -> Result<Self, IdError> {
                let id = id.into();
                if id.is_empty() {
                    return Err(IdError::Empty);
                }
                if id.len() > 64 {
                    return Err(IdError::TooLong);
                }
                if !id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                {
                    return Err(IdError::BadCharacter);
                }
                Ok(Self(id))
            }

            /// The name, safe as a file name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        checked_text!($name);
    };
}

machine_id! {
    /// One account on this machine: a random name, bound to `(iss, sub)` by the registry.
    AccountId
}
machine_id! {
    /// A group of accounts on this machine: a random name.
    GroupId
}

macro_rules! local_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Wraps a row number of the account's own file.
            #[must_use]
            pub const fn new(key: i64) -> Self {
                Self(key)
            }

            /// The row number, below 2^53 so that a page can hold it exactly.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }
    };
}

local_key! {
    /// A message in its account's file. Grows with the time of receipt, so it also orders.
    MessageKey
}
local_key! {
    /// A conversation in its account's file.
    ThreadKey
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_id_keeps_odd_but_printable_characters() {
        assert_eq!(
            MessageId::new("M|a/b c").map(String::from),
            Ok("M|a/b c".into())
        );
    }

    #[test]
    fn a_server_id_with_a_line_break_is_refused() {
        assert_eq!(MailboxId::new("a\r\nb"), Err(IdError::BadCharacter));
    }

    #[test]
    fn an_account_id_cannot_leave_its_folder() {
        for bad in ["", "..", "a/b", "A", "a b", "a\0"] {
            assert!(AccountId::new(bad).is_err(), "{bad:?}");
        }
    }
}
