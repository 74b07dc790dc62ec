//! `local.sqlite`: what exists only here. Nothing in it can be fetched again, so every commit is
//! on the disk before it is acknowledged, and nothing ever deletes the file but the person.

use mail_model::MessageId;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::crash_points::crash_point;
use crate::error::StoreError;
use crate::intent::{Intent, IntentId};
use crate::mail::mailbox::stored_id;

/// Keeps an intent; its id is given by the file. With it comes how many are open then, as with
/// everything that changes or reads them.
pub(crate) async fn insert_intent(
    connection: &mut SqliteConnection,
    intent: &Intent,
) -> Result<(IntentId, u64), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO intent (keywords, add_to, remove_from) VALUES (?1, ?2, ?3) RETURNING id",
    )
    .bind(serde_json::to_string(&intent.keywords)?)
    .bind(serde_json::to_string(&intent.add_to)?)
    .bind(serde_json::to_string(&intent.remove_from)?)
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO intent_message (intent, position, message_id)
         SELECT ?1, key, value FROM json_each(?2)",
    )
    .bind(id)
    .bind(serde_json::to_string(&intent.messages)?)
    .execute(&mut *transaction)
    .await?;
    let count = count_intents(&mut transaction).await?;
    crash_point!("intent.written");
    transaction.commit().await?;
    // From here on it is kept, though nothing shows it yet.
    crash_point!("intent.committed");
    Ok((IntentId(id), count))
}

/// The oldest open intents, in order.
pub(crate) async fn intents(
    connection: &mut SqliteConnection,
    limit: i64,
) -> Result<(Vec<Intent>, u64), StoreError> {
    let rows =
        sqlx::query("SELECT id, keywords, add_to, remove_from FROM intent ORDER BY id LIMIT ?1")
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
    let mut intents = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.try_get(0)?;
        intents.push(Intent {
            id: IntentId(id),
            messages: messages(connection, id).await?,
            keywords: serde_json::from_str(row.try_get(1)?)?,
            add_to: serde_json::from_str(row.try_get(2)?)?,
            remove_from: serde_json::from_str(row.try_get(3)?)?,
        });
    }
    Ok((intents, count_intents(connection).await?))
}

/// The messages of one intent; none if it is not open.
pub(crate) async fn messages(
    connection: &mut SqliteConnection,
    intent: i64,
) -> Result<Vec<MessageId>, StoreError> {
    let rows =
        sqlx::query("SELECT message_id FROM intent_message WHERE intent = ?1 ORDER BY position")
            .bind(intent)
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| stored_id(row, 0)).collect()
}

async fn count_intents(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM intent")
        .fetch_one(connection)
        .await?;
    Ok(count.unsigned_abs())
}

pub(crate) async fn delete_intent(
    connection: &mut SqliteConnection,
    intent: i64,
) -> Result<((), u64), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("DELETE FROM intent WHERE id = ?1")
        .bind(intent)
        .execute(&mut *transaction)
        .await?;
    let count = count_intents(&mut transaction).await?;
    transaction.commit().await?;
    crash_point!("intent.deleted");
    Ok(((), count))
}

pub(crate) async fn setting(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let value = sqlx::query_scalar("SELECT value FROM setting WHERE name = ?1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    Ok(value)
}

pub(crate) async fn put_setting(
    connection: &mut SqliteConnection,
    name: &str,
    value: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO setting (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(connection)
    .await?;
    crash_point!("setting.put");
    Ok(())
}
