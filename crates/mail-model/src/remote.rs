//! The traits behind which a mail server stands, and what crosses them.
//!
//! One value that implements [`MailSource`] belongs to one account for its whole life: it holds
//! that account's HTTP client and token getter, so no call names an account. Implementations
//! respect the server's limits themselves (splitting, concurrency) and renew a refused token
//! once; what reaches the caller is final.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::tz::TimeZone;

use crate::search::Query;
use crate::{
    BlobId, Body, HostLog, Identity, IdentityId, KeywordEdit, Keywords, Mailbox, MailboxId,
    Message, MessageId, Reaction, StateString, SubmissionId, UnixTime,
};

/// Gives the bearer token for one account's mail server.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is good for at least five more minutes.
    ///
    /// # Errors
    /// See [`TokenError`].
    async fn token(&self) -> Result<BearerToken, TokenError>;

    /// A token other than `refused`, which a server answered with 401. Renews at most once
    /// for any number of callers who were refused the same token.
    ///
    /// # Errors
    /// See [`TokenError`].
    async fn replace(&self, refused: &BearerToken) -> Result<BearerToken, TokenError>;
}

/// A bearer token (RFC 6750). Not printable, on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

impl BearerToken {
    /// Wraps a token.
    #[must_use]
    pub const fn new(token: String) -> Self {
        Self(token)
    }

    /// The token, for an `Authorization` header and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The session is over.
    #[error("the session has ended; sign in again")]
    SignInAgain,
    /// The login service could not be reached or had a passing fault.
    #[error("the login service cannot be reached at the moment")]
    Unreachable {
        /// Not before this long.
        retry_after: Option<Duration>,
    },
    /// The keyring does not give the session out.
    #[error("the system keyring is locked or not available")]
    VaultUnavailable,
    /// The person has paused the account: nothing is asked of any server.
    #[error("the account is paused")]
    Paused,
    /// The person has locked the account: its key and tokens are not in memory.
    #[error("the account is locked")]
    LockedByPerson,
}

/// Why a mail server's answer is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No connection, or it broke.
    #[error("the mail server cannot be reached")]
    Unreachable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// The server is busy, limits us, or has a passing fault.
    #[error("the mail server asks to wait")]
    Busy {
        /// Not before this long.
        retry_after: Option<Duration>,
        /// HTTP status or JMAP error type, for the log.
        reason: String,
    },
    /// No token, or the server refuses even a fresh one.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The stored state is too old or unknown: fetch that data type anew.
    #[error("the mail server cannot tell what has changed")]
    CannotCalculateChanges,
    /// The server names another account for this person than the one this source spoke for; see
    /// [`MailSource::fits`].
    #[error("the mail server names another account for this person")]
    AccountChanged,
    /// The object is not there (any more).
    #[error("the mail server does not have it")]
    NotFound,
    /// The server refuses this request for good.
    #[error("the mail server refuses: {reason}")]
    Refused {
        /// The server's error type or words.
        reason: String,
    },
    /// The answer cannot be understood. Nothing of it was used.
    #[error("the mail server's answer cannot be understood: {reason}")]
    BadAnswer {
        /// What was wrong, without the answer's content.
        reason: String,
    },
    /// The address is no mail server of this kind, or has no mail for this account.
    #[error("no mail service was found there: {reason}")]
    NoService {
        /// What is missing.
        reason: String,
    },
}

impl SourceError {
    /// What the caller should do.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Unreachable(_) | Self::BadAnswer { .. } => Reaction::RetryLater(None),
            Self::Busy { retry_after, .. } => Reaction::RetryLater(*retry_after),
            Self::Token(TokenError::Unreachable { retry_after }) => {
                Reaction::RetryLater(*retry_after)
            }
            Self::Token(TokenError::SignInAgain) => Reaction::SignInAgain,
            Self::Token(
                TokenError::VaultUnavailable | TokenError::Paused | TokenError::LockedByPerson,
            ) => Reaction::AskPerson,
            Self::CannotCalculateChanges | Self::AccountChanged => Reaction::Resynchronise,
            Self::NotFound | Self::Refused { .. } => Reaction::GiveUp,
            Self::NoService { .. } => Reaction::AskPerson,
        }
    }
}

/// Every mailbox, and the state that list is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxSnapshot {
    /// Mailbox state (`Mailbox/get`).
    pub state: StateString,
    /// All mailboxes.
    pub mailboxes: Vec<Mailbox>,
}

