//! Changes announced over a web socket (RFC 8887 section 4.3.5). Requests stay on HTTP.
//!
//! The handshake is an HTTP request like every other: same client settings, same rule for who may
//! see the token, same renewal of a refused one. What comes afterwards is small by nature, so what
//! is large, endless or not understood ends the channel.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt, stream};
use mail_model::remote::{PushEvent, PushStream, SourceError};
use reqwest::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use url::Url;

use crate::fault::bad_answer;
use crate::http::Outgoing;
use crate::push::{Channels, Window};
use crate::session::Session;
use crate::source::JmapSource;

/// The subprotocol (RFC 8887 section 4.1).
const PROTOCOL: &str = "jmap";
/// One message is never longer; an announcement has some hundred octets.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// A longer state is not sent back.
const LONGEST_STATE: usize = 1024;

/// Opens the channel and asks for announcements.
///
/// # Errors
/// [`SourceError::Refused`] or [`SourceError::BadAnswer`] where there is no web socket after all;
/// else as for every request.
pub(crate) async fn open(
    source: &JmapSource,
    session: &Session,
    url: Url,
) -> Result<PushStream, SourceError> {
    let key = generate_key();
    let request = Outgoing::upgrade(url, handshake(&key)?);
    let answer = source.transport().authorised(&request).await?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(SourceError::Refused {
            reason: answer.status().as_u16().to_string(),
        });
    }
    check(answer.headers(), &key)?;
    let upgraded = answer.upgrade().await.map_err(crate::http::unreachable)?;
    let limits = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await;
    let timeouts = source.transport().timeouts();
    let now = Instant::now();
    let mut listener = Listener {
        socket,
        account: session.account.clone(),
        channels: Arc::clone(source.channels()),
        ping: timeouts.ping,
        pong: timeouts.pong,
        ping_at: now,
        dead_at: None,
        stood: false,
        window: Window::since(now),
    };
    let enable = json!({
        "@type": "WebSocketPushEnable",
        "dataTypes": ["Mailbox", "Email"],
        "pushState": source.channels().push_state(),
    });
    listener.send(Message::text(enable.to_string())).await?;
    let connected = stream::iter([Ok(PushEvent::Connected)]);
    let events = stream::unfold(Some(listener), |listener| async move {
        let mut listener = listener?;
        let event = listener.next().await;
        if !listener.stood && !matches!(event, Ok(Some(_))) {
            listener.channels.missed();
        }
        match event {
            Ok(Some(event)) => Some((Ok(event), Some(listener))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(connected.chain(events).boxed())
}

fn handshake(key: &str) -> Result<HeaderMap, SourceError> {
    let key = HeaderValue::try_from(key).map_err(|_| bad_answer("no key for a web socket"))?;
    let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    Ok(HeaderMap::from_iter([
        fixed(CONNECTION, "Upgrade"),
        fixed(UPGRADE, "websocket"),
        fixed(SEC_WEBSOCKET_VERSION, "13"),
        fixed(SEC_WEBSOCKET_PROTOCOL, PROTOCOL),
        (SEC_WEBSOCKET_KEY, key),
    ]))
}

/// Whether the answer agrees to this handshake and to no other (RFC 6455 section 4.1).
fn check(headers: &HeaderMap, key: &str) -> Result<(), SourceError> {
    let is = |name: &HeaderName, wanted: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.trim() == wanted)
    };
    let says = |name: &HeaderName, wanted: &str| {
        let values = headers.get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let agreed = says(&UPGRADE, "websocket")
        && says(&CONNECTION, "upgrade")
        && is(&SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()))
        && is(&SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
        && !headers.contains_key(SEC_WEBSOCKET_EXTENSIONS);
    if agreed {
        Ok(())
    } else {
        Err(bad_answer("it is no web socket for JMAP"))
    }
}

struct Listener {
    socket: WebSocketStream<Upgraded>,
    account: String,
    channels: Arc<Channels>,
    ping: Duration,
    pong: Duration,
    /// When to ask for a sign of life; at once in the beginning, because a connection that was
    /// let through once may still lead nowhere.
    ping_at: Instant,
    /// When the channel is dead without one.
    dead_at: Option<Instant>,
    /// A sign of life has come.
    stood: bool,
    window: Window,
}

impl Listener {
    async fn send(&mut self, message: Message) -> Result<(), SourceError> {
        match timeout(self.pong, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(broken),
            Err(elapsed) => Err(SourceError::Unreachable(Some(elapsed.into()))),
        }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Result<Option<PushEvent>, SourceError> {
        loop {
            let due = self.dead_at.unwrap_or(self.ping_at);
            let message = tokio::select! {
                biased;
                message = self.socket.next() => message,
                () = sleep_until(due) => {
                    if self.dead_at.is_some() {
                        return Err(SourceError::Unreachable(None));
                    }
                    self.dead_at = Some(Instant::now() + self.pong);
                    self.send(Message::Ping(bytes::Bytes::new())).await?;
                    continue;
                }
            };
            let message = match message {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(message) => message.map_err(broken)?,
            };
            let now = Instant::now();
            let heard = match heard(&message, &self.account) {
                // An answer nobody has asked for.
                Heard::Answer if self.dead_at.is_none() => Heard::Nothing,
                heard => heard,
            };
            self.window
                .count(now, message.len(), heard == Heard::Nothing)?;
            match heard {
                Heard::Refusal => return Err(bad_answer("it does not announce changes there")),
                // That somebody talks there does not say that we are heard.
                Heard::Nothing => {}
                Heard::Answer => {
                    self.lives(now);
                    return Ok(Some(PushEvent::Ping));
                }
                Heard::State { ours, push_state } => {
                    self.lives(now);
                    if let Some(state) = push_state.filter(|state| state.len() <= LONGEST_STATE) {
                        self.channels.set_push_state(state);
                    }
                    if ours {
                        return Ok(Some(PushEvent::Changed));
                    }
                }
            }
        }
    }

    fn lives(&mut self, now: Instant) {
        self.dead_at = None;
        self.ping_at = now + self.ping;
        if !std::mem::replace(&mut self.stood, true) {
            self.channels.stood();
        }
    }
}

/// What a message is to us.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// Something changed; perhaps in another account.
    State {
        ours: bool,
        push_state: Option<String>,
    },
    /// The other side lives: it has answered our ping.
    Answer,
    /// Our wish was refused.
    Refusal,
    /// Not for us.
    Nothing,
}

fn heard(message: &Message, account: &str) -> Heard {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "@type")]
        kind: &'a str,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct StateChange {
        changed: HashMap<String, IgnoredAny>,
        #[serde(default)]
        push_state: Option<String>,
    }
    let text = match message {
        Message::Text(text) => text.as_str(),
        Message::Pong(_) => return Heard::Answer,
        Message::Ping(_) | Message::Binary(_) | Message::Close(_) | Message::Frame(_) => {
            return Heard::Nothing;
        }
    };
    match serde_json::from_str::<Kind<'_>>(text) {
        Ok(Kind {
            kind: "StateChange",
        }) => match serde_json::from_str::<StateChange>(text) {
            Ok(change) => Heard::State {
                ours: change.changed.contains_key(account),
                push_state: change.push_state,
            },
            // It may speak of this account.
            Err(_) => Heard::State {
                ours: true,
                push_state: None,
            },
        },
        Ok(Kind {
            kind: "RequestError",
        }) => Heard::Refusal,
        Ok(_) | Err(_) => Heard::Nothing,
    }
}

