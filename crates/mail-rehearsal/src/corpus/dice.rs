//! Numbers that look random and are the same for the same seed, on every machine and for ever.

/// A stream of numbers (splitmix64). Ours, because an algorithm of a library may change with it.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// A stream of its own for this combination of numbers.
    pub(crate) fn new(parts: &[u64]) -> Self {
        let mut state = 0x51ed_270b_27b4_9f3d;
        for part in parts {
            state = mix(state ^ part.wrapping_mul(STEP)).wrapping_add(STEP);
        }
        Self(state)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next().checked_rem(n).unwrap_or(0)
    }

    /// Like [`Self::below`], for times.
    pub(crate) fn seconds(&mut self, n: i64) -> i64 {
        i64::try_from(self.below(n.unsigned_abs())).unwrap_or(0)
    }

    /// True in `percent` of a hundred throws.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let n = u64::try_from(from.len()).unwrap_or(0);
        from.get(usize::try_from(self.below(n)).unwrap_or(0))
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number for a text (FNV-1a).
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut dice = Dice::new(&[1, 2, 3]);
        let first = [dice.next(), dice.next()];
        let mut again = Dice::new(&[1, 2, 3]);
        assert_eq!([again.next(), again.next()], first);
        assert_ne!(Dice::new(&[3, 2, 1]).next(), first[0]);
    }

    #[test]
    fn an_empty_choice_is_no_choice() {
        assert_eq!(Dice::new(&[7]).pick::<u8>(&[]), None);
        assert_eq!(Dice::new(&[7]).below(0), 0);
    }
}
