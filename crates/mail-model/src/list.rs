//! What a list shows: rows, their order, and places in it.

use serde::{Deserialize, Serialize};

use crate::search::Found;
use crate::{Keywords, MessageKey, ThreadKey, UnixTime};

/// Whether a row stands for a conversation or for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListMode {
    /// One row a conversation, placed by its newest message in the mailbox.
    #[default]
    Conversations,
    /// One row a message.
    Messages,
}

/// Which rows of a mailbox are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Every row.
    #[default]
    All,
    /// With at least one unread message.
    Unread,
    /// With at least one starred message.
    Starred,
    /// With at least one file.
    Files,
}

/// The row's identity within its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "key")]
pub enum RowKey {
    /// A conversation.
    Thread(ThreadKey),
    /// A message.
    Message(MessageKey),
}

impl RowKey {
    /// The number behind the key; unique within one account and one mode.
    #[must_use]
    pub const fn get(self) -> i64 {
        match self {
            Self::Thread(key) => key.get(),
            Self::Message(key) => key.get(),
        }
    }
}

/// A place between two rows of one account's list: the row that comes just before.
///
/// Lists are ordered by `(received_at, key)`, both descending, so the next page is
/// what is strictly smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListCursor {
    /// Receipt of the row's newest message in the mailbox.
    pub received_at: UnixTime,
    /// [`RowKey::get`] of the row.
    pub key: i64,
}

/// One row of one account's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// Which conversation or message.
    pub key: RowKey,
    /// The conversation, also for a message row.
    pub thread: ThreadKey,
    /// The newest message of the conversation in this mailbox, or the message itself.
    pub latest: MessageKey,
    /// Receipt of that message.
    pub received_at: UnixTime,
    /// Display names of the senders, oldest first, without repeats, at most five.
    pub senders: Vec<String>,
    /// Subject of the newest message.
    pub subject: String,
    /// First words of the newest message.
    pub preview: String,
    /// Messages of the conversation in this mailbox; 1 for a message row.
    pub message_count: u32,
    /// How many of them are unread.
    pub unread_count: u32,
    /// Whether any of them is starred.
    pub starred: bool,
    /// Whether any of them has a file.
    pub has_attachment: bool,
    /// Keywords of the newest message.
    pub keywords: Keywords,
    /// Why the message was found, in a search.
    pub found: Option<Box<Found>>,
}

impl ListRow {
    /// The place just after this row.
    #[must_use]
    pub const fn cursor(&self) -> ListCursor {
        ListCursor {
            received_at: self.received_at,
            key: self.key.get(),
        }
    }
}
