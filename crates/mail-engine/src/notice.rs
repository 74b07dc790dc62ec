//! What an engine has to say beyond its status.

use mail_store::{IntentId, StoreError};
use std::sync::Arc;

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
    /// The local copy is damaged: stop the engine, close the store, open it again (which sets
    /// the damage aside), and start a new engine, which fetches everything anew.
    StoreDamaged(Arc<StoreError>),
}
