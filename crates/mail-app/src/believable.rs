//! Whether the clock is believed when something is to be deleted by it.
//!
//! A wrong clock would end the time of every sealed copy at once. When a long time seems to have
//! passed since it was last looked, nothing is deleted for a day: long enough for a clock to be
//! set right, or for the person to see what is about to go.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mail_model::UnixTime;
use serde::{Deserialize, Serialize};

use crate::paths::write_atomically;

const DAY: i64 = 24 * 60 * 60;
/// Nobody is believed to have been away for longer, in seconds.
const LEAP: i64 = 60 * DAY;

/// What was seen of the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// When it was last looked, Unix seconds; 0 for never.
    at: i64,
    /// Until when nothing is deleted, Unix seconds.
    wait_until: Option<i64>,
}

impl Seen {
    /// Looks once more.
    fn step(self, now: i64) -> Self {
        let went_back = now < self.at;
        let wait_until = if self.at > 0 && now.saturating_sub(self.at) > LEAP {
            Some(now.saturating_add(DAY))
        } else {
            // The clock was set right again, or the wait is over.
            self.wait_until.filter(|until| !went_back && *until > now)
        };
        Self {
            at: now,
            wait_until,
        }
    }
}

/// The clock as it was seen, in memory and on the disk.
pub(crate) struct Believable {
    file: PathBuf,
    seen: Mutex<Seen>,
}

impl Believable {
    /// Reads what the last run has seen.
    pub(crate) fn load(file: PathBuf) -> Self {
        let seen = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            file,
            seen: Mutex::new(seen),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the clock, and says whether it is believed.
    pub(crate) fn look(&self, now: UnixTime) -> bool {
        let next = {
            let mut seen = self.seen();
            *seen = seen.step(now.seconds());
            *seen
        };
        keep(&self.file, next);
        next.wait_until.is_none()
    }

    /// Whether it is believed, as of the last look.
    pub(crate) fn is_believed(&self) -> bool {
        self.seen().wait_until.is_none()
    }
}

fn keep(file: &Path, seen: Seen) {
    let kept = serde_json::to_vec(&seen)
        .map_err(std::io::Error::other)
        .and_then(|bytes| write_atomically(file, &bytes));
    if let Err(error) = kept {
        tracing::warn!(%error, "what was seen of the clock could not be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_532_000;

    fn at(at: i64) -> Seen {
        Seen {
            at,
            wait_until: None,
        }
    }

    #[test]
    fn a_first_look_and_an_ordinary_absence_are_believed() {
        assert_eq!(Seen::default().step(NOW), at(NOW));
        assert_eq!(at(NOW).step(NOW + 59 * DAY), at(NOW + 59 * DAY));
    }

    #[test]
    fn a_leap_is_believed_after_a_day_and_not_by_looking_twice() {
        let leapt = at(NOW).step(NOW + 90 * DAY);
        assert!(leapt.wait_until.is_some());
        let again = leapt.step(NOW + 90 * DAY + 60);
        assert!(again.wait_until.is_some());
        assert!(again.step(NOW + 91 * DAY).wait_until.is_none());
    }

    #[test]
    fn a_clock_that_is_set_right_is_believed_at_once() {
        let leapt = at(NOW).step(NOW + 3_650 * DAY);
        assert_eq!(leapt.step(NOW + 5), at(NOW + 5));
    }

    #[test]
    fn what_was_seen_outlives_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock.json");
        assert!(Believable::load(file.clone()).look(UnixTime::from_seconds(NOW)));
        let later = UnixTime::from_seconds(NOW + 90 * DAY);
        assert!(!Believable::load(file.clone()).look(later));
        assert!(!Believable::load(file).is_believed());
    }
}
