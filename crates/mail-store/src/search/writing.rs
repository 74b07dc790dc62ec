//! One step of keeping the index up with the mail: one transaction that takes messages out and
//! puts them in again, so doing it twice is the same as once.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::document::Document;
use super::index::load;
use super::parts::{FULL, Part, Parts, is_worn};
use crate::error::StoreError;
use crate::insert::insert;
use crate::mail::mailbox::to_stored;

/// What a step is about.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Messages to take out; also all that are put in.
    pub(crate) keys: Vec<i64>,
    pub(crate) documents: Vec<Document>,
    /// Where the first walk over all mail is now, and how many messages it has seen in this step.
    pub(crate) walk: Option<(Option<i64>, usize)>,
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
    batch.keys.sort_unstable();
    batch.keys.dedup();
    batch
        .documents
        .sort_unstable_by_key(|document| document.key);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let before = load(&mut transaction).await?;
    let mut parts = before.clone();
    let staying: BTreeSet<i64> = batch.documents.iter().map(|one| one.key).collect();
    take_out_texts(&mut transaction, &mut parts, &batch.keys, &staying).await?;
    let known = known_heads(&mut transaction, &batch.documents).await?;
    let heads: Vec<i64> = batch
        .keys
        .iter()
        .copied()
        .filter(|key| !known.contains(key))
        .collect();
    take_out_heads(&mut transaction, &parts, &heads, &staying).await?;
    for document in &batch.documents {
        parts.place(document.key, FULL);
    }
    write_parts(&mut transaction, &before, &mut parts).await?;
    note_textless(&mut transaction, &batch).await?;
    put_in(&mut transaction, &parts, batch.documents, &known).await?;
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
fn by_part<'a>(parts: &'a Parts, keys: &'a [i64]) -> impl Iterator<Item = (usize, &'a [i64])> {
    keys.chunk_by(|a, b| parts.of(*a) == parts.of(*b))
        .filter_map(|run| Some((parts.of(*run.first()?)?, run)))
}

/// How many of the keys, as JSON, a table holds.
async fn held(
    connection: &mut SqliteConnection,
    table: &str,
    json: &str,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT count(*) FROM json_each(?1) j CROSS JOIN {table}_docsize d ON d.id = j.value"
    )))
    .bind(json)
    .fetch_one(connection)
    .await?;
    Ok(count)
}

async fn delete(
    connection: &mut SqliteConnection,
    table: &str,
    json: &str,
) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(format!(
        "DELETE FROM {table} WHERE rowid IN (SELECT value FROM json_each(?1))"
    )))
    .bind(json)
    .execute(connection)
    .await?;
    Ok(())
}

/// How many of the keys a table holds that do not stay.
async fn leaving(
    connection: &mut SqliteConnection,
    table: &str,
    keys: &[i64],
    staying: &BTreeSet<i64>,
) -> Result<i64, StoreError> {
    let leaving: Vec<i64> = keys
        .iter()
        .copied()
        .filter(|key| !staying.contains(key))
        .collect();
    if leaving.is_empty() {
        return Ok(0);
    }
    held(connection, table, &serde_json::to_string(&leaving)?).await
}

async fn take_out_texts(
    connection: &mut SqliteConnection,
    parts: &mut Parts,
    keys: &[i64],
    staying: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let standing = parts.clone();
    for (at, run) in by_part(&standing, keys) {
        let Some(part) = parts.0.get_mut(at) else {
            continue;
        };
        let Some(number) = part.number else { continue };
        let table = format!("text_{number}");
        let json = serde_json::to_string(run)?;
        let here = held(connection, &table, &json).await?;
        if here == 0 {
            continue;
        }
        part.removed += leaving(connection, &table, run, staying).await?;
        part.messages -= here;
        if part.merging == 0 && is_worn(part.removed, part.messages) {
            part.merging = 1;
            part.removed = 0;
        }
        delete(connection, &table, &json).await?;
    }
    Ok(())
}

/// Messages whose head the index holds just as it is now: only their text came or went, and there
/// are no names of files, neither before nor now.
async fn known_heads(
    connection: &mut SqliteConnection,
    documents: &[Document],
) -> Result<BTreeSet<i64>, StoreError> {
    let asked: Vec<i64> = documents
        .iter()
        .filter(|document| document.is_known && document.head.files.is_empty())
        .map(|document| document.key)
        .collect();
    if asked.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = sqlx::query(
        "SELECT d.id, d.sz FROM json_each(?1) j CROSS JOIN head_docsize d ON d.id = j.value",
    )
    .bind(serde_json::to_string(&asked)?)
    .fetch_all(connection)
    .await?;
    let mut known = BTreeSet::new();
    for row in &rows {
        if words_of_column(row.try_get(1)?, FILES) == Some(0) {
            known.insert(row.try_get(0)?);
        }
    }
    Ok(known)
}

