//! What synchronisation hands to the store, and what it finds there when it starts again.

use mail_model::remote::MailboxSnapshot;
use mail_model::{Message, MessageId, StateString, UnixTime, remote::MessageUpdate};

/// How far the first synchronisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FillState {
    /// Nothing was fetched yet.
    #[default]
    Start,
    /// Going back in time.
    Filling {
        /// Receipt of the oldest message that is here.
        oldest: UnixTime,
        /// Messages fetched so far.
        done: u64,
        /// All messages, if the server says.
        total: Option<u64>,
    },
    /// Everything was fetched once.
    Complete,
}

/// Where synchronisation stands; always agrees with the rows beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncProgress {
    /// State of the mailbox list.
    pub mailbox_state: Option<StateString>,
    /// State of the messages.
    pub message_state: Option<StateString>,
    /// The first synchronisation.
    pub fill: FillState,
    /// When a whole round last succeeded.
    pub last_success: Option<UnixTime>,
}

/// New values of [`SyncProgress`]; `None` keeps the old one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgressUpdate {
    /// State of the mailbox list. A mailbox snapshot's own state is written without it.
    pub mailbox_state: Option<StateString>,
    /// State of the messages.
    pub message_state: Option<StateString>,
    /// The first synchronisation.
    pub fill: Option<FillState>,
    /// When a whole round last succeeded.
    pub last_success: Option<UnixTime>,
}

/// A running mark-and-sweep over all messages, made by `AccountStore::begin_sweep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep(pub(crate) i64);

/// One page of what the server said. Written in one transaction, so keep it at 500 rows at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncBatch {
    /// Every mailbox, when that list changed.
    pub mailboxes: Option<MailboxSnapshot>,
    /// Whole messages, new or known.
    pub upsert: Vec<Message>,
    /// New mailboxes and keywords of messages; those that are not here are left out.
    pub update: Vec<MessageUpdate>,
    /// Messages that are gone. Wins over the other two.
    pub remove: Vec<MessageId>,
    /// What is true of the account once these rows are in.
    pub progress: ProgressUpdate,
    /// Counts the messages named in `upsert` and `update` as seen by this sweep.
    pub mark: Option<Sweep>,
}
