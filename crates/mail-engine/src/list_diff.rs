//! What differs between two looks at a list.
//!
//! Pure. A receiver that holds the rows of the last event can build the next window from a diff
//! alone; one that misses a number opens the list again.

use std::collections::HashMap;

use mail_model::AccountId;

use crate::merge::{MergedKey, MergedRow, WindowRows};

/// The first event of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSnapshot {
    /// 0.
    pub seq: u64,
    /// Rows of the whole list.
    pub total: u64,
    /// Unread rows of the whole list.
    pub unread: u64,
    /// Place of the first row below.
    pub start: u64,
    /// The rows of the window, in order.
    pub rows: Vec<MergedRow>,
    /// Accounts whose rows cannot be read at the moment; they are counted nowhere above.
    pub failed: Vec<AccountId>,
}

/// The window after a change or a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListDiff {
    /// One more than the last event's.
    pub seq: u64,
    /// Rows of the whole list.
    pub total: u64,
    /// Unread rows of the whole list.
    pub unread: u64,
    /// Place of the first key below.
    pub start: u64,
    /// Keys of all rows of the window, in order.
    pub order: Vec<MergedKey>,
    /// Those rows that the last event's window did not have, or that have changed since.
    pub rows: Vec<MergedRow>,
    /// Accounts whose rows cannot be read at the moment.
    pub failed: Vec<AccountId>,
}

/// One look at a list: its window, and the accounts that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// The window.
    pub window: WindowRows,
    /// Accounts that could not be read, in order.
    pub failed: Vec<AccountId>,
}

impl Look {
    /// The snapshot of this look.
    #[must_use]
    pub fn snapshot(&self) -> ListSnapshot {
        ListSnapshot {
            seq: 0,
            total: self.window.total,
            unread: self.window.unread,
            start: self.window.start,
            rows: self.window.rows.clone(),
            failed: self.failed.clone(),
        }
    }

    /// What leads from `before` to this look; none when they are equal.
    #[must_use]
    pub fn since(&self, before: &Self, seq: u64) -> Option<ListDiff> {
        if self == before {
            return None;
        }
        let known: HashMap<MergedKey, &MergedRow> = before
            .window
            .rows
            .iter()
            .map(|row| (row.key(), row))
            .collect();
        let mut order = Vec::with_capacity(self.window.rows.len());
        let mut rows = Vec::new();
        for row in &self.window.rows {
            let key = row.key();
            if known.get(&key).is_none_or(|before| *before != row) {
                rows.push(row.clone());
            }
            order.push(key);
        }
        Some(ListDiff {
            seq,
            total: self.window.total,
            unread: self.window.unread,
            start: self.window.start,
            order,
            rows,
            failed: self.failed.clone(),
        })
    }
}

/// What a receiver of a list holds: the reference for everybody who applies diffs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    seq: u64,
    look: Look,
}

/// A diff that does not follow on what the receiver holds: it has to open the list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the list is missing")]
pub struct Gap;

impl From<ListSnapshot> for Replica {
    fn from(snapshot: ListSnapshot) -> Self {
        Self {
            seq: snapshot.seq,
            look: Look {
                window: WindowRows {
                    total: snapshot.total,
                    unread: snapshot.unread,
                    start: snapshot.start,
                    rows: snapshot.rows,
                },
                failed: snapshot.failed,
            },
        }
    }
}

impl Replica {
    /// The list as the receiver sees it.
    #[must_use]
    pub const fn look(&self) -> &Look {
        &self.look
    }

    /// Takes over a diff.
    ///
    /// # Errors
    /// The diff is not the next one, or names a row that was never sent.
    pub fn apply(&mut self, diff: ListDiff) -> Result<(), Gap> {
        if diff.seq != self.seq + 1 {
            return Err(Gap);
        }
        let mut known: HashMap<MergedKey, MergedRow> = self
            .look
            .window
            .rows
            .drain(..)
            .chain(diff.rows)
            .map(|row| (row.key(), row))
            .collect();
        let rows: Option<Vec<_>> = diff.order.iter().map(|key| known.remove(key)).collect();
        self.seq = diff.seq;
        self.look = Look {
            window: WindowRows {
                total: diff.total,
                unread: diff.unread,
                start: diff.start,
                rows: rows.ok_or(Gap)?,
            },
            failed: diff.failed,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mail_model::{Keywords, ListRow, MessageKey, RowKey, ThreadKey, UnixTime};
    use proptest::prelude::*;

    use super::*;

    fn row(account: u8, key: i64, unread: u32) -> MergedRow {
        MergedRow {
            account: AccountId::new(format!("a{account}")).unwrap(),
            row: ListRow {
                key: RowKey::Thread(ThreadKey::new(key)),
                thread: ThreadKey::new(key),
                latest: MessageKey::new(key),
                received_at: UnixTime::from_seconds(key),
                senders: vec!["Bo Larsen".into()],
                subject: format!("Figures {key}"),
                preview: String::new(),
                message_count: 1,
                unread_count: unread,
                starred: false,
                has_attachment: false,
                keywords: Keywords::default(),
                found: None,
            },
        }
    }

    fn look() -> impl Strategy<Value = Look> {
        let rows = proptest::collection::btree_map((0_u8..3, 0_i64..12), 0_u32..2, 0..12);
        (rows, 0_u64..5, 0_u64..3).prop_perturb(|(rows, start, total), mut rng| {
            let mut rows: Vec<_> = rows
                .into_iter()
                .map(|((account, key), unread)| row(account, key, unread))
                .collect();
            rows.sort_by_key(|_| rng.next_u32());
            Look {
                window: WindowRows {
                    total,
                    unread: total,
                    start,
                    rows,
                },
                failed: vec![],
            }
        })
    }

    proptest! {
        #[test]
        fn applying_diffs_gives_what_looking_anew_gives(looks in proptest::collection::vec(look(), 1..8)) {
            let mut looks = looks.into_iter();
            let mut last = looks.next().unwrap_or_default();
            let mut replica = Replica::from(last.snapshot());
            let mut seq = 0;
            for next in looks {
                if let Some(diff) = next.since(&last, seq + 1) {
                    seq += 1;
                    prop_assert_eq!(replica.apply(diff), Ok(()));
                }
                prop_assert_eq!(replica.look(), &next);
                last = next;
            }
        }
    }

    #[test]
    fn unchanged_rows_are_not_sent_again() {
        let before = Look {
            window: WindowRows {
                rows: vec![row(0, 1, 0), row(1, 1, 1)],
                ..WindowRows::default()
            },
            failed: vec![],
        };
        let mut after = before.clone();
        after.window.rows = vec![row(1, 1, 0), row(0, 1, 0)];
        let diff = after.since(&before, 1).unwrap();
        assert_eq!(diff.order, [row(1, 1, 0).key(), row(0, 1, 0).key()]);
        assert_eq!(diff.rows, [row(1, 1, 0)], "only the row that was read");
    }

    #[test]
    fn a_missing_number_is_noticed() {
        let empty = Look::default();
        let mut full = Look::default();
        full.window.total = 1;
        let mut replica = Replica::from(empty.snapshot());
        let diff = full.since(&empty, 2).unwrap();
        assert_eq!(replica.apply(diff), Err(Gap));
    }
}
