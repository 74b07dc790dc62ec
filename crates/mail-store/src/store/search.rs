//! Searching.
//!
//! Keys lie in the order of receipt but for a known drift, so a walk from the highest key down
//! finds the newest first, and a match may be given out as soon as no key below can be newer.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use mail_model::search::{FoundKey, Query};
use mail_model::{ListCursor, ListRow, MessageId, MessageKey, ThreadKey, UnixTime};
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};

use super::{AccountStore, Inner};
use crate::body::{self, Unpacker};
use crate::error::{FileKind, StoreError};
use crate::mail::slot::slot_of;
use crate::mail::{list, unindexed};
use crate::search::candidates::{self, Files, Range, Source};
use crate::search::marks::Wanted;
use crate::search::pattern::Pattern;
use crate::search::source::{self, Table};
use crate::search::tree::{Candidate, Node, Place};
use crate::search::{index, text_of};

/// Keys of each source that are counted to find out which has the fewest.
const PROBE: usize = 512;
/// Candidates looked at together: at first, and later, when matches are rare.
const FIRST: usize = 64;
const MOST: usize = 2048;
/// Steps of SQLite's machine between two looks at the canceller.
const STEPS: i32 = 1000;

/// Ends a search from outside; clones are one.
#[derive(Debug, Clone, Default)]
pub struct SearchCancel(Arc<AtomicBool>);

impl SearchCancel {
    /// Ends the searches it was given to, running and future ones.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was ended.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl AccountStore {
    /// Messages that are what is looked for: newest first, strictly after the place, at most
    /// `limit`; fewer only at the end. Words in which there is nothing to look for are left out of
    /// the query. An `account:` matches everything, since only the caller knows accounts. Words of
    /// messages that are still to be indexed are not found ([`Self::search_coverage`]).
    ///
    /// # Errors
    /// [`StoreError::Cancelled`] after [`SearchCancel::cancel`], within about 50 ms.
    ///
    /// # Cancellation
    /// A dropped search ends as a cancelled one does.
    pub async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        after: Option<ListCursor>,
        limit: usize,
        cancel: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError> {
        if cancel.is_cancelled() {
            return Err(StoreError::Cancelled);
        }
        let found = self.inner.search(query, zone, after, limit, cancel).await;
        match found {
            // Whatever SQLite said: it was stopped.
            Err(_) if cancel.is_cancelled() => Err(StoreError::Cancelled),
            found => found,
        }
    }

    /// Message rows with what was found marked: the words in the subject, and an excerpt around
    /// the first match of the text. Newest first; messages that are gone are left out.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn found_rows(
        &self,
        query: &Query,
        keys: &[MessageKey],
    ) -> Result<Vec<ListRow>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = list::messages(&mut reader, keys).await;
        let mut rows = result.map_err(|error| self.inner.noted(FileKind::Mail, error))?;
        drop(reader);
        // Days and mailboxes are not marked, so nothing has to be resolved.
        let node = Node::new(query, &TimeZone::UTC, &[]);
        let blocks = if Wanted::of(&node).is_text() {
            self.blocks(&rows).await?
        } else {
            HashMap::new()
        };
        // Unpacking and folding keep a processor busy for a while.
        let marked = tokio::task::spawn_blocking(move || {
            let wanted = Wanted::of(&node);
            let mut unpacker = Unpacker::new()?;
            for row in &mut rows {
                let body = blocks
                    .get(&row.latest)
                    .and_then(|block| unpacker.readable(block));
                let text = body.as_ref().map(text_of);
                let found = wanted.mark(&row.subject, &row.preview, text.as_deref());
                row.found = Some(Box::new(found));
            }
            Ok(rows)
        });
        marked.await.map_err(|_| StoreError::Closed)?
    }

    /// The compressed bodies of rows, where they are here.
    async fn blocks(&self, rows: &[ListRow]) -> Result<HashMap<MessageKey, Vec<u8>>, StoreError> {
        let keys: Vec<MessageKey> = rows.iter().map(|row| row.latest).collect();
        let ids: HashMap<MessageId, MessageKey> = self
            .message_ids(&keys)
            .await?
            .into_iter()
            .map(|(key, id)| (id, key))
            .collect();
        let wanted: Vec<&MessageId> = ids.keys().collect();
        let mut reader = self.inner.body_reader().await?;
        let blocks = body::find_all(&mut reader, &wanted).await;
        let blocks = blocks.map_err(|error| self.inner.noted(FileKind::Body, error))?;
        let of_keys = blocks
            .into_iter()
            .filter_map(|(id, block)| Some((*ids.get(&id)?, block)));
        Ok(of_keys.collect())
    }
}

