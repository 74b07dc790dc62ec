//! Keys for new messages: the 8-second slot of their receipt since 2000, or the next free one.
//!
//! Keys in the order of time keep inserts at the end of the table and let the search index walk
//! newest first. A slot holds one message; mail of one moment drifts into the slots after it.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::UnixTime;
use sqlx::SqliteConnection;

use crate::error::StoreError;

/// 2000-01-01T00:00:00Z.
const EPOCH: i64 = 946_684_800;
/// Keys stay exact in a page's numbers.
const LIMIT: i64 = (1 << 53) - 1 - (1 << 32);
/// How many slots are looked at in one go.
const WINDOW: i64 = 8;
const WIDE_WINDOW: i64 = 1024;

/// The first slot a message of that time may take.
pub(crate) fn slot_of(received_at: UnixTime) -> i64 {
    let seconds = received_at.seconds().saturating_sub(EPOCH);
    seconds.div_euclid(8).clamp(-LIMIT, LIMIT)
}

/// What is known about the slots around a batch.
#[derive(Debug, Default)]
struct Slots {
    taken: BTreeSet<i64>,
    /// Ranges `start..=end` in which `taken` is complete.
    known: BTreeMap<i64, i64>,
    /// Ranges `start..=end` that are full.
    full: BTreeMap<i64, i64>,
}

enum Probe {
    Free(i64),
    Unknown(i64),
}

impl Slots {
    fn covering(ranges: &BTreeMap<i64, i64>, slot: i64) -> Option<i64> {
        let (_, end) = ranges.range(..=slot).next_back()?;
        (*end >= slot).then_some(*end)
    }

    fn learn(&mut self, from: i64, to: i64, taken: impl IntoIterator<Item = i64>) {
        self.taken.extend(taken);
        let end = self.known.entry(from).or_insert(to);
        *end = (*end).max(to);
    }

    /// The first free slot at or after `from`, as far as is known.
    fn probe(&self, from: i64) -> Probe {
        let mut slot = from;
        loop {
            if let Some(end) = Self::covering(&self.full, slot) {
                slot = end + 1;
            } else if self.taken.contains(&slot) {
                slot += 1;
            } else if Self::covering(&self.known, slot).is_some() {
                return Probe::Free(slot);
            } else {
                return Probe::Unknown(slot);
            }
        }
    }
}

/// Keys for messages received at these times, in the same order; give the times ascending.
pub(crate) async fn assign(
    connection: &mut SqliteConnection,
    times: &[UnixTime],
) -> Result<Vec<i64>, StoreError> {
    let firsts: Vec<i64> = times.iter().map(|time| slot_of(*time)).collect();
    let mut slots = Slots::default();
    let taken: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT m.key FROM json_each(?1) j
         CROSS JOIN message m ON m.key BETWEEN j.value AND j.value + ?2 - 1",
    )
    .bind(serde_json::to_string(&firsts)?)
    .bind(WINDOW)
    .fetch_all(&mut *connection)
    .await?;
    slots.taken.extend(taken);
    for first in &firsts {
        slots.learn(*first, first + WINDOW - 1, []);
    }
    let mut keys = Vec::with_capacity(times.len());
    for first in firsts {
        let key = loop {
            match slots.probe(first) {
                Probe::Free(slot) => break slot,
                Probe::Unknown(slot) => look_further(connection, &mut slots, slot).await?,
            }
        };
        slots.taken.insert(key);
        keys.push(key);
    }
    Ok(keys)
}

async fn look_further(
    connection: &mut SqliteConnection,
    slots: &mut Slots,
    from: i64,
) -> Result<(), StoreError> {
    // The end of the run of taken keys that starts at `from`, or nothing if `from` is free.
    let end: Option<i64> = sqlx::query_scalar(
        "SELECT m.key FROM message m
         WHERE m.key >= ?1 AND EXISTS (SELECT 1 FROM message WHERE key = ?1)
           AND NOT EXISTS (SELECT 1 FROM message n WHERE n.key = m.key + 1)
         ORDER BY m.key LIMIT 1",
    )
    .bind(from)
    .fetch_optional(&mut *connection)
    .await?;
    let free = match end {
        Some(end) => {
            slots.full.insert(from, end);
            end + 1
        }
        None => from,
    };
    let taken: Vec<i64> =
        sqlx::query_scalar("SELECT key FROM message WHERE key BETWEEN ?1 AND ?1 + ?2 - 1")
            .bind(free)
            .bind(WIDE_WINDOW)
            .fetch_all(&mut *connection)
            .await?;
    slots.learn(free, free + WIDE_WINDOW - 1, taken);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_exact_numbers_even_for_absurd_times() {
        for seconds in [i64::MIN, -1, 0, EPOCH, i64::MAX] {
            let slot = slot_of(UnixTime::from_seconds(seconds));
            assert!(slot.abs() < 1 << 53, "{seconds}");
        }
        assert_eq!(slot_of(UnixTime::from_seconds(EPOCH + 17)), 2);
        assert_eq!(slot_of(UnixTime::from_seconds(EPOCH - 1)), -1);
    }

    #[test]
    fn a_known_gap_is_found_behind_taken_and_full_slots() {
        let mut slots = Slots::default();
        slots.learn(10, 17, [10, 11]);
        assert!(matches!(slots.probe(10), Probe::Free(12)));
        slots.taken.extend(12..=17);
        assert!(matches!(slots.probe(10), Probe::Unknown(18)));
        slots.full.insert(18, 40);
        slots.learn(41, 50, [41]);
        assert!(matches!(slots.probe(10), Probe::Free(42)));
    }
}
