//! The control endpoint: the faults of a running rehearsal, settable from another program.
//!
//! It listens on loopback, on a listener of its own, and refuses what a web page could send: any request with
//! an `Origin`, any body that is not JSON, any `Host` that is not the loopback address it listens on.

use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Faults, FaultsState, PersonRule, Server, Switch};

#[derive(Debug, Deserialize)]
struct SwitchOrder {
    switch: Switch,
    on: bool,
}

#[derive(Debug, Deserialize)]
struct LagOrder {
    reads: u32,
}

#[derive(Debug, Deserialize)]
struct Counted {
    server: Server,
    method: String,
    path: String,
}

/// `GET /faults` shows the state; `POST /faults/rules`, `/faults/switches`, `/faults/expire-tokens`,
/// `/faults/rotate-keys`, `/faults/end-sessions`, `/faults/rotate-credentials`, `/faults/profile-lag` and
/// `DELETE /faults` change it and answer with the new one. `GET /faults/requests?server=&method=&path=`
/// counts, see [`Faults::requests`]. The routes of `more` are protected alike.
pub fn control_router(faults: Faults, more: Router) -> Router {
    Router::new()
        .route("/faults", get(show).delete(clear))
        .route("/faults/rules", post(add))
        .route("/faults/switches", post(switch))
        .route("/faults/expire-tokens", post(expire_tokens))
        .route("/faults/rotate-keys", post(rotate_keys))
        .route("/faults/end-sessions", post(end_sessions))
        .route("/faults/rotate-credentials", post(rotate_credentials))
        .route("/faults/profile-lag", post(lag_profile))
        .route("/faults/requests", get(requests))
        .with_state(faults)
        .merge(more)
        .layer(middleware::from_fn(programs_only))
}

async fn programs_only(request: Request, next: Next) -> Result<Response, StatusCode> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let loopback = host
        .split(':')
        .next()
        .is_some_and(|name| name == "127.0.0.1");
    if !loopback || request.headers().contains_key(header::ORIGIN) {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(next.run(request).await)
}

async fn show(State(faults): State<Faults>) -> Json<FaultsState> {
    Json(faults.state())
}

async fn clear(State(faults): State<Faults>) -> Json<FaultsState> {
    faults.clear();
    Json(faults.state())
}

async fn add(
    State(faults): State<Faults>,
    Json(PersonRule { person, rule }): Json<PersonRule>,
) -> Json<FaultsState> {
    faults.add_for(person, rule);
    Json(faults.state())
}

async fn switch(State(faults): State<Faults>, Json(order): Json<SwitchOrder>) -> Json<FaultsState> {
    faults.switch(order.switch, order.on);
    Json(faults.state())
}

async fn expire_tokens(State(faults): State<Faults>) -> Json<FaultsState> {
    faults.expire_tokens();
    Json(faults.state())
}

async fn rotate_keys(State(faults): State<Faults>) -> Json<FaultsState> {
    faults.rotate_keys();
    Json(faults.state())
}

async fn end_sessions(State(faults): State<Faults>) -> Json<FaultsState> {
    faults.end_sessions();
    Json(faults.state())
}

async fn rotate_credentials(State(faults): State<Faults>) -> Json<FaultsState> {
    faults.rotate_credentials();
    Json(faults.state())
}

async fn lag_profile(
    State(faults): State<Faults>,
    Json(order): Json<LagOrder>,
) -> Json<FaultsState> {
    faults.lag_profile(order.reads);
    Json(faults.state())
}

async fn requests(State(faults): State<Faults>, Query(of): Query<Counted>) -> Json<Value> {
    let count = faults.requests(of.server, &of.method, &of.path);
    Json(json!({ "count": count }))
}
