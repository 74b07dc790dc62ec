//! The rail: order, groups, and the life of an account on this computer.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use mail_model::AccountColor;

/// How an account's tile shows unread mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum UnreadMark {
    /// A number.
    #[default]
    Number,
    /// A dot.
    Dot,
    /// Nothing.
    None,
}

/// A group of accounts with a merged view of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct GroupView {
    /// Its local id.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// Unread conversations in the inboxes of its accounts.
    #[ts(type = "number")]
    pub unread: u64,
}

/// Makes a group.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct CreateGroupRequest {
    /// What the person calls it.
    pub name: String,
    /// Its accounts; they leave the groups they were in.
    pub accounts: Vec<String>,
}

/// Renames a group and says who is in it.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct UpdateGroupRequest {
    /// Which group.
    pub group: String,
    /// What the person calls it.
    pub name: String,
    /// Its accounts; they leave the groups they were in.
    pub accounts: Vec<String>,
}

/// Names a group.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct GroupRequest {
    /// Which group.
    pub group: String,
}

/// The order of the rail.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct ReorderRequest {
    /// All groups, first one first.
    pub groups: Vec<String>,
    /// All accounts, first one first.
    pub accounts: Vec<String>,
}

/// What becomes of an account's mail on this computer when it is signed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DataChoice {
    /// Kept for 30 days, closed, under a key of its own.
    Sealed,
    /// Deleted.
    Wiped,
}

/// Signs an account out.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct SignOutRequest {
    /// Which account.
    pub account: String,
    /// What becomes of its mail here.
    pub data: DataChoice,
}

/// How a sign-out went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SignOutView {
    /// Whether the tenant was told that the session has ended.
    pub session_ended: bool,
    /// What was deleted, where the mail was wiped.
    pub receipt: Option<ReceiptView>,
    /// The sealed copy, where it was kept.
    pub sealed: Option<SealedView>,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ReceiptView {
    /// Address of the account.
    pub email: String,
    /// Unix seconds.
    #[ts(type = "number")]
    pub at: i64,
    /// Everything that was deleted, and whether it is gone.
    pub items: Vec<ReceiptItemView>,
    /// Files deleted and checked to be gone.
    pub files: u32,
    /// Octets freed.
    #[ts(type = "number")]
    pub octets: u64,
    /// Whether the key is gone from the keyring.
    pub key_deleted: bool,
    /// Whether the tenant was told that the session has ended.
    pub session_ended: bool,
}

/// One line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ReceiptItemView {
    /// What it was.
    pub kind: ReceiptKind,
    /// Its name: a file below the account's folder, or the name of the key.
    pub name: String,
    /// Octets, for files.
    #[ts(type = "number | null")]
    pub octets: Option<u64>,
    /// Looked for afterwards and not found.
    pub gone: bool,
}

/// What a line of a receipt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// A file.
    File,
    /// A key in the keyring.
    Key,
    /// The entry in the list of accounts.
    Entry,
}

/// Why a copy was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SealedWhy {
    /// The person signed out.
    SignedOut,
    /// Its sign-in opens another mailbox now.
    SetAside,
    /// Its key was lost and the account began anew. It cannot be opened without that key.
    KeyLost,
}

/// A sealed copy of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SealedView {
    /// Its local id.
    pub id: String,
    /// What the person called it.
    pub name: String,
    /// Its address.
    pub email: String,
    /// On its tile.
    pub letter: String,
    /// Its colour.
    #[ts(type = "AccountColor")]
    pub color: AccountColor,
    /// Why it was sealed.
    pub why: SealedWhy,
    /// Since when, Unix seconds.
    #[ts(type = "number")]
    pub sealed_at: i64,
    /// Deleted after this, Unix seconds; none to keep it.
    #[ts(type = "number | null")]
    pub keep_until: Option<i64>,
    /// Its key is in memory only: it can be brought back until the app ends, and not after that.
    pub until_quit: bool,
    /// Octets on disk.
    #[ts(type = "number")]
    pub octets: u64,
    /// The record of the change that set it aside, for a recovery pack.
    pub journal: Option<String>,
}

/// Names a sealed copy.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct SealedRequest {
    /// Which copy.
    pub sealed: String,
}

/// How long a sealed copy is kept.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct KeepSealedRequest {
    /// Which copy.
    pub sealed: String,
    /// Days from now, at least 1; none to keep it until it is deleted by hand.
    pub days: Option<u32>,
}

/// "One account at a time".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
pub struct OneAccountView {
    /// Whether it is on.
    pub on: bool,
    /// Whether the organisation has set it.
    pub managed: bool,
    /// Several accounts are here although it is on: the person has to say which one stays.
    pub choose: bool,
}

/// Turns "one account at a time" on or off.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct OneAccountRequest {
    /// On or off.
    pub on: bool,
    /// Which account stays, where several are here.
    pub keep: Option<String>,
    /// What becomes of the others' mail on this computer.
    pub data: Option<DataChoice>,
}
