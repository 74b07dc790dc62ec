//! Sign-ins that open a mailbox, and opening one mailbox with two of them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use mail_model::AccountColor;

/// The sign-ins that open one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct IdentitiesView {
    /// Which account.
    pub account: String,
    /// Oldest first.
    pub identities: Vec<IdentityView>,
}

/// One sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct IdentityView {
    /// The provider's id for the person.
    pub id: String,
    /// The connection's id.
    pub connection: String,
    /// The connection's name.
    pub connection_name: String,
    /// The person's name there, where known: a name or an address.
    pub person: Option<String>,
    /// Since when, Unix seconds, where the service says.
    #[ts(type = "number | null")]
    pub since: Option<i64>,
    /// Whether the present session was opened by it.
    pub current: bool,
}

/// Adds a sign-in that owns nothing yet.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct AddIdentityRequest {
    /// The mailbox it shall open.
    pub account: String,
    /// By which connection.
    pub connection: String,
}

/// Removes a sign-in.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct RemoveIdentityRequest {
    /// Of which mailbox.
    pub account: String,
    /// [`IdentityView::id`].
    pub identity: String,
    /// [`IdentityView::connection`].
    pub connection: String,
}

/// Begins to open one mailbox with two sign-ins.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct LinkBeginRequest {
    /// The mailbox that is kept.
    pub kept: String,
    /// The mailbox that is set aside.
    pub set_aside: String,
}

/// Names a change under way.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct LinkRequest {
    /// Which one.
    pub flow: String,
}

/// One side of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LinkSide {
    /// The mailbox that is kept.
    Kept,
    /// The mailbox that is set aside.
    SetAside,
}

/// Proves one side by a fresh sign-in.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct LinkProveRequest {
    /// Which change.
    pub flow: String,
    /// Which side.
    pub side: LinkSide,
}

/// What has not left this computer or waits at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Unsettled {
    /// Messages waiting to be sent.
    Outbox,
    /// Changes that are not on the server.
    Queue,
}

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SettleHow {
    /// Send it now.
    Send,
    /// Give it up.
    Drop,
}

/// Settles what has not left this computer.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct LinkSettleRequest {
    /// Which change.
    pub flow: String,
    /// What.
    pub what: Unsettled,
    /// How.
    pub how: SettleHow,
}

/// Takes a copy along. The app asks where.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct LinkExportRequest {
    /// Which change.
    pub flow: String,
    /// A file for each message beside the mailbox files.
    pub eml: bool,
    /// Packed and encrypted with this; none for plain files.
    pub passphrase: Option<String>,
    /// Only what is missing from the last try.
    pub retry: bool,
}

/// Goes to the next page.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct LinkGoOnRequest {
    /// Which change.
    pub flow: String,
    /// The person has ticked what the page asks to be ticked: incomplete figures, both sign-ins
    /// affected, no copy, or a copy with gaps.
    pub understood: bool,
}

/// Confirms by typing.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct LinkConfirmRequest {
    /// Which change.
    pub flow: String,
    /// The address of the mailbox that is set aside.
    pub typed: String,
}

/// Names the record of a change.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct JournalRequest {
    /// Which one.
    pub journal: String,
}

/// Event of the feed `link`.
#[derive(Debug, Clone, Serialize, TS)]
pub struct LinkEvent {
    /// Grows by one.
    #[ts(type = "number")]
    pub seq: u64,
    /// Where it stands.
    pub link: LinkView,
}

/// A change under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LinkView {
    /// Its name.
    pub flow: String,
    /// The mailbox that is kept.
    pub kept: LinkMailboxView,
    /// The mailbox that is set aside.
    pub set_aside: LinkMailboxView,
    /// The page to show.
    pub stage: LinkStageView,
    /// Counts, once there are any.
    pub counts: Option<LinkCountsView>,
    /// The copy that is taken along, once there is one.
    pub export: Option<LinkExportView>,
    /// What stands in the way, on this page.
    pub trouble: Option<LinkTroubleView>,
    /// The sign-in in the browser that belongs to it: of a proof, or of the change itself where
    /// the service has no other way. It is in the `sign_in` feed.
    pub attempt: Option<String>,
}

/// One of the two mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LinkMailboxView {
    /// Its account.
    pub account: String,
    /// What the person calls it.
    pub name: String,
    /// Its address.
    pub email: String,
    /// On its tile.
    pub letter: String,
    /// Its colour.
    #[ts(type = "AccountColor")]
    pub color: AccountColor,
    /// Name of its connection.
    pub connection: Option<String>,
    /// Messages here.
    #[ts(type = "number")]
    pub messages: u64,
    /// The oldest of them, Unix seconds.
    #[ts(type = "number | null")]
    pub oldest: Option<i64>,
    /// Octets on this computer.
    #[ts(type = "number")]
    pub octets: u64,
    /// Sign-ins that open it; 0 while not known.
    pub sign_ins: u32,
    /// Until when the proof holds, Unix seconds; none without one.
    #[ts(type = "number | null")]
    pub proved_until: Option<i64>,
}

