//! Changes announced by an event source (RFC 8620 section 7.3).

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use eventsource_stream::{Event, EventStream, Eventsource};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use mail_model::remote::{PushEvent, PushStream, SourceError};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::fault::{Fault, bad_answer};
use crate::http::{Outgoing, unreachable};
use crate::push::Window;
use crate::session::Session;
use crate::source::JmapSource;

/// The sign of life asked for, in seconds.
const PING_SECONDS: u32 = 60;
/// A server may choose another interval; one longer than this does not tell a dead connection.
const LONGEST_PING: u64 = 900;
/// One event is never longer; an announcement has some hundred octets.
const LONGEST_EVENT: usize = 64 * 1024;

pub(crate) async fn open(
    source: &JmapSource,
    session: &Session,
) -> Result<Option<PushStream>, Fault> {
    let transport = source.transport();
    let Some(url) = session.event_url(PING_SECONDS, transport)? else {
        return Ok(None);
    };
    let answer = transport
        .authorised(&Outgoing::get(url, "text/event-stream"))
        .await?;
    if matches!(
        answer.status(),
        StatusCode::NO_CONTENT
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED
    ) {
        return Ok(None);
    }
    let answer = transport.successful(answer).await?;
    let is_events = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().starts_with("text/event-stream"));
    if !is_events {
        return Err(bad_answer("it is no event stream").into());
    }
    let account = session.account.clone();
    let octets = limited(
        answer
            .bytes_stream()
            .map(|piece| piece.map_err(unreachable)),
    );
    let listener = Listener {
        events: octets.eventsource(),
        account,
        patience: patience(u64::from(PING_SECONDS)),
        window: Window::since(tokio::time::Instant::now()),
    };
    let connected = stream::iter([Ok(PushEvent::Connected)]);
    let events = stream::unfold(Some(listener), |listener| async move {
        let mut listener = listener?;
        match listener.next().await {
            Some(Ok(event)) => Some((Ok(event), Some(listener))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    Ok(Some(connected.chain(events).boxed()))
}

/// Silence this long means the connection is dead.
const fn patience(ping_seconds: u64) -> Duration {
    Duration::from_secs(2 * ping_seconds + 30)
}

struct Listener {
    events: EventStream<BoxStream<'static, Result<Bytes, SourceError>>>,
    account: String,
    patience: Duration,
    window: Window,
}

impl Listener {
    async fn next(&mut self) -> Option<Result<PushEvent, SourceError>> {
        loop {
            let event = match tokio::time::timeout(self.patience, self.events.next()).await {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(eventsource_stream::EventStreamError::Transport(error)))) => {
                    return Some(Err(error));
                }
                Ok(Some(Err(_))) => return Some(Err(bad_answer("an event is malformed"))),
                Ok(None) => return None,
                Err(elapsed) => {
                    return Some(Err(SourceError::Unreachable(Some(elapsed.into()))));
                }
            };
            let now = tokio::time::Instant::now();
            let ours = event.event != "ping" && concerns(&event, &self.account);
            if let Err(error) = self.window.count(now, event.data.len(), !ours) {
                return Some(Err(error));
            }
            if event.event == "ping" {
                self.adapt(&event);
                return Some(Ok(PushEvent::Ping));
            }
            if ours {
                return Some(Ok(PushEvent::Changed));
            }
        }
    }

    /// Waits as long as the interval the server really pings at.
    fn adapt(&mut self, ping: &Event) {
        #[derive(Deserialize)]
        struct Ping {
            interval: u64,
        }
        if let Ok(Ping { interval }) = serde_json::from_str(&ping.data) {
            self.patience = patience(interval.clamp(u64::from(PING_SECONDS), LONGEST_PING));
        }
    }
}

/// Whether an event speaks of this account. One that cannot be read may, so it does.
fn concerns(event: &Event, account: &str) -> bool {
    #[derive(Deserialize)]
    struct StateChange {
        changed: HashMap<String, IgnoredAny>,
    }
    match serde_json::from_str::<StateChange>(&event.data) {
        Ok(change) => change.changed.contains_key(account),
        Err(_) => true,
    }
}

/// Ends a stream that never finishes a line or an event, because both are kept in memory.
fn limited(
    octets: impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static,
) -> BoxStream<'static, Result<Bytes, SourceError>> {
    octets
        .scan(Some(EventLength::default()), |state, piece| {
            let next = state.as_mut().map(|length| match piece {
                Ok(piece) if !length.add(&piece) => Err(bad_answer("an event is too long")),
                other => other,
            });
            if matches!(next, Some(Err(_))) {
                *state = None;
            }
            futures::future::ready(next)
        })
        .boxed()
}

/// Counts the octets of the event that is arriving; comments do not add to it.
#[derive(Debug, Default)]
struct EventLength {
    event: usize,
    line: usize,
    is_comment: bool,
}

impl EventLength {
    fn add(&mut self, piece: &[u8]) -> bool {
        for byte in piece {
            match byte {
                b'\n' if self.line == 0 => self.event = 0,
                b'\n' => {
                    if !self.is_comment {
                        self.event += self.line;
                    }
                    self.line = 0;
                    self.is_comment = false;
                }
                b'\r' => {}
                byte => {
                    if self.line == 0 {
                        self.is_comment = *byte == b':';
                    }
                    self.line += 1;
                }
            }
            if self.event + self.line > LONGEST_EVENT {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &str) -> Event {
        Event {
            event: "state".into(),
            data: data.into(),
            ..Event::default()
        }
    }

    #[test]
    fn only_events_of_this_account_concern_it() {
        let ours = r#"{"@type":"StateChange","changed":{"A1":{"Email":"7"}}}"#;
        let theirs = r#"{"@type":"StateChange","changed":{"A2":{"Email":"7"}}}"#;
        assert!(concerns(&event(ours), "A1"));
        assert!(!concerns(&event(theirs), "A1"));
        assert!(concerns(&event("not json"), "A1"));
    }

    #[test]
    fn an_endless_line_and_an_endless_event_are_cut_off() {
        let mut length = EventLength::default();
        assert!(!length.add(&vec![b'x'; LONGEST_EVENT + 1]));
        let mut length = EventLength::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1000], b"\n"].concat();
        assert!(!(0..=LONGEST_EVENT / 1000).all(|_| length.add(&line)));
    }

    #[test]
    fn signs_of_life_for_years_are_not_too_long() {
        let mut length = EventLength::default();
        assert!((0..1_000_000).all(|_| length.add(b": here\r\n")));
        assert!((0..1_000_000).all(|_| length.add(b"event: ping\r\ndata: {}\r\n\r\n")));
    }
}
