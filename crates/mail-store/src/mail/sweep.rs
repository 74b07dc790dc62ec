//! Mark and sweep: what replaces the server's change log when a state was lost. Nothing leaves the
//! list before the server's whole inventory was seen.

use mail_model::MessageId;
use sqlx::{Row as _, SqliteConnection};

use super::mailbox::stored_id;
use crate::error::StoreError;
use crate::sync::Sweep;

/// Starts a sweep; one that was running is over.
pub(crate) async fn begin(connection: &mut SqliteConnection) -> Result<Sweep, StoreError> {
    sqlx::query("DELETE FROM sweep_mark")
        .execute(&mut *connection)
        .await?;
    let number = sqlx::query_scalar(
        "UPDATE progress SET sweep = sweep + 1, sweeping = 1 WHERE id = 1 RETURNING sweep",
    )
    .fetch_one(connection)
    .await?;
    Ok(Sweep(number))
}

async fn is_running(
    connection: &mut SqliteConnection,
    sweep: Option<Sweep>,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT sweep, sweeping FROM progress WHERE id = 1")
        .fetch_one(connection)
        .await?;
    let number: i64 = row.try_get(0)?;
    let sweeping: bool = row.try_get(1)?;
    Ok(sweeping && sweep.is_none_or(|sweep| sweep.0 == number))
}

/// Counts messages as seen, if a sweep is running.
pub(crate) async fn mark(
    connection: &mut SqliteConnection,
    keys: &[i64],
) -> Result<(), StoreError> {
    if keys.is_empty() || !is_running(connection, None).await? {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO sweep_mark (message) SELECT value FROM json_each(?1) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(serde_json::to_string(keys)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// The next messages this sweep did not see; none when it is finished or not the running one.
pub(crate) async fn unseen(
    connection: &mut SqliteConnection,
    sweep: Sweep,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    if !is_running(connection, Some(sweep)).await? {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT id FROM message m
         WHERE NOT EXISTS (SELECT 1 FROM sweep_mark s WHERE s.message = m.key)
         ORDER BY m.key LIMIT ?1",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| stored_id(row, 0)).collect()
}

/// Ends the sweep.
pub(crate) async fn end(connection: &mut SqliteConnection, sweep: Sweep) -> Result<(), StoreError> {
    if !is_running(connection, Some(sweep)).await? {
        return Ok(());
    }
    sqlx::query("UPDATE progress SET sweeping = 0 WHERE id = 1")
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sweep_mark")
        .execute(connection)
        .await?;
    Ok(())
}
