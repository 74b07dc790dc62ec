//! One list out of several: a k-way merge of keyset pages by `(received_at, account, key)`.
//!
//! Owns the order of merged rows and the way to any place in them. It never compares what two
//! accounts call a conversation: rows are only ordered, never joined. It reads through
//! [`ListSource`], one per account, in small chunks with refill, because a row that is read and
//! not shown costs as much as one that is.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use mail_model::{AccountId, ListCursor, ListRow, RowKey, UnixTime};
use mail_store::StoreError;

/// Rows read at once from one of several accounts.
const CHUNK: std::ops::RangeInclusive<usize> = 12..=25;
/// Rows read at once where one account alone fills the window.
const CHUNK_ALONE: usize = 100;
/// Rows between two rungs of a ladder, at least.
const RUNG: u64 = 128;
/// Places remembered at most.
const ANCHORS: usize = 48;

/// A known place of one account's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Rows up to and including the one at `cursor`.
    pub place: u64,
    /// That row.
    pub cursor: ListCursor,
}

/// How many rows a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// All rows.
    pub rows: u64,
    /// Rows with something unread.
    pub unread: u64,
}

/// One account's list, as the merge needs it.
#[async_trait]
pub trait ListSource: Send + Sync {
    /// The next rows after a place, newest first, at most `limit`; fewer only at the end.
    ///
    /// # Errors
    /// The account's files cannot be read; this holds for every call.
    async fn page(
        &self,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListRow>, StoreError>;

    /// Every `every`th row.
    async fn ladder(&self, every: u64) -> Result<Vec<Rung>, StoreError>;

    /// Rows after `after` (or from the top) up to and including the place `through`.
    async fn count(
        &self,
        after: Option<ListCursor>,
        through: ListCursor,
    ) -> Result<u64, StoreError>;

    /// How many rows there are.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// What was read before may have changed.
    fn invalidate(&self) {}
}

/// A row's identity in a merged list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MergedKey {
    /// Its account.
    pub account: AccountId,
    /// Its key there.
    pub row: RowKey,
}

/// A row of a merged list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedRow {
    /// Its account.
    pub account: AccountId,
    /// The row.
    pub row: ListRow,
}

impl MergedRow {
    /// Its identity.
    #[must_use]
    pub fn key(&self) -> MergedKey {
        MergedKey {
            account: self.account.clone(),
            row: self.row.key,
        }
    }
}

/// A place in the merged order: just after one row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cut {
    account: AccountId,
    cursor: ListCursor,
}

impl Cut {
    /// The same place in one account's own order. Rows of equal time are ordered by account,
    /// so for an account before this one all of them lie before the cut, and none for one after.
    fn within(&self, account: &AccountId) -> ListCursor {
        let key = match account.cmp(&self.account) {
            std::cmp::Ordering::Less => i64::MIN,
            std::cmp::Ordering::Equal => self.cursor.key,
            std::cmp::Ordering::Greater => i64::MAX,
        };
        ListCursor {
            received_at: self.cursor.received_at,
            key,
        }
    }

    /// Sorts newest first when compared.
    fn order(
        &self,
    ) -> (
        std::cmp::Reverse<UnixTime>,
        &AccountId,
        std::cmp::Reverse<i64>,
    ) {
        (
            std::cmp::Reverse(self.cursor.received_at),
            &self.account,
            std::cmp::Reverse(self.cursor.key),
        )
    }
}

/// A remembered cut, with the rows each account has up to it; `None` where that has to be
/// counted anew.
#[derive(Debug, Clone)]
struct Anchor {
    cut: Cut,
    ranks: BTreeMap<AccountId, (u64, bool)>,
}

impl Anchor {
    fn place(&self) -> u64 {
        self.ranks.values().map(|(rank, _)| rank).sum()
    }
}

struct Member {
    source: Arc<dyn ListSource>,
    totals: Option<Totals>,
    ladder: Option<Vec<Rung>>,
}

