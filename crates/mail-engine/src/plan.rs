//! From what a server answered to what is written: pure, and the only place that decides it.
//!
//! Everything here is deterministic and does nothing. The driver asks, hands the answer in, and
//! applies the batches in order; the last batch of an answer carries the progress, so a kill in
//! between repeats some rows and loses none.

use std::collections::BTreeSet;

use mail_model::remote::{MailboxSnapshot, MessageDelta, MessagePage, MessageUpdate};
use mail_model::{Message, MessageId, StateString, UnixTime};
use mail_store::{FillState, ProgressUpdate, Sweep, SyncBatch};

/// Rows of one transaction at most.
pub const BATCH: usize = 500;
/// Messages of the very first page: enough to fill a window, little enough to be there at once.
pub const FIRST_PAGE: usize = 50;
/// Messages of the first page after a start or a failure.
const SMALL_PAGE: usize = 100;
/// How much a page grows after each one that went well.
const GROWTH: usize = 100;
/// Deltas in a row that say "there is more" and hold nothing, until the server is not believed.
const EMPTY_DELTAS: u32 = 3;
/// How often a stretch of equal times is begun anew because messages changed meanwhile.
const RESTARTS: u32 = 3;
/// Later than any receipt and still a year of four digits.
const FAR_FUTURE: UnixTime = UnixTime::from_seconds(253_402_300_000);

/// The server's answers lead nowhere: the same again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server's answers make no progress")]
pub struct NoProgress;

/// The batches of the first round trips: mailboxes and the newest page, in one transaction where
/// it fits, so that the list shows at once.
#[must_use]
pub fn first_batches(mailboxes: MailboxSnapshot, page: MessagePage) -> Vec<SyncBatch> {
    let oldest = oldest(&page.messages);
    let fill = if page.queried == 0 {
        FillState::Complete
    } else {
        FillState::Filling {
            oldest: oldest.unwrap_or(FAR_FUTURE),
            done: page.messages.len() as u64,
            total: page.total,
        }
    };
    // The state is the page's own, taken at or before the page was read: asking for changes
    // since it misses nothing that happens while older mail is still being fetched.
    let progress = ProgressUpdate {
        message_state: Some(page.state),
        fill: Some(fill),
        ..ProgressUpdate::default()
    };
    let mut batches = upserts(page.messages, None);
    if let Some(first) = batches.first_mut() {
        first.mailboxes = Some(mailboxes);
    }
    if let Some(last) = batches.last_mut() {
        last.progress = progress;
    }
    batches
}

/// Going back in time, page by page.
///
/// A page is asked for by the receipt of the oldest message that is here, so mail that arrives
/// meanwhile shifts nothing. Only inside a stretch of equal times, longer than a page, does a
/// position count; such a stretch is begun anew when the server's state moved during it, since a
/// deletion there would let the next position skip a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    before: UnixTime,
    position: u64,
    limit: usize,
    done: u64,
    total: Option<u64>,
    /// Messages at exactly `before` that are here, so that they are not counted twice.
    edge: BTreeSet<MessageId>,
    stretch: Option<StateString>,
    restarts: u32,
    last_page: Option<MessageId>,
}

impl Fill {
    /// From what the store remembers; none when there is nothing to fill.
    #[must_use]
    pub fn resume(fill: &FillState) -> Option<Self> {
        let FillState::Filling {
            oldest,
            done,
            total,
        } = *fill
        else {
            return None;
        };
        Some(Self {
            before: oldest,
            position: 0,
            limit: SMALL_PAGE,
            done,
            total,
            edge: BTreeSet::new(),
            stretch: None,
            restarts: 0,
            last_page: None,
        })
    }

    /// What to ask for: before or at which time, after how many messages, how many.
    #[must_use]
    pub const fn request(&self) -> (UnixTime, u64, usize) {
        (self.before, self.position, self.limit)
    }

    /// Messages fetched, and in all.
    #[must_use]
    pub const fn progress(&self) -> (u64, Option<u64>) {
        (self.done, self.total)
    }

