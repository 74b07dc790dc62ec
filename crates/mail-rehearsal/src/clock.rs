//! The rehearsal's time.
//!
//! Both servers read one clock, so that a test can let a day pass in an instant: real time plus an offset
//! that only grows, or a time that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock shared by everything that holds a clone of it.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds added to the base.
    offset: Arc<AtomicI64>,
    /// Milliseconds since 1970 where the clock stands; `None` follows real time.
    base: Option<i64>,
}

impl Clock {
    /// A clock that follows real time.
    #[must_use]
    pub fn real() -> Self {
        Self::default()
    }

    /// A clock that stands at `unix_millis` until it is moved.
    #[must_use]
    pub fn standing_at(unix_millis: i64) -> Self {
        Self {
            offset: Arc::default(),
            base: Some(unix_millis),
        }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn unix_millis(&self) -> i64 {
        let base = self.base.unwrap_or_else(|| {
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        });
        base.saturating_add(self.offset.load(Ordering::SeqCst))
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.unix_millis().div_euclid(1000)
    }

    /// Lets `by` pass at once, for everybody who shares this clock.
    pub fn advance(&self, by: Duration) {
        self.offset.fetch_add(
            i64::try_from(by.as_millis()).unwrap_or(i64::MAX),
            Ordering::SeqCst,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_time() {
        let clock = Clock::standing_at(1_000);
        let other = clock.clone();
        clock.advance(Duration::from_secs(2));
        assert_eq!(other.unix_millis(), 3_000);
        assert_eq!(other.unix_seconds(), 3);
    }
}
