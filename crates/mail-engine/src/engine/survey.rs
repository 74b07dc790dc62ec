//! What only the server can say of an account as a whole.

use mail_model::MessageId;

use super::AccountEngine;
use crate::bodies::FetchError;

/// Messages asked about at once.
const STEP: usize = 500;

impl AccountEngine {
    /// Octets of all files of the messages that are here, as the server says; nothing of them is
    /// fetched. While older mail is still being fetched it is the least there is.
    ///
    /// # Errors
    /// [`FetchError::Paused`] while there is no traffic; else see [`FetchError`].
    ///
    /// # Cancellation
    /// Dropping the future stops after the request under way.
    pub async fn attachment_octets(&self) -> Result<u64, FetchError> {
        let shared = &self.shared;
        let (mut octets, mut after) = (0_u64, None);
        loop {
            let messages = shared.store.messages_with_files(after, STEP).await?;
            let Some((last, _)) = messages.last() else {
                return Ok(octets);
            };
            after = Some(*last);
            let ids: Vec<MessageId> = messages.into_iter().map(|(_, id)| id).collect();
            let more = shared.ask(shared.source.attachment_octets(&ids)).await?;
            octets = octets.saturating_add(more);
        }
    }
}
