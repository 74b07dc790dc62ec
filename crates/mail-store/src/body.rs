//! `body.sqlite`: what a person reads, compressed. A file of its own, so that lists stay small
//! and a large body never delays a mark.

use mail_model::{Body, MessageId};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::crash_points::crash_point;
use crate::error::StoreError;
use crate::mail::mailbox::stored_id;

/// zstd level: storing keeps up with fetching, and text shrinks to less than half.
const LEVEL: i32 = 2;

/// A compressed body.
pub(crate) struct Block {
    pub(crate) id: MessageId,
    octets: Vec<u8>,
}

impl Block {
    pub(crate) fn new(id: MessageId, body: &Body) -> Result<Self, StoreError> {
        let json = serde_json::to_vec(body)?;
        let octets = zstd::bulk::compress(&json, LEVEL).map_err(|_| StoreError::BadValue(None))?;
        Ok(Self { id, octets })
    }
}

fn unpack(octets: &[u8]) -> Result<Body, StoreError> {
    let json = zstd::stream::decode_all(octets).map_err(|_| StoreError::BadValue(None))?;
    Ok(serde_json::from_slice(&json)?)
}

pub(crate) async fn store(
    connection: &mut SqliteConnection,
    blocks: &[Block],
) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for block in blocks {
        sqlx::query(
            "INSERT INTO body (message_id, block) VALUES (?1, ?2)
             ON CONFLICT (message_id) DO UPDATE SET block = excluded.block, dictionary = 0",
        )
        .bind(block.id.as_str())
        .bind(&block.octets)
        .execute(&mut *transaction)
        .await?;
    }
    crash_point!("bodies.written");
    transaction.commit().await?;
    crash_point!("bodies.committed");
    Ok(())
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    id: &MessageId,
) -> Result<Option<Body>, StoreError> {
    let row = sqlx::query("SELECT block FROM body WHERE message_id = ?1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    row.map(|row| unpack(row.try_get(0)?)).transpose()
}

/// Bodies that hold a text, whatever its case.
pub(crate) async fn count_with(
    connection: &mut SqliteConnection,
    text: &str,
) -> Result<u64, StoreError> {
    let text = text.to_lowercase();
    let mut count = 0;
    let mut after = 0_i64;
    loop {
        let row = sqlx::query("SELECT key, block FROM body WHERE key > ?1 ORDER BY key LIMIT 1")
            .bind(after)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(count) };
        after = row.try_get(0)?;
        let json = serde_json::to_string(&unpack(row.try_get(1)?)?)?;
        count += u64::from(json.to_lowercase().contains(&text));
    }
}

/// Those of the given messages whose body is not here, in the given order.
pub(crate) async fn missing(
    connection: &mut SqliteConnection,
    ids: &[MessageId],
) -> Result<Vec<MessageId>, StoreError> {
    let rows = sqlx::query(
        "SELECT j.value FROM json_each(?1) j
         WHERE NOT EXISTS (SELECT 1 FROM body b WHERE b.message_id = j.value) ORDER BY j.key",
    )
    .bind(serde_json::to_string(ids)?)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| stored_id(row, 0)).collect()
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    ids: &[MessageId],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM body WHERE message_id IN (SELECT value FROM json_each(?1))")
        .bind(serde_json::to_string(ids)?)
        .execute(connection)
        .await?;
    Ok(())
}
