//! Keeping the search index up with the mail.
//!
//! Whoever changes a message or a body notes it in the same transaction. A step reads notes, then
//! what is here, writes the index, and takes the notes back last: killed anywhere, it is done
//! again. An index of another life of `mail.sqlite`, or an empty one, begins anew and walks over
//! all mail once, from the newest down; how far it is stands in the index itself.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::{MessageId, MessageKey, UnixTime};
use sqlx::{Row as _, SqliteConnection};

use super::{AccountStore, Inner};
use crate::body;
use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError};
use crate::mail::mailbox::{from_stored, stored_id};
use crate::mail::message::Detail;
use crate::mail::{progress, unindexed};
use crate::search::document::Document;
use crate::search::index::{self, Batch, Follows};
use crate::sync::FillState;
use crate::writer::Priority;

/// Messages of one transaction of the index.
const STEP: usize = 500;
/// Steps of merging after a round with nothing else to do.
const MERGES: usize = 64;

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexProgress {
    /// Messages this call has looked at.
    pub done: usize,
    /// Messages that still have to be. While an account is indexed from nothing, about.
    pub left: u64,
}

/// What a search of this account can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchCoverage {
    /// Messages the index does not know yet, or not in full.
    pub to_index: u64,
    /// Whether everything the server told of is here.
    pub all_mail: bool,
    /// Receipt of the oldest message from which on mail is here; none when nothing is here.
    pub mail_since: Option<UnixTime>,
    /// From which receipt on every text is here; none when the newest message's is not.
    pub texts_since: Option<UnixTime>,
}

/// What differs between the index and the mail; nothing, unless there is a fault or something is
/// left to index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexCheck {
    /// Tables that are not sound, and sums that are wrong.
    pub faults: Vec<String>,
    /// Messages that are not in the index, or not in all of it.
    pub missing: Vec<MessageKey>,
    /// What is in the index and is no message, or is there twice.
    pub surplus: Vec<MessageKey>,
}

/// Notes that a step settles.
#[derive(Debug, Default)]
struct Notes {
    messages: Vec<unindexed::Note>,
    bodies: Vec<i64>,
}

/// A message as it is read for the index.
struct Source {
    key: i64,
    id: MessageId,
    subject: String,
    detail: String,
}

impl AccountStore {
    /// Looks at no more than `limit` messages that the index does not know, newest first, and tells
    /// how many are left. A person's changes do not wait for it. Calls run one after the other.
    ///
    /// # Errors
    /// What was done so far is kept.
    ///
    /// # Cancellation
    /// What a dropped call has begun is done or is done again.
    pub async fn index_some(&self, limit: usize) -> Result<IndexProgress, StoreError> {
        let inner = &self.inner;
        let _turn = inner.indexing.lock().await;
        let mut done = 0;
        while done < limit {
            let step = inner.index_step((limit - done).min(STEP)).await?;
            if step == 0 {
                break;
            }
            done += step;
        }
        let left = inner.left_to_index().await?;
        if left == 0 {
            inner.merge_index().await?;
        }
        Ok(IndexProgress { done, left })
    }

    /// What a search of this account can find.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn search_coverage(&self) -> Result<SearchCoverage, StoreError> {
        let to_index = self.inner.left_to_index().await?;
        let of_mail = |error| self.inner.noted(FileKind::Mail, error);
        let mut reader = self.inner.mail_reader().await?;
        let progress = progress::load(&mut reader).await.map_err(of_mail)?;
        let oldest = end_of_mail(&mut reader, "ASC").await.map_err(of_mail)?;
        let messages = message_count(&mut reader).await.map_err(of_mail)?;
        drop(reader);
        Ok(SearchCoverage {
            to_index,
            all_mail: progress.fill == FillState::Complete,
            mail_since: match progress.fill {
                FillState::Filling { oldest, .. } if messages > 0 => Some(oldest),
                _ => oldest,
            },
            texts_since: self.texts_since(messages, oldest).await?,
        })
    }

    /// The receipt from which on every message has its body here.
    async fn texts_since(
        &self,
        messages: u64,
        oldest: Option<UnixTime>,
    ) -> Result<Option<UnixTime>, StoreError> {
        let of_body = |error| self.inner.noted(FileKind::Body, error);
        let mut bodies = self.inner.body_reader().await?;
        if body::count(&mut bodies).await.map_err(of_body)? >= messages {
            return Ok(oldest);
        }
        drop(bodies);
        let mut since = None;
        let mut below = i64::MAX;
        loop {
            let mut reader = self.inner.mail_reader().await?;
            let rows = sqlx::query(
                "SELECT key, id, received_at FROM message WHERE key < ?1
                 ORDER BY key DESC LIMIT 500",
            )
            .bind(below)
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
            drop(reader);
            let ids = rows
                .iter()
                .map(|row| stored_id(row, 1))
                .collect::<Result<Vec<MessageId>, _>>()?;
            let mut bodies = self.inner.body_reader().await?;
            let missing = body::missing(&mut bodies, &ids).await.map_err(of_body)?;
            drop(bodies);
            let missing: BTreeSet<MessageId> = missing.into_iter().collect();
            for (row, id) in rows.iter().zip(&ids) {
                if missing.contains(id) {
                    return Ok(since);
                }
                below = row.try_get(0)?;
                since = Some(UnixTime::from_seconds(row.try_get(2)?));
            }
            if rows.is_empty() {
                return Ok(since);
            }
        }
    }

    /// Compares the whole index with the mail, and lets FTS5 check its tables. Reads both.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn check_index(&self) -> Result<IndexCheck, StoreError> {
        let _turn = self.inner.indexing.lock().await;
        let (faults, in_parts, in_head) = self
            .inner
            .write(FileKind::Search, Priority::Synchronisation, |connection| {
                Box::pin(async move { index::check(connection).await })
            })
            .await?;
        let mut reader = self.inner.mail_reader().await?;
        let here: Vec<i64> = sqlx::query_scalar("SELECT key FROM message ORDER BY key")
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        let mut check = IndexCheck {
            faults,
            ..IndexCheck::default()
        };
        let here: BTreeSet<i64> = here.into_iter().collect();
        for keys in [in_parts, in_head] {
            let mut seen = BTreeSet::new();
            let surplus = keys
                .into_iter()
                .filter(|key| !here.contains(key) || !seen.insert(*key));
            check.surplus.extend(surplus.map(MessageKey::new));
            let missing = here.iter().filter(|key| !seen.contains(key));
            check
                .missing
                .extend(missing.map(|key| MessageKey::new(*key)));
        }
        Ok(check)
    }
}

