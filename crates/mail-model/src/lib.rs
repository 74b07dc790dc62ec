//! The words every other part of Braid shares: ids, mailboxes, messages, keywords, changes,
//! and the traits behind which a mail server stands.
//!
//! Plain data and traits only. Nothing here does input or output, knows SQL, a wire format or
//! a window. Ids given by a server mean nothing outside the account they came from; the account
//! is never part of them, because nothing below the engine ever holds more than one account.

mod account;
mod change;
mod hosts;
mod id;
mod keyword;
mod list;
mod mailbox;
mod message;
mod reaction;
pub mod remote;
mod requests;
pub mod search;
mod time;

pub use account::{AccountColor, AccountLetter, Identity};
pub use change::{ChangeNumber, StoreChange};
pub use hosts::{HostContact, HostLog};
pub use id::{
    AccountId, BlobId, GroupId, IdError, IdentityId, MailboxId, MessageId, MessageKey, StateString,
    SubmissionId, ThreadId, ThreadKey,
};
pub use keyword::{Keyword, KeywordEdit, Keywords};
pub use list::{Filter, ListCursor, ListMode, ListRow, RowKey};
pub use mailbox::{Mailbox, MailboxCounts, MailboxRole};
pub use message::{Address, Attachment, Body, Disposition, Message};
pub use reaction::Reaction;
pub use requests::{RequestObserver, SentRequest};
pub use time::UnixTime;