/// A member whose files could not be read.
#[derive(Debug)]
pub struct MemberFailure {
    /// Which account.
    pub account: AccountId,
    /// Why.
    pub error: StoreError,
}

/// The rows of a window and the totals around them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindowRows {
    /// Rows of the whole list.
    pub total: u64,
    /// Unread rows of the whole list.
    pub unread: u64,
    /// Place of the first row.
    pub start: u64,
    /// The rows, in order.
    pub rows: Vec<MergedRow>,
}

/// Reads windows of a merged list and remembers places, so that scrolling costs the same
/// everywhere.
#[derive(Default)]
pub struct Merge {
    members: BTreeMap<AccountId, Member>,
    anchors: Vec<Anchor>,
}

impl Merge {
    /// Adds an account, or replaces its list.
    pub fn insert(&mut self, account: AccountId, source: Arc<dyn ListSource>) {
        let member = Member {
            source,
            totals: None,
            ladder: None,
        };
        self.members.insert(account, member);
        self.anchors.clear();
    }

    /// Takes an account out.
    pub fn remove(&mut self, account: &AccountId) {
        self.members.remove(account);
        self.anchors.clear();
    }

    /// Something of that account's list has changed.
    pub fn changed(&mut self, account: &AccountId) {
        if let Some(member) = self.members.get_mut(account) {
            member.totals = None;
            member.ladder = None;
            member.source.invalidate();
        }
        for anchor in &mut self.anchors {
            if let Some((_, exact)) = anchor.ranks.get_mut(account) {
                *exact = false;
            }
        }
    }

    /// The rows of a window. Accounts that cannot be read are left out and named.
    pub async fn window(&mut self, window: Range<u64>) -> (WindowRows, Vec<MemberFailure>) {
        let mut failures: Vec<MemberFailure> = Vec::new();
        loop {
            let failed: HashSet<AccountId> = failures
                .iter()
                .map(|failure| failure.account.clone())
                .collect();
            match self.try_window(&window, &failed).await {
                Ok(rows) => return (rows, failures),
                Err(failure) => {
                    self.changed(&failure.account);
                    self.anchors.clear();
                    failures.push(failure);
                }
            }
        }
    }

    async fn try_window(
        &mut self,
        window: &Range<u64>,
        failed: &HashSet<AccountId>,
    ) -> Result<WindowRows, MemberFailure> {
        let totals = self.totals(failed).await?;
        let mut rows = WindowRows {
            total: totals.rows,
            unread: totals.unread,
            start: window.start,
            rows: Vec::new(),
        };
        if window.is_empty() || window.start >= totals.rows {
            return Ok(rows);
        }
        let start = self.start(window.start, failed).await?;
        let mut walk = self.walk(start, window, failed);
        // A row that moves between two reads of a chunk could come twice. It is shown once; the
        // change that moved it leads to another look anyway.
        let mut seen = HashSet::new();
        let mut anchors = Vec::new();
        while walk.place < window.end {
            let at = walk.place;
            if at == window.start || at.is_multiple_of(RUNG) {
                anchors.extend(walk.anchor());
            }
            let Some(row) = walk.next().await? else { break };
            if at >= window.start && seen.insert(row.key()) {
                rows.rows.push(row);
            }
        }
        anchors.extend(walk.anchor());
        drop(walk);
        // Places without the failed accounts would be wrong once these can be read again.
        if failed.is_empty() {
            self.remember(anchors, window.start);
        }
        Ok(rows)
    }

    async fn totals(&mut self, failed: &HashSet<AccountId>) -> Result<Totals, MemberFailure> {
        let mut sum = Totals::default();
        for (account, member) in &mut self.members {
            if failed.contains(account) {
                continue;
            }
            let totals = match member.totals {
                Some(totals) => totals,
                None => member
                    .source
                    .totals()
                    .await
                    .map_err(|e| failure(account, e))?,
            };
            member.totals = Some(totals);
            sum.rows += totals.rows;
            sum.unread += totals.unread;
        }
        Ok(sum)
    }

