//! The index's parts: one table for about as many messages as one search of it stays fast for.
//!
//! Parts are ranges of keys, so of time, and lie side by side from the beginning of time to its
//! end. A full part at either end gets a new neighbour for mail beyond what it holds; one in the
//! middle just grows.

/// Messages of a full part. The beginning of a word is looked up in a whole part before its first
/// match is known, so this bounds how long a letter that is typed may take.
pub(crate) const FULL: i64 = 50_000;

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// None while it is not in the file.
    pub(crate) number: Option<i64>,
    pub(crate) from_key: i64,
    pub(crate) lowest: i64,
    pub(crate) highest: i64,
    pub(crate) messages: i64,
    /// 1 when its segments are to be merged, because it will hardly change or much was taken out
    /// of it; 2 meanwhile.
    pub(crate) merging: i64,
    /// Messages taken out since then: their words are still in its segments.
    pub(crate) removed: i64,
}

/// Whether so much was taken out that the words of it are worth a merge, which rewrites all that
/// stays: one in fifty, or a thousand messages.
pub(crate) const fn is_worn(removed: i64, messages: i64) -> bool {
    removed > 0 && (removed >= 1000 || removed.saturating_mul(50) >= messages)
}

/// All parts, by their keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Parts(pub(crate) Vec<Part>);

impl Parts {
    /// Which part a key lies in.
    pub(crate) fn of(&self, key: i64) -> Option<usize> {
        self.0
            .partition_point(|part| part.from_key <= key)
            .checked_sub(1)
    }

    /// Counts a new message into its part, which is a new one if need be.
    pub(crate) fn place(&mut self, key: i64, full: i64) {
        let at = self.of(key).unwrap_or(0);
        let is_top = at + 1 == self.0.len();
        let new = match self.0.get_mut(at) {
            None => Some((0, i64::MIN)),
            Some(part) if part.messages >= full && is_top && key > part.highest => {
                part.merging = 1;
                Some((at + 1, key))
            }
            Some(part) if part.messages >= full && at == 0 && key < part.lowest => {
                part.merging = 1;
                part.from_key = part.lowest;
                Some((0, i64::MIN))
            }
            Some(_) => None,
        };
        if let Some((at, from_key)) = new {
            let part = Part {
                number: None,
                from_key,
                lowest: key,
                highest: key,
                messages: 0,
                merging: 0,
                removed: 0,
            };
            self.0.insert(at, part);
        }
        if let Some(part) = self.of(key).and_then(|at| self.0.get_mut(at)) {
            part.lowest = part.lowest.min(key);
            part.highest = part.highest.max(key);
            part.messages += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(parts: &Parts) -> Vec<(i64, i64)> {
        parts.0.iter().map(|p| (p.from_key, p.messages)).collect()
    }

    #[test]
    fn full_parts_get_neighbours_at_both_ends() {
        let mut parts = Parts::default();
        for key in [50, 51, 52, 40, 41, 45, 60, 61] {
            parts.place(key, 3);
        }
        assert_eq!(shape(&parts), [(i64::MIN, 3), (50, 3), (60, 2)]);
        assert_eq!(parts.of(49), Some(0));
        assert_eq!(parts.of(50), Some(1));
        assert_eq!(parts.of(i64::MAX), Some(2));
        let merging: Vec<i64> = parts.0.iter().map(|part| part.merging).collect();
        assert_eq!(merging, [0, 1, 0]);
    }

    #[test]
    fn a_part_is_worn_once_much_was_taken_out() {
        assert!(!is_worn(0, 0) && !is_worn(1, 51) && !is_worn(999, 100_000));
        assert!(is_worn(1, 50) && is_worn(1, 0) && is_worn(1000, 100_000));
    }

    #[test]
    fn a_full_part_takes_what_lies_between_its_messages() {
        let mut parts = Parts::default();
        for key in [10, 20, 30, 15, 25] {
            parts.place(key, 3);
        }
        assert_eq!(shape(&parts), [(i64::MIN, 5)]);
    }
}
