//! What a failure asks of whoever met it.

use std::time::Duration;

/// The only question a loop asks of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing is wrong with the request: try again, not sooner than the server asked.
    RetryLater(Option<Duration>),
    /// The session is over: only the person can go on.
    SignInAgain,
    /// The local picture is out of date: fetch it anew, then go on.
    Resynchronise,
    /// A person has to decide or to change something outside (disk, keyring, policy).
    AskPerson,
    /// It will never work as asked.
    GiveUp,
    /// A fault of ours.
    Bug,
}
