//! What was found.

use serde::{Deserialize, Serialize};

use crate::{ListCursor, MessageKey, ThreadKey, UnixTime};

/// A message that was found, in the order of lists: `(received_at, message)`, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoundKey {
    /// Its receipt.
    pub received_at: UnixTime,
    /// Which message.
    pub message: MessageKey,
    /// Its conversation.
    pub thread: ThreadKey,
}

impl FoundKey {
    /// The place just after its row.
    #[must_use]
    pub const fn cursor(&self) -> ListCursor {
        ListCursor {
            received_at: self.received_at,
            key: self.message.get(),
        }
    }
}

/// A piece of text, and whether it is what was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The text; plain, never HTML.
    pub text: String,
    /// Whether it matched.
    pub matched: bool,
}

/// Why a row was found: its words with the matches marked. Joined, the segments of `subject` are
/// the row's subject; those of `excerpt` replace its preview.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Found {
    /// The subject.
    pub subject: Vec<Segment>,
    /// The first matching place of the text, or else the preview.
    pub excerpt: Vec<Segment>,
}