/// A page of messages, newest first by receipt, over all mailboxes of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePage {
    /// Email state at or before the moment the page was read: changes asked from it miss nothing.
    pub state: StateString,
    /// The messages, newest first.
    pub messages: Vec<Message>,
    /// How many ids the server's query gave for this page; with vanished messages it can be
    /// more than `messages`. Zero means the end was reached.
    pub queried: usize,
    /// All messages of the account, if the server says; a page that begins at a time cannot.
    pub total: Option<u64>,
}

/// What changed in the account's messages since a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDelta {
    /// The state after this delta; ask again from it while `has_more`.
    pub new_state: StateString,
    /// Whether there is more to ask for.
    pub has_more: bool,
    /// New messages, whole. (A message both created and changed counts as new.)
    pub created: Vec<Message>,
    /// Known messages with new mailboxes or keywords. Nothing else of a message ever changes.
    pub updated: Vec<MessageUpdate>,
    /// Messages that are gone.
    pub destroyed: Vec<MessageId>,
}

/// The changeable part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUpdate {
    /// Which message.
    pub id: MessageId,
    /// All mailboxes it lies in now.
    pub mailboxes: Vec<MailboxId>,
    /// All its keywords now.
    pub keywords: Keywords,
}

/// One message as it lies on the server, for taking a copy of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEntry {
    /// Which message.
    pub id: MessageId,
    /// Its bytes, whole (RFC 8621 section 4.1.1).
    pub blob: BlobId,
    /// Their number in octets.
    pub size: u64,
    /// All mailboxes it lies in.
    pub mailboxes: Vec<MailboxId>,
    /// All its keywords.
    pub keywords: Keywords,
    /// When the server received it.
    pub received_at: UnixTime,
    /// Whether a person would say it has files.
    pub has_attachment: bool,
}

/// A page of [`RawEntry`]s, in the server's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPage {
    /// Email state at or before the moment the page was read.
    pub state: StateString,
    /// The messages; none means that the end was reached.
    pub entries: Vec<RawEntry>,
    /// All messages of the account, on the first page and if the server says.
    pub total: Option<u64>,
}

/// A page of what a search found on the server, newest first by receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPage {
    /// The messages that match, each once.
    pub ids: Vec<MessageId>,
    /// How many ids the server gave for this page: the next page begins so many further. It can
    /// be more than `ids`, where the server could only be asked for some more than was meant.
    /// Zero means the end was reached.
    pub queried: usize,
}

/// A message that was handed over and has not left yet (RFC 8621 section 7, `undoStatus`
/// `pending`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSubmission {
    /// Which submission.
    pub id: SubmissionId,
    /// The message it sends.
    pub message: MessageId,
    /// When it leaves, as the server says.
    pub send_at: UnixTime,
}

/// What became of taking a submission back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It does not leave.
    Cancelled,
    /// It has left, or is leaving just now.
    TooLate,
    /// The server has no such submission.
    Gone,
}

/// One change the person made, for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteEdit {
    /// Which message.
    pub message: MessageId,
    /// Keywords to add or remove.
    pub keywords: Vec<KeywordEdit>,
    /// Mailboxes to put it into.
    pub add_to: Vec<MailboxId>,
    /// Mailboxes to take it out of.
    pub remove_from: Vec<MailboxId>,
}

/// What became of one edit.
#[derive(Debug)]
pub enum EditOutcome {
    /// The server has it.
    Done,
    /// The server will never take it: the reason, for the person.
    Refused(String),
    /// The message is gone.
    Gone,
    /// Not this time: try again later.
    Later,
}

/// One file's bytes as they arrive.
pub type ByteStream = BoxStream<'static, Result<Bytes, SourceError>>;

/// Hints that something changed. Only ever a hint: what changed is asked for.
pub type PushStream = BoxStream<'static, Result<PushEvent, SourceError>>;

/// One hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// The connection stands; anything missed before it must be asked for.
    Connected,
    /// Something of the account changed.
    Changed,
    /// The connection is alive.
    Ping,
}

/// One account's mail server, for reading and for the person's marks.
#[async_trait]
pub trait MailSource: Send + Sync {
    /// Whether a state belongs to the account this source speaks for; none fits every account.
    ///
    /// A server may name another account for the same person (a move, a restored backup). Every
    /// other call then fails with [`SourceError::AccountChanged`] until this one has been made,
    /// from which on the source speaks for the new account. Its ids mean other messages, so when
    /// this says no, nothing of what is stored may be taken for what the server has. A source
    /// whose server cannot do that always says yes.
    ///
    /// # Errors
    /// See [`SourceError`]; this holds for every call of the trait.
    async fn fits(&self, _state: Option<&StateString>) -> Result<bool, SourceError> {
        Ok(true)
    }

