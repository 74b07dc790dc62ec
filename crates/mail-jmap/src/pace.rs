//! How fast a server is: reads an answer's body as long as it keeps coming, and sizes what is
//! asked for next by how long the last answers took.

use std::time::Duration;

use bytes::Bytes;
use mail_model::remote::SourceError;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::config::Timeouts;
use crate::fault::bad_answer;
use crate::http::unreachable;

/// A body that must arrive at a minimum pace.
pub(crate) struct PacedBody {
    response: Response,
    timeouts: Timeouts,
    window_ends: Instant,
    octets: u64,
}

impl PacedBody {
    pub(crate) fn new(response: Response, timeouts: Timeouts) -> Self {
        Self {
            response,
            timeouts,
            window_ends: Instant::now() + timeouts.stall,
            octets: 0,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`SourceError::Unreachable`] when the connection breaks, ends early or crawls.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            match timeout_at(self.window_ends, self.response.chunk()).await {
                Ok(chunk) => {
                    let chunk = chunk.map_err(unreachable)?;
                    let octets = chunk.as_ref().map_or(0, Bytes::len);
                    self.octets = self.octets.saturating_add(octets as u64);
                    return Ok(chunk);
                }
                Err(_) if self.octets >= self.timeouts.stall_octets => {
                    self.octets = 0;
                    self.window_ends = Instant::now() + self.timeouts.stall;
                }
                Err(elapsed) => return Err(SourceError::Unreachable(Some(elapsed.into()))),
            }
        }
    }

    /// The whole body, if it is at most `limit` octets after decompression.
    ///
    /// # Errors
    /// As [`PacedBody::next`]; [`SourceError::BadAnswer`] when it is longer.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, SourceError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next().await? {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(bad_answer("it is longer than any answer may be"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// A piece that took no longer leaves room for more.
const QUICK: Duration = Duration::from_millis(500);
/// A piece that took longer was too much: nothing is seen of it before it is whole.
const SLOW: Duration = Duration::from_secs(2);
/// The first piece, while nothing is known of the server.
const FIRST: usize = 100;
/// Smaller pieces would only add round trips.
const LEAST: usize = 10;

/// After so many full answers at what the server once found too many, more is tried again: one
/// very large message may have been to blame.
const CALM: u32 = 16;

/// How many objects are asked for at once; for one account's server, kept in memory only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    size: usize,
    /// What the server found too many lies above this.
    ceiling: usize,
    /// Full answers at the ceiling, one after the other.
    calm: u32,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: FIRST,
            ceiling: usize::MAX,
            calm: 0,
        }
    }
}

impl Window {
    /// What to ask for, where the server gives at most `most`.
    pub(crate) fn size(self, most: usize) -> usize {
        self.size.min(self.ceiling).min(most).max(1)
    }

    /// After an answer: `asked` objects took that long, `given` came. A short answer says little
    /// about a long one, so only a full one makes the window grow.
    pub(crate) fn after(mut self, asked: usize, given: usize, took: Duration, most: usize) -> Self {
        if took > SLOW {
            self.size = (self.size.min(asked) / 2).max(LEAST);
        } else if took <= QUICK && given >= asked && asked >= self.size(most) {
            if asked >= self.ceiling {
                self.calm += 1;
                if self.calm >= CALM {
                    self.calm = 0;
                    self.ceiling = self.ceiling.saturating_mul(2);
                }
            }
            let more = asked.saturating_mul(2);
            self.size = self.size.max(more).min(self.ceiling).min(most);
        }
        self
    }

    /// After the server found `asked` objects too many, whatever they were.
    pub(crate) fn refused(self, asked: usize) -> Self {
        let fits = (asked / 2).max(1);
        Self {
            size: fits,
            ceiling: fits,
            calm: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 500;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_window_grows_up_to_the_limit_while_answers_are_quick() {
        let mut window = Window::default();
        let mut sizes = Vec::new();
        for _ in 0..5 {
            let size = window.size(MOST);
            sizes.push(size);
            window = window.after(size, size, millis(200), MOST);
        }
        assert_eq!(sizes, [100, 200, 400, 500, 500]);
    }

    fn of(size: usize) -> Window {
        Window {
            size,
            ..Window::default()
        }
    }

    #[test]
    fn the_window_shrinks_while_answers_are_slow_and_never_to_nothing() {
        let mut window = of(MOST);
        let mut sizes = Vec::new();
        for _ in 0..8 {
            let size = window.size(MOST);
            sizes.push(size);
            window = window.after(size, size, millis(2_001), MOST);
        }
        assert_eq!(sizes, [500, 250, 125, 62, 31, 15, 10, 10]);
    }

    #[test]
    fn an_answer_that_is_neither_quick_nor_slow_leaves_the_window_as_it_is() {
        for took in [501, 1_000, 2_000] {
            assert_eq!(of(80).after(80, 80, millis(took), MOST), of(80));
        }
    }

    #[test]
    fn a_short_answer_says_nothing_about_a_long_one() {
        assert_eq!(of(80).after(80, 79, millis(10), MOST), of(80));
        assert_eq!(of(80).after(5, 5, millis(10), MOST), of(80));
    }

    #[test]
    fn what_was_too_much_is_halved_down_to_one_and_not_tried_again_soon() {
        let mut window = of(9);
        for expected in [4, 2, 1, 1] {
            window = window.refused(window.size(MOST));
            assert_eq!(window.size(MOST), expected);
        }
        let mut sizes = Vec::new();
        for _ in 0..CALM + 1 {
            let size = window.size(MOST);
            sizes.push(size);
            window = window.after(size, size, millis(1), MOST);
        }
        assert_eq!(sizes.iter().filter(|size| **size == 1).count(), 16);
        assert_eq!(sizes.last(), Some(&2));
    }

    #[test]
    fn the_servers_limit_holds_whatever_the_window_is() {
        assert_eq!(of(400).size(7), 7);
        assert_eq!(of(7).after(7, 7, millis(1), 7).size(7), 7);
    }
}