    fn walk(
        &self,
        start: Option<Anchor>,
        window: &Range<u64>,
        failed: &HashSet<AccountId>,
    ) -> Walk {
        let members: Vec<_> = self
            .members
            .iter()
            .filter(|(account, _)| !failed.contains(*account))
            .collect();
        let place = start.as_ref().map_or(0, Anchor::place);
        let wanted = usize::try_from(window.end.saturating_sub(place)).unwrap_or(usize::MAX);
        let chunk = if members.len() <= 1 {
            wanted.clamp(1, CHUNK_ALONE)
        } else {
            (wanted / members.len() + 1).clamp(*CHUNK.start(), *CHUNK.end())
        };
        let lanes = members
            .into_iter()
            .map(|(account, member)| Lane {
                account: account.clone(),
                source: Arc::clone(&member.source),
                after: start.as_ref().map(|anchor| anchor.cut.within(account)),
                rank: start
                    .as_ref()
                    .and_then(|anchor| anchor.ranks.get(account))
                    .map_or(0, |(rank, _)| *rank),
                rows: VecDeque::new(),
                ended: false,
            })
            .collect();
        Walk {
            lanes,
            chunk,
            place,
            last: start.map(|anchor| anchor.cut),
        }
    }

    /// Keeps the newest knowledge and, beyond the limit, what is nearest to the window.
    fn remember(&mut self, anchors: Vec<Anchor>, near: u64) {
        for anchor in anchors {
            self.anchors.retain(|known| known.cut != anchor.cut);
            self.anchors.push(anchor);
        }
        if self.anchors.len() > ANCHORS {
            self.anchors
                .sort_by_key(|anchor| anchor.place().abs_diff(near));
            self.anchors.truncate(ANCHORS);
        }
    }
}

fn failure(account: &AccountId, error: StoreError) -> MemberFailure {
    MemberFailure {
        account: account.clone(),
        error,
    }
}

struct Lane {
    account: AccountId,
    source: Arc<dyn ListSource>,
    after: Option<ListCursor>,
    rank: u64,
    rows: VecDeque<ListRow>,
    ended: bool,
}

/// A walk through the merged rows, from one place onwards.
struct Walk {
    lanes: Vec<Lane>,
    chunk: usize,
    place: u64,
    last: Option<Cut>,
}

impl Walk {
    async fn next(&mut self) -> Result<Option<MergedRow>, MemberFailure> {
        for lane in &mut self.lanes {
            if !lane.rows.is_empty() || lane.ended {
                continue;
            }
            let page = lane
                .source
                .page(lane.after, self.chunk)
                .await
                .map_err(|e| failure(&lane.account, e))?;
            lane.ended = page.len() < self.chunk;
            lane.after = page.last().map_or(lane.after, |row| Some(row.cursor()));
            lane.rows = page.into();
        }
        // Lanes are in the order of accounts, and the first of equals wins.
        let mut best: Option<(UnixTime, &mut Lane)> = None;
        for lane in &mut self.lanes {
            let Some(row) = lane.rows.front() else {
                continue;
            };
            let at = row.received_at;
            if best.as_ref().is_none_or(|(newest, _)| at > *newest) {
                best = Some((at, lane));
            }
        }
        let Some((_, lane)) = best else {
            return Ok(None);
        };
        let Some(row) = lane.rows.pop_front() else {
            return Ok(None);
        };
        lane.rank += 1;
        self.place += 1;
        self.last = Some(Cut {
            account: lane.account.clone(),
            cursor: row.cursor(),
        });
        Ok(Some(MergedRow {
            account: lane.account.clone(),
            row,
        }))
    }

    /// This place, to be remembered; the top needs no remembering.
    fn anchor(&self) -> Option<Anchor> {
        let cut = self.last.clone()?;
        let ranks = self
            .lanes
            .iter()
            .map(|lane| (lane.account.clone(), (lane.rank, true)))
            .collect();
        Some(Anchor { cut, ranks })
    }
}

mod jump;
#[cfg(test)]
mod tests;
