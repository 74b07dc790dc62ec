//! What an export says of itself: `manifest.json`, and the lines of the journal it grows from.

use mail_model::{Keywords, MailboxId, MailboxRole, MessageId, StateString, UnixTime};
use serde::{Deserialize, Serialize};

/// Grows when the meaning of a field changes.
pub const MANIFEST_VERSION: u32 = 1;

/// Whose mail was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportAccount {
    /// Its name on this machine.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// Its address.
    pub email: String,
}

/// One exported mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedMailbox {
    /// The server's id.
    pub id: MailboxId,
    /// Its name below those of its parents, with `/` between them.
    pub path: String,
    /// What it is for.
    pub role: Option<MailboxRole>,
    /// The file its messages are in.
    pub file: String,
}

/// Where a message stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which file.
    pub file: String,
    /// The octet it begins at, after its opening line.
    pub offset: u64,
    /// How many octets it has there, quoted.
    pub length: u64,
}

/// One exported message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedMessage {
    /// The server's id.
    pub id: MessageId,
    /// The mailboxes it lay in.
    pub mailboxes: Vec<MailboxId>,
    /// Its keywords, such as `$seen`.
    pub keywords: Keywords,
    /// When the server received it, Unix seconds.
    pub received_at: UnixTime,
    /// Its octets.
    pub size: u64,
    /// SHA-256 of them, hexadecimal.
    pub sha256: String,
    /// Whether its last line has an end. If not, one stands behind it in each mailbox's file.
    pub ends_with_line: bool,
    /// Where it stands in each mailbox's file.
    pub places: Vec<Place>,
    /// The file that holds it alone, if those were wanted.
    pub eml: Option<String>,
}

/// One file of the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Its name below the export's folder.
    pub name: String,
    /// Its octets.
    pub octets: u64,
    /// SHA-256 of them, hexadecimal.
    pub sha256: String,
}

/// The server's state strings around the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStates {
    /// Of the messages, when the first inventory was taken.
    pub messages_before: StateString,
    /// Of the messages, when the second inventory was taken.
    pub messages_after: StateString,
    /// Of the mailboxes.
    pub mailboxes: StateString,
}

/// All an export says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// Whose mail it is.
    pub account: ExportAccount,
    /// When the export was begun, Unix seconds.
    pub begun_at: UnixTime,
    /// When it was finished, Unix seconds.
    pub finished_at: UnixTime,
    /// What the server said of its state.
    pub server: ServerStates,
    /// How the mailbox files are quoted.
    pub quoting: String,
    /// Every mailbox, empty ones included.
    pub mailboxes: Vec<ExportedMailbox>,
    /// Every message.
    pub messages: Vec<ExportedMessage>,
    /// Every other file of the export.
    pub files: Vec<ExportedFile>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    /// The first line.
    Begun(Begun),
    /// A mailbox has its file.
    Mailbox(ExportedMailbox),
    /// A message is in its files, and they are on the disk.
    Message(ExportedMessage),
}

/// What an export was begun as; it can only be continued as the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) version: u32,
    pub(crate) account: ExportAccount,
    pub(crate) at: UnixTime,
    pub(crate) eml: bool,
    /// Whether files have names that tell nothing.
    pub(crate) neutral: bool,
}

impl Begun {
    /// Whether this continues that one.
    pub(crate) fn continues(&self, other: &Self) -> bool {
        self.version == other.version
            && self.account.id == other.account.id
            && self.eml == other.eml
            && self.neutral == other.neutral
    }
}
