//! Searching.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use mail_model::search::{FoundKey, Query};
use mail_model::{Body, ListCursor, ListRow, MessageKey, ThreadKey, UnixTime};

use super::AccountStore;
use crate::error::{FileKind, StoreError};
use crate::mail::list;
use crate::search::body_text;
use crate::search::marks::Wanted;
use crate::search::scan;
use crate::search::tree::Node;
use crate::sync::FillState;

/// Messages looked at between two looks at the canceller.
const STEP: usize = 200;

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

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexProgress {
    /// Messages this call has taken into the index.
    pub done: usize,
    /// Messages that still have to be. While an account is indexed from nothing, about.
    pub left: u64,
}

/// What a search of this account can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchCoverage {
    /// Messages the index does not know yet.
    pub to_index: u64,
    /// Whether everything the server told of is here.
    pub all_mail: bool,
    /// Receipt of the oldest message from which on mail is here; none when nothing is here.
    pub mail_since: Option<UnixTime>,
    /// From which receipt on every text is here; none when the newest message's is not.
    pub texts_since: Option<UnixTime>,
}

impl AccountStore {
    /// Messages that are what is looked for: newest first, strictly after the place, at most
    /// `limit`; fewer only at the end. Words in which there is nothing to look for are left out of
    /// the query. An `account:` matches everything, since only the caller knows accounts.
    ///
    /// # Errors
    /// [`StoreError::Cancelled`] after [`SearchCancel::cancel`].
    pub async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        after: Option<ListCursor>,
        limit: usize,
        cancel: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let mailboxes = scan::mailboxes(&mut reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error))?;
        let node = Node::new(query, zone, &mailboxes);
        let mut found = Vec::new();
        let mut below = i64::MAX;
        loop {
            if cancel.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            let candidates = scan::below(&mut reader, below, STEP)
                .await
                .map_err(|error| self.inner.noted(FileKind::Mail, error))?;
            let Some(last) = candidates.last() else { break };
            below = last.key;
            for candidate in candidates {
                let body = if node.needs_body() {
                    self.body(MessageKey::new(candidate.key)).await?
                } else {
                    None
                };
                let body = scan::BodyTokens::of(body.as_ref());
                let says = |place, pattern: &_| body.says(&candidate, place, pattern);
                if node.holds(&candidate, &says) {
                    found.push(FoundKey {
                        received_at: UnixTime::from_seconds(candidate.received_at),
                        message: MessageKey::new(candidate.key),
                        thread: ThreadKey::new(candidate.thread),
                    });
                }
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(after) = after {
            found.retain(|key| {
                (key.received_at, key.message.get()) < (after.received_at, after.key)
            });
        }
        found.truncate(limit);
        Ok(found)
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
        let wanted = Wanted::of(&node);
        for row in &mut rows {
            let body: Option<Body> = if wanted.is_text() {
                self.body(row.latest).await?
            } else {
                None
            };
            let text = body.as_ref().map(body_text::text_of);
            let found = wanted.mark(&row.subject, &row.preview, text.as_deref());
            row.found = Some(Box::new(found));
        }
        Ok(rows)
    }

    /// Takes at most `limit` messages into the index, newest first, or out of it, and tells how
    /// many are left. A person's changes do not wait for it. Calls run one after the other.
    ///
    /// # Errors
    /// What was done so far is kept.
    #[allow(clippy::unused_async, reason = "the index follows")]
    pub async fn index_some(&self, _limit: usize) -> Result<IndexProgress, StoreError> {
        Ok(IndexProgress::default())
    }

    /// What a search of this account can find.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn search_coverage(&self) -> Result<SearchCoverage, StoreError> {
        let progress = self.progress().await?;
        let holdings = self.holdings().await?;
        let mut reader = self.inner.mail_reader().await?;
        let newest = scan::below(&mut reader, i64::MAX, STEP)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error))?;
        drop(reader);
        let mut texts_since = None;
        for candidate in newest {
            if self.body(MessageKey::new(candidate.key)).await?.is_none() {
                break;
            }
            texts_since = Some(UnixTime::from_seconds(candidate.received_at));
        }
        Ok(SearchCoverage {
            to_index: 0,
            all_mail: progress.fill == FillState::Complete,
            mail_since: holdings.oldest,
            texts_since,
        })
    }
}
