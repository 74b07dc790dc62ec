//! A whole account as files anyone can read: mailboxes as `mbox`, messages as `.eml` if wanted,
//! people written to as vCards, and a manifest by which everything can be checked.
//!
//! ```text
//! <folder>/mail/<mailbox>.mbox      mboxrd; a message in several mailboxes is in each
//! <folder>/eml/00000001.eml         if wanted
//! <folder>/contacts.vcf             whom the person has written to
//! <folder>/identities.json, settings.json
//! <folder>/manifest.json            every message and file with its SHA-256
//! <folder>/.unfinished/             until everything was read back and is complete
//! ```
//!
//! The octets of a message come straight from the server and are compared with it after they have
//! been read back from the disk. Run again on the same folder, an export goes on where it was,
//! also after a kill, and fetches only what is missing or damaged. It changes nothing on the
//! server and knows no store.

mod archive;
mod close;
mod contacts;
mod disk;
mod driver;
mod error;
mod fetch;
mod manifest;
mod mbox;
mod names;
mod pack;
mod plan;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mail_model::remote::MailSource;
use mail_model::{MessageId, UnixTime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use error::ExportError;
pub use manifest::{
    ExportAccount, ExportedFile, ExportedMailbox, ExportedMessage, MANIFEST_VERSION, Manifest,
    Place, ServerStates,
};
pub use pack::Passphrase;

/// Messages fetched at the same time.
pub(crate) const AT_ONCE: usize = 4;

/// What is to be exported, and whereto.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// Whose mail it is.
    pub account: ExportAccount,
    /// An empty or new folder, or one with an unfinished export of the same account.
    pub folder: PathBuf,
    /// Whether each message is wanted as a file of its own, too.
    pub eml: bool,
    /// Packs the finished export into `<folder>.zip`, which only this opens, and deletes the
    /// folder. Files then have names that tell nothing.
    pub passphrase: Option<Passphrase>,
    /// What goes into `settings.json`; without tokens and other secrets.
    pub settings: Option<serde_json::Value>,
    /// The time now.
    pub now: UnixTime,
    /// The outside world.
    pub options: ExportOptions,
}

/// Patience, and what tells how much room there is.
#[derive(Debug, Clone, Copy)]
pub struct ExportOptions {
    /// How often a request is tried again that fails in passing.
    pub tries: u32,
    /// How long to wait before that, where the server names no time.
    pub delay: Duration,
    /// Octets free where a folder is.
    pub free: fn(&Path) -> std::io::Result<u64>,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            tries: 3,
            delay: Duration::from_secs(3),
            free: |folder| fs4::available_space(folder),
        }
    }
}

/// What an export is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExportStage {
    /// Asking what there is.
    #[default]
    Looking,
    /// Fetching and writing.
    Writing,
    /// Reading back and comparing.
    Checking,
    /// Packing.
    Packing,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportProgress {
    /// What it is doing.
    pub stage: ExportStage,
    /// Messages done in this stage.
    pub done: u64,
    /// Messages of this stage.
    pub total: u64,
    /// Octets fetched in this run.
    pub octets: u64,
}

/// A message that is not in the export as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFailure {
    /// Which message.
    pub id: MessageId,
    /// Why.
    pub reason: FailureReason,
}

/// Why a message is not in the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureReason {
    /// The server did not give it: its words or error type.
    NotGiven(String),
    /// It came with another number of octets than the server says it has.
    WrongSize,
    /// Its copy on the disk is damaged and could not be written anew.
    Damaged,
    /// It arrived while the export was made.
    Arrived,
}

/// What came of an export.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportReport {
    /// Messages in the export, read back and compared.
    pub written: u64,
    /// Messages on the server when it was looked at again at the end.
    pub expected: u64,
    /// What is missing. Run the export again to fetch only these.
    pub failed: Vec<ExportFailure>,
    /// In the export and deleted on the server meanwhile.
    pub gone: Vec<MessageId>,
    /// In the export with other mailboxes or keywords than they have now.
    pub changed: Vec<MessageId>,
    /// Octets of all files of the export.
    pub octets: u64,
    /// Where it is: the folder, or the packed file.
    pub at: PathBuf,
}

impl ExportReport {
    /// Whether everything the server has is in the export.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

/// Exports an account, or goes on with an export that was begun.
///
/// # Errors
/// See [`ExportError`]. Single messages that fail end nothing; they are in the report.
///
/// # Cancellation
/// By the token, between steps. Dropping the future is as good as a kill: the next run goes on.
pub async fn export(
    source: Arc<dyn MailSource>,
    request: ExportRequest,
    progress: &watch::Sender<ExportProgress>,
    stop: &CancellationToken,
) -> Result<ExportReport, ExportError> {
    driver::Driver::new(source, request, progress, stop)
        .run()
        .await
}
