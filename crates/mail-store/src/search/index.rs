//! `search.sqlite`: the index itself. It can be built again at any time.
//!
//! Every write is one transaction that takes messages out and puts them in again, so doing it
//! twice is the same as once.

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::document::Document;
use super::parts::{FULL, Part, Parts};
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

/// One step of keeping up with the mail.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Messages to take out; also all that are put in.
    pub(crate) keys: Vec<i64>,
    pub(crate) documents: Vec<Document>,
    /// Where the first walk over all mail is now, and how many messages it has seen in this step.
    pub(crate) walk: Option<(Option<i64>, usize)>,
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
    sqlx::query("DELETE FROM part")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO head (head) VALUES ('delete-all')")
        .execute(&mut *transaction)
        .await?;
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
        "SELECT number, from_key, lowest, highest, messages, merging FROM part ORDER BY from_key",
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
        })
    });
    parts.collect::<Result<_, StoreError>>().map(Parts)
}

/// Writes one step. What it did is on the disk when this returns: the notes that asked for it are
/// in another file and are taken back next.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    mut batch: Batch,
) -> Result<(), StoreError> {
    sqlx::raw_sql("PRAGMA synchronous = FULL")
        .execute(&mut *connection)
        .await?;
    batch
        .documents
        .sort_unstable_by_key(|document| document.key);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut parts = load(&mut transaction).await?;
    take_out(&mut transaction, &mut parts, &batch.keys).await?;
    let before = parts.clone();
    for document in &batch.documents {
        parts.place(document.key, FULL);
    }
    write_parts(&mut transaction, &before, &mut parts).await?;
    put_in(&mut transaction, &parts, &batch.documents).await?;
    if let Some((below, seen)) = batch.walk {
        sqlx::query(
            "UPDATE follows SET below = ?1,
             to_do = CASE WHEN ?1 IS NULL THEN 0 ELSE max(1, to_do - ?2) END WHERE id = 1",
        )
        .bind(below)
        .bind(to_stored(seen as u64))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Splits what is ordered by key into what lies in each part.
fn by_part<'a, T>(
    parts: &'a Parts,
    items: &'a [T],
    key: impl Fn(&T) -> i64 + Copy,
) -> impl Iterator<Item = (usize, &'a [T])> {
    items
        .chunk_by(move |a, b| parts.of(key(a)) == parts.of(key(b)))
        .filter_map(move |run| Some((parts.of(key(run.first()?))?, run)))
}

async fn take_out(
    connection: &mut SqliteConnection,
    parts: &mut Parts,
    keys: &[i64],
) -> Result<(), StoreError> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    let standing = parts.clone();
    for (at, run) in by_part(&standing, &keys, |key| *key) {
        let Some(part) = parts.0.get_mut(at) else {
            continue;
        };
        let Some(number) = part.number else { continue };
        let json = serde_json::to_string(run)?;
        let here: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT count(*) FROM json_each(?1) j
             CROSS JOIN text_{number}_docsize d ON d.id = j.value"
        )))
        .bind(&json)
        .fetch_one(&mut *connection)
        .await?;
        if here == 0 {
            continue;
        }
        for table in [&format!("text_{number}"), "head"] {
            sqlx::query(AssertSqlSafe(format!(
                "DELETE FROM {table} WHERE rowid IN (SELECT value FROM json_each(?1))"
            )))
            .bind(&json)
            .execute(&mut *connection)
            .await?;
        }
        part.messages -= here;
        sqlx::query("UPDATE part SET messages = ?2 WHERE number = ?1")
            .bind(number)
            .bind(part.messages)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Writes parts that changed and makes new ones.
async fn write_parts(
    connection: &mut SqliteConnection,
    before: &Parts,
    parts: &mut Parts,
) -> Result<(), StoreError> {
    // Those that are there first: a new one may begin where one began before.
    for part in parts.0.iter().filter(|part| !before.0.contains(part)) {
        let Some(number) = part.number else { continue };
        sqlx::query(
            "UPDATE part SET from_key = ?2, lowest = ?3, highest = ?4, messages = ?5,
             merging = ?6 WHERE number = ?1",
        )
        .bind(number)
        .bind(part.from_key)
        .bind(part.lowest)
        .bind(part.highest)
        .bind(part.messages)
        .bind(part.merging)
        .execute(&mut *connection)
        .await?;
    }
    for part in parts.0.iter_mut().filter(|part| part.number.is_none()) {
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO part (from_key, lowest, highest, messages, merging)
             VALUES (?1, ?2, ?3, ?4, ?5) RETURNING number",
        )
        .bind(part.from_key)
        .bind(part.lowest)
        .bind(part.highest)
        .bind(part.messages)
        .bind(part.merging)
        .fetch_one(&mut *connection)
        .await?;
        sqlx::raw_sql(AssertSqlSafe(format!(
            "CREATE VIRTUAL TABLE text_{number} USING fts5(
                 words, files, content = '', contentless_delete = 1, tokenize = 'ascii'
             );
             INSERT INTO text_{number} (text_{number}, rank) VALUES ('hashsize', 16777216);"
        )))
        .execute(&mut *connection)
        .await?;
        part.number = Some(number);
    }
    Ok(())
}

async fn put_in(
    connection: &mut SqliteConnection,
    parts: &Parts,
    documents: &[Document],
) -> Result<(), StoreError> {
    if documents.is_empty() {
        return Ok(());
    }
    for (at, run) in by_part(parts, documents, |document| document.key) {
        let Some(number) = parts.0.get(at).and_then(|part| part.number) else {
            continue;
        };
        let rows: Vec<(i64, String, &str)> = run
            .iter()
            .map(|document| (document.key, document.words(), document.files.as_str()))
            .collect();
        sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO text_{number} (rowid, words, files)
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)"
        )))
        .bind(serde_json::to_string(&rows)?)
        .execute(&mut *connection)
        .await?;
    }
    let rows: Vec<_> = documents
        .iter()
        .map(|document| {
            (
                document.key,
                &document.subject,
                &document.sender,
                &document.receiver,
                &document.copy,
                &document.hidden,
                &document.files,
            )
        })
        .collect();
    sqlx::query(
        "INSERT INTO head (rowid, subject, sender, receiver, copy, hidden, files)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6 FROM json_each(?1)",
    )
    .bind(serde_json::to_string(&rows)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Merges a little of a part that will hardly change: a word is found faster in few segments.
/// Tells whether there is more to do.
pub(crate) async fn merge_some(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    /// Pages of one step: a few milliseconds.
    const PAGES: i64 = 200;
    let part: Option<(i64, i64)> =
        sqlx::query_as("SELECT number, merging FROM part WHERE merging > 0 ORDER BY from_key DESC")
            .fetch_optional(&mut *connection)
            .await?;
    let Some((number, merging)) = part else {
        return Ok(false);
    };
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let changes = "SELECT total_changes()";
    let before: i64 = sqlx::query_scalar(changes)
        .fetch_one(&mut *transaction)
        .await?;
    // A negative number begins to merge all segments, whatever their sizes.
    let pages = if merging == 1 { -PAGES } else { PAGES };
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO text_{number} (text_{number}, rank) VALUES ('merge', ?1)"
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
    sqlx::query("UPDATE part SET merging = ?2 WHERE number = ?1")
        .bind(number)
        .bind(merging)
        .execute(&mut *transaction)
        .await?;
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
