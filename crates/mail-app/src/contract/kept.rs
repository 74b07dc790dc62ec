//! How much of an account's texts stays on this computer.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How much of an account's texts stays on this computer, and what they take now. Lists, and
/// everything that has not reached the server, always stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct KeptTextsView {
    /// Texts older than so many days go; none for any age.
    pub days: Option<u32>,
    /// All texts together take at most so many octets; none for any number.
    #[ts(type = "number | null")]
    pub octets: Option<u64>,
    /// Octets they take now.
    #[ts(type = "number")]
    pub used: u64,
}

/// Says how much of an account's texts stays on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
pub struct KeepTextsRequest {
    /// Which account.
    pub account: String,
    /// Texts older than so many days go, at least one; none for any age.
    pub days: Option<u32>,
    /// All texts together take at most so many octets, at least 16 MB; none for any number.
    #[ts(type = "number | null")]
    pub octets: Option<u64>,
}
