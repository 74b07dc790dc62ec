//! How changes are announced: over a web socket where the server has one that works, else by an
//! event source, else not at all.
//!
//! An announcement is only ever a hint; nothing in it is believed beyond "ask". Connecting again
//! is the caller's part, because only the caller knows how long to wait.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mail_model::remote::{PushStream, SourceError, TokenError};
use tokio::time::Instant;

use crate::fault::{Fault, bad_answer};
use crate::session::Session;
use crate::source::JmapSource;
use crate::{event_source, websocket};

/// After this many web sockets in a row that stood without a sign of life, the event source is
/// used: something between here and the server does not let them through.
const MISSES: u32 = 2;
/// Then every so many channels a web socket is tried again.
const TRY_AGAIN: u32 = 10;

/// Opens the channel that is best at the moment; `None` where the server has none.
///
/// # Errors
/// As for every call. That a web socket is refused is none while there is another channel.
pub(crate) async fn open(
    source: &JmapSource,
    session: &Session,
) -> Result<Option<PushStream>, Fault> {
    if let Some(url) = &session.web_socket
        && source.channels().wants_web_socket()
    {
        match websocket::open(source, session, url.clone()).await {
            Ok(stream) => return Ok(Some(stream)),
            // Without a token there is no other channel either.
            Err(error @ SourceError::Token(_)) => {
                if matches!(error, SourceError::Token(TokenError::SignInAgain)) {
                    source.channels().missed();
                }
                return Err(error.into());
            }
            Err(error) => {
                tracing::debug!(%error, "no push over a web socket");
                source.channels().missed();
            }
        }
    }
    event_source::open(source, session).await
}

/// What is known of an account's channels, in memory only.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Web sockets in a row without a sign of life, and channels opened without one since.
    misses: u32,
    /// Where the last web socket's announcements ended (RFC 8887 section 4.3.5.1).
    push_state: Option<String>,
}

impl Channels {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next channel should be a web socket.
    fn wants_web_socket(&self) -> bool {
        let mut known = self.known();
        if known.misses < MISSES {
            return true;
        }
        known.misses += 1;
        if known.misses >= MISSES + TRY_AGAIN {
            // One more miss, and it is the event source's turn again.
            known.misses = MISSES - 1;
            return true;
        }
        false
    }

    /// A web socket was refused, or ended without a sign of life.
    pub(crate) fn missed(&self) {
        let mut known = self.known();
        known.misses = known.misses.saturating_add(1);
    }

    /// A web socket lives.
    pub(crate) fn stood(&self) {
        self.known().misses = 0;
    }

    pub(crate) fn push_state(&self) -> Option<String> {
        self.known().push_state.clone()
    }

    pub(crate) fn set_push_state(&self, state: String) {
        self.known().push_state = Some(state);
    }
}

/// A window of time over which what arrives on a channel is counted.
const WINDOW: Duration = Duration::from_secs(60);
/// More octets in one window are no announcements.
const MOST_OCTETS: usize = 16 * 1024 * 1024;
/// More messages in one window that announce nothing are junk, empty pings too.
const MOST_JUNK: u32 = 100;

/// What came in the last while.
#[derive(Debug)]
pub(crate) struct Window {
    ends: Instant,
    octets: usize,
    junk: u32,
}

impl Window {
    pub(crate) fn since(now: Instant) -> Self {
        Self {
            ends: now + WINDOW,
            octets: 0,
            junk: 0,
        }
    }

    /// Counts a message.
    ///
    /// # Errors
    /// It is more than a channel for announcements has reason to bring.
    pub(crate) fn count(
        &mut self,
        now: Instant,
        octets: usize,
        junk: bool,
    ) -> Result<(), SourceError> {
        if now >= self.ends {
            *self = Self::since(now);
        }
        self.octets = self.octets.saturating_add(octets);
        self.junk += u32::from(junk);
        if self.octets > MOST_OCTETS || self.junk > MOST_JUNK {
            return Err(bad_answer(
                "what comes over the push channel makes no sense",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_is_borne_for_a_while_but_not_without_end() {
        let begun = Instant::now();
        let mut window = Window::since(begun);
        for minute in 0..10 {
            let now = begun + WINDOW * minute;
            for _ in 0..MOST_JUNK {
                window.count(now, 0, true).unwrap();
            }
        }
        let now = begun + WINDOW * 9;
        assert!(window.count(now, 0, true).is_err());
    }

    #[test]
    fn more_octets_than_announcements_have_end_the_channel() {
        let now = Instant::now();
        let mut window = Window::since(now);
        let each = 64 * 1024;
        for _ in 0..MOST_OCTETS / each {
            window.count(now, each, false).unwrap();
        }
        assert!(window.count(now, each, false).is_err());
    }

    #[test]
    fn a_web_socket_that_never_lives_gives_way_and_is_tried_again_now_and_then() {
        let channels = Channels::default();
        let mut sockets = 0;
        for _ in 0..2 + 5 * 10 {
            if channels.wants_web_socket() {
                sockets += 1;
                channels.missed();
            }
        }
        assert_eq!(sockets, 2 + 5);
    }

    #[test]
    fn a_web_socket_that_lived_is_the_next_channel_too() {
        let channels = Channels::default();
        for _ in 0..50 {
            channels.missed();
            assert!(channels.wants_web_socket());
            channels.stood();
        }
    }
}