/// A connection of a search, which ends what it is doing when the search does.
pub(super) struct Reader {
    pub(super) connection: PoolConnection<Sqlite>,
    ended: Arc<AtomicBool>,
}

impl Reader {
    pub(super) async fn acquire(
        pool: &SqlitePool,
        cancel: &SearchCancel,
    ) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        let ended = Arc::new(AtomicBool::new(false));
        let (cancel, over) = (cancel.clone(), Arc::clone(&ended));
        connection
            .lock_handle()
            .await?
            .set_progress_handler(STEPS, move || {
                !cancel.is_cancelled() && !over.load(Ordering::Relaxed)
            });
        Ok(Self { connection, ended })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The next search sets a canceller of its own.
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl Inner {
    async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        after: Option<ListCursor>,
        limit: usize,
        cancel: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError> {
        let of_mail = |error: StoreError| self.noted(FileKind::Mail, error);
        let of_index = |error: StoreError| self.noted(FileKind::Search, error);
        let mail = Reader::acquire(&self.search_mail_readers, cancel).await;
        let mut mail = mail.map_err(|error| of_mail(error.into()))?;
        let mailboxes = candidates::mailboxes(&mut mail.connection)
            .await
            .map_err(of_mail)?;
        let drift = unindexed::drift(&mut mail.connection)
            .await
            .map_err(of_mail)?;
        let node = Node::new(query, zone, &mailboxes);
        if node.is_nothing() || limit == 0 {
            return Ok(Vec::new());
        }
        let index = Reader::acquire(&self.search_readers, cancel).await;
        let mut index = index.map_err(|error| of_index(error.into()))?;
        let parts = index::load(&mut index.connection).await.map_err(of_index)?;
        let files = Files {
            mail: &mut mail.connection,
            index: &mut index.connection,
            parts: &parts,
        };
        let mut finder = Finder {
            files,
            range: Drift(drift).range(&node, after),
            drift: Drift(drift),
            after,
        };
        let source = finder.source(&node).await.map_err(of_mail)?;
        let found = finder.find(&node, &source, limit, cancel).await;
        found.map_err(of_mail)
    }
}

/// How far keys lie from the slots of their receipts: at least, at most.
#[derive(Debug, Clone, Copy)]
struct Drift((i64, i64));

impl Drift {
    /// Keys that matches after the place can have.
    fn range(self, node: &Node, after: Option<ListCursor>) -> Range {
        let (least, most) = self.0;
        let (since, before) = source::days(node);
        let slot = |second| slot_of(UnixTime::from_seconds(second));
        let newest = after.map_or(i64::MAX, |after| after.received_at.seconds());
        let newest = newest.min(before.saturating_sub(1));
        Range {
            from: slot(since).saturating_add(least),
            below: slot(newest).saturating_add(most).saturating_add(1),
        }
    }

    /// Whether a message with this receipt is newer than any whose key is below.
    fn is_newer(self, received_at: UnixTime, below: i64) -> bool {
        let (least, _) = self.0;
        slot_of(received_at) > below.saturating_sub(1).saturating_sub(least)
    }
}

struct Finder<'a> {
    files: Files<'a>,
    range: Range,
    drift: Drift,
    after: Option<ListCursor>,
}