/// Makes the index follow this life of the mail, from nothing if it followed another.
pub(super) async fn follow(
    search: &mut SqliteConnection,
    mail: &mut SqliteConnection,
) -> Result<(), StoreError> {
    let of_mail = |error: StoreError| error.in_file(FileKind::Mail);
    let of_index = |error: StoreError| error.in_file(FileKind::Search);
    let life = unindexed::life(mail).await.map_err(of_mail)?;
    if index::follows(search).await.map_err(of_index)?.life == life {
        return Ok(());
    }
    let messages = message_count(mail).await.map_err(of_mail)?;
    index::reset(search, &life, messages)
        .await
        .map_err(of_index)
}

async fn message_count(mail: &mut SqliteConnection) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar("SELECT count(*) FROM message")
        .fetch_one(mail)
        .await?;
    Ok(from_stored(count))
}

async fn end_of_mail(
    mail: &mut SqliteConnection,
    order: &'static str,
) -> Result<Option<UnixTime>, StoreError> {
    let sql = format!("SELECT received_at FROM message ORDER BY key {order} LIMIT 1");
    let seconds: Option<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_optional(mail)
        .await?;
    Ok(seconds.map(UnixTime::from_seconds))
}

impl Inner {
    /// One transaction of the index; gives how many messages it was about.
    async fn index_step(&self, limit: usize) -> Result<usize, StoreError> {
        let (mut notes, mut keys) = (Notes::default(), BTreeSet::new());
        // Notes first: what is changed after this is noted again.
        let mut reader = self.mail_reader().await?;
        notes.messages = unindexed::noted(&mut reader, limit)
            .await
            .map_err(|error| self.noted(FileKind::Mail, error))?;
        drop(reader);
        keys.extend(notes.messages.iter().map(|(key, _)| *key));
        if keys.len() < limit {
            let mut reader = self.body_reader().await?;
            let bodies = body::noted(&mut reader, limit - keys.len())
                .await
                .map_err(|error| self.noted(FileKind::Body, error))?;
            drop(reader);
            let ids: Vec<&MessageId> = bodies.iter().map(|(_, id)| id).collect();
            keys.extend(self.keys_of(&ids).await?);
            notes.bodies = bodies.iter().map(|(note, _)| *note).collect();
        }
        let asked = notes.messages.len() + notes.bodies.len();
        let mut batch = Batch {
            keys: keys.iter().copied().collect(),
            ..Batch::default()
        };
        let mut sources = self.sources(&batch.keys).await?;
        if asked < limit
            && let Follows {
                below: Some(below), ..
            } = self.follows().await?
        {
            let walked = self.sources_below(below, limit - asked).await?;
            let below = walked.last().map(|source| source.key);
            batch.walk = Some((below, walked.len()));
            for source in walked {
                if keys.insert(source.key) {
                    batch.keys.push(source.key);
                    sources.push(source);
                }
            }
        }
        let walked = batch.walk.map_or(0, |(_, seen)| seen);
        if asked == 0 && batch.walk.is_none() {
            return Ok(0);
        }
        let settled = self.body_notes(&sources).await?;
        notes.bodies.extend(settled);
        batch.documents = self.documents(sources).await?;
        self.write(FileKind::Search, Priority::Synchronisation, |connection| {
            Box::pin(async move { index::write(connection, batch).await })
        })
        .await?;
        // In the index, and still noted: done again, it comes to the same.
        crash_point!("index.written");
        self.settle(notes).await?;
        crash_point!("index.settled");
        Ok(asked + walked)
    }

