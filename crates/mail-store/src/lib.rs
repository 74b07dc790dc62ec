//! One encrypted folder of SQLite files per account, and the list of accounts.
//!
//! | file | holds | if it is lost |
//! |---|---|---|
//! | `mail.sqlite` | what the server holds: mailboxes, messages, materialised lists, counts | fetched again |
//! | `body.sqlite` | bodies, compressed | fetched again |
//! | `search.sqlite` | the search index | built again |
//! | `local.sqlite` | what exists only here: intents, settings | saved row by row and from the mirror of intents in `mail.sqlite` |
//! | `registry.sqlite` | beside the folders: which accounts there are; no mail, no secrets | sign in again |
//!
//! A handle belongs to one account for its whole life; no function takes an account as a filter,
//! so crossing accounts is impossible. One task writes each file, the person's changes ahead of
//! synchronisation's; readers never wait for it.
//!
//! This crate knows no server and no window, and decides nothing about when to fetch.

mod body;
#[cfg(feature = "crash-points")]
pub mod crash_points;
#[cfg(not(feature = "crash-points"))]
mod crash_points;
mod error;
mod file;
mod folder;
mod insert;
mod intent;
mod key;
mod local;
mod mail;
#[cfg(feature = "measuring")]
pub mod measuring;
mod open;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod process_end;
mod registry;
mod search;
mod store;
mod sync;
mod writer;

pub use error::{FileKind, StoreError};
pub use folder::{
    Removed, RemovedFile, remove_account_folder, seal_account_folder, sweep_trash,
    unseal_account_folder,
};
pub use intent::{Intent, IntentId, IntentOutcome, NewIntent};
pub use key::StoreKey;
pub use mail::holdings::Holdings;
pub use mail::list::{Ladder, ListScope};
pub use mail::message::StoredMessage;
pub use mail::recount::CountMismatch;
pub use open::{OpenReport, Salvaged, SetAside, StoreOptions};
pub use registry::{
    AccountGroup, AccountRecord, AccountState, Registry, Seal, SealReason, SourceAddress,
    UnreadMark,
};
pub use store::{
    AccountStore, DroppedBodies, HeldBody, IndexCheck, IndexProgress, Retention, SearchCancel,
    SearchCoverage, StoreSizes, Trace, plan_retention,
};
pub use sync::{FillState, ProgressUpdate, Sweep, SyncBatch, SyncProgress};