    /// Takes a page in: the batches to apply, and how to go on; none when the end was reached.
    ///
    /// # Errors
    /// The page is the last one again.
    pub fn absorb(
        mut self,
        page: MessagePage,
    ) -> Result<(Vec<SyncBatch>, Option<Self>), NoProgress> {
        if page.queried == 0 {
            let progress = ProgressUpdate {
                fill: Some(FillState::Complete),
                ..ProgressUpdate::default()
            };
            let batch = SyncBatch {
                progress,
                ..SyncBatch::default()
            };
            return Ok((vec![batch], None));
        }
        let first = page.messages.first().map(|message| message.id.clone());
        let fresh = page
            .messages
            .iter()
            .filter(|message| !self.edge.contains(&message.id))
            .count();
        if first.is_some() && first == self.last_page && fresh == 0 && self.position > 0 {
            return Err(NoProgress);
        }
        self.last_page = first;
        self.done += fresh as u64;
        self.total = page.total.or(self.total);
        self.limit = (self.limit + GROWTH).min(BATCH);
        self.advance(&page);
        let progress = ProgressUpdate {
            fill: Some(FillState::Filling {
                oldest: self.before,
                done: self.done,
                total: self.total,
            }),
            ..ProgressUpdate::default()
        };
        let mut batches = upserts(page.messages, None);
        if let Some(last) = batches.last_mut() {
            last.progress = progress;
        }
        Ok((batches, Some(self)))
    }

    fn advance(&mut self, page: &MessagePage) {
        let oldest = oldest(&page.messages).filter(|oldest| *oldest < self.before);
        if let Some(oldest) = oldest {
            self.before = oldest;
            self.position = 0;
            self.edge.clear();
            self.stretch = None;
            self.restarts = 0;
        } else {
            let moved = self
                .stretch
                .as_ref()
                .is_some_and(|state| *state != page.state);
            if moved && self.restarts < RESTARTS {
                self.position = 0;
                self.restarts += 1;
            } else {
                self.position += page.queried as u64;
            }
            self.stretch = Some(page.state.clone());
        }
        let at_edge = page
            .messages
            .iter()
            .filter(|message| message.received_at == self.before)
            .map(|message| message.id.clone());
        self.edge.extend(at_edge);
    }
}

/// Watches a chain of deltas for one that leads nowhere.
#[derive(Debug, Clone, Default)]
pub struct DeltaChain {
    empty: u32,
}

impl DeltaChain {
    /// Checks a delta that was asked for since `since`.
    ///
    /// # Errors
    /// It claims that there is more but has not moved on.
    pub fn check(&mut self, since: &StateString, delta: &MessageDelta) -> Result<(), NoProgress> {
        if !delta.has_more {
            return Ok(());
        }
        if delta.new_state == *since {
            return Err(NoProgress);
        }
        let rows = delta.created.len() + delta.updated.len() + delta.destroyed.len();
        self.empty = if rows == 0 { self.empty + 1 } else { 0 };
        if self.empty > EMPTY_DELTAS {
            return Err(NoProgress);
        }
        Ok(())
    }
}

/// What a delta writes; none when it says that nothing has changed.
///
/// One batch, so one transaction, whatever its size: the rows and the state they lead to are in
/// together or not at all. A source gives no more than it was asked for.
#[must_use]
pub fn delta_batch(since: &StateString, delta: MessageDelta) -> Option<SyncBatch> {
    let MessageDelta {
        new_state,
        created: mut upsert,
        mut updated,
        destroyed,
        ..
    } = delta;
    let nothing = upsert.is_empty() && updated.is_empty() && destroyed.is_empty();
    if nothing && new_state == *since {
        return None;
    }
    let gone: BTreeSet<&MessageId> = destroyed.iter().collect();
    let mut seen = BTreeSet::new();
    upsert.retain(|message| !gone.contains(&message.id) && seen.insert(message.id.clone()));
    updated.retain(|update| !gone.contains(&update.id));
    Some(SyncBatch {
        upsert,
        update: updated,
        remove: destroyed,
        progress: ProgressUpdate {
            message_state: Some(new_state),
            ..ProgressUpdate::default()
        },
        ..SyncBatch::default()
    })
}

