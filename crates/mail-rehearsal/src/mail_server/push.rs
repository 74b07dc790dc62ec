//! Push by EventSource (RFC 8620 section 7.3).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval_at};

use super::account::{Logs, Touched};
use super::{Seat, Shared};

/// The shortest time between pings a client can ask for; a shorter one becomes this.
const SHORTEST_PING: u64 = 1;

/// States by data type.
pub(crate) type States = BTreeMap<&'static str, String>;

/// What changed in a seat.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    pub(crate) seat: usize,
    pub(crate) changed: States,
}

/// The new states of what was touched.
pub(crate) fn states(logs: &Logs, touched: Touched) -> States {
    let mut out = States::new();
    for (is, name, state) in [
        (touched.email, "Email", logs.email.state()),
        (touched.mailbox, "Mailbox", logs.mailbox.state()),
        (touched.thread, "Thread", logs.thread.state()),
        (
            touched.submission,
            "EmailSubmission",
            logs.submission.state(),
        ),
        (touched.delivery, "EmailDelivery", logs.delivery.to_string()),
    ] {
        if is {
            out.insert(name, state);
        }
    }
    out
}

/// The states of everything in a seat.
pub(crate) fn now(seat: &Seat) -> States {
    let all = Touched {
        email: true,
        mailbox: true,
        thread: true,
        submission: true,
        delivery: true,
    };
    states(&seat.account().logs, all)
}

/// What a client asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Options {
    types: String,
    closeafter: String,
    ping: u64,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.types.split(',').any(|t| t == "*" || t == name)
    }
}

/// The stream of one connection.
pub(crate) fn stream(
    shared: &Arc<Shared>,
    (index, seat): (usize, &Arc<Seat>),
    options: &Options,
    last: Option<&str>,
) -> Response {
    let account_id = seat.account_id().unwrap_or_default();
    if !["state", "no"].contains(&options.closeafter.as_str()) {
        return axum::http::StatusCode::BAD_REQUEST.into_response();
    }
    let pushes = shared.pushes.subscribe();
    let wanted = |states: States| -> States {
        states
            .into_iter()
            .filter(|(name, _)| options.wants(name))
            .collect()
    };
    let now = now(seat);
    // A client that comes back with another id than it would get now has missed something.
    let missed = last
        .filter(|id| *id != event_id(&now))
        .map(|_| wanted(now.clone()));
    let types: Vec<&'static str> = now
        .keys()
        .copied()
        .filter(|name| options.wants(name))
        .collect();
    let events = changes(index, Arc::clone(seat), pushes, types, missed);
    let seat = Arc::clone(seat);
    let states = events.map(move |changed| {
        let id = event_id(&self::now(&seat));
        let data = json!({ "@type": "StateChange", "changed": { &account_id: changed } });
        Event::default()
            .event("state")
            .id(id)
            .data(data.to_string())
    });
    let states: std::pin::Pin<Box<dyn Stream<Item = Event> + Send>> =
        if options.closeafter == "state" {
            Box::pin(states.take(1))
        } else {
            Box::pin(states)
        };
    let both = with_pings(states, options.ping);
    let mut response = Sse::new(
        both.take_until(shared.config.cancel.clone().cancelled_owned())
            .map(Ok::<_, Infallible>),
    )
    .into_response();
    response.headers_mut().insert(
        axum::http::header::CACHE_CONTROL,
        axum::http::HeaderValue::from_static("no-cache"),
    );
    response
}

pub(crate) fn event_id(states: &States) -> String {
    states
        .iter()
        .filter(|(name, _)| **name != "EmailDelivery")
        .map(|(_, state)| state.as_str())
        .collect::<Vec<_>>()
        .join(".")
}

/// What changed, from now on; a listener that was too slow is told everything.
pub(crate) fn changes(
    index: usize,
    seat: Arc<Seat>,
    pushes: tokio::sync::broadcast::Receiver<Push>,
    types: Vec<&'static str>,
    missed: Option<States>,
) -> impl Stream<Item = States> + Send {
    let live = stream::unfold((seat, pushes), move |(seat, mut pushes)| {
        let types = types.clone();
        async move {
            loop {
                let changed = match pushes.recv().await {
                    Ok(push) if push.seat == index => push.changed,
                    Ok(_) => continue,
                    Err(RecvError::Lagged(_)) => now(&seat),
                    Err(RecvError::Closed) => return None,
                };
                let changed: States = changed
                    .into_iter()
                    .filter(|(name, _)| types.contains(name))
                    .collect();
                if !changed.is_empty() {
                    return Some((changed, (seat, pushes)));
                }
            }
        }
    });
    stream::iter(missed).chain(live)
}

/// Adds pings after every `seconds` of silence; 0 for none. Ends when the states end.
fn with_pings(
    states: std::pin::Pin<Box<dyn Stream<Item = Event> + Send>>,
    seconds: u64,
) -> impl Stream<Item = Event> + Send {
    let seconds = if seconds == 0 {
        0
    } else {
        seconds.max(SHORTEST_PING)
    };
    let every = Duration::from_secs(if seconds == 0 { 86_400 * 365 } else { seconds });
    let timer = interval_at(Instant::now() + every, every);
    stream::unfold((states, timer), move |(mut states, mut timer)| async move {
        let event = tokio::select! {
            event = states.next() => event?,
            _ = timer.tick() => {
                let data: Value = json!({ "interval": seconds });
                Event::default().event("ping").data(data.to_string())
            }
        };
        timer.reset();
        Some((event, (states, timer)))
    })
}
