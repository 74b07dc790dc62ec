//! Jumps: reaching a place of a merged list without walking there.
//!
//! Remembered places come first, counted anew where a commit has touched them; else the ladders
//! of all accounts tell where to look, and counting tells exactly where that is.

use std::collections::{BTreeMap, HashSet};

use futures::future::try_join_all;
use mail_model::{AccountId, ListCursor, UnixTime};

use super::{Anchor, Cut, Member, MemberFailure, Merge, RUNG, Rung, failure};

/// Rungs of a ladder, at most.
const RUNGS: u64 = 1024;
/// Times the stretch between two rungs is halved at most.
const HALVINGS: u32 = 24;
/// A stretch this short is walked rather than halved.
const STRIDE: u64 = 200;
/// A place farther from every remembered one than this is reached by ladders.
const WALK: u64 = 400;

impl Member {
    /// Rows between two rungs of its ladder.
    fn rung_distance(&self) -> u64 {
        let rows = self.totals.map_or(0, |totals| totals.rows);
        (rows / RUNGS).max(RUNG)
    }
}

impl Merge {
    /// A place at or before `from` to walk from; `None` is the top.
    pub(super) async fn start(
        &mut self,
        from: u64,
        failed: &HashSet<AccountId>,
    ) -> Result<Option<Anchor>, MemberFailure> {
        let remembered = self.nearest_anchor(from).await?;
        let place = remembered.as_ref().map_or(0, Anchor::place);
        if from - place <= WALK {
            return Ok(remembered);
        }
        let climbed = self.climb(from, failed).await?;
        Ok(climbed
            .filter(|anchor| anchor.place() > place)
            .or(remembered))
    }

    /// The remembered place nearest before `from`, counted anew where it has to be.
    async fn nearest_anchor(&mut self, from: u64) -> Result<Option<Anchor>, MemberFailure> {
        loop {
            let best = self
                .anchors
                .iter()
                .enumerate()
                .filter(|(_, anchor)| anchor.place() <= from)
                .max_by_key(|(_, anchor)| anchor.place())
                .map(|(index, _)| index);
            let Some(anchor) = best.and_then(|index| self.anchors.get_mut(index)) else {
                return Ok(None);
            };
            for (account, (rank, exact)) in &mut anchor.ranks {
                if *exact {
                    continue;
                }
                let Some(member) = self.members.get(account) else {
                    continue;
                };
                *rank = member
                    .source
                    .count(None, anchor.cut.within(account))
                    .await
                    .map_err(|e| failure(account, e))?;
                *exact = true;
            }
            // Counting may have moved it behind `from`; then the next one before it is taken.
            if anchor.place() <= from {
                return Ok(Some(anchor.clone()));
            }
        }
    }

    /// Finds a place not far before `from` by the ladders of all accounts: the last rung that
    /// cannot lie behind it, its exact place by counting in each account, and then, between that
    /// rung and the next one, by halving the time.
    async fn climb(
        &mut self,
        from: u64,
        failed: &HashSet<AccountId>,
    ) -> Result<Option<Anchor>, MemberFailure> {
        self.raise_ladders(failed).await?;
        let mut rungs: Vec<(Cut, u64)> = Vec::new();
        let mut bases: BTreeMap<AccountId, Option<Rung>> = BTreeMap::new();
        let mut uncertain = 0;
        for (account, member) in &self.members {
            if failed.contains(account) {
                continue;
            }
            for rung in member.ladder.iter().flatten() {
                let cut = Cut {
                    account: account.clone(),
                    cursor: rung.cursor,
                };
                rungs.push((cut, rung.place));
            }
            uncertain += member.rung_distance();
            bases.insert(account.clone(), None);
        }
        rungs.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
        let mut sum = 0_u64;
        let mut chosen: Option<Cut> = None;
        let mut end = UnixTime::default();
        let mut near = false;
        for (cut, place) in rungs {
            let base = bases.get(&cut.account).copied().flatten();
            let next = sum + place - base.map_or(0, |rung| rung.place);
            near |= next + uncertain > from;
            if near {
                // From here on a rung may lie behind `from`; one that surely does ends the search.
                if next > from {
                    end = cut.cursor.received_at;
                    break;
                }
                continue;
            }
            sum = next;
            let rung = Rung {
                place,
                cursor: cut.cursor,
            };
            bases.insert(cut.account.clone(), Some(rung));
            chosen = Some(cut);
        }
        let Some(cut) = chosen else { return Ok(None) };
        let mut ranks = BTreeMap::new();
        for (account, base) in bases {
            let between = self
                .count(&account, base.map(|rung| rung.cursor), &cut)
                .await?;
            let rank = base.map_or(0, |rung| rung.place) + between;
            ranks.insert(account, (rank, true));
        }
        let anchor = Anchor { cut, ranks };
        if anchor.place() > from {
            // A commit between the ladders and the counts: the top is always right.
            return Ok(None);
        }
        self.halve(anchor, end, from).await.map(Some)
    }

    /// Reads the ladders that are missing, all at once: each of them walks a whole index.
    async fn raise_ladders(&mut self, failed: &HashSet<AccountId>) -> Result<(), MemberFailure> {
        let missing = self
            .members
            .iter_mut()
            .filter(|(account, member)| member.ladder.is_none() && !failed.contains(*account));
        let reads = missing.map(|(account, member)| async move {
            let ladder = member.source.ladder(member.rung_distance()).await;
            member.ladder = Some(ladder.map_err(|e| failure(account, e))?);
            Ok(())
        });
        try_join_all(reads).await.map(drop)
    }

    /// Moves a place nearer to `from`, between its own time and `end`.
    async fn halve(
        &self,
        mut anchor: Anchor,
        mut end: UnixTime,
        from: u64,
    ) -> Result<Anchor, MemberFailure> {
        let Some(last) = self.members.keys().next_back() else {
            return Ok(anchor);
        };
        for _ in 0..HALVINGS {
            let newest = anchor.cut.cursor.received_at.seconds();
            let middle = newest.midpoint(end.seconds());
            if from - anchor.place() <= STRIDE || middle >= newest || middle <= end.seconds() {
                break;
            }
            // After every row of this second, in every account.
            let cut = Cut {
                account: last.clone(),
                cursor: ListCursor {
                    received_at: UnixTime::from_seconds(middle),
                    key: i64::MIN,
                },
            };
            let mut ranks = BTreeMap::new();
            for (account, (rank, _)) in &anchor.ranks {
                let after = anchor.cut.within(account);
                let between = self.count(account, Some(after), &cut).await?;
                ranks.insert(account.clone(), (rank + between, true));
            }
            let next = Anchor { cut, ranks };
            if next.place() <= from {
                anchor = next;
            } else {
                end = UnixTime::from_seconds(middle);
            }
        }
        Ok(anchor)
    }

    async fn count(
        &self,
        account: &AccountId,
        after: Option<ListCursor>,
        through: &Cut,
    ) -> Result<u64, MemberFailure> {
        let Some(member) = self.members.get(account) else {
            return Ok(0);
        };
        let through = through.within(account);
        if after.is_some_and(|after| after <= through) {
            return Ok(0);
        }
        let count = member.source.count(after, through).await;
        count.map_err(|e| failure(account, e))
    }
}
