//! Looking at messages one by one.

use mail_model::Body;
use sqlx::{Row as _, SqliteConnection};

use super::body_text;
use super::fold::{self, Token};
use super::pattern::Pattern;
use super::tree::{Candidate, NamedMailbox, Place};
use crate::error::StoreError;
use crate::mail::mailbox::from_stored;

/// Mailboxes a person can name.
pub(crate) async fn mailboxes(
    connection: &mut SqliteConnection,
) -> Result<Vec<NamedMailbox>, StoreError> {
    let rows = sqlx::query("SELECT key, role, name FROM mailbox WHERE listed = 1")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(NamedMailbox {
                key: row.try_get(0)?,
                role: row.try_get(1)?,
                name: row.try_get(2)?,
            })
        })
        .collect()
}

/// Messages with keys below that one, from the highest down.
pub(crate) async fn below(
    connection: &mut SqliteConnection,
    below: i64,
    limit: usize,
) -> Result<Vec<Candidate>, StoreError> {
    let rows = sqlx::query(
        "SELECT m.key, m.thread, m.received_at, m.flags, m.size, m.keywords, m.subject, m.detail,
             (SELECT json_group_array(p.mailbox) FROM placement p WHERE p.message = m.key)
         FROM message m WHERE m.key < ?1 ORDER BY m.key DESC LIMIT ?2",
    )
    .bind(below)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Candidate {
                key: row.try_get(0)?,
                thread: row.try_get(1)?,
                received_at: row.try_get(2)?,
                flags: row.try_get(3)?,
                size: from_stored(row.try_get(4)?),
                keywords: serde_json::from_str(row.try_get(5)?)?,
                subject: row.try_get(6)?,
                detail: serde_json::from_str(row.try_get(7)?)?,
                mailboxes: serde_json::from_str(row.try_get(8)?)?,
            })
        })
        .collect()
}

/// The folded body of a message.
#[derive(Debug, Default)]
pub(crate) struct BodyTokens {
    text: Vec<Token>,
    files: Vec<Vec<Token>>,
}

impl BodyTokens {
    pub(crate) fn of(body: Option<&Body>) -> Self {
        body.map_or_else(Self::default, |body| Self {
            text: fold::tokens(&body_text::text_of(body)),
            files: body
                .attachments
                .iter()
                .map(|file| fold::tokens(&file.name))
                .collect(),
        })
    }

    /// Whether a message with this body holds the words.
    pub(crate) fn says(&self, candidate: &Candidate, place: Place, pattern: &Pattern) -> bool {
        let files = || self.files.iter().any(|name| pattern.is_in(name));
        match place {
            Place::Filename => files(),
            Place::Anywhere => {
                candidate.says(place, pattern) || pattern.is_in(&self.text) || files()
            }
            _ => candidate.says(place, pattern),
        }
    }
}
