//! Keeping the search index up with the mail.
//!
//! Whoever changes a message or a body notes it in the same transaction. A step reads notes, then
//! what is here, writes the index, and takes the notes back last: killed anywhere, it is done
//! again. An index of another life of `mail.sqlite`, or an empty one, begins anew and walks over
//! all mail once, from the newest down; how far it is stands in the index itself.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::{MessageId, MessageKey};
use sqlx::{Row as _, SqliteConnection};

use super::{AccountStore, Inner};
use crate::body::{self, Unpacker};
use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError};
use crate::mail::mailbox::{from_stored, stored_id};
use crate::mail::message::Detail;
use crate::mail::unindexed;
use crate::search::document::Document;
use crate::search::index::{self, Follows};
use crate::search::writing::{self, Batch};
use crate::store::search::{Reader, SearchCancel};
use crate::writer::Priority;

/// Messages of one transaction of the index, at most.
const STEP: usize = 1000;
/// Octets of folded text of one transaction, at most; likewise of packed bodies read for it.
const OCTETS: usize = 4 << 20;
/// Steps of merging after a round with nothing else to do.
const MERGES: usize = 16;

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexProgress {
    /// Messages this call has looked at.
    pub done: usize,
    /// Messages that still have to be. While an account is indexed from nothing, about.
    pub left: u64,
    /// Whether there is tidying to do when nothing else is: the next calls do some of it.
    pub untidy: bool,
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
    bodies: Vec<(i64, MessageId)>,
}

/// What is being written while the next step is gathered, and is still noted.
#[derive(Debug, Default)]
struct UnderWay {
    /// Messages.
    keys: Vec<i64>,
    /// Notes of bodies.
    bodies: Vec<i64>,
    /// Where the walk over all mail is then, if it is known.
    walk: Option<Option<i64>>,
}

/// One transaction of the index, ready to be written.
struct Step {
    /// How many messages it is about.
    done: usize,
    batch: Batch,
    notes: Notes,
    under_way: UnderWay,
}

impl Step {
    /// Leaves what did not fit to a later step: its notes stay, and the walk stops before it.
    fn new(
        mut notes: Notes,
        mut keys: BTreeSet<i64>,
        walked: Option<Vec<i64>>,
        documents: Vec<Document>,
        left_out: &[Source],
    ) -> Self {
        let ids: BTreeSet<&MessageId> = left_out.iter().map(|source| &source.id).collect();
        let later: BTreeSet<i64> = left_out.iter().map(|source| source.key).collect();
        notes.messages.retain(|(key, _)| !later.contains(key));
        notes.bodies.retain(|(_, id)| !ids.contains(id));
        keys.retain(|key| !later.contains(key));
        let mut seen = 0;
        let walk = walked.and_then(|walked| {
            seen = walked.iter().take_while(|key| !later.contains(key)).count();
            let reached = walked.get(..seen)?.last().copied();
            // Stopped before its first message, it is where it was; without any, it is over.
            (seen > 0 || walked.is_empty()).then_some((reached, seen))
        });
        let under_way = UnderWay {
            keys: keys.iter().copied().collect(),
            bodies: notes.bodies.iter().map(|(note, _)| *note).collect(),
            walk: walk.map(|(reached, _)| reached),
        };
        Self {
            // A body whose message is gone counts, too.
            done: keys.len().max(1),
            batch: Batch {
                keys: under_way.keys.clone(),
                documents,
                walk,
            },
            notes,
            under_way,
        }
    }
}

/// A message as it is read for the index.
struct Source {
    key: i64,
    id: MessageId,
    subject: String,
    detail: String,
    /// Whether the index was told of all of it but its text.
    is_known: bool,
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
        let mut next = inner.gather(limit.min(STEP), &UnderWay::default()).await?;
        while let Some(step) = next {
            done += step.done;
            // The next one is read and folded while this one is written.
            let writing = inner.index_step(step.batch, step.notes);
            let limit = limit.saturating_sub(done).min(STEP);
            next = if limit == 0 {
                writing.await?;
                None
            } else {
                let gathering = inner.gather(limit, &step.under_way);
                let (written, gathered) = tokio::join!(writing, gathering);
                written?;
                gathered?
            };
        }
        let left = inner.left_to_index().await?;
        let untidy = left == 0 && inner.merge_index().await?;
        Ok(IndexProgress { done, left, untidy })
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

impl Inner {
    /// What the next transaction of the index is about: notes first, because what is changed after
    /// they were read is noted again. Leaves out what is under way; none when nothing is left.
    async fn gather(&self, limit: usize, under_way: &UnderWay) -> Result<Option<Step>, StoreError> {
        let mut notes = Notes::default();
        let mut reader = self.mail_reader().await?;
        notes.messages = unindexed::noted(&mut reader, limit, &under_way.keys)
            .await
            .map_err(|error| self.noted(FileKind::Mail, error))?;
        drop(reader);
        if notes.messages.len() < limit {
            let mut reader = self.body_reader().await?;
            let left = limit - notes.messages.len();
            notes.bodies = body::noted(&mut reader, left, &under_way.bodies)
                .await
                .map_err(|error| self.noted(FileKind::Body, error))?;
        }
        let asked = notes.messages.len() + notes.bodies.len();
        let mut keys: BTreeSet<i64> = notes.messages.iter().map(|(key, _)| *key).collect();
        let heads = keys.clone();
        let ids: Vec<&MessageId> = notes.bodies.iter().map(|(_, id)| id).collect();
        keys.extend(self.keys_of(&ids).await?);
        let newest_first: Vec<i64> = keys.iter().rev().copied().collect();
        let mut sources = self.sources(&newest_first).await?;
        for source in &mut sources {
            source.is_known = !heads.contains(&source.key);
        }
        let below = match under_way.walk {
            Some(below) => below,
            None => self.follows().await?.below,
        };
        let mut walked = None;
        if let Some(below) = below.filter(|_| asked < limit) {
            let rows = self.sources_below(below, limit - asked).await?;
            walked = Some(rows.iter().map(|source| source.key).collect::<Vec<i64>>());
            sources.extend(rows.into_iter().filter(|source| keys.insert(source.key)));
        }
        if asked == 0 && walked.is_none() {
            return Ok(None);
        }
        let ids: Vec<&MessageId> = sources.iter().map(|source| &source.id).collect();
        notes.bodies.extend(self.body_notes(&ids).await?);
        let (documents, left_out) = self.documents(sources).await?;
        Ok(Some(Step::new(notes, keys, walked, documents, &left_out)))
    }