    async fn follows(&self) -> Result<Follows, StoreError> {
        self.write(FileKind::Search, Priority::Synchronisation, |connection| {
            Box::pin(async move { index::follows(connection).await })
        })
        .await
    }

    async fn keys_of(&self, ids: &[&MessageId]) -> Result<Vec<i64>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut reader = self.mail_reader().await?;
        sqlx::query_scalar(
            "SELECT m.key FROM json_each(?1) j CROSS JOIN message m ON m.id = j.value",
        )
        .bind(serde_json::to_string(ids)?)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.noted(FileKind::Mail, error.into()))
    }

    /// Those of the messages that are here.
    async fn sources(&self, keys: &[i64]) -> Result<Vec<Source>, StoreError> {
        let mut reader = self.mail_reader().await?;
        let rows = sqlx::query(
            "SELECT m.key, m.id, m.subject, m.detail
             FROM json_each(?1) j CROSS JOIN message m ON m.key = j.value",
        )
        .bind(serde_json::to_string(keys)?)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.noted(FileKind::Mail, error.into()))?;
        rows.iter().map(Source::of).collect()
    }

    /// Messages with keys below that one, from the highest down.
    async fn sources_below(&self, below: i64, limit: usize) -> Result<Vec<Source>, StoreError> {
        let mut reader = self.mail_reader().await?;
        let rows = sqlx::query(
            "SELECT key, id, subject, detail FROM message WHERE key < ?1
             ORDER BY key DESC LIMIT ?2",
        )
        .bind(below)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.noted(FileKind::Mail, error.into()))?;
        rows.iter().map(Source::of).collect()
    }

    /// Notes of bodies that are looked at anyway, with their messages. Read before the bodies.
    async fn body_notes(&self, sources: &[Source]) -> Result<Vec<i64>, StoreError> {
        let ids: Vec<&MessageId> = sources.iter().map(|source| &source.id).collect();
        let mut reader = self.body_reader().await?;
        let notes = body::notes_of(&mut reader, &ids).await;
        notes.map_err(|error| self.noted(FileKind::Body, error))
    }

    /// What the index is told of these messages.
    async fn documents(&self, sources: Vec<Source>) -> Result<Vec<Document>, StoreError> {
        let ids: Vec<&MessageId> = sources.iter().map(|source| &source.id).collect();
        let mut reader = self.body_reader().await?;
        let blocks = body::find_all(&mut reader, &ids)
            .await
            .map_err(|error| self.noted(FileKind::Body, error))?;
        drop(reader);
        let blocks: BTreeMap<MessageId, Vec<u8>> = blocks.into_iter().collect();
        // Unpacking and folding keep a processor busy for a while.
        let folded = tokio::task::spawn_blocking(move || {
            sources
                .iter()
                .map(|source| {
                    let detail: Detail = serde_json::from_str(&source.detail)?;
                    let body = blocks
                        .get(&source.id)
                        .and_then(|block| body::readable(block));
                    let document =
                        Document::new(source.key, &source.subject, &detail, body.as_ref());
                    Ok(document)
                })
                .collect::<Result<Vec<Document>, StoreError>>()
        });
        folded.await.map_err(|_| StoreError::Closed)?
    }

    /// Takes notes back, once the index is on the disk.
    async fn settle(&self, notes: Notes) -> Result<(), StoreError> {
        let Notes { messages, bodies } = notes;
        if !messages.is_empty() {
            self.write(FileKind::Mail, Priority::Synchronisation, |connection| {
                Box::pin(async move { unindexed::done(connection, &messages).await })
            })
            .await?;
        }
        if !bodies.is_empty() {
            self.write(FileKind::Body, Priority::Synchronisation, |connection| {
                Box::pin(async move { body::forget_notes(connection, &bodies).await })
            })
            .await?;
        }
        Ok(())
    }

    async fn left_to_index(&self) -> Result<u64, StoreError> {
        let mut reader = self.mail_reader().await?;
        let messages = unindexed::count(&mut reader)
            .await
            .map_err(|error| self.noted(FileKind::Mail, error))?;
        drop(reader);
        let mut reader = self.body_reader().await?;
        let bodies = body::count_noted(&mut reader)
            .await
            .map_err(|error| self.noted(FileKind::Body, error))?;
        drop(reader);
        let follows = self.follows().await?;
        Ok(messages + bodies + follows.to_do)
    }

    /// Merges segments of parts that will hardly change, a little at a time.
    async fn merge_index(&self) -> Result<(), StoreError> {
        for _ in 0..MERGES {
            let more = self
                .write(FileKind::Search, Priority::Synchronisation, |connection| {
                    Box::pin(async move { index::merge_some(connection).await })
                })
                .await?;
            if !more {
                break;
            }
        }
        Ok(())
    }
}

impl Source {
    fn of(row: &sqlx::sqlite::SqliteRow) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.try_get(0)?,
            id: stored_id(row, 1)?,
            subject: row.try_get(2)?,
            detail: row.try_get(3)?,
        })
    }
}
