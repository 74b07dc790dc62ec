//! What is here of the messages a transaction is about, read before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::{Keywords, MessageId};
use sqlx::{Row as _, SqliteConnection};

use super::mailbox::stored_id;
use super::pending;
use super::revision::Standing;
use super::value::{Edit, FILE, Value};
use crate::error::StoreError;

/// Messages by a JSON list of server ids.
pub(crate) const STORED: &str =
    "SELECT m.id, m.key, m.thread, m.received_at, m.flags, m.sender, m.keywords,
        (SELECT json_group_array(p.mailbox) FROM placement p WHERE p.message = m.key),
        s.keywords, s.mailboxes
    FROM json_each(?1) j
    CROSS JOIN message m ON m.id = j.value
    LEFT JOIN server_value s ON s.message = m.key";

/// One message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) key: i64,
    pub(crate) thread: i64,
    pub(crate) received_at: i64,
    pub(crate) has_file: bool,
    pub(crate) sender: String,
    /// What lists show.
    pub(crate) shown: Value,
    /// What the server says, where that is kept apart because intents are open.
    pub(crate) server: Option<Value>,
}

impl Known {
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            thread: self.thread,
            received_at: self.received_at,
            flags: self.shown.flags(self.has_file),
            mailboxes: self.shown.mailboxes.clone(),
        }
    }

    /// What the server says.
    pub(crate) fn server_value(&self) -> &Value {
        self.server.as_ref().unwrap_or(&self.shown)
    }
}

/// Stored messages and open intents of a set of server ids.
#[derive(Debug, Default)]
pub(crate) struct KnownSet {
    pub(crate) messages: BTreeMap<MessageId, Known>,
    pub(crate) edits: BTreeMap<MessageId, Vec<(i64, Edit)>>,
}

impl KnownSet {
    pub(crate) async fn load(
        connection: &mut SqliteConnection,
        ids: &BTreeSet<&MessageId>,
    ) -> Result<Self, StoreError> {
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let ids = serde_json::to_string(ids)?;
        let rows = sqlx::query(STORED)
            .bind(&ids)
            .fetch_all(&mut *connection)
            .await?;
        let mut messages = BTreeMap::new();
        for row in rows {
            let server_keywords: Option<String> = row.try_get(8)?;
            let server_mailboxes: Option<String> = row.try_get(9)?;
            let server = match (server_keywords, server_mailboxes) {
                (Some(keywords), Some(mailboxes)) => Some(value(&keywords, &mailboxes)?),
                _ => None,
            };
            let flags: i64 = row.try_get(4)?;
            let known = Known {
                key: row.try_get(1)?,
                thread: row.try_get(2)?,
                received_at: row.try_get(3)?,
                has_file: flags & FILE != 0,
                sender: row.try_get(5)?,
                shown: value(row.try_get(6)?, row.try_get(7)?)?,
                server,
            };
            messages.insert(stored_id(&row, 0)?, known);
        }
        let edits = pending::load(connection, &ids).await?;
        Ok(Self { messages, edits })
    }

    /// The open intents of one message, oldest first.
    pub(crate) fn edits_of(&self, id: &MessageId) -> Vec<Edit> {
        self.edits
            .get(id)
            .map(|edits| edits.iter().map(|(_, edit)| edit.clone()).collect())
            .unwrap_or_default()
    }
}

fn value(keywords: &str, mailboxes: &str) -> Result<Value, StoreError> {
    Ok(Value {
        keywords: serde_json::from_str::<Keywords>(keywords)?,
        mailboxes: serde_json::from_str(mailboxes)?,
    })
}
