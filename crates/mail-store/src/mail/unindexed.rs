//! What the search index does not know yet, noted by the transactions that change it: the index is
//! another file, and a kill may fall between the two.

use sqlx::{Row as _, SqliteConnection};

use super::mailbox::from_stored;
use crate::error::StoreError;

/// A message the index has to look at, and how often that was noted.
pub(crate) type Note = (i64, i64);

/// Notes messages that are new or gone.
pub(crate) async fn note(
    connection: &mut SqliteConnection,
    keys: &[i64],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO unindexed (message) SELECT value FROM json_each(?1) WHERE true
         ON CONFLICT (message) DO UPDATE SET notes = notes + 1",
    )
    .bind(serde_json::to_string(keys)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes those of the given messages that will say something else: `(key, subject, detail)`.
/// Before they are written.
pub(crate) async fn note_changed(
    connection: &mut SqliteConnection,
    rows: &[(i64, &str, &str)],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO unindexed (message)
         SELECT m.key FROM json_each(?1) j CROSS JOIN message m ON m.key = j.value ->> 0
         WHERE m.subject <> j.value ->> 1 OR m.detail <> j.value ->> 2
         ON CONFLICT (message) DO UPDATE SET notes = notes + 1",
    )
    .bind(serde_json::to_string(rows)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes in how far keys of new rows lie from the slots of their receipts.
pub(crate) async fn widen_drift(
    connection: &mut SqliteConnection,
    drifts: impl Iterator<Item = i64> + Clone,
) -> Result<(), StoreError> {
    let (Some(least), Some(most)) = (drifts.clone().min(), drifts.max()) else {
        return Ok(());
    };
    sqlx::query(
        "UPDATE search SET drift_least = min(drift_least, ?1), drift_most = max(drift_most, ?2)
         WHERE id = 1 AND (drift_least > ?1 OR drift_most < ?2)",
    )
    .bind(least)
    .bind(most)
    .execute(connection)
    .await?;
    Ok(())
}

/// The drift: at least, at most.
pub(crate) async fn drift(connection: &mut SqliteConnection) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query("SELECT drift_least, drift_most FROM search WHERE id = 1")
        .fetch_one(connection)
        .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Which life of the file this is.
pub(crate) async fn life(connection: &mut SqliteConnection) -> Result<Vec<u8>, StoreError> {
    let life = sqlx::query_scalar("SELECT life FROM search WHERE id = 1")
        .fetch_one(connection)
        .await?;
    Ok(life)
}

/// The newest noted messages, but for some.
pub(crate) async fn noted(
    connection: &mut SqliteConnection,
    limit: usize,
    without: &[i64],
) -> Result<Vec<Note>, StoreError> {
    // One row, because each one is handed from thread to thread.
    let json: String = sqlx::query_scalar(
        "SELECT json_group_array(json_array(message, notes)) FROM (
             SELECT message, notes FROM unindexed
             WHERE message NOT IN (SELECT value FROM json_each(?2)) ORDER BY message DESC LIMIT ?1)",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(serde_json::to_string(without)?)
    .fetch_one(connection)
    .await?;
    Ok(serde_json::from_str(&json)?)
}

/// The newest noted messages that are here.
pub(crate) async fn noted_here(
    connection: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    let keys = sqlx::query_scalar(
        "SELECT u.message FROM unindexed u
         WHERE EXISTS (SELECT 1 FROM message m WHERE m.key = u.message)
         ORDER BY u.message DESC LIMIT ?1",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    Ok(keys)
}

/// How many messages are noted.
pub(crate) async fn count(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar("SELECT count(*) FROM unindexed")
        .fetch_one(connection)
        .await?;
    Ok(from_stored(count))
}

/// Takes back notes, unless they were made again since.
pub(crate) async fn done(
    connection: &mut SqliteConnection,
    notes: &[Note],
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM unindexed WHERE (message, notes) IN
         (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
    )
    .bind(serde_json::to_string(notes)?)
    .execute(connection)
    .await?;
    Ok(())
}
