//! What the page is given.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use mail_model::{AccountColor, MailboxRole};

use super::{
    ErrorCode, FoundView, GroupView, IdentityView, OneAccountView, Scope, SealedView, SearchView,
    UnreadMark,
};

/// Light, dark, or as the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What the window remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct PreferencesView {
    /// Colours.
    pub theme: Theme,
    /// What the list showed last.
    pub scope: Option<Scope>,
    /// Width of the sidebar in CSS px.
    pub sidebar_width: Option<u32>,
    /// Width of the list in CSS px.
    pub list_width: Option<u32>,
}

/// A way in that the tenant offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ConnectionView {
    /// The connection id.
    pub id: String,
    /// The name to show.
    pub name: String,
}

/// Where people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct TenantView {
    /// Host of the login address.
    pub host: String,
    /// The application id.
    pub application_id: String,
    /// Whether this is the built-in rehearsal.
    pub rehearsal: bool,
    /// Whether the organisation has set it, so that nobody changes it here.
    pub managed: bool,
    /// Ways in; empty when only the tenant's own page lists them.
    pub connections: Vec<ConnectionView>,
}

/// Whether sign-ins can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum VaultView {
    /// The system keyring answers.
    Ready,
    /// It is locked.
    Locked,
    /// There is none.
    Missing,
    /// The person chose to go on without: sign-ins end with the app.
    SessionOnly,
}

/// The app's own state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct AppView {
    /// Braid's version.
    pub version: String,
    /// None before the first run is done.
    pub tenant: Option<TenantView>,
    /// Keyring.
    pub vault: VaultView,
    /// "One account at a time".
    pub one_account: OneAccountView,
    /// A change of sign-ins that is under way or whose end is not known.
    pub linking: Option<String>,
    /// The organisation does not allow one mailbox to be opened with several sign-ins.
    pub linking_forbidden: bool,
    /// What the window remembers.
    pub preferences: PreferencesView,
}

/// Event of the feed `app`.
#[derive(Debug, Clone, Serialize, TS)]
pub struct AppEvent {
    /// Grows by one.
    #[ts(type = "number")]
    pub seq: u64,
    /// All of it, anew.
    pub app: AppView,
}

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HealthView {
    /// Everything the server has told is here.
    Current,
    /// Looking, or fetching.
    Working,
    /// No connection.
    Offline,
    /// The server asks to wait.
    Waiting {
        /// Until when, Unix seconds.
        #[ts(type = "number")]
        until: i64,
    },
    /// The session has ended.
    SignInNeeded,
    /// Back from a sealed copy, and not signed in yet.
    SignedOut,
    /// Paused by the person: no traffic.
    Paused,
    /// Locked by the person: its rows are not shown.
    Locked,
    /// The keyring is locked or gone.
    VaultLocked,
    /// The server refuses, or has no mail for this account.
    Refused {
        /// The server's own words.
        detail: String,
    },
    /// The local copy was damaged and is being built anew; drafts are safe.
    Rebuilding,
    /// The disk is full.
    DiskFull,
    /// A fault of ours.
    Fault,
}

/// How far the first fetch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
pub struct ProgressView {
    /// Messages here.
    #[ts(type = "number")]
    pub done: u64,
    /// Messages on the server, if it says.
    #[ts(type = "number | null")]
    pub total: Option<u64>,
}

/// One mailbox of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct MailboxView {
    /// The server's id.
    pub id: String,
    /// Its name, as the server has it.
    pub name: String,
    /// What it is for.
    #[ts(type = "MailboxRole | null")]
    pub role: Option<MailboxRole>,
    /// How deep it lies, from 0.
    pub depth: u32,
    /// Unread conversations.
    #[ts(type = "number")]
    pub unread: u64,
    /// All conversations.
    #[ts(type = "number")]
    pub total: u64,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct AccountView {
    /// Its local id.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// Its address.
    pub email: String,
    /// On its tile.
    pub letter: String,
    /// Its colour.
    #[ts(type = "AccountColor")]
    pub color: AccountColor,
    /// Address of its picture, where the person chose one.
    pub picture: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// How its tile shows unread mail.
    pub unread_mark: UnreadMark,
    /// Name of the connection it was signed in by.
    pub connection: Option<String>,
    /// The end of its session, if the login service says, Unix seconds.
    #[ts(type = "number | null")]
    pub session_ends_at: Option<i64>,
    /// Whether a change of sign-ins keeps it read-only.
    pub read_only: bool,
    /// How it is.
    pub health: HealthView,
    /// Whether damage, met since its files were opened, may have taken changes of the person that
    /// the server does not have.
    pub may_miss_changes: bool,
    /// First fetch, while it goes on.
    pub progress: Option<ProgressView>,
    /// Last time everything was asked for and here, Unix seconds.
    #[ts(type = "number | null")]
    pub synced_at: Option<i64>,
    /// Changes of the person that still wait for the server.
    #[ts(type = "number")]
    pub queued: u64,
    /// Unread conversations in the inbox.
    #[ts(type = "number")]
    pub unread: u64,
    /// Mailboxes: roles first, then own ones, children after their parent.
    pub mailboxes: Vec<MailboxView>,
}

