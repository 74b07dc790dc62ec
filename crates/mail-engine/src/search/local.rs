//! Looking through the local index of one account, newest first.

use async_trait::async_trait;
use jiff::tz::TimeZone;
use mail_model::search::{FoundKey, Query};
use mail_model::{ListCursor, ListRow, MessageKey};
use mail_store::{AccountStore, SearchCancel, StoreError};

use super::MOST_FOUND;
use super::found::FoundList;

/// Matches of the first page: enough for a window.
const FIRST: usize = 50;
/// Matches of the pages after it, at most.
const LARGEST: usize = 500;
/// How much larger each page is than the one before.
const GROWTH: usize = 4;

/// An account's index and the rows of what it finds.
#[async_trait]
pub(super) trait SearchIndex: Send + Sync {
    /// The next matches after a place, newest first; fewer than `limit` only at the end.
    async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        after: Option<ListCursor>,
        limit: usize,
        cancel: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError>;

    /// The rows of messages, with what matched; those that are not here are left out.
    async fn rows(
        &self,
        query: &Query,
        messages: &[MessageKey],
    ) -> Result<Vec<ListRow>, StoreError>;
}

#[async_trait]
impl SearchIndex for AccountStore {
    async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        after: Option<ListCursor>,
        limit: usize,
        cancel: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError> {
        Self::search(self, query, zone, after, limit, cancel).await
    }

    async fn rows(
        &self,
        query: &Query,
        messages: &[MessageKey],
    ) -> Result<Vec<ListRow>, StoreError> {
        self.found_rows(query, messages).await
    }
}

/// Ends what runs in the database when nobody waits for it any more.
struct EndsWithIt(SearchCancel);

impl Drop for EndsWithIt {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Looks through the index once and puts what it finds into the list as it comes; says whether
/// there are more matches than the list takes.
///
/// # Cancellation
/// Dropping the future ends the statement under way; what was found so far stays in the list.
pub(super) async fn look_through(
    list: &FoundList,
    query: &Query,
    zone: &TimeZone,
) -> Result<bool, StoreError> {
    let running = EndsWithIt(SearchCancel::default());
    let mut found: Vec<FoundKey> = Vec::new();
    let mut size = FIRST;
    loop {
        // One more than the list takes tells that there are more.
        let limit = size.min(MOST_FOUND + 1 - found.len());
        let after = found.last().map(FoundKey::cursor);
        let page = list
            .index()
            .search(query, zone, after, limit, &running.0)
            .await?;
        let ended = page.len() < limit;
        found.extend(page);
        let more = found.len() > MOST_FOUND;
        if ended || more {
            found.truncate(MOST_FOUND);
            list.found_all(found);
            return Ok(more);
        }
        list.found_so_far(&found);
        size = (size * GROWTH).min(LARGEST);
    }
}
