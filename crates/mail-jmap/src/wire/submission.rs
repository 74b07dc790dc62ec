//! RFC 8621 section 7: `EmailSubmission`, as far as it is read.

use mail_model::SubmissionId;
use mail_model::remote::{PendingSubmission, SourceError};
use serde::Deserialize;

use crate::fault::bad_answer;
use crate::wire::email::{HasId, message_id, utc_date};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubmissionWire {
    id: String,
    email_id: String,
    send_at: String,
    undo_status: String,
}

impl HasId for SubmissionWire {
    fn id(&self) -> &str {
        &self.id
    }
}

impl SubmissionWire {
    /// The submission, unless it has left since it was listed.
    pub(crate) fn take(self) -> Result<Option<PendingSubmission>, SourceError> {
        if self.undo_status != "pending" {
            return Ok(None);
        }
        Ok(Some(PendingSubmission {
            id: SubmissionId::new(self.id)
                .map_err(|_| bad_answer("a submission id is malformed"))?,
            message: message_id(self.email_id)?,
            send_at: utc_date(&self.send_at)?,
        }))
    }
}