/// Event of the feed `accounts`.
#[derive(Debug, Clone, Serialize, TS)]
pub struct AccountsEvent {
    /// Grows by one.
    #[ts(type = "number")]
    pub seq: u64,
    /// All accounts in the person's order, anew.
    pub accounts: Vec<AccountView>,
    /// All groups in the person's order, anew.
    pub groups: Vec<GroupView>,
    /// All sealed copies, newest first, anew.
    pub sealed: Vec<SealedView>,
}

/// An account, as far as a sentence about it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct AccountNameView {
    /// Its local id.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// Its address.
    pub email: String,
}

/// A sign-in has begun.
#[derive(Debug, Clone, Serialize, TS)]
pub struct AttemptView {
    /// Its name.
    pub attempt: String,
}

/// Where a sign-in stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum SignInView {
    /// The tenant is being asked.
    Preparing,
    /// The browser is open; the person signs in there.
    Waiting,
    /// The browser came back.
    Finishing,
    /// "You are adding …": nothing is kept yet.
    Confirm {
        /// The person's name.
        person: String,
        /// The address.
        email: String,
        /// Name of the connection.
        connection: Option<String>,
        /// A name for the account.
        name: String,
        /// A colour that is free.
        #[ts(type = "AccountColor")]
        color: AccountColor,
        /// A sealed copy of this person's mail that can be brought back.
        sealed: Option<SealedView>,
        /// The accounts that are signed out for this one, where only one may stay.
        replaces: Vec<AccountNameView>,
    },
    /// The account was there already; its session is fresh now.
    Renewed {
        /// Which account.
        account: String,
    },
    /// The same person was added again and is signed in already. Nothing has changed.
    AlreadyHere {
        /// Which account.
        account: String,
    },
    /// This sign-in opens a mailbox that is here already. Nothing has changed.
    AlreadyOpens {
        /// Which account.
        account: String,
        /// The sign-in.
        identity: IdentityView,
    },
    /// The login service joined this sign-in to an account by itself. Nothing has changed here.
    LinkedByItself {
        /// Which account.
        account: String,
        /// The sign-in.
        identity: IdentityView,
    },
    /// The sign-in was added to a mailbox.
    IdentityAdded {
        /// Which account.
        account: String,
        /// The sign-in.
        identity: IdentityView,
    },
    /// A side of a change of sign-ins was proved.
    Proved {
        /// Which account.
        account: String,
    },
    /// Somebody else signed in than the account that was asked for. Nothing has changed.
    OtherPerson {
        /// Address of the account.
        expected: String,
        /// Address of who signed in.
        found: String,
    },
    /// The account is added.
    Added {
        /// Which account.
        account: String,
    },
    /// It did not work. Nothing has changed.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The other side's own words, if any.
        detail: Option<String>,
    },
    /// Given up by the person.
    Cancelled,
}

/// Event of the feed `sign_in`.
#[derive(Debug, Clone, Serialize, TS)]
pub struct SignInEvent {
    /// Grows by one.
    #[ts(type = "number")]
    pub seq: u64,
    /// Where it stands.
    pub sign_in: SignInView,
}

/// What removing an account deletes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct RemovalView {
    /// Messages in the local copy; the server keeps its own.
    #[ts(type = "number")]
    pub messages: u64,
    /// Changes that have not reached the server.
    #[ts(type = "number")]
    pub queued: u64,
    /// Octets on disk.
    #[ts(type = "number")]
    pub octets: u64,
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct RowView {
    /// Unique in the list.
    pub key: String,
    /// Its account.
    pub account: String,
    /// The conversation.
    #[ts(type = "number")]
    pub thread: i64,
    /// The newest message of it in this list, or the message.
    #[ts(type = "number")]
    pub message: i64,
    /// Unix seconds.
    #[ts(type = "number")]
    pub received_at: i64,
    /// Oldest first, at most five.
    pub senders: Vec<String>,
    /// May be empty.
    pub subject: String,
    /// May be empty.
    pub preview: String,
    /// Messages in the row.
    pub messages: u32,
    /// Unread ones among them.
    pub unread: u32,
    /// Any is starred.
    pub starred: bool,
    /// Any has a file.
    pub files: bool,
    /// The newest was answered.
    pub answered: bool,
    /// The newest is a draft.
    pub draft: bool,
    /// Why it was found, in a search.
    pub found: Option<FoundView>,
}