fn broken(error: Error) -> SourceError {
    match error {
        Error::Io(error) => SourceError::Unreachable(Some(error.into())),
        Error::ConnectionClosed | Error::AlreadyClosed => SourceError::Unreachable(None),
        // Ended without a word of goodbye: a cut, not an answer.
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => SourceError::Unreachable(None),
        Error::Capacity(_) => bad_answer("a message is too long"),
        _ => bad_answer("a message is malformed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Heard {
        heard(&Message::text(text), "A1")
    }

    #[test]
    fn only_announcements_for_this_account_are_changes() {
        let state = |ours, push_state: Option<&str>| Heard::State {
            ours,
            push_state: push_state.map(Into::into),
        };
        for (message, expected) in [
            (
                r#"{"@type":"StateChange","changed":{"A1":{"Email":"7"}},"pushState":"aaa"}"#,
                state(true, Some("aaa")),
            ),
            (
                r#"{"@type":"StateChange","changed":{"A2":{"Email":"7"}}}"#,
                state(false, None),
            ),
            (r#"{"@type":"StateChange","changed":7}"#, state(true, None)),
            (r#"{"@type":"RequestError","type":"x"}"#, Heard::Refusal),
            (
                r#"{"@type":"Response","methodResponses":[]}"#,
                Heard::Nothing,
            ),
            (r#"{"changed":{"A1":{}}}"#, Heard::Nothing),
            ("not JSON", Heard::Nothing),
        ] {
            assert_eq!(text(message), expected, "{message}");
        }
    }
}
