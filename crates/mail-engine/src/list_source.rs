//! An account's store as a member of a merged list.
//!
//! One mailbox is read straight from the store's keyset pages. Several mailboxes of one account
//! (everything starred, say) are put together here: a message or conversation that lies in more
//! than one of them is one row, at its newest place.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use mail_model::{
    AccountId, Filter, ListCursor, ListMode, ListRow, MailboxId, RowKey, StoreChange,
};
use mail_store::{AccountStore, ListScope, StoreError};
use tokio::sync::{Mutex, broadcast};
use tokio_stream::wrappers::BroadcastStream;

use crate::list_view::ListMember;
use crate::merge::{ListSource, Rung, Totals};

/// Rows read at once where a whole list is read.
const STRIDE: usize = 500;

impl ListMember {
    /// The rows of some mailboxes of one account.
    #[must_use]
    pub fn of_store(
        account: AccountId,
        store: AccountStore,
        mut mailboxes: Vec<MailboxId>,
        mode: ListMode,
        filter: Filter,
    ) -> Self {
        mailboxes.sort();
        mailboxes.dedup();
        let changes = touching(store.changes(), mailboxes.clone());
        let mut scopes: Vec<_> = mailboxes
            .iter()
            .map(|mailbox| ListScope {
                mailbox: mailbox.clone(),
                mode,
                filter,
            })
            .collect();
        let source: Arc<dyn ListSource> = match (scopes.pop(), scopes.is_empty()) {
            (Some(scope), true) => Arc::new(OneMailbox { store, scope }),
            (last, _) => {
                scopes.extend(last);
                Arc::new(SeveralMailboxes {
                    store,
                    scopes,
                    index: Mutex::new(None),
                })
            }
        };
        Self {
            account,
            source,
            changes,
        }
    }
}

/// The commits that touch one of those mailboxes; any of those that were missed may have.
fn touching(
    changes: broadcast::Receiver<StoreChange>,
    mailboxes: Vec<MailboxId>,
) -> BoxStream<'static, ()> {
    BroadcastStream::new(changes)
        .filter_map(move |change| {
            let touched = change.map_or(true, |change| {
                let mut touched = change.mailboxes.iter();
                touched.any(|mailbox| mailboxes.contains(mailbox))
            });
            std::future::ready(touched.then_some(()))
        })
        .boxed()
}

/// Every `every`th of all the places of a list, in their order.
pub(crate) fn ladder_of(places: impl Iterator<Item = ListCursor>, every: u64) -> Vec<Rung> {
    let every = usize::try_from(every.max(1)).unwrap_or(usize::MAX);
    places
        .enumerate()
        .skip(every - 1)
        .step_by(every)
        .map(|(place, cursor)| Rung {
            place: place as u64 + 1,
            cursor,
        })
        .collect()
}

struct OneMailbox {
    store: AccountStore,
    scope: ListScope,
}

#[async_trait]
impl ListSource for OneMailbox {
    async fn page(
        &self,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListRow>, StoreError> {
        self.store.page(&self.scope, after, limit).await
    }

    async fn ladder(&self, every: u64) -> Result<Vec<Rung>, StoreError> {
        let ladder = self.store.rungs(&self.scope, every).await?;
        let places = (1_u64..).map(|rung| rung * ladder.every);
        Ok(places
            .zip(ladder.rungs)
            .map(|(place, cursor)| Rung { place, cursor })
            .collect())
    }

    async fn count(
        &self,
        after: Option<ListCursor>,
        through: ListCursor,
    ) -> Result<u64, StoreError> {
        // The store counts strictly between two places; the row at `through` belongs to ours.
        let below = ListCursor {
            key: through.key.saturating_sub(1),
            ..through
        };
        self.store.rank(&self.scope, below, after).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let rows = self.store.total(&self.scope).await?;
        let unread = self.store.unread(&self.scope).await?;
        Ok(Totals { rows, unread })
    }
}

struct SeveralMailboxes {
    store: AccountStore,
    scopes: Vec<ListScope>,
    index: Mutex<Option<Arc<Index>>>,
}

/// Where each row of the union is, newest first.
#[derive(Default)]
struct Index {
    /// Place and the scope that holds the row there.
    rows: Vec<(ListCursor, usize)>,
    unread: u64,
}

impl Index {
    async fn read(store: &AccountStore, scopes: &[ListScope]) -> Result<Self, StoreError> {
        let mut all: Vec<(ListCursor, usize, bool)> = Vec::new();
        for (number, scope) in scopes.iter().enumerate() {
            let mut after = None;
            loop {
                let page = store.page(scope, after, STRIDE).await?;
                all.extend(
                    page.iter()
                        .map(|row| (row.cursor(), number, row.unread_count > 0)),
                );
                match page.last() {
                    Some(last) if page.len() == STRIDE => after = Some(last.cursor()),
                    _ => break,
                }
            }
        }
        all.sort_by_key(|(cursor, number, _)| (std::cmp::Reverse(*cursor), *number));
        let mut seen = HashSet::new();
        all.retain(|(cursor, _, _)| seen.insert(cursor.key));
        Ok(Self {
            unread: all.iter().filter(|(_, _, unread)| *unread).count() as u64,
            rows: all
                .into_iter()
                .map(|(cursor, number, _)| (cursor, number))
                .collect(),
        })
    }