/// The place of `files` among the columns of `head`.
const FILES: usize = 5;

/// How many words a column of a row has, by FTS5's `docsize`: one of SQLite's varints for each
/// column.
fn words_of_column(sizes: &[u8], column: usize) -> Option<u64> {
    let mut sizes = sizes.iter();
    for at in 0..=column {
        let mut size = 0_u64;
        loop {
            let octet = *sizes.next()?;
            size = (size << 7) | u64::from(octet & 0x7F);
            if octet & 0x80 == 0 {
                break;
            }
        }
        if at == column {
            return Some(size);
        }
    }
    None
}

async fn take_out_heads(
    connection: &mut SqliteConnection,
    parts: &Parts,
    keys: &[i64],
    staying: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(keys)?;
    if held(connection, "head", &json).await? == 0 {
        return Ok(());
    }
    let removed = leaving(connection, "head", keys, staying).await?;
    delete(connection, "head", &json).await?;
    if removed > 0 {
        let all: i64 = sqlx::query_scalar(
            "UPDATE head_state SET removed = removed + ?1 WHERE id = 1 RETURNING removed",
        )
        .bind(removed)
        .fetch_one(&mut *connection)
        .await?;
        let messages = parts.0.iter().map(|part| part.messages).sum();
        if is_worn(all, messages) {
            sqlx::query(
                "UPDATE head_state SET removed = 0, merging = 1 WHERE id = 1 AND merging = 0",
            )
            .execute(connection)
            .await?;
        }
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
             merging = ?6, removed = ?7 WHERE number = ?1",
        )
        .bind(number)
        .bind(part.from_key)
        .bind(part.lowest)
        .bind(part.highest)
        .bind(part.messages)
        .bind(part.merging)
        .bind(part.removed)
        .execute(&mut *connection)
        .await?;
    }
    for part in parts.0.iter_mut().filter(|part| part.number.is_none()) {
        make_part(connection, part).await?;
    }
    Ok(())
}

async fn make_part(connection: &mut SqliteConnection, part: &mut Part) -> Result<(), StoreError> {
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
    .execute(connection)
    .await?;
    part.number = Some(number);
    Ok(())
}

/// Keeps which messages of the index have no text here.
async fn note_textless(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM textless WHERE key IN (SELECT value FROM json_each(?1))")
        .bind(serde_json::to_string(&batch.keys)?)
        .execute(&mut *connection)
        .await?;
    let without = batch.documents.iter().filter(|document| !document.has_text);
    let without: Vec<i64> = without.map(|document| document.key).collect();
    if !without.is_empty() {
        sqlx::query("INSERT INTO textless (key) SELECT value FROM json_each(?1)")
            .bind(serde_json::to_string(&without)?)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn put_in(
    connection: &mut SqliteConnection,
    parts: &Parts,
    documents: Vec<Document>,
    known: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let mut heads = Vec::with_capacity(documents.len());
    let texts = documents.into_iter().map(|document| {
        let files = document.head.files.clone();
        if !known.contains(&document.key) {
            heads.push((document.key, document.head));
        }
        (document.key, document.words, files)
    });
    let texts: Vec<(i64, String, String)> = texts.collect();
    let mut texts = texts.into_iter().peekable();
    while let Some((first, ..)) = texts.peek() {
        let at = parts.of(*first);
        let Some(number) = at.and_then(|at| parts.0.get(at)?.number) else {
            texts.next();
            continue;
        };
        let of_part = std::iter::from_fn(|| texts.next_if(|(key, ..)| parts.of(*key) == at));
        insert(
            connection,
            &format!("text_{number} (rowid, words, files)"),
            of_part.collect(),
            |values, (key, words, files)| {
                values.push_bind(key).push_bind(words).push_bind(files);
            },
            "",
        )
        .await?;
    }
    insert(
        connection,
        "head (rowid, subject, sender, receiver, copy, hidden, files)",
        heads,
        |values, (key, head)| {
            values
                .push_bind(key)
                .push_bind(head.subject)
                .push_bind(head.sender)
                .push_bind(head.receiver)
                .push_bind(head.copy)
                .push_bind(head.hidden)
                .push_bind(head.files);
        },
        "",
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_columns_are_read_as_sqlite_writes_numbers() {
        let sizes = [3, 0x81, 0x00, 0, 0];
        assert_eq!(words_of_column(&sizes, 0), Some(3));
        assert_eq!(words_of_column(&sizes, 1), Some(128));
        assert_eq!(words_of_column(&sizes, 2), Some(0));
        assert_eq!(words_of_column(&sizes, 4), None);
    }
}
