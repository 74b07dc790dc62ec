//! Rows of `message`: writing them, and reading whole messages back.

use mail_model::{Address, Keywords, Message, MessageId, MessageKey, ThreadKey, UnixTime};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::mailbox::{from_stored, stored_id, to_stored};
use super::value::FILE;
use super::{slot, unindexed};
use crate::error::StoreError;
use crate::insert::insert;

/// A message that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its key in this account.
    pub key: MessageKey,
    /// Its conversation.
    pub thread: ThreadKey,
    /// The message, with the person's open changes on top of the server's values.
    pub message: Message,
}

/// Headers that no list needs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Detail {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) from: Vec<Address>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) to: Vec<Address>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cc: Vec<Address>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) bcc: Vec<Address>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply_to: Vec<Address>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    message_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    in_reply_to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<String>,
}

/// The name a list shows for a message's sender.
pub(crate) fn sender_of(message: &Message) -> String {
    message.from.first().map_or_else(String::new, |address| {
        let name = address.name.trim();
        without_nul(if name.is_empty() {
            &address.email
        } else {
            name
        })
    })
}

/// SQLite's text functions end at a NUL, so none is stored.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// One message to write, with what the transaction found out about it.
pub(crate) struct NewRow<'a> {
    pub(crate) key: i64,
    /// Whether the message was not here before.
    pub(crate) is_new: bool,
    pub(crate) thread: i64,
    pub(crate) flags: i64,
    pub(crate) keywords: &'a Keywords,
    pub(crate) message: &'a Message,
}

/// A row and its values that have to be made.
struct Stored<'a> {
    row: &'a NewRow<'a>,
    keywords: String,
    subject: String,
    detail: String,
}

/// Writes whole rows; give them in the order of their keys.
pub(crate) async fn write_rows(
    connection: &mut SqliteConnection,
    rows: &[NewRow<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let new: Vec<i64> = rows
        .iter()
        .filter(|row| row.is_new)
        .map(|row| row.key)
        .collect();
    let drifts = rows
        .iter()
        .map(|row| row.key - slot::slot_of(row.message.received_at));
    unindexed::widen_drift(connection, drifts).await?;
    let rows = rows
        .iter()
        .map(|row| {
            let message = row.message;
            let detail = Detail {
                from: message.from.clone(),
                to: message.to.clone(),
                cc: message.cc.clone(),
                bcc: message.bcc.clone(),
                reply_to: message.reply_to.clone(),
                message_ids: message.message_ids.clone(),
                in_reply_to: message.in_reply_to.clone(),
                references: message.references.clone(),
            };
            Ok(Stored {
                row,
                keywords: serde_json::to_string(row.keywords)?,
                subject: without_nul(&message.subject),
                detail: serde_json::to_string(&detail)?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    unindexed::note(connection, &new).await?;
    let said: Vec<(i64, &str, &str)> = rows
        .iter()
        .filter(|stored| !stored.row.is_new)
        .map(|stored| (stored.row.key, &*stored.subject, &*stored.detail))
        .collect();
    unindexed::note_changed(connection, &said).await?;
    insert(
        connection,
        "message (key, id, thread, received_at, flags, size, sender, keywords, subject, preview,
             blob, detail)",
        rows,
        |values, stored| {
            let (row, message) = (stored.row, stored.row.message);
            values
                .push_bind(row.key)
                .push_bind(message.id.to_string())
                .push_bind(row.thread)
                .push_bind(message.received_at.seconds())
                .push_bind(row.flags)
                .push_bind(to_stored(message.size))
                .push_bind(sender_of(message))
                .push_bind(stored.keywords)
                .push_bind(stored.subject)
                .push_bind(without_nul(&message.preview))
                .push_bind(message.blob.to_string())
                .push_bind(stored.detail);
        },
        "ON CONFLICT (key) DO UPDATE SET thread = excluded.thread,
             received_at = excluded.received_at, flags = excluded.flags, size = excluded.size,
             sender = excluded.sender, keywords = excluded.keywords, subject = excluded.subject,
             preview = excluded.preview, blob = excluded.blob, detail = excluded.detail",
    )
    .await
}

/// Writes new keywords of known messages: `(key, flags, keywords)`.
pub(crate) async fn write_values(
    connection: &mut SqliteConnection,
    values: &[(i64, i64, Keywords)],
) -> Result<(), StoreError> {
    if values.is_empty() {
        return Ok(());
    }
    let values = values
        .iter()
        .map(|(key, flags, keywords)| Ok((key, flags, serde_json::to_string(keywords)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    sqlx::query(
        "UPDATE message SET flags = v.value ->> 1, keywords = v.value ->> 2
         FROM json_each(?1) v WHERE message.key = v.value ->> 0",
    )
    .bind(serde_json::to_string(&values)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes rows. Their placements are gone already, their bodies follow later.
pub(crate) async fn delete_rows(
    connection: &mut SqliteConnection,
    keys: &[i64],
    ids: &[&MessageId],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    unindexed::note(connection, keys).await?;
    let keys = serde_json::to_string(keys)?;
    sqlx::query("DELETE FROM server_value WHERE message IN (SELECT value FROM json_each(?1))")
        .bind(&keys)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM message WHERE key IN (SELECT value FROM json_each(?1))")
        .bind(&keys)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO forgotten (message_id) SELECT value FROM json_each(?1) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(serde_json::to_string(ids)?)
    .execute(connection)
    .await?;
    Ok(())
}

macro_rules! stored {
    ($rest:literal) => {
        concat!(
            "SELECT m.key, m.thread, m.id, t.id, m.received_at, m.flags, m.size, m.keywords,
                 m.subject, m.preview, m.blob, m.detail,
                 (SELECT json_group_array(b.id) FROM placement p
                  CROSS JOIN mailbox b ON b.key = p.mailbox WHERE p.message = m.key)
             FROM message m CROSS JOIN thread t ON t.key = m.thread ",
            $rest
        )
    };
}

/// All messages of a conversation, oldest first.
pub(crate) const OF_THREAD: &str = stored!("WHERE m.thread = ?1 ORDER BY m.received_at, m.key");
/// One message.
pub(crate) const BY_KEY: &str = stored!("WHERE m.key = ?1");

/// Reads a row of [`OF_THREAD`] or [`BY_KEY`].
pub(crate) fn stored_message(row: &SqliteRow) -> Result<StoredMessage, StoreError> {
    let flags: i64 = row.try_get(5)?;
    let detail: Detail = serde_json::from_str(row.try_get(11)?)?;
    Ok(StoredMessage {
        key: MessageKey::new(row.try_get(0)?),
        thread: ThreadKey::new(row.try_get(1)?),
        message: Message {
            id: stored_id(row, 2)?,
            thread: stored_id(row, 3)?,
            received_at: UnixTime::from_seconds(row.try_get(4)?),
            size: from_stored(row.try_get(6)?),
            keywords: serde_json::from_str(row.try_get(7)?)?,
            subject: row.try_get(8)?,
            preview: row.try_get(9)?,
            blob: stored_id(row, 10)?,
            mailboxes: serde_json::from_str(row.try_get(12)?)?,
            has_attachment: flags & FILE != 0,
            from: detail.from,
            to: detail.to,
            cc: detail.cc,
            bcc: detail.bcc,
            reply_to: detail.reply_to,
            message_ids: detail.message_ids,
            in_reply_to: detail.in_reply_to,
            references: detail.references,
        },
    })
}
