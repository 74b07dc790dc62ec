//! Time as a value that is handed in, so that no test waits for a real second.
//!
//! Owns the two ways of telling time: the machine's, and one that tests move by hand. It refuses
//! to schedule anything; whoever waits also decides what may cut the waiting short.

use std::ops::Add;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use mail_model::UnixTime;
use tokio::sync::watch;

/// Longest stretch slept at once: after a suspend the wall clock is looked at again this soon.
const SLICE: Duration = Duration::from_secs(20);

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(i64);

impl Moment {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The same point in whole seconds, rounded up, so that a deadline is never shown too early.
    #[must_use]
    pub const fn unix(self) -> UnixTime {
        UnixTime::from_seconds(self.0.div_euclid(1000) + (self.0.rem_euclid(1000) > 0) as i64)
    }

    /// How long until `later`; zero when it has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Moment;

    /// Returns once `at` has come. Dropping the future is the way to stop waiting.
    async fn sleep_until(&self, at: Moment);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_until(&self, at: Moment) {
        // Whichever comes first: a wall clock set back must not make the wait longer, and one
        // that went on during a suspend must end it.
        let begun = Instant::now();
        let span = self.now().until(at);
        loop {
            let left = span
                .saturating_sub(begun.elapsed())
                .min(self.now().until(at));
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(SLICE)).await;
        }
    }
}

/// How often it is looked whether the machine slept.
const TICK: Duration = Duration::from_secs(5);
/// A look that comes so much too late was late because the machine slept.
const LATE: Duration = Duration::from_secs(30);

/// Returns after the machine has woken from a sleep of half a minute or more, at most 5 s after
/// it woke. A clock that is set forward counts as well: looking once too often harms nobody.
pub async fn woken(clock: &dyn Clock) {
    let mut last = clock.now();
    loop {
        clock.sleep_until(last + TICK).await;
        let now = clock.now();
        if last.until(now) >= TICK + LATE {
            return;
        }
        last = now;
    }
}

/// A clock that stands still until it is moved. For tests, here and in other crates.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Moment>,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn at(start: Moment) -> Self {
        Self {
            now: watch::Sender::new(start),
        }
    }

    /// Moves the clock on; everybody whose time has come wakes up.
    pub fn advance(&self, span: Duration) {
        self.now.send_modify(|now| *now = *now + span);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Moment) {
        let mut now = self.now.subscribe();
        // The sender lives as long as `self`, so this only ends when the time has come.
        let _reached = now.wait_for(|now| *now >= at).await.is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_moved_clock_wakes_only_those_whose_time_has_come() {
        let clock = std::sync::Arc::new(ManualClock::at(Moment::from_millis(1_000)));
        let early = clock.sleep_until(Moment::from_millis(2_000));
        let late = clock.sleep_until(Moment::from_millis(3_000));
        tokio::pin!(early, late);
        assert!(futures::poll!(&mut early).is_pending());
        clock.advance(Duration::from_secs(1));
        early.await;
        assert!(futures::poll!(&mut late).is_pending());
    }

    #[tokio::test]
    async fn a_machine_that_slept_is_noticed_and_one_that_is_only_slow_is_not() {
        let clock = ManualClock::at(Moment::from_millis(1_000));
        let woken = woken(&clock);
        tokio::pin!(woken);
        for _ in 0..20 {
            assert!(futures::poll!(&mut woken).is_pending());
            clock.advance(Duration::from_secs(34));
        }
        assert!(futures::poll!(&mut woken).is_pending());
        clock.advance(Duration::from_secs(8 * 60 * 60));
        woken.await;
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_is_no_sleep() {
        let clock = ManualClock::at(Moment::from_millis(10_000_000));
        let woken = woken(&clock);
        tokio::pin!(woken);
        assert!(futures::poll!(&mut woken).is_pending());
        clock
            .now
            .send_modify(|now| *now = Moment::from_millis(5_000_000));
        assert!(futures::poll!(&mut woken).is_pending());
        clock
            .now
            .send_modify(|now| *now = Moment::from_millis(10_005_000));
        assert!(futures::poll!(&mut woken).is_pending());
    }

    #[tokio::test]
    async fn a_time_that_has_passed_is_not_waited_for() {
        SystemClock.sleep_until(Moment::from_millis(0)).await;
    }

    #[test]
    fn a_deadline_is_rounded_up_to_the_second_it_ends_in() {
        assert_eq!(Moment::from_millis(1_001).unix().seconds(), 2);
        assert_eq!(Moment::from_millis(1_000).unix().seconds(), 1);
        assert_eq!(Moment::from_millis(-1).unix().seconds(), 0);
    }
}
