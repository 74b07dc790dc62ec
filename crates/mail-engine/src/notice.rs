//! What an engine has to say beyond its status.

use mail_store::IntentId;

/// Something that happened to one account, for telling the person once.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The server refused a change; what it has is shown again.
    EditRefused {
        /// Which change.
        intent: IntentId,
        /// The server's reason.
        reason: String,
    },
}
