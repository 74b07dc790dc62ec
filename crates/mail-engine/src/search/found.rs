//! What a search has found so far, as a member of a merged list.
//!
//! Holds places, not rows: the rows of a window are read when it is looked at. Places come from
//! the local index and from the server; a message both know is listed once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use mail_model::search::{FoundKey, Query};
use mail_model::{ListCursor, ListRow, MessageKey, ThreadKey};
use mail_store::StoreError;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use super::local::SearchIndex;
use crate::list_source::ladder_of;
use crate::merge::{ListSource, Rung, Totals};

#[derive(Default)]
struct Keys {
    local: Vec<FoundKey>,
    server: Vec<FoundKey>,
    /// Both, newest first, each message once.
    all: Arc<Vec<FoundKey>>,
    failed: bool,
}

/// The matches of one search of one account.
pub(super) struct FoundList {
    index: Arc<dyn SearchIndex>,
    query: Query,
    keys: Mutex<Keys>,
    /// Counts what a window could show.
    version: watch::Sender<u64>,
}

impl FoundList {
    pub(super) fn new(index: Arc<dyn SearchIndex>, query: Query) -> Self {
        Self {
            index,
            query,
            keys: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }

    pub(super) fn index(&self) -> &dyn SearchIndex {
        &*self.index
    }

    pub(super) fn changes(&self) -> BoxStream<'static, ()> {
        WatchStream::from_changes(self.version.subscribe())
            .map(|_| ())
            .boxed()
    }

    /// The local index has these matches, newest first, up to and including that place, and
    /// perhaps more after it. Those it had there before stay until it is known.
    pub(super) fn found_so_far(&self, fresh: &[FoundKey], through: ListCursor) {
        self.change(|keys| {
            let known = std::mem::take(&mut keys.local);
            let older = known.into_iter().filter(|found| found.cursor() < through);
            keys.local = fresh.iter().copied().chain(older).collect();
        });
    }

    /// The local index has exactly these matches, newest first.
    pub(super) fn found_all(&self, fresh: Vec<FoundKey>) {
        self.change(|keys| {
            keys.local = fresh;
            keys.failed = false;
        });
    }

    /// The server has these matches, in any order.
    pub(super) fn found_by_server(&self, found: Vec<FoundKey>) {
        self.change(|keys| keys.server = found);
    }

    /// The local index cannot be read; until it can, the account is missing from the list.
    pub(super) fn fail(&self) {
        self.lock().failed = true;
        self.touch();
    }

    /// Whether any of these conversations has a row.
    pub(super) fn shows(&self, threads: &[ThreadKey]) -> bool {
        let all = Arc::clone(&self.lock().all);
        all.iter().any(|found| threads.contains(&found.thread))
    }

    /// Rows may look different now.
    pub(super) fn touch(&self) {
        self.version
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    fn change(&self, change: impl FnOnce(&mut Keys)) {
        let mut keys = self.lock();
        let failed = keys.failed;
        change(&mut keys);
        let mut all = [&keys.local[..], &keys.server[..]].concat();
        all.sort_unstable_by_key(|found| std::cmp::Reverse(found.cursor()));
        all.dedup_by_key(|found| found.message);
        let differs = *keys.all != all || keys.failed != failed;
        if differs {
            keys.all = Arc::new(all);
        }
        drop(keys);
        if differs {
            self.touch();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Result<Arc<Vec<FoundKey>>, StoreError> {
        let keys = self.lock();
        if keys.failed {
            // What exactly is wrong was logged where it was met.
            return Err(StoreError::Closed);
        }
        Ok(Arc::clone(&keys.all))
    }

    async fn rows(&self, found: &[FoundKey]) -> Result<Vec<ListRow>, StoreError> {
        let keys: Vec<MessageKey> = found.iter().map(|found| found.message).collect();
        let rows = self.index.rows(&self.query, &keys).await?;
        let mut rows: HashMap<i64, ListRow> =
            rows.into_iter().map(|row| (row.key.get(), row)).collect();
        // A message that has gone since it was found is left out; its going is looked at next.
        let rows = found.iter().filter_map(|found| {
            let row = rows.remove(&found.message.get());
            row.filter(|row| row.cursor() == found.cursor())
        });
        Ok(rows.collect())
    }
}

/// How many of them lie up to and including a place.
fn through(all: &[FoundKey], upto: ListCursor) -> usize {
    all.partition_point(|found| found.cursor() >= upto)
}

#[async_trait]
impl ListSource for FoundList {
    async fn page(
        &self,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListRow>, StoreError> {
        let all = self.all()?;
        let from = after.map_or(0, |after| through(&all, after));
        let mut rest = all.get(from..).unwrap_or_default();
        let mut rows = Vec::new();
        while rows.len() < limit && !rest.is_empty() {
            let (next, later) = rest.split_at(rest.len().min(limit - rows.len()));
            rows.extend(self.rows(next).await?);
            rest = later;
        }
        Ok(rows)
    }

    async fn ladder(&self, every: u64) -> Result<Vec<Rung>, StoreError> {
        let all = self.all()?;
        Ok(ladder_of(all.iter().map(FoundKey::cursor), every))
    }

    async fn count(&self, after: Option<ListCursor>, upto: ListCursor) -> Result<u64, StoreError> {
        let all = self.all()?;
        let before = after.map_or(0, |after| through(&all, after));
        Ok(through(&all, upto).saturating_sub(before) as u64)
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        Ok(Totals {
            rows: self.all()?.len() as u64,
            unread: 0,
        })
    }
}
