//! RFC 8621 section 2: `Mailbox`.

use mail_model::remote::SourceError;
use mail_model::{Mailbox, MailboxId, MailboxRole};
use serde::Deserialize;

use crate::fault::bad_answer;

pub(crate) const PROPERTIES: [&str; 6] =
    ["id", "name", "parentId", "role", "sortOrder", "totalEmails"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MailboxWire {
    id: String,
    name: String,
    parent_id: Option<String>,
    role: Option<String>,
    #[serde(default)]
    sort_order: u32,
    total_emails: u64,
}

impl MailboxWire {
    pub(crate) fn take(self) -> Result<Mailbox, SourceError> {
        let id = |text| MailboxId::new(text).map_err(|_| bad_answer("a mailbox id is malformed"));
        Ok(Mailbox {
            id: id(self.id)?,
            name: self.name,
            parent: self.parent_id.map(id).transpose()?,
            role: self.role.as_deref().and_then(MailboxRole::parse),
            sort_order: self.sort_order,
            server_total: self.total_emails,
        })
    }
}