/// The way through an inventory, page by page.
///
/// Positions shift back when messages go between two pages. So after a page at which the server's
/// state had moved, the next one begins in the middle of it: a message is only missed when more
/// than half a page goes at once, and a message that is here is then still asked for by name.
#[derive(Debug, Clone, Default)]
pub struct InventoryWalk {
    position: u64,
    state: Option<StateString>,
    first: Option<MessageId>,
}

impl InventoryWalk {
    /// After how many messages to ask.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Takes a page in; says whether there may be more.
    ///
    /// # Errors
    /// The page is the last one again although nothing has moved.
    pub fn advance(
        &mut self,
        state: StateString,
        page: &[MessageUpdate],
    ) -> Result<bool, NoProgress> {
        let Some(first) = page.first() else {
            return Ok(false);
        };
        let moved = self.state.as_ref().is_some_and(|before| *before != state);
        if !moved && self.first.as_ref() == Some(&first.id) {
            return Err(NoProgress);
        }
        let length = page.len() as u64;
        self.position += if moved { length - length / 2 } else { length };
        self.first = Some(first.id.clone());
        self.state = Some(state);
        Ok(true)
    }
}

/// The batches of a page of the inventory: known messages as they are now, unknown ones whole.
#[must_use]
pub fn inventory_batches(
    updates: Vec<MessageUpdate>,
    whole: Vec<Message>,
    sweep: Sweep,
) -> Vec<SyncBatch> {
    let fetched: BTreeSet<MessageId> = whole.iter().map(|message| message.id.clone()).collect();
    let known: Vec<MessageUpdate> = updates
        .into_iter()
        .filter(|update| !fetched.contains(&update.id))
        .collect();
    let mut batches = upserts(whole, Some(sweep));
    for chunk in known.chunks(BATCH) {
        extend(&mut batches, chunk.len(), |batch| {
            batch.update.extend_from_slice(chunk);
            batch.mark = Some(sweep);
        });
    }
    batches
}

/// The batches after asking for `asked` by name: what was found stays, everything else goes.
#[must_use]
pub fn sweep_batches(asked: Vec<MessageId>, found: Vec<Message>, sweep: Sweep) -> Vec<SyncBatch> {
    let exists: BTreeSet<MessageId> = found.iter().map(|message| message.id.clone()).collect();
    let gone: Vec<MessageId> = asked
        .into_iter()
        .filter(|id| !exists.contains(id))
        .collect();
    let mut batches = upserts(found, Some(sweep));
    for chunk in gone.chunks(BATCH) {
        extend(&mut batches, chunk.len(), |batch| {
            batch.remove.extend_from_slice(chunk);
        });
    }
    batches
}

/// Whole messages in batches, newest first, each id once. Always at least one batch.
#[must_use]
pub fn upserts(mut messages: Vec<Message>, mark: Option<Sweep>) -> Vec<SyncBatch> {
    let mut seen = BTreeSet::new();
    messages.retain(|message| seen.insert(message.id.clone()));
    messages.sort_by_key(|message| std::cmp::Reverse(message.received_at));
    let mut batches = Vec::with_capacity(messages.len() / BATCH + 1);
    let mut rest = messages.into_iter().peekable();
    loop {
        batches.push(SyncBatch {
            upsert: rest.by_ref().take(BATCH).collect(),
            mark,
            ..SyncBatch::default()
        });
        if rest.peek().is_none() {
            return batches;
        }
    }
}

/// Puts more rows into the last batch if they fit, else into a new one.
fn extend(batches: &mut Vec<SyncBatch>, rows: usize, add: impl FnOnce(&mut SyncBatch)) {
    let fits = batches
        .last()
        .is_some_and(|batch| size(batch) + rows <= BATCH);
    if !fits {
        batches.push(SyncBatch::default());
    }
    if let Some(last) = batches.last_mut() {
        add(last);
    }
}

const fn size(batch: &SyncBatch) -> usize {
    batch.upsert.len() + batch.update.len() + batch.remove.len()
}

fn oldest(messages: &[Message]) -> Option<UnixTime> {
    messages.iter().map(|message| message.received_at).min()
}

#[cfg(test)]
mod tests;
