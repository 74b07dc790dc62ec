//! `search.sqlite`: the index itself. It can be built again at any time.

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::parts::{Part, Parts};
use crate::error::StoreError;
use crate::mail::mailbox::{from_stored, to_stored};

/// What the index follows, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follows {
    pub(crate) life: Vec<u8>,
    /// Messages with keys below this were never looked at; none when all were.
    pub(crate) below: Option<i64>,
    /// About how many those are.
    pub(crate) to_do: u64,
}

pub(crate) async fn follows(connection: &mut SqliteConnection) -> Result<Follows, StoreError> {
    let row = sqlx::query("SELECT life, below, to_do FROM follows WHERE id = 1")
        .fetch_one(connection)
        .await?;
    Ok(Follows {
        life: row.try_get(0)?,
        below: row.try_get(1)?,
        to_do: from_stored(row.try_get(2)?),
    })
}

/// Begins anew, for another life of the mail.
pub(crate) async fn reset(
    connection: &mut SqliteConnection,
    life: &[u8],
    messages: u64,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for part in load(&mut transaction).await?.0 {
        if let Some(number) = part.number {
            sqlx::query(AssertSqlSafe(format!("DROP TABLE text_{number}")))
                .execute(&mut *transaction)
                .await?;
        }
    }
    for emptying in [
        "DELETE FROM part",
        "INSERT INTO head (head) VALUES ('delete-all')",
        "DELETE FROM textless",
        "UPDATE head_state SET removed = 0, merging = 0",
    ] {
        sqlx::query(emptying).execute(&mut *transaction).await?;
    }
    sqlx::query("UPDATE follows SET life = ?1, below = ?2, to_do = ?3 WHERE id = 1")
        .bind(life)
        // Where there is no mail yet, all that comes is noted.
        .bind((messages > 0).then_some(i64::MAX))
        .bind(to_stored(messages))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// All parts, by their keys.
pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Parts, StoreError> {
    let rows = sqlx::query(
        "SELECT number, from_key, lowest, highest, messages, merging, removed FROM part
         ORDER BY from_key",
    )
    .fetch_all(connection)
    .await?;
    let parts = rows.iter().map(|row| {
        Ok(Part {
            number: Some(row.try_get(0)?),
            from_key: row.try_get(1)?,
            lowest: row.try_get(2)?,
            highest: row.try_get(3)?,
            messages: row.try_get(4)?,
            merging: row.try_get(5)?,
            removed: row.try_get(6)?,
        })
    });
    parts.collect::<Result<_, StoreError>>().map(Parts)
}

/// Whether segments are still to be merged.
pub(crate) async fn is_merging(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let merging = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM part WHERE merging > 0)
             OR EXISTS (SELECT 1 FROM head_state WHERE merging > 0)",
    )
    .fetch_one(connection)
    .await?;
    Ok(merging)
}

/// Merges a little of a part that will hardly change, or of a table much was taken out of: a word
/// is found faster in few segments, and words of what is gone leave the file. Tells whether there
/// is more to do.
pub(crate) async fn merge_some(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    /// Pages of one step: a few milliseconds.
    const PAGES: i64 = 200;
    let part: Option<(i64, i64)> =
        sqlx::query_as("SELECT number, merging FROM part WHERE merging > 0 ORDER BY from_key DESC")
            .fetch_optional(&mut *connection)
            .await?;
    let (table, merging) = if let Some((number, merging)) = part {
        (format!("text_{number}"), merging)
    } else {
        let merging = sqlx::query_scalar("SELECT merging FROM head_state WHERE id = 1")
            .fetch_one(&mut *connection)
            .await?;
        ("head".into(), merging)
    };
    if merging == 0 {
        return Ok(false);
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let changes = "SELECT total_changes()";
    let before: i64 = sqlx::query_scalar(changes)
        .fetch_one(&mut *transaction)
        .await?;
    // A negative number begins to merge all segments, whatever their sizes.
    let pages = if merging == 1 { -PAGES } else { PAGES };
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO {table} ({table}, rank) VALUES ('merge', ?1)"
    )))
    .bind(pages)
    .execute(&mut *transaction)
    .await?;
    let after: i64 = sqlx::query_scalar(changes)
        .fetch_one(&mut *transaction)
        .await?;
    let merging = if merging != 1 && after - before < 2 {
        0
    } else {
        2
    };
    let kept = if let Some((number, _)) = part {
        sqlx::query("UPDATE part SET merging = ?1 WHERE number = ?2")
            .bind(merging)
            .bind(number)
    } else {
        sqlx::query("UPDATE head_state SET merging = ?1 WHERE id = 1").bind(merging)
    };
    kept.execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

/// What FTS5 and the parts themselves find wrong; nothing, unless there is a fault. Also gives
/// every key, once for each table that holds it.
pub(crate) async fn check(
    connection: &mut SqliteConnection,
) -> Result<(Vec<String>, Vec<i64>, Vec<i64>), StoreError> {
    let mut faults = Vec::new();
    let mut in_parts: Vec<i64> = Vec::new();
    let parts = load(connection).await?;
    for (at, part) in parts.0.iter().enumerate() {
        let Some(number) = part.number else { continue };
        verify(connection, &format!("text_{number}"), &mut faults).await?;
        let keys: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT id FROM text_{number}_docsize"
        )))
        .fetch_all(&mut *connection)
        .await?;
        if to_stored(keys.len() as u64) != part.messages {
            faults.push(format!("part {number} says {} messages", part.messages));
        }
        if keys.iter().any(|key| parts.of(*key) != Some(at)) {
            faults.push(format!("part {number} holds keys of another"));
        }
        in_parts.extend(keys);
    }
    verify(connection, "head", &mut faults).await?;
    let in_head = sqlx::query_scalar("SELECT id FROM head_docsize")
        .fetch_all(connection)
        .await?;
    Ok((faults, in_parts, in_head))
}

async fn verify(
    connection: &mut SqliteConnection,
    table: &str,
    faults: &mut Vec<String>,
) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO {table} ({table}) VALUES ('integrity-check')");
    let verified = sqlx::query(AssertSqlSafe(sql)).execute(connection).await;
    match verified {
        Ok(_) => Ok(()),
        Err(error) if crate::error::is_damage(&error) => {
            faults.push(format!("{table} is not sound"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
