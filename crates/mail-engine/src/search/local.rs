//! Looking through the local index of one account, newest first.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use mail_model::search::{FoundKey, Query};
use mail_model::{Filter, ListCursor, ListMode, ListRow, Mailbox, MailboxId, MessageKey, RowKey};
use mail_store::{AccountStore, ListScope, SearchCancel, StoreError};

use super::MOST_FOUND;
use super::found::FoundList;
use super::matching::{Wanted, certain};

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

    /// The account's mailboxes.
    async fn mailboxes(&self) -> Result<Vec<Mailbox>, StoreError>;

    /// Those of the messages that lie in a mailbox.
    async fn lying_in(
        &self,
        mailbox: &MailboxId,
        messages: &[MessageKey],
    ) -> Result<HashSet<MessageKey>, StoreError>;

    /// Those of the messages whose text is here.
    async fn texts_here(&self, messages: &[MessageKey]) -> Result<HashSet<MessageKey>, StoreError>;
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

    async fn mailboxes(&self) -> Result<Vec<Mailbox>, StoreError> {
        let all = Self::mailboxes(self).await?;
        Ok(all.into_iter().map(|(mailbox, _)| mailbox).collect())
    }

    async fn lying_in(
        &self,
        mailbox: &MailboxId,
        messages: &[MessageKey],
    ) -> Result<HashSet<MessageKey>, StoreError> {
        let scope = ListScope {
            mailbox: mailbox.clone(),
            mode: ListMode::Messages,
            filter: Filter::All,
        };
        let keys: Vec<RowKey> = messages.iter().copied().map(RowKey::Message).collect();
        let rows = Self::rows(self, &scope, &keys).await?;
        Ok(rows.into_iter().map(|row| row.latest).collect())
    }

    async fn texts_here(&self, messages: &[MessageKey]) -> Result<HashSet<MessageKey>, StoreError> {
        Ok(self.bodies_here(messages).await?.into_iter().collect())
    }
}

/// Ends what runs in the database when nobody waits for it any more.
struct EndsWithIt(SearchCancel);

impl Drop for EndsWithIt {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What came of looking through the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Looked {
    /// There are more matches than the list takes.
    pub(super) more: bool,
    /// Messages were left out because something must not be in their text, which is not here.
    pub(super) left_out: bool,
}

/// Looks through the index once and puts what it finds into the list as it comes.
///
/// # Cancellation
/// Dropping the future ends the statement under way; what was found so far stays in the list.
pub(super) async fn look_through(
    list: &FoundList,
    wanted: &Wanted,
    zone: &TimeZone,
) -> Result<Looked, StoreError> {
    let running = EndsWithIt(SearchCancel::default());
    let index = list.index();
    let mut looked = Looked::default();
    let mut found: Vec<FoundKey> = Vec::new();
    let asked = match &wanted.within {
        Some(_) => wanted.asked(&index.mailboxes().await?),
        None => Some(wanted.query.clone()),
    };
    let Some(asked) = asked else {
        list.found_all(found);
        return Ok(looked);
    };
    let mut after = None;
    let mut size = FIRST;
    loop {
        // One more than the list takes tells that there are more.
        let limit = size.min(MOST_FOUND + 1 - found.len());
        let page = index.search(&asked, zone, after, limit, &running.0).await?;
        let ended = page.len() < limit;
        after = page.last().map(FoundKey::cursor).or(after);
        let (page, left_out) = certain(index, wanted, page).await?;
        looked.left_out |= left_out;
        found.extend(page);
        looked.more = found.len() > MOST_FOUND;
        if ended || looked.more {
            found.truncate(MOST_FOUND);
            list.found_all(found);
            return Ok(looked);
        }
        if let Some(through) = after {
            list.found_so_far(&found, through);
        }
        size = (size * GROWTH).min(LARGEST);
    }
}
