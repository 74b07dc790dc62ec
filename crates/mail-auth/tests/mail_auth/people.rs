//! The tenant's side of what a person may ask about themselves and change.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::tenant::{Inner, TestTenant, failing, refuse};

pub(crate) fn routes() -> Router<TestTenant> {
    Router::new()
        .route("/api/session/profile", get(profile))
        .route("/api/session/credentials", get(credentials))
        .route("/api/session/devices", get(devices))
        .route("/api/session/devices/{id}", delete(remove_device))
        .route("/api/session/identities/{id}", delete(unlink))
        .route("/v1/users/{user}/identities", patch(link))
}

pub(crate) fn first_identities() -> Vec<Value> {
    vec![
        json!({"connection": {"connectionId": "con_northwind", "userId": "nw|1"}}),
        json!({
            "connection": {"connectionId": "google", "userId": "108"},
            "linkedTime": "2026-01-02T03:04:05Z",
        }),
    ]
}

/// The subject of the bearer token; the tests' tenant believes its own.
pub(crate) fn bearer_of(headers: &HeaderMap) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let payload = bearer.strip_prefix("Bearer ")?.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["sub"].as_str().map(str::to_owned)
}

/// Adds the identity the browser signed in with, and says who comes back.
pub(crate) fn person_after_linking(inner: &mut Inner, request: &str) -> String {
    let asked = inner.requests[request].clone();
    let connection = asked["connectionId"].as_str().unwrap_or("by-address");
    inner
        .linked
        .push(json!({"connection": {"connectionId": connection, "userId": "new|1"}}));
    match inner.switches.linked_person {
        Some(person) => person.to_owned(),
        None => inner.bearers[request].clone(),
    }
}

async fn profile(State(tenant): State<TestTenant>, headers: HeaderMap, body: Bytes) -> Response {
    tenant.with(|inner| match inner.enter("profile", &headers, &body) {
        Some(fault) => failing(fault),
        None => Json(json!({
            "userId": "user|ana", "email": "ana@northwind.example", "extra": {"x": 1},
            "linkedIdentities": inner.linked,
        }))
        .into_response(),
    })
}

async fn credentials(
    State(tenant): State<TestTenant>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    tenant.with(|inner| match inner.enter("credentials", &headers, &body) {
        Some(fault) => failing(fault),
        None => {
            let token = match inner.switches.provider_token {
                Some(token) => token.to_owned(),
                None => inner.secret("provider"),
            };
            Json(json!({ "accessToken": token })).into_response()
        }
    })
}

async fn devices(State(tenant): State<TestTenant>, headers: HeaderMap, body: Bytes) -> Response {
    tenant.with(|inner| match inner.enter("devices", &headers, &body) {
        Some(fault) => failing(fault),
        None if !inner.switches.has_devices => refuse(404, json!({"title": "Not here"})),
        None => Json(json!({"devices": [
            {"deviceId": "dev|1", "name": "A key", "type": "WebAuthN", "extra": true},
            {"deviceId": "dev/2"},
        ]}))
        .into_response(),
    })
}

async fn remove_device(
    State(tenant): State<TestTenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    tenant.with(|inner| {
        let seen = json!({ "id": id }).to_string();
        match inner.enter("remove device", &headers, seen.as_bytes()) {
            Some(fault) => failing(fault),
            None => StatusCode::OK.into_response(),
        }
    })
}

async fn unlink(
    State(tenant): State<TestTenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    tenant.with(|inner| {
        let seen = json!({ "id": id }).to_string();
        if let Some(fault) = inner.enter("unlink", &headers, seen.as_bytes()) {
            return failing(fault);
        }
        if inner.linked.len() < 2 {
            return refuse(
                409,
                json!({"title": "The only one", "errorCode": "LastIdentity"}),
            );
        }
        inner
            .linked
            .retain(|way| way["connection"]["userId"] != *id);
        StatusCode::OK.into_response()
    })
}

async fn link(
    State(tenant): State<TestTenant>,
    Path(path): Path<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    tenant.with(|inner| {
        if let Some(fault) = inner.enter("link", &headers, &body) {
            return failing(fault);
        }
        if bearer_of(&headers).as_ref() != path.get("user") {
            return refuse(403, json!({"title": "Not yours", "errorCode": "Forbidden"}));
        }
        let asked: Value = serde_json::from_slice(&body).unwrap();
        inner.linked.push(json!({"connection": {
            "connectionId": asked["connectionId"], "userId": asked["connectionUserId"],
        }}));
        StatusCode::OK.into_response()
    })
}
