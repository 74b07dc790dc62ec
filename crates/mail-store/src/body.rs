//! `body.sqlite`: what a person reads, compressed. A file of its own, so that lists stay small
//! and a large body never delays a mark.

use mail_model::{Body, MessageId};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::crash_points::crash_point;
use crate::error::StoreError;
use crate::insert::insert;
use crate::mail::mailbox::{from_stored, stored_id};

/// zstd level: storing keeps up with fetching, and text shrinks to less than half.
const LEVEL: i32 = 2;
/// A block that says it holds more than this is unpacked without believing it.
const MOST: usize = 64 << 20;

/// A compressed body.
pub(crate) struct Block {
    pub(crate) id: MessageId,
    octets: Vec<u8>,
}

/// Makes blocks, with one compressor for all of them: making that costs as much as a short body.
pub(crate) struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    pub(crate) fn new() -> Result<Self, StoreError> {
        let compressor = zstd::bulk::Compressor::new(LEVEL);
        Ok(Self(compressor.map_err(|_| StoreError::BadValue(None))?))
    }

    pub(crate) fn block(&mut self, id: MessageId, body: &Body) -> Result<Block, StoreError> {
        let json = serde_json::to_vec(body)?;
        let octets = self.0.compress(&json);
        let octets = octets.map_err(|_| StoreError::BadValue(None))?;
        Ok(Block { id, octets })
    }
}

/// Reads blocks, with one decompressor for all of them.
pub(crate) struct Unpacker(zstd::bulk::Decompressor<'static>);

impl Unpacker {
    pub(crate) fn new() -> Result<Self, StoreError> {
        let decompressor = zstd::bulk::Decompressor::new();
        Ok(Self(decompressor.map_err(|_| StoreError::BadValue(None))?))
    }

    /// A body out of its block.
    pub(crate) fn body(&mut self, octets: &[u8]) -> Result<Body, StoreError> {
        let size = zstd::zstd_safe::get_frame_content_size(octets)
            .ok()
            .flatten()
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size <= MOST);
        let json = match size {
            Some(size) => self.0.decompress(octets, size),
            None => zstd::stream::decode_all(octets),
        };
        let json = json.map_err(|_| StoreError::BadValue(None))?;
        Ok(serde_json::from_slice(&json)?)
    }

    /// The same for a search, which does without a body that cannot be unpacked: one of them must
    /// not keep all others from being found.
    pub(crate) fn readable(&mut self, octets: &[u8]) -> Option<Body> {
        self.body(octets)
            .inspect_err(|error| tracing::warn!(%error, "a body cannot be read"))
            .ok()
    }
}

pub(crate) async fn store(
    connection: &mut SqliteConnection,
    blocks: Vec<Block>,
) -> Result<(), StoreError> {
    let ids: Vec<&MessageId> = blocks.iter().map(|block| &block.id).collect();
    let ids = serde_json::to_string(&ids)?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    insert(
        &mut transaction,
        "body (message_id, block)",
        blocks,
        |values, block| {
            values
                .push_bind(block.id.to_string())
                .push_bind(block.octets);
        },
        "ON CONFLICT (message_id) DO UPDATE SET block = excluded.block, dictionary = 0",
    )
    .await?;
    note(&mut transaction, &ids).await?;
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
    row.map(|row| Unpacker::new()?.body(row.try_get(0)?))
        .transpose()
}

/// Bodies that hold a text, whatever its case.
pub(crate) async fn count_with(
    connection: &mut SqliteConnection,
    text: &str,
) -> Result<u64, StoreError> {
    let text = text.to_lowercase();
    let mut unpacker = Unpacker::new()?;
    let mut count = 0;
    let mut after = 0_i64;
    loop {
        let row = sqlx::query("SELECT key, block FROM body WHERE key > ?1 ORDER BY key LIMIT 1")
            .bind(after)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(count) };
        after = row.try_get(0)?;
        let json = serde_json::to_string(&unpacker.body(row.try_get(1)?)?)?;
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
    let ids = serde_json::to_string(ids)?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("DELETE FROM body WHERE message_id IN (SELECT value FROM json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    note(&mut transaction, &ids).await?;
    transaction.commit().await?;
    Ok(())
}

/// Notes for the search index that bodies came or went; ids as JSON.
async fn note(connection: &mut SqliteConnection, ids: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO unindexed (message_id) SELECT value FROM json_each(?1)")
        .bind(ids)
        .execute(connection)
        .await?;
    Ok(())
}

/// The newest notes for the search index, but for some: `(note, id)`.
pub(crate) async fn noted(
    connection: &mut SqliteConnection,
    limit: usize,
    without: &[i64],
) -> Result<Vec<(i64, MessageId)>, StoreError> {
    // One row, because each one is handed from thread to thread.
    let json: String = sqlx::query_scalar(
        "SELECT json_group_array(json_array(note, message_id)) FROM (
             SELECT note, message_id FROM unindexed
             WHERE note NOT IN (SELECT value FROM json_each(?2)) ORDER BY note DESC LIMIT ?1)",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(serde_json::to_string(without)?)
    .fetch_one(connection)
    .await?;
    Ok(serde_json::from_str(&json)?)
}

/// The notes there are of these bodies.
pub(crate) async fn notes_of(
    connection: &mut SqliteConnection,
    ids: &[&MessageId],
) -> Result<Vec<(i64, MessageId)>, StoreError> {
    let json: String = sqlx::query_scalar(
        "SELECT json_group_array(json_array(u.note, u.message_id)) FROM json_each(?1) j
         CROSS JOIN unindexed u ON u.message_id = j.value",
    )
    .bind(serde_json::to_string(ids)?)
    .fetch_one(connection)
    .await?;
    Ok(serde_json::from_str(&json)?)
}

/// How many notes there are.
pub(crate) async fn count_noted(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar("SELECT count(*) FROM unindexed")
        .fetch_one(connection)
        .await?;
    Ok(from_stored(count))
}

/// Takes back notes that were done. One that was made again since has another number.
pub(crate) async fn forget_notes(
    connection: &mut SqliteConnection,
    notes: &[i64],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM unindexed WHERE note IN (SELECT value FROM json_each(?1))")
        .bind(serde_json::to_string(notes)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Octets of the blocks of these bodies, in the same order; none for those that are not here.
pub(crate) async fn lengths(
    connection: &mut SqliteConnection,
    ids: &[&MessageId],
) -> Result<Vec<u64>, StoreError> {
    let json: String = sqlx::query_scalar(
        "SELECT json_group_array(octets) FROM (
             SELECT coalesce(length(b.block), 0) AS octets FROM json_each(?1) j
             LEFT JOIN body b ON b.message_id = j.value ORDER BY j.key)",
    )
    .bind(serde_json::to_string(ids)?)
    .fetch_one(connection)
    .await?;
    Ok(serde_json::from_str(&json)?)
}

/// Those of the given bodies that are here.
pub(crate) async fn find_all(
    connection: &mut SqliteConnection,
    ids: &[&MessageId],
) -> Result<Vec<(MessageId, Vec<u8>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT b.message_id, b.block FROM json_each(?1) j
         CROSS JOIN body b ON b.message_id = j.value",
    )
    .bind(serde_json::to_string(ids)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((stored_id(row, 0)?, row.try_get(1)?)))
        .collect()
}
