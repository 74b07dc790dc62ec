//! The change log of one data type (RFC 8620 section 5.2): what changed after which state.

use std::collections::{BTreeMap, VecDeque};

/// Entries kept; a client that is further behind has to start anew, as with a real server.
const KEPT: usize = 20_000;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Created,
    Updated,
    /// Only the counts of a mailbox changed.
    Counted,
    Destroyed,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    /// Grows when the server has lost its memory: states of another epoch mean nothing.
    epoch: u32,
    /// Number of the first kept entry.
    base: u64,
    entries: VecDeque<(u32, Op)>,
}

/// The state is too old, from another epoch, or not a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CannotCalculate;

/// What changed between two states.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) new_state: String,
    pub(crate) has_more: bool,
    pub(crate) created: Vec<u32>,
    pub(crate) updated: Vec<u32>,
    pub(crate) destroyed: Vec<u32>,
    /// Every update was one of counts.
    pub(crate) only_counts: bool,
}

impl ChangeLog {
    /// Notes a change.
    pub(crate) fn push(&mut self, id: u32, op: Op) {
        self.entries.push_back((id, op));
        if self.entries.len() > KEPT {
            self.entries.pop_front();
            self.base += 1;
        }
    }

    /// Forgets everything: every earlier state becomes unknown.
    pub(crate) fn forget(&mut self) {
        self.epoch += 1;
        self.base = 0;
        self.entries.clear();
    }

    fn end(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// The state now.
    pub(crate) fn state(&self) -> String {
        self.name(self.end())
    }

    fn number(&self, state: &str) -> Result<u64, CannotCalculate> {
        let (epoch, number) = state.split_once('-').ok_or(CannotCalculate)?;
        let number: u64 = number.parse().map_err(|_| CannotCalculate)?;
        let known = epoch.parse() == Ok(self.epoch) && (self.base..=self.end()).contains(&number);
        known.then_some(number).ok_or(CannotCalculate)
    }

    /// What changed since a state; at most `max` ids, stopping at a state in between.
    pub(crate) fn since(
        &self,
        state: &str,
        max: Option<usize>,
    ) -> Result<Changes, CannotCalculate> {
        let from = self.number(state)?;
        let skip = usize::try_from(from - self.base).map_err(|_| CannotCalculate)?;
        let mut seen: BTreeMap<u32, (Op, Op)> = BTreeMap::new();
        let mut reached = from;
        for (id, op) in self.entries.iter().skip(skip) {
            if max.is_some_and(|max| seen.len() >= max) && !seen.contains_key(id) {
                break;
            }
            seen.entry(*id)
                .and_modify(|(_, last)| *last = merge(*last, *op))
                .or_insert((*op, *op));
            reached += 1;
        }
        let mut changes = Changes {
            new_state: self.name(reached),
            has_more: reached < self.end(),
            only_counts: true,
            ..Changes::default()
        };
        for (id, (first, last)) in seen {
            match (first, last) {
                (Op::Created, Op::Destroyed) => {}
                (_, Op::Destroyed) => changes.destroyed.push(id),
                (Op::Created, _) => changes.created.push(id),
                (_, last) => {
                    changes.only_counts &= last == Op::Counted;
                    changes.updated.push(id);
                }
            }
        }
        changes.only_counts &= !changes.updated.is_empty();
        Ok(changes)
    }
}

/// An update of counts after a real update stays a real update.
const fn merge(before: Op, after: Op) -> Op {
    match (before, after) {
        (Op::Updated, Op::Counted) => Op::Updated,
        (_, after) => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(u32, Op)]) -> ChangeLog {
        let mut log = ChangeLog::default();
        for (id, op) in entries {
            log.push(*id, *op);
        }
        log
    }

    #[test]
    fn an_object_that_came_and_went_is_not_told() {
        let log = log(&[
            (1, Op::Created),
            (2, Op::Created),
            (1, Op::Updated),
            (1, Op::Destroyed),
            (2, Op::Updated),
        ]);
        let changes = log.since("0-0", None).unwrap();
        assert_eq!(
            (changes.created, changes.updated, changes.destroyed),
            (vec![2], vec![], vec![])
        );
        assert_eq!(log.since("0-1", None).unwrap().destroyed, [1]);
    }

    #[test]
    fn a_limit_stops_at_a_state_from_which_nothing_is_missed() {
        let log = log(&[
            (1, Op::Created),
            (2, Op::Created),
            (1, Op::Updated),
            (3, Op::Created),
            (2, Op::Destroyed),
        ]);
        let first = log.since("0-0", Some(2)).unwrap();
        assert_eq!((first.created.clone(), first.has_more), (vec![1, 2], true));
        let second = log.since(&first.new_state, Some(2)).unwrap();
        assert_eq!(
            (second.created, second.destroyed, second.has_more),
            (vec![3], vec![2], false)
        );
        assert_eq!(second.new_state, log.state());
    }

    #[test]
    fn unknown_states_are_refused() {
        let mut log = log(&[(1, Op::Created)]);
        for state in ["", "0-2", "1-0", "x-1", "0-x", "00"] {
            assert_eq!(log.since(state, None), Err(CannotCalculate), "{state}");
        }
        let before = log.state();
        log.forget();
        assert_eq!(log.since(&before, None), Err(CannotCalculate));
        for n in 0..=u32::try_from(KEPT).unwrap() {
            log.push(n, Op::Created);
        }
        assert_eq!(log.since("1-0", None), Err(CannotCalculate));
        assert!(log.since("1-1", None).is_ok());
    }

    #[test]
    fn counts_alone_are_told_as_such() {
        let log = log(&[(1, Op::Counted), (2, Op::Updated), (2, Op::Counted)]);
        assert!(!log.since("0-0", None).unwrap().only_counts);
        assert!(log.since("0-2", None).is_ok_and(|c| c.only_counts));
    }
}