/// Event of the feed `list`.
#[derive(Debug, Clone, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ListEvent {
    /// Everything the page knows of the list is replaced.
    Snapshot {
        /// 0.
        #[ts(type = "number")]
        seq: u64,
        /// Rows of the whole list.
        #[ts(type = "number")]
        total: u64,
        /// Unread rows of the whole list.
        #[ts(type = "number")]
        unread: u64,
        /// Place of the first row below.
        #[ts(type = "number")]
        start: u64,
        /// The rows of the window, in order.
        rows: Vec<RowView>,
        /// Accounts that belong into the list and cannot be read; they are counted nowhere.
        failed: Vec<String>,
    },
    /// The window after a change or a move.
    Diff {
        /// One more than the last event's.
        #[ts(type = "number")]
        seq: u64,
        /// As above.
        #[ts(type = "number")]
        total: u64,
        /// As above.
        #[ts(type = "number")]
        unread: u64,
        /// Place of the first key below.
        #[ts(type = "number")]
        start: u64,
        /// Keys of all rows of the window, in order.
        order: Vec<String>,
        /// Those rows that the last event did not have, or that have changed.
        rows: Vec<RowView>,
        /// As above.
        failed: Vec<String>,
    },
    /// How the search stands, for a list that is one. Comes whenever it has changed.
    Search {
        /// All of it, anew.
        search: SearchView,
    },
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct AddressView {
    /// May be empty.
    pub name: String,
    /// As written.
    pub email: String,
}

/// One file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct AttachmentView {
    /// Its place in the message.
    pub index: u32,
    /// Safe to show: no control or direction characters.
    pub name: String,
    /// Media type as claimed.
    pub media_type: String,
    /// Octets.
    #[ts(type = "number")]
    pub size: u64,
    /// Whether it may be opened, or only saved.
    pub can_open: bool,
}

/// What can be shown of a message's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BodyView {
    /// Not asked for yet.
    Folded,
    /// On its way.
    Loading,
    /// Not here, and the server cannot be reached.
    Offline,
    /// Cannot be had.
    Failed {
        /// Why.
        code: ErrorCode,
    },
    /// Cleaned, ready to be shown in a frame.
    Ready {
        /// Address of the frame.
        url: String,
        /// Pictures from outside that were not loaded.
        blocked_images: u32,
        /// Invisible pictures that were removed.
        trackers: u32,
        /// Whether the text was cut.
        truncated: bool,
    },
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct MessageView {
    /// Its key.
    #[ts(type = "number")]
    pub key: i64,
    /// `From`.
    pub from: Vec<AddressView>,
    /// `To`.
    pub to: Vec<AddressView>,
    /// `Cc`.
    pub cc: Vec<AddressView>,
    /// Unix seconds.
    #[ts(type = "number")]
    pub received_at: i64,
    /// First words.
    pub preview: String,
    /// Read.
    pub seen: bool,
    /// Starred.
    pub flagged: bool,
    /// Unfinished.
    pub draft: bool,
    /// Names of the mailboxes it lies in.
    pub mailboxes: Vec<String>,
    /// Body.
    pub body: BodyView,
    /// Files; known once the body is here.
    pub attachments: Vec<AttachmentView>,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ConversationView {
    /// Its account.
    pub account: String,
    /// Its key.
    #[ts(type = "number")]
    pub thread: i64,
    /// Subject of its newest message.
    pub subject: String,
    /// Oldest first.
    pub messages: Vec<MessageView>,
}

/// Event of the feed `conversation`.
#[derive(Debug, Clone, Serialize, TS)]
pub struct ConversationEvent {
    /// Grows by one.
    #[ts(type = "number")]
    pub seq: u64,
    /// All of it, anew; none when it is gone.
    pub conversation: Option<ConversationView>,
}

/// Where an attachment went.
#[derive(Debug, Clone, Serialize, TS)]
pub struct SavedView {
    /// The file's name; none when the person changed their mind.
    pub name: Option<String>,
}
