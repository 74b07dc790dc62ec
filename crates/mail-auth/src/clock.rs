//! The time, as something a test can hold in its hand.
//!
//! Deadlines of tokens, attempts and caches are judged by this clock only. Time limits of
//! network calls are the runtime's business and do not come from here.

use std::time::{SystemTime, UNIX_EPOCH};

use mail_model::UnixTime;

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Now, in whole seconds.
    fn now(&self) -> UnixTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        UnixTime::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}
