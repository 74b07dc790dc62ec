//! Sessions, devices and the check of separation.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::HealthView;

/// All sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SessionsView {
    /// In the person's order.
    pub sessions: Vec<SessionView>,
}

/// How new mail is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalView {
    /// The server tells.
    Push,
    /// By asking again and again.
    Polling,
    /// Not at all: paused, locked or signed out.
    Off,
}

/// The one right thing to do about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Nothing is wrong.
    Nothing,
    /// Sign in again.
    SignIn,
    /// Unlock the system keyring, then try it again.
    Keyring,
    /// Resume the account.
    Resume,
    /// Unlock the account.
    Unlock,
    /// Try again now.
    Retry,
    /// Make space on the disk, then try again.
    Disk,
}

/// A host an account has spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct HostView {
    /// Its name.
    pub host: String,
    /// First time, Unix seconds.
    #[ts(type = "number")]
    pub first_at: i64,
    /// Last time, Unix seconds.
    #[ts(type = "number")]
    pub last_at: i64,
    /// Requests so far.
    #[ts(type = "number")]
    pub requests: u64,
}

/// One account's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SessionView {
    /// Which account.
    pub account: String,
    /// The person's name.
    pub person: Option<String>,
    /// The address.
    pub email: String,
    /// Host of the login service.
    pub issuer: String,
    /// The login service's id for the person.
    pub user: String,
    /// Name of the connection of the last sign-in.
    pub connection: Option<String>,
    /// The last sign-in, Unix seconds.
    #[ts(type = "number | null")]
    pub signed_in_at: Option<i64>,
    /// The end of the token in hand, Unix seconds. It renews itself.
    #[ts(type = "number | null")]
    pub token_ends_at: Option<i64>,
    /// The end of the session, if the login service says, Unix seconds.
    #[ts(type = "number | null")]
    pub session_ends_at: Option<i64>,
    /// The last renewal, Unix seconds.
    #[ts(type = "number | null")]
    pub renewed_at: Option<i64>,
    /// Last time everything was asked for and here, Unix seconds.
    #[ts(type = "number | null")]
    pub synced_at: Option<i64>,
    /// How new mail is noticed.
    pub arrival: ArrivalView,
    /// Changes that wait for the server.
    #[ts(type = "number")]
    pub queued: u64,
    /// Octets on disk.
    #[ts(type = "number")]
    pub octets: u64,
    /// Every host this account has ever spoken to.
    pub hosts: Vec<HostView>,
    /// How the account is.
    pub health: HealthView,
    /// What to do about it.
    pub fix: Fix,
}

/// Text to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct TextView {
    /// Plain text.
    pub text: String,
}

/// Second factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct DevicesView {
    /// None where the login service offers no list.
    pub devices: Option<Vec<DeviceView>>,
}

/// One second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct DeviceView {
    /// The login service's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Removes a second factor.
#[derive(Debug, Clone, Deserialize, TS)]
pub struct DeviceRequest {
    /// Whose.
    pub account: String,
    /// Which.
    pub device: String,
}

/// What belongs to each account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SeparationView {
    /// In the person's order.
    pub accounts: Vec<BelongingsView>,
    /// The last check of this run.
    pub report: Option<CheckReportView>,
}

/// What belongs to one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct BelongingsView {
    /// Which account.
    pub account: String,
    /// Its folder below the data folder.
    pub folder: String,
    /// Its files.
    pub files: Vec<FileView>,
    /// Name of its key in the keyring.
    pub key: String,
    /// `aud` and `client_id` of its token: whom it is good for.
    pub audience: Vec<String>,
    /// Hosts it has spoken to.
    pub hosts: Vec<HostView>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct FileView {
    /// Its name below the account's folder.
    pub name: String,
    /// Octets.
    #[ts(type = "number")]
    pub octets: u64,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct CheckReportView {
    /// When, Unix seconds.
    #[ts(type = "number")]
    pub at: i64,
    /// Nothing was found where it does not belong, and each marker was found where it does.
    pub passed: bool,
    /// One line for each place that was looked at.
    pub lines: Vec<CheckLineView>,
    /// Accounts that are closed or may send nothing: only others' markers were looked for there.
    pub not_in_full: Vec<String>,
}

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct CheckLineView {
    /// The account whose marker was looked for.
    pub marker_of: String,
    /// What was looked at.
    pub place: CheckPlace,
    /// The account the place belongs to; none for what belongs to the app.
    pub place_of: Option<String>,
    /// How much was looked at: files, keys, lines or requests.
    #[ts(type = "number")]
    pub looked_at: u64,
    /// How often the marker was there.
    #[ts(type = "number")]
    pub found: u64,
    /// Whether the marker belongs there.
    pub expected: bool,
    /// Where it was found although it does not belong there; names, never contents.
    pub leaks: Vec<String>,
}

/// A kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CheckPlace {
    /// Rows of an account's databases.
    Rows,
    /// Bytes of files on disk.
    Files,
    /// Names of keys.
    Keys,
    /// The log of this run.
    Log,
    /// Requests an account has sent.
    Requests,
}