/// The page of the flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum LinkStageView {
    /// It cannot be done; `trouble` says why.
    Blocked,
    /// This side has to be proved by a fresh sign-in.
    Prove {
        /// Which side.
        side: LinkSide,
    },
    /// Which mailbox is kept.
    Direction,
    /// Counting.
    Counting,
    /// What would be set aside.
    Preview,
    /// What has not left this computer is being settled.
    Settling,
    /// A copy to take along.
    Export,
    /// The copy is being made.
    Exporting {
        /// Messages done.
        #[ts(type = "number")]
        done: u64,
        /// Messages in all.
        #[ts(type = "number")]
        total: u64,
        /// Octets written.
        #[ts(type = "number")]
        octets: u64,
        /// Whether it is being read back.
        checking: bool,
    },
    /// The copy was made and compared; `export` says how.
    Exported,
    /// The address has to be typed.
    Confirm {
        /// What has to be typed.
        type_this: String,
    },
    /// It is being done; it cannot be stopped any more.
    Working {
        /// The step.
        step: LinkStep,
    },
    /// Done.
    Done {
        /// When, Unix seconds.
        #[ts(type = "number")]
        at: i64,
        /// The record of it.
        journal: String,
        /// The sealed copy.
        sealed: String,
    },
    /// Nothing was changed; `trouble` says why.
    NotChanged,
    /// Not known yet; looked for again by itself. Both mailboxes are read-only until then.
    Unknown {
        /// The record of it.
        journal: String,
    },
}

/// A step of the change itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LinkStep {
    /// The mailbox that is set aside is sealed on this computer.
    Sealing,
    /// The service is asked.
    Asking,
    /// The answer is checked.
    Checking,
    /// The old session is ended.
    Closing,
}

/// What would be set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LinkCountsView {
    /// When it was counted, Unix seconds.
    #[ts(type = "number")]
    pub counted_at: i64,
    /// Whether there may be more.
    pub at_least: bool,
    /// Conversations.
    #[ts(type = "number")]
    pub conversations: u64,
    /// Messages.
    #[ts(type = "number")]
    pub messages: u64,
    /// Unread messages.
    #[ts(type = "number")]
    pub unread: u64,
    /// Drafts.
    #[ts(type = "number")]
    pub drafts: u64,
    /// Messages waiting to be sent.
    #[ts(type = "number")]
    pub outbox: u64,
    /// Changes that are not on the server.
    #[ts(type = "number")]
    pub queued: u64,
    /// Octets of attachments, where the server says.
    #[ts(type = "number | null")]
    pub attachment_bytes: Option<u64>,
    /// Sender addresses with their signatures.
    #[ts(type = "number | null")]
    pub identities: Option<u64>,
    /// Rules on the server, where it says.
    #[ts(type = "number | null")]
    pub rules: Option<u64>,
}

/// The preview by itself, for a program: nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LinkPlanView {
    /// The mailbox that is kept.
    pub kept: LinkMailboxView,
    /// The mailbox that is set aside.
    pub set_aside: LinkMailboxView,
    /// What would be set aside.
    pub counts: LinkCountsView,
}

/// The copy that is taken along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LinkExportView {
    /// Name of the folder or file.
    pub name: String,
    /// Messages written and compared.
    #[ts(type = "number")]
    pub written: u64,
    /// Messages the server has.
    #[ts(type = "number")]
    pub expected: u64,
    /// Octets.
    #[ts(type = "number")]
    pub octets: u64,
    /// Subjects or ids of messages that could not be read, at most 100.
    pub missing: Vec<String>,
    /// SHA-256 of the manifest, hexadecimal.
    pub digest: String,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LinkTroubleView {
    /// What it is.
    pub kind: LinkTrouble,
    /// The other side's own words, if any; never a secret.
    pub detail: Option<String>,
    /// A number the words need: messages, octets, seconds, minutes or sign-ins.
    #[ts(type = "number | null")]
    pub number: Option<i64>,
    /// A second one: octets free, changes, messages expected.
    #[ts(type = "number | null")]
    pub other_number: Option<i64>,
}

/// Everything that can stand in the way of a change. The page makes the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LinkTrouble {
    /// The same person came back.
    SamePerson,
    /// The sign-in opens the kept mailbox already.
    AlreadyOpens,
    /// The sign-in opens a third mailbox.
    BelongsElsewhere,
    /// The mailbox that is set aside is opened by several sign-ins; all are affected.
    BothAffected,
    /// The kept side has to be signed in again.
    KeptExpired,
    /// The other side's proof is too old.
    ProofExpired,
    /// Somebody else signed in.
    WrongPerson,
    /// The sign-in was not finished.
    NotFinished,
    /// The answer did not belong to the request.
    NotOurs,
    /// The organisation does not allow it.
    Forbidden,
    /// The service has not switched it on.
    NotSwitchedOn,
    /// The service joined the sign-ins by itself.
    LinkedByItself,
    /// It cannot be counted.
    CannotCount,
    /// Something has not left this computer.
    NotSettled,
    /// A draft is open in a window.
    DraftOpen,
    /// Not enough space for the copy.
    NoSpace,
    /// Some messages could not be copied.
    ExportIncomplete,
    /// No connection; nothing was asked.
    Offline,
    /// No answer to the one question.
    NoAnswer,
    /// The service had a fault.
    ServerFault,
    /// The service asks to wait.
    TooMany,
    /// The service confirmed, but does not show it yet.
    NotShownYet,
    /// Done, but the old session could not be ended.
    SessionLeft,
    /// The keyring refuses.
    Keyring,
    /// The local copy cannot be sealed.
    CannotSeal,
    /// It came to nothing, but the mailbox is not back on this computer yet.
    NotBack,
    /// In the browser somebody else signed in, and the service joined that sign-in.
    OtherJoined,
    /// The mailbox changed since the person looked.
    Changed,
    /// What was typed is something else.
    TypedOther,
    /// It is the only sign-in.
    LastSignIn,
    /// This computer's clock is off.
    Clock,
    /// The person may not decide about this mailbox.
    NotOwner,
    /// Another change is under way.
    Busy,
    /// Several sign-ins of one connection open the mailbox, and the service does not say which of
    /// them was used.
    SignInUnclear,
    /// Anything else.
    Unexpected,
}