    /// Brings a step to the disk and takes its notes back.
    async fn index_step(&self, batch: Batch, notes: Notes) -> Result<(), StoreError> {
        self.write(FileKind::Search, Priority::Synchronisation, |connection| {
            Box::pin(async move { writing::write(connection, batch).await })
        })
        .await?;
        // In the index, and still noted: done again, it comes to the same.
        crash_point!("index.written");
        self.settle(notes).await?;
        crash_point!("index.settled");
        Ok(())
    }

    async fn follows(&self) -> Result<Follows, StoreError> {
        let mut reader = self.index_reader().await?;
        let follows = index::follows(&mut reader.connection).await;
        follows.map_err(|error| self.noted(FileKind::Search, error))
    }

    pub(super) async fn index_reader(&self) -> Result<Reader, StoreError> {
        let reader = Reader::acquire(&self.search_readers, &SearchCancel::default()).await;
        reader.map_err(|error| self.noted(FileKind::Search, error.into()))
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
    async fn body_notes(&self, ids: &[&MessageId]) -> Result<Vec<(i64, MessageId)>, StoreError> {
        let mut reader = self.body_reader().await?;
        let notes = body::notes_of(&mut reader, ids).await;
        notes.map_err(|error| self.noted(FileKind::Body, error))
    }

    /// What the index is told of the first of these messages, and the others: no more than
    /// [`OCTETS`], but of one message.
    async fn documents(
        &self,
        mut sources: Vec<Source>,
    ) -> Result<(Vec<Document>, Vec<Source>), StoreError> {
        let of_body = |error| self.noted(FileKind::Body, error);
        let mut reader = self.body_reader().await?;
        let ids: Vec<&MessageId> = sources.iter().map(|source| &source.id).collect();
        let lengths = body::lengths(&mut reader, &ids).await.map_err(of_body)?;
        let mut octets = 0;
        let fitting = lengths.iter().take_while(|length| {
            octets += **length;
            octets <= OCTETS as u64
        });
        let first = fitting.count().max(1).min(sources.len());
        let mut left_out = sources.split_off(first);
        let ids: Vec<&MessageId> = sources.iter().map(|source| &source.id).collect();
        let blocks = body::find_all(&mut reader, &ids).await.map_err(of_body)?;
        drop(reader);
        let blocks: BTreeMap<MessageId, Vec<u8>> = blocks.into_iter().collect();
        // Unpacking and folding keep a processor busy for a while.
        let folded = tokio::task::spawn_blocking(move || {
            let mut unpacker = Unpacker::new()?;
            let mut documents = Vec::with_capacity(sources.len());
            let mut octets = 0;
            for source in &sources {
                let document = source.document(&blocks, &mut unpacker)?;
                octets += document.octets();
                if octets > OCTETS && !documents.is_empty() {
                    break;
                }
                documents.push(document);
            }
            let rest = sources.split_off(documents.len());
            Ok::<_, StoreError>((documents, rest))
        });
        let (documents, mut rest) = folded.await.map_err(|_| StoreError::Closed)??;
        rest.append(&mut left_out);
        Ok((documents, rest))
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
            let bodies: Vec<i64> = bodies.iter().map(|(note, _)| *note).collect();
            self.write(FileKind::Body, Priority::Synchronisation, |connection| {
                Box::pin(async move { body::forget_notes(connection, &bodies).await })
            })
            .await?;
        }
        Ok(())
    }

    pub(super) async fn left_to_index(&self) -> Result<u64, StoreError> {
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

    /// Merges segments that are to be merged, a little at a time; tells whether there are more.
    async fn merge_index(&self) -> Result<bool, StoreError> {
        let mut reader = self.index_reader().await?;
        let merging = index::is_merging(&mut reader.connection).await;
        if !merging.map_err(|error| self.noted(FileKind::Search, error))? {
            return Ok(false);
        }
        drop(reader);
        for _ in 0..MERGES {
            let more = self
                .write(FileKind::Search, Priority::Synchronisation, |connection| {
                    Box::pin(async move { index::merge_some(connection).await })
                })
                .await?;
            if !more {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Source {
    fn of(row: &sqlx::sqlite::SqliteRow) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.try_get(0)?,
            id: stored_id(row, 1)?,
            subject: row.try_get(2)?,
            detail: row.try_get(3)?,
            is_known: false,
        })
    }

    fn document(
        &self,
        blocks: &BTreeMap<MessageId, Vec<u8>>,
        unpacker: &mut Unpacker,
    ) -> Result<Document, StoreError> {
        let detail: Detail = serde_json::from_str(&self.detail)?;
        let block = blocks.get(&self.id);
        let body = block.and_then(|block| unpacker.readable(block));
        Ok(Document {
            // One that cannot be read will not be another time either.
            has_text: block.is_some(),
            is_known: self.is_known,
            ..Document::new(self.key, &self.subject, &detail, body.as_ref())
        })
    }
}
