//! What the page sends.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use mail_model::{AccountColor, Filter, ListMode, MailboxRole};

/// Nothing.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, TS)]
pub struct Empty {}

/// The tenant to use.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct ConnectTenantRequest {
    /// Its login address, as typed.
    pub login_host: String,
    /// The application id, as typed.
    pub application_id: String,
}

/// The first rows of a list are on the screen.
#[derive(Debug, Clone, Copy, Deserialize, TS)]
pub struct PaintedRequest {
    /// How many.
    pub rows: u32,
}

/// Starts a sign-in.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct BeginSignInRequest {
    /// Which connection; none for the tenant's own login page.
    pub connection: Option<String>,
    /// The account to sign in again; none to add one.
    pub account: Option<String>,
}

/// Names a sign-in under way.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct AttemptRequest {
    /// From [`super::AttemptView`].
    pub attempt: String,
}

/// Adds the account a sign-in has named.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct ConfirmSignInRequest {
    /// From [`super::AttemptView`].
    pub attempt: String,
    /// What the person calls the account.
    pub name: String,
    /// Its colour.
    #[ts(type = "AccountColor")]
    pub color: AccountColor,
    /// Whether the sealed copy of this person's mail is brought back.
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub restore: bool,
    /// What becomes of the mail of the account that leaves, where only one may stay.
    #[serde(default)]
    #[ts(optional)]
    pub replaced_data: Option<super::DataChoice>,
}

/// Names an account.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct AccountRequest {
    /// Which account.
    pub account: String,
}

/// New name and colour of an account.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct UpdateAccountRequest {
    /// Which account.
    pub account: String,
    /// What the person calls it.
    pub name: String,
    /// Its colour.
    #[ts(type = "AccountColor")]
    pub color: AccountColor,
    /// One or two letters on its tile; none for the first of its name.
    pub letter: Option<String>,
    /// How its tile shows unread mail.
    pub unread_mark: super::UnreadMark,
}

/// Where to look for new mail.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct SyncRequest {
    /// One account, or all.
    pub account: Option<String>,
}

/// What a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Scope {
    /// The mailboxes of one role, of all accounts.
    Merged {
        /// Which role.
        #[ts(type = "MailboxRole")]
        role: MailboxRole,
        /// Of the accounts of this group only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        group: Option<String>,
    },
    /// Starred mail of all accounts, of one, or of a group.
    Starred {
        /// One account, or all.
        account: Option<String>,
        /// Of the accounts of this group only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        group: Option<String>,
    },
    /// All mail of one account, whatever mailbox it lies in.
    All {
        /// Which account.
        account: String,
    },
    /// One mailbox.
    Mailbox {
        /// Its account.
        account: String,
        /// The server's id of the mailbox.
        mailbox: String,
    },
    /// Messages that match what was typed. The mode of such a list is "messages".
    Search {
        /// As typed, such as `from:ada has:file budget -draft`.
        text: String,
        /// One account, or all.
        account: Option<String>,
        /// Of the accounts of this group only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        group: Option<String>,
        /// In this mailbox of the account only: the server's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        mailbox: Option<String>,
    },
}

/// Opens a list.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct ListRequest {
    /// The page's own name for the list, for [`ListWindowRequest`]; unique while it is open.
    pub list: String,
    /// What it shows.
    pub scope: Scope,
    /// Conversations or messages.
    #[ts(type = "ListMode")]
    pub mode: ListMode,
    /// Which rows.
    #[ts(type = "Filter")]
    pub filter: Filter,
}

/// The part of a list that is on the screen, with some over-scan.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct ListWindowRequest {
    /// [`ListRequest::list`].
    pub list: String,
    /// First row, from 0.
    #[ts(type = "number")]
    pub from: u64,
    /// The row after the last one; at most 400 after `from`.
    #[ts(type = "number")]
    pub to: u64,
}

/// Opens a conversation.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct ConversationRequest {
    /// Its account.
    pub account: String,
    /// Its key.
    #[ts(type = "number")]
    pub thread: i64,
}

/// Names a message.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct MessageRequest {
    /// Its account.
    pub account: String,
    /// Its key.
    #[ts(type = "number")]
    pub message: i64,
}

/// What a mark is put on.
#[derive(Debug, Clone, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MarkTarget {
    /// A conversation: every message for "read", the newest for a new star.
    Thread {
        /// Its account.
        account: String,
        /// Its key.
        #[ts(type = "number")]
        thread: i64,
    },
    /// One message.
    Message {
        /// Its account.
        account: String,
        /// Its key.
        #[ts(type = "number")]
        message: i64,
    },
}

/// A mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Read.
    Seen,
    /// Starred.
    Flagged,
}

/// Adds or removes a mark.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct MarkRequest {
    /// On what; at most 1,000.
    pub targets: Vec<MarkTarget>,
    /// Which mark.
    pub mark: Mark,
    /// Add or remove.
    pub set: bool,
}

/// Names an attachment.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct AttachmentRequest {
    /// Its account.
    pub account: String,
    /// Its message.
    #[ts(type = "number")]
    pub message: i64,
    /// [`super::AttachmentView::index`].
    pub index: u32,
}
