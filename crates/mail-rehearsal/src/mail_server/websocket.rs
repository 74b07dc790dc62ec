//! JMAP over a web socket (RFC 8887): requests, and push.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::RequestError;
use super::push::{self, States};
use super::session::LARGEST_REQUEST;
use super::{Seat, SeatRunner, Shared, request};
use crate::faults::Switch;

/// The subprotocol (section 4.1).
pub(crate) const PROTOCOL: &str = "jmap";
/// Messages without sense that one announcement becomes when the rehearsal is told so.
const JUNK: usize = 200;

/// What a client says beside requests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Enable {
    /// All types when absent.
    data_types: Option<Vec<String>>,
    push_state: Option<String>,
}

/// One connection.
struct Talk {
    socket: WebSocket,
    shared: Arc<Shared>,
    index: usize,
    seat: Arc<Seat>,
    states: BoxStream<'static, States>,
}

/// Speaks until one side ends it.
pub(crate) async fn talk(socket: WebSocket, shared: Arc<Shared>, index: usize, seat: Arc<Seat>) {
    let cancel = shared.config.cancel.clone();
    let mut talk = Talk {
        socket,
        shared,
        index,
        seat,
        states: stream::pending().boxed(),
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        // `None` only ends the talk: who is to blame makes no difference here.
        _ = talk.run() => {}
    }
}

impl Talk {
    async fn run(&mut self) -> Option<()> {
        loop {
            let faults = &self.shared.config.faults;
            if faults.is_on(Switch::WebSocketSilent) {
                // Not even pings are answered, because nothing is read.
                std::future::pending::<()>().await;
            }
            let answer = tokio::select! {
                message = self.socket.recv() => match message?.ok()? {
                    Message::Text(text) => self.heard(text.as_str()).await,
                    Message::Binary(_) => Some(refusal(&RequestError::NotJson, None)),
                    Message::Ping(_) | Message::Pong(_) => None,
                    Message::Close(_) => return None,
                },
                changed = self.states.next() => Some(self.announcement(&changed?)),
            };
            let faults = &self.shared.config.faults;
            if faults.is_on(Switch::WebSocketCut) {
                return None;
            }
            let Some(answer) = answer else { continue };
            if faults.is_on(Switch::WebSocketJunk) {
                for _ in 0..JUNK {
                    let junk = json!({ "@type": "Junk", "instead": "of an announcement" });
                    self.say(&junk).await?;
                }
            } else {
                self.say(&answer).await?;
            }
        }
    }

    async fn say(&mut self, value: &Value) -> Option<()> {
        let message = Message::Text(value.to_string().into());
        self.socket.send(message).await.ok()
    }

    fn announcement(&self, changed: &States) -> Value {
        json!({
            "@type": "StateChange",
            "changed": { self.seat.account_id().unwrap_or_default(): changed },
            "pushState": push::event_id(&push::now(&self.seat)),
        })
    }

    /// Does what a message asks for; gives what is said at once.
    async fn heard(&mut self, text: &str) -> Option<Value> {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Some(refusal(&RequestError::NotJson, None));
        };
        let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
        match value.get("@type").and_then(Value::as_str) {
            Some("Request") => Some(self.request(text.to_owned(), id).await),
            Some("WebSocketPushEnable") => match serde_json::from_value(value) {
                Ok(enable) => self.enable(enable),
                Err(_) => Some(not_understood(id)),
            },
            Some("WebSocketPushDisable") => {
                self.states = stream::pending().boxed();
                None
            }
            _ => Some(not_understood(id)),
        }
    }

    fn enable(&mut self, enable: Enable) -> Option<Value> {
        let wanted = |name: &str| {
            let types = enable.data_types.as_ref();
            types.is_none_or(|types| types.iter().any(|t| t == name))
        };
        let pushes = self.shared.pushes.subscribe();
        let now = push::now(&self.seat);
        let types: Vec<&'static str> = now.keys().copied().filter(|name| wanted(name)).collect();
        let seat = Arc::clone(&self.seat);
        let missed = enable
            .push_state
            .filter(|state| *state != push::event_id(&now))
            .map(|_| now.into_iter().filter(|(name, _)| types.contains(name)));
        let missed = missed.map(Iterator::collect::<States>);
        self.states = push::changes(self.index, seat, pushes, types, None).boxed();
        missed.map(|missed| self.announcement(&missed))
    }

    async fn request(&mut self, text: String, id: Option<String>) -> Value {
        if text.len() > LARGEST_REQUEST {
            return refusal(&RequestError::Limit("maxSizeRequest"), id);
        }
        let Ok(_permit) = self.seat.requests.try_acquire() else {
            return refusal(&RequestError::Limit("maxConcurrentRequests"), id);
        };
        let (shared, seat, index) = (Arc::clone(&self.shared), Arc::clone(&self.seat), self.index);
        let answered = tokio::task::spawn_blocking(move || {
            let runner = SeatRunner {
                shared: &shared,
                index,
                seat: &seat,
                account_id: seat.account_id(),
            };
            request::answer(text.as_bytes(), &runner)
        });
        match answered.await {
            Ok(Ok(mut value)) => {
                if let Some(response) = value.as_object_mut() {
                    response.insert("@type".to_owned(), "Response".into());
                    response.insert("requestId".to_owned(), id.into());
                }
                value
            }
            Ok(Err(error)) => refusal(&error, id),
            Err(_) => {
                json!({ "@type": "RequestError", "requestId": id, "type": "about:blank", "status": 500 })
            }
        }
    }
}

fn not_understood(id: Option<String>) -> Value {
    refusal(
        &RequestError::NotRequest("it is no message of RFC 8887"),
        id,
    )
}

/// The error of a whole request (section 4.3.2).
fn refusal(error: &RequestError, id: Option<String>) -> Value {
    let mut value = error.to_json();
    if let Some(object) = value.as_object_mut() {
        object.insert("@type".to_owned(), "RequestError".into());
        object.insert("requestId".to_owned(), id.into());
    }
    value
}
