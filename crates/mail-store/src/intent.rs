//! The person's changes on their way to the server.
//!
//! An intent is durable in `local.sqlite` before anything shows it. It names messages by the
//! server's ids, because the mail file may be rebuilt while it waits.

use mail_model::{KeywordEdit, MailboxId, MessageId, MessageKey};

/// Number of an intent; grows, so it also orders the replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub(crate) i64);

impl IntentId {
    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What the person wants changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewIntent {
    /// Which messages.
    pub messages: Vec<MessageKey>,
    /// Keywords to add or remove.
    pub keywords: Vec<KeywordEdit>,
    /// Mailboxes to put them into.
    pub add_to: Vec<MailboxId>,
    /// Mailboxes to take them out of. Where one is in both lists, adding wins.
    pub remove_from: Vec<MailboxId>,
}

/// An intent that waits for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its number.
    pub id: IntentId,
    /// Which messages.
    pub messages: Vec<MessageId>,
    /// Keywords to add or remove.
    pub keywords: Vec<KeywordEdit>,
    /// Mailboxes to put them into.
    pub add_to: Vec<MailboxId>,
    /// Mailboxes to take them out of.
    pub remove_from: Vec<MailboxId>,
}

/// What became of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentOutcome {
    /// The server has it: from now on it is the server's value.
    ///
    /// Report it before the next changes are asked for, so that what another client did after it
    /// arrives after it.
    Done,
    /// The server will never take it, or the person took it back: the server's value shows again.
    Refused,
}