    /// Rows up to and including a place.
    fn through(&self, place: ListCursor) -> usize {
        self.rows.partition_point(|(cursor, _)| *cursor >= place)
    }
}

impl SeveralMailboxes {
    async fn index(&self) -> Result<Arc<Index>, StoreError> {
        let mut kept = self.index.lock().await;
        if let Some(index) = kept.as_ref() {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(Index::read(&self.store, &self.scopes).await?);
        *kept = Some(Arc::clone(&index));
        Ok(index)
    }

    async fn rows(&self, places: &[(ListCursor, usize)]) -> Result<Vec<ListRow>, StoreError> {
        let mut found: BTreeMap<i64, ListRow> = BTreeMap::new();
        for (number, scope) in self.scopes.iter().enumerate() {
            let keys: Vec<RowKey> = places
                .iter()
                .filter(|(_, of)| *of == number)
                .map(|(cursor, _)| match scope.mode {
                    ListMode::Conversations => {
                        RowKey::Thread(mail_model::ThreadKey::new(cursor.key))
                    }
                    ListMode::Messages => RowKey::Message(mail_model::MessageKey::new(cursor.key)),
                })
                .collect();
            if keys.is_empty() {
                continue;
            }
            for row in self.store.rows(scope, &keys).await? {
                found.insert(row.key.get(), row);
            }
        }
        // A row that moved since the index was read is left out; its change leads to a new index.
        Ok(places
            .iter()
            .filter_map(|(cursor, _)| {
                found
                    .remove(&cursor.key)
                    .filter(|row| row.cursor() == *cursor)
            })
            .collect())
    }
}

#[async_trait]
impl ListSource for SeveralMailboxes {
    async fn page(
        &self,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListRow>, StoreError> {
        let index = self.index().await?;
        let mut from = after.map_or(0, |after| index.through(after));
        let mut rows = Vec::new();
        while rows.len() < limit {
            let places: Vec<_> = index
                .rows
                .iter()
                .skip(from)
                .take(limit - rows.len())
                .copied()
                .collect();
            if places.is_empty() {
                break;
            }
            from += places.len();
            rows.extend(self.rows(&places).await?);
        }
        Ok(rows)
    }

    async fn ladder(&self, every: u64) -> Result<Vec<Rung>, StoreError> {
        let index = self.index().await?;
        Ok(ladder_of(
            index.rows.iter().map(|(cursor, _)| *cursor),
            every,
        ))
    }

    async fn count(
        &self,
        after: Option<ListCursor>,
        through: ListCursor,
    ) -> Result<u64, StoreError> {
        let index = self.index().await?;
        let before = after.map_or(0, |after| index.through(after));
        Ok(index.through(through).saturating_sub(before) as u64)
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let index = self.index().await?;
        Ok(Totals {
            rows: index.rows.len() as u64,
            unread: index.unread,
        })
    }

    fn invalidate(&self) {
        // A read under way holds the lock; what it finds is then as new as this change, or the
        // change is announced once more.
        if let Ok(mut index) = self.index.try_lock() {
            *index = None;
        }
    }
}