impl Finder<'_> {
    /// Of all that hold every match, the source with the fewest candidates.
    async fn source(&mut self, node: &Node) -> Result<Source, StoreError> {
        let facts = source::facts(node);
        let mut sources = Vec::new();
        for table in [Table::Parts, Table::Head] {
            let expressed = source::express(node, table);
            sources.extend(expressed.map(|expressed| Source::Index(table, expressed.text)));
        }
        sources.extend(Source::gathered(self.files.mail, &facts).await?);
        let rows = Source::mail(&facts);
        if sources.is_empty() || !rows.is_dense() {
            sources.push(rows);
        }
        if let [only] = &mut sources[..] {
            return Ok(only.clone());
        }
        let mut best: Option<(usize, i64, Source)> = None;
        for source in sources {
            let keys = self.files.next(&source, self.range, PROBE).await?;
            let last = keys.last().copied().unwrap_or(i64::MIN);
            let is_better = best.as_ref().is_none_or(|(count, lowest, _)| {
                keys.len() < *count || (keys.len() == *count && last < *lowest)
            });
            if is_better {
                best = Some((keys.len(), last, source));
            }
        }
        Ok(best.map_or_else(|| Source::mail(&facts), |(_, _, source)| source))
    }

    async fn find(
        &mut self,
        node: &Node,
        source: &Source,
        limit: usize,
        cancel: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError> {
        // What the source says for sure is not asked again.
        let rest = match source {
            Source::Index(table, _) => source::residual(node, *table),
            Source::Gathered(_) | Source::Mail { .. } => node.clone(),
        };
        let mut waiting: BinaryHeap<FoundKey> = BinaryHeap::new();
        let mut found = Vec::new();
        let mut step = FIRST.max(limit.min(MOST));
        loop {
            if cancel.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            let keys = self.files.next(source, self.range, step).await?;
            let is_end = keys.len() < step;
            if let Some(last) = keys.last() {
                self.range.below = *last;
            }
            waiting.extend(self.matches(&rest, source, &keys).await?);
            while let Some(next) = waiting.peek() {
                if found.len() == limit {
                    return Ok(found);
                }
                if !is_end && !self.drift.is_newer(next.received_at, self.range.below) {
                    break;
                }
                found.extend(waiting.pop());
            }
            if is_end || found.len() == limit {
                return Ok(found);
            }
            step = (step * 2).min(MOST);
        }
    }

    /// Which of the keys are matches after the place.
    async fn matches(
        &mut self,
        node: &Node,
        source: &Source,
        keys: &[i64],
    ) -> Result<Vec<FoundKey>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut members: HashMap<_, HashSet<i64>> = HashMap::new();
        for (place, pattern) in source::leaves(node) {
            let holding = self.files.members(source, keys, place, &pattern).await?;
            members.insert((place, pattern), holding);
        }
        // Words often say by themselves that a message is none: its row is not read then.
        let says = |key: i64, place: Place, pattern: &Pattern| {
            let holding = members.get(&(place, pattern.clone()));
            holding.is_some_and(|holding| holding.contains(&key))
        };
        let possible: Vec<i64> = keys
            .iter()
            .copied()
            .filter(|key| source::may_hold(node, &|place, pattern| says(*key, place, pattern)))
            .collect();
        if possible.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.files.rows(&possible, source::depth(node)).await?;
        let is_match =
            |row: &Candidate| node.holds(row, &|place, pattern: &_| says(row.key, place, pattern));
        let place = self.after.map(|after| (after.received_at, after.key));
        let matches = rows.iter().filter(|row| is_match(row)).map(|row| FoundKey {
            received_at: UnixTime::from_seconds(row.received_at),
            message: MessageKey::new(row.key),
            thread: ThreadKey::new(row.thread),
        });
        Ok(matches
            .filter(|found| {
                place.is_none_or(|place| (found.received_at, found.message.get()) < place)
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    fn pool() -> SqlitePool {
        sqlx::sqlite::SqlitePoolOptions::new()
            .max_connections(1)
            .connect_lazy("sqlite::memory:")
            .unwrap()
    }

    async fn is_free(pool: &SqlitePool) {
        let mut next = Reader::acquire(pool, &SearchCancel::default())
            .await
            .unwrap();
        let one: i64 = sqlx::query_scalar("SELECT 1")
            .fetch_one(&mut *next.connection)
            .await
            .unwrap();
        assert_eq!(one, 1);
    }

    #[tokio::test]
    async fn a_cancelled_statement_ends_and_its_connection_is_free() {
        let pool = pool();
        let cancel = SearchCancel::default();
        let mut reader = Reader::acquire(&pool, &cancel).await.unwrap();
        let running = tokio::spawn(async move {
            sqlx::query(ENDLESS)
                .execute(&mut *reader.connection)
                .await
                .is_err()
        });
        tokio::task::yield_now().await;
        cancel.cancel();
        assert!(running.await.unwrap());
        is_free(&pool).await;
    }

    #[tokio::test]
    async fn a_dropped_search_ends_its_statement_too() {
        let pool = pool();
        let mut reader = Reader::acquire(&pool, &SearchCancel::default())
            .await
            .unwrap();
        {
            let mut endless = Box::pin(sqlx::query(ENDLESS).execute(&mut *reader.connection));
            // Begun, and not waited for.
            assert!(polled_once(endless.as_mut()).is_none());
        }
        drop(reader);
        is_free(&pool).await;
    }

    fn polled_once<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
