//! How long to wait after a failure: exponential with jitter, never sooner than the server asks.
//!
//! Pure but for the source of randomness, which is handed in. It does not wait itself: the loops
//! wait, so that a person or a returning network can cut the waiting short.

use std::time::Duration;

/// The longest wait a server can impose; a larger `Retry-After` is a fault or an attack.
pub const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// Gives the random part of a delay.
pub trait Jitter: Send + Sync + 'static {
    /// A number in `0.0..=1.0`.
    fn fraction(&self) -> f64;
}

/// Jitter from the thread's random generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomJitter;

impl Jitter for RandomJitter {
    fn fraction(&self) -> f64 {
        rand::random()
    }
}

/// Always the same jitter. For tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedJitter(pub f64);

impl Jitter for FixedJitter {
    fn fraction(&self) -> f64 {
        self.0
    }
}

/// The bounds of an exponential back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Delay after the first failure, before jitter.
    pub first: Duration,
    /// Delay that is never exceeded, unless the server asks for more.
    pub cap: Duration,
}

impl Backoff {
    /// 1 s, doubling up to 5 min.
    pub const STANDARD: Self = Self {
        first: Duration::from_secs(1),
        cap: Duration::from_secs(300),
    };

    /// The delay after `tries` failures in a row (1 for the first one).
    ///
    /// Half of it is certain and half is random, so that accounts which failed together do not
    /// come back together. A delay the server asked for is kept, up to [`LONGEST_ASKED`].
    #[must_use]
    pub fn delay(&self, tries: u32, fraction: f64, asked: Option<Duration>) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        let full = self
            .first
            .saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))
            .min(self.cap);
        let jittered = full / 2 + (full / 2).mul_f64(fraction.clamp(0.0, 1.0));
        asked.map_or(jittered, |asked| jittered.max(asked.min(LONGEST_ASKED)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let seconds: Vec<u64> = (1..=11)
            .map(|tries| Backoff::STANDARD.delay(tries, 1.0, None).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn ten_minutes_of_failures_cost_fewer_than_twenty_tries() {
        let mut spent = Duration::ZERO;
        let mut tries = 0;
        while spent < Duration::from_secs(600) {
            tries += 1;
            spent += Backoff::STANDARD.delay(tries, 0.0, None);
        }
        assert!(tries < 20, "{tries}");
    }

    #[test]
    fn a_server_that_asks_for_a_day_gets_an_hour() {
        let asked = Some(Duration::from_secs(86_400));
        assert_eq!(Backoff::STANDARD.delay(1, 0.5, asked), LONGEST_ASKED);
    }

    proptest! {
        #[test]
        fn a_delay_stays_within_its_bounds(tries in 0_u32..200, fraction in -1.0_f64..2.0, asked in proptest::option::of(0_u64..10_000)) {
            let asked = asked.map(Duration::from_secs);
            let delay = Backoff::STANDARD.delay(tries, fraction, asked);
            prop_assert!(delay >= Backoff::STANDARD.first / 2);
            prop_assert!(delay <= Backoff::STANDARD.cap.max(LONGEST_ASKED));
            if let Some(asked) = asked {
                prop_assert!(delay >= asked.min(LONGEST_ASKED));
            }
        }
    }
}