    /// Every mailbox.
    async fn mailboxes(&self) -> Result<MailboxSnapshot, SourceError>;

    /// Whether the mailbox list differs from that state; `None` means it does not.
    async fn mailboxes_since(
        &self,
        state: &StateString,
    ) -> Result<Option<MailboxSnapshot>, SourceError>;

    /// Messages by receipt, newest first, starting after the `position` newest ones.
    /// `limit` is at most what the server allows; the implementation splits as needed.
    async fn newest(&self, position: u64, limit: usize) -> Result<MessagePage, SourceError>;

    /// Messages received before or at `before`, newest first: how filling backwards goes on
    /// when new mail has shifted positions. The first messages may be known already.
    async fn older_than(
        &self,
        before: UnixTime,
        position: u64,
        limit: usize,
    ) -> Result<MessagePage, SourceError>;

    /// Messages the server finds for a search, newest first, after `position` ids of it, at most
    /// `limit`. Days begin in `zone`. The server looks for words in its own way: it may find
    /// other messages than a search of what is here, and an unfinished word counts as whole.
    ///
    /// `query` is that of this account ([`Query::for_account`]).
    ///
    /// # Errors
    /// [`SourceError::Refused`] where the server does not search so, or cannot be asked that.
    async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        position: u64,
        limit: usize,
    ) -> Result<SearchPage, SourceError>;

    /// What changed since that state, at most `max` messages.
    async fn message_changes(
        &self,
        since: &StateString,
        max: usize,
    ) -> Result<MessageDelta, SourceError>;

    /// All ids and changeable parts, for finding what a lost state would have told. In the
    /// server's order, after `position` ids, at most `limit`; empty at the end.
    async fn inventory(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<(StateString, Vec<MessageUpdate>), SourceError>;

    /// Every message with where its bytes are, as [`Self::inventory`] pages it: after `position`
    /// entries, at most `limit`. Pages are read one after the other.
    async fn raw_inventory(&self, position: u64, limit: usize) -> Result<RawPage, SourceError>;

    /// Octets of the files of these messages together, as the server says; unknown messages
    /// count nothing. Asked in batches; dropping the future stops after the one under way.
    async fn attachment_octets(&self, ids: &[MessageId]) -> Result<u64, SourceError>;

    /// Messages by id; unknown ones are left out.
    async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, SourceError>;

    /// Bodies by id; unknown ones are left out.
    async fn bodies(&self, ids: &[MessageId]) -> Result<Vec<(MessageId, Body)>, SourceError>;

    /// The bytes of a blob.
    async fn blob(&self, blob: &BlobId) -> Result<ByteStream, SourceError>;

    /// Sends the person's changes, in order; one outcome each, in the same order.
    async fn edit(&self, edits: &[RemoteEdit]) -> Result<Vec<EditOutcome>, SourceError>;

    /// Opens the push channel; `None` where the server has none.
    async fn push(&self) -> Result<Option<PushStream>, SourceError>;

    /// Forgets connections that are kept for later: the machine slept or the network is another
    /// one, so they may be dead without anybody having said so. Requests under way go on.
    fn forget_connections(&self) {}

    /// Sender identities.
    async fn identities(&self) -> Result<Vec<Identity>, SourceError>;

    /// Messages that wait on the server to be sent; `None` where it sends none for this account.
    async fn submissions_pending(&self) -> Result<Option<Vec<PendingSubmission>>, SourceError>;

    /// Takes a waiting message back. Asking again after a lost answer is harmless.
    async fn cancel_submission(&self, id: &SubmissionId) -> Result<CancelOutcome, SourceError>;

    /// The hosts spoken to for this account, shared with whatever else speaks for it.
    fn hosts(&self) -> &HostLog;
}

/// One account's mail server, for sending. A server without it sends by other means.
#[async_trait]
pub trait MailSubmitter: Send + Sync {
    /// Uploads a finished message into a mailbox; gives its id.
    async fn import(
        &self,
        message: Bytes,
        mailbox: &MailboxId,
        keywords: &Keywords,
    ) -> Result<MessageId, SourceError>;

    /// Submits a message that lies on the server.
    async fn submit(
        &self,
        message: &MessageId,
        identity: &IdentityId,
        sent: Option<&MailboxId>,
    ) -> Result<(), SourceError>;
}
