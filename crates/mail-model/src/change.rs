//! What a commit changed, as a value that is published after it.

use crate::{MailboxId, MessageKey, ThreadKey};

/// The number of a commit in one account's change log; grows by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeNumber(pub u64);

/// What one committed transaction touched. Only ever made by the code that committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreChange {
    /// Its place in the account's change log.
    pub number: ChangeNumber,
    /// Mailboxes whose list, counts, name or place changed.
    pub mailboxes: Vec<MailboxId>,
    /// Whether mailboxes were added, removed, renamed or moved.
    pub mailbox_tree: bool,
    /// Conversations with a changed row.
    pub threads: Vec<ThreadKey>,
    /// Messages that are new here, newest first, at most 100: for announcing.
    pub arrived: Vec<MessageKey>,
    /// Messages whose body is here now.
    pub bodies: Vec<MessageKey>,
}
