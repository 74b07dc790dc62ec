//! Mailboxes (RFC 8621 section 2).

use serde::{Deserialize, Serialize};

use crate::MailboxId;

/// What a mailbox is for (RFC 8621 section 2, IANA "IMAP Mailbox Name Attributes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MailboxRole {
    /// New mail arrives here.
    Inbox,
    /// Unfinished mail.
    Drafts,
    /// Copies of what was sent.
    Sent,
    /// Put aside, kept.
    Archive,
    /// Unwanted mail.
    Junk,
    /// Deleted, not yet gone.
    Trash,
    /// Virtual: everything.
    All,
    /// Virtual: starred.
    Flagged,
    /// Virtual: important.
    Important,
}

impl MailboxRole {
    /// The role's name as RFC 8621 writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Drafts => "drafts",
            Self::Sent => "sent",
            Self::Archive => "archive",
            Self::Junk => "junk",
            Self::Trash => "trash",
            Self::All => "all",
            Self::Flagged => "flagged",
            Self::Important => "important",
        }
    }

    /// The role of that name, or none where Braid gives it no meaning.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Inbox,
            Self::Drafts,
            Self::Sent,
            Self::Archive,
            Self::Junk,
            Self::Trash,
            Self::All,
            Self::Flagged,
            Self::Important,
        ]
        .into_iter()
        .find(|role| role.as_str().eq_ignore_ascii_case(name))
    }
}

/// One mailbox of one account, as the server describes it. Its own counts are not taken over:
/// the list shows what is here, so the numbers beside it count what is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The server's id.
    pub id: MailboxId,
    /// The name to show, without its parents'.
    pub name: String,
    /// The mailbox this one lies in.
    pub parent: Option<MailboxId>,
    /// What it is for.
    pub role: Option<MailboxRole>,
    /// The server's wish for its place among siblings, smallest first.
    pub sort_order: u32,
    /// How many messages the server says it holds. Used for progress only.
    pub server_total: u64,
}

impl Mailbox {
    /// Whether a person means it by this name: its role or its own name, whatever the case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        self.role.is_some_and(|role| role.as_str() == name) || self.name.to_lowercase() == name
    }
}

/// Counts kept by the store; they always equal a recount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MailboxCounts {
    /// Messages here.
    pub messages: u64,
    /// Messages here without `$seen`.
    pub unread_messages: u64,
    /// Conversations with at least one message here.
    pub threads: u64,
    /// Conversations with at least one unread message here.
    pub unread_threads: u64,
}
