//! The HTTP side: addresses, bearer tokens, limits of whole requests (RFC 8620 section 3, RFC 6750).

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::error::{RequestError, problem};
use super::session::{LARGEST_REQUEST, LARGEST_UPLOAD};
use super::{Seat, SeatRunner, Shared, TOKENS_KEPT, blob, push, request, session, websocket};
use crate::tenant::{TokenRefused, TokenVerifier};

/// One way into the server: an address, and whose tokens open it.
pub(crate) struct Door {
    pub(super) shared: Arc<Shared>,
    pub(super) verifier: Arc<dyn TokenVerifier>,
    pub(super) origin: String,
}

/// All routes.
pub(crate) fn router(door: Door) -> Router {
    // The largest body is checked in the handlers, which answer as JMAP wants.
    let uploads = Router::new()
        .route("/jmap/upload/{account}/", post(upload))
        .layer(DefaultBodyLimit::max(LARGEST_UPLOAD + 1));
    Router::new()
        .route("/.well-known/jmap", get(well_known))
        .route("/jmap/session", get(session_object))
        .route("/jmap/api", post(api))
        .route("/jmap/download/{account}/{blob}/{name}", get(download))
        .route("/jmap/eventsource", get(event_source))
        .route("/jmap/ws", get(web_socket))
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST + 1))
        .merge(uploads)
        .with_state(Arc::new(door))
}

async fn well_known() -> Redirect {
    Redirect::temporary("/jmap/session")
}

/// The seat a request's token opens, and its place.
fn seat(door: &Door, headers: &HeaderMap) -> Result<(usize, Arc<Seat>), Box<Response>> {
    let shared = &door.shared;
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    let Some(value) = value else {
        return Err(unauthorized("Bearer realm=\"mail\""));
    };
    let token = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        return Err(unauthorized("Bearer realm=\"mail\""));
    };
    let person = door.verifier.person_of(token).map_err(|refused| {
        let why = match refused {
            TokenRefused::Expired => "the token has expired",
            TokenRefused::Unknown => "the token is not accepted here",
        };
        unauthorized(&format!(
            "Bearer realm=\"mail\", error=\"invalid_token\", error_description=\"{why}\""
        ))
    })?;
    let index = shared.seat_for(&person).map_err(|error| {
        tracing::error!(%error, "an account cannot be made");
        Box::new(server_fail())
    })?;
    let seat = shared.seat_at(index).ok_or_else(|| Box::new(not_found()))?;
    let hash: String = Sha256::digest(token)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let mut log = seat.log();
    if log.tokens.last() != Some(&hash) {
        log.tokens.push(hash);
    }
    let surplus = log.tokens.len().saturating_sub(TOKENS_KEPT);
    log.tokens.drain(..surplus);
    drop(log);
    Ok((index, seat))
}

fn server_fail() -> Response {
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        &json!({ "type": "about:blank", "status": 500 }),
    )
}

fn unauthorized(challenge: &str) -> Box<Response> {
    let body = json!({ "type": "about:blank", "status": 401, "title": "Sign in first" });
    let mut response = problem(StatusCode::UNAUTHORIZED, &body);
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    Box::new(response)
}

fn not_found() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        &json!({ "type": "about:blank", "status": 404, "title": "There is no such thing here" }),
    )
}

fn private<T: IntoResponse>(body: T) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, must-revalidate"),
    );
    response
}

async fn session_object(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let (_, seat) = seat(&door, &headers).map_err(|refused| *refused)?;
    let object = session::session(&seat.person, &seat.session(), &door.origin);
    Ok(private(axum::Json(object)))
}

async fn api(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Response> {
    let (index, seat) = seat(&door, &headers).map_err(|refused| *refused)?;
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|t| t.to_str().ok())
        .is_some_and(|t| {
            t.trim_start()
                .to_ascii_lowercase()
                .starts_with("application/json")
        });
    if !is_json {
        return Err(RequestError::NotJson.into_response());
    }
    let too_large = || RequestError::Limit("maxSizeRequest").into_response();
    let body = body.map_err(|_| too_large())?;
    if body.len() > LARGEST_REQUEST {
        return Err(too_large());
    }
    let (here, asked) = (Arc::clone(&door.shared), Arc::clone(&seat));
    let _permit = seat
        .requests
        .try_acquire()
        .map_err(|_| RequestError::Limit("maxConcurrentRequests").into_response())?;
    // Searching a million messages takes a while and must not hold up other connections.
    let answered = tokio::task::spawn_blocking(move || {
        let runner = SeatRunner {
            shared: &here,
            index,
            seat: &asked,
            account_id: asked.account_id(),
        };
        request::answer(&body, &runner)
    });
    match answered.await {
        Ok(Ok(value)) => Ok(private(axum::Json(value))),
        Ok(Err(error)) => Err(error.into_response()),
        Err(_) => Err(server_fail()),
    }
}

async fn upload(
    State(door): State<Arc<Door>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Response> {
    let (_, seat) = seat(&door, &headers).map_err(|refused| *refused)?;
    if seat.account_id().as_ref() != Some(&account) {
        return Err(not_found());
    }
    let too_large = || RequestError::Limit("maxSizeUpload").into_response();
    let body = body.map_err(|_| too_large())?;
    if body.len() > LARGEST_UPLOAD {
        return Err(too_large());
    }
    let _permit = seat
        .uploads
        .try_acquire()
        .map_err(|_| RequestError::Limit("maxConcurrentUpload").into_response())?;
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|t| t.to_str().ok())
        .unwrap_or("application/octet-stream");
    let stored = seat.account().journal.store(&body);
    let name = stored.map_err(|error| {
        tracing::error!(%error, "an upload cannot be kept");
        server_fail()
    })?;
    let answer = json!({ "accountId": account, "blobId": blob::uploaded(&name), "type": media_type, "size": body.len() });
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

#[derive(Deserialize)]
struct DownloadQuery {
    #[serde(default, rename = "type")]
    media_type: Option<String>,
}

async fn download(
    State(door): State<Arc<Door>>,
    Path((account, id, name)): Path<(String, String, String)>,
    Query(query): Query<DownloadQuery>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let (_, seat) = seat(&door, &headers).map_err(|refused| *refused)?;
    if seat.account_id().as_ref() != Some(&account) {
        return Err(not_found());
    }
    let bytes = blob::load(&seat.account(), &id).ok_or_else(not_found)?;
    let media_type = query
        .media_type
        .and_then(|t| HeaderValue::from_str(&t).ok())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let encoded = url::form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20");
    let mut response = Body::from(bytes).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, media_type);
    if let Ok(disposition) =
        HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{encoded}"))
    {
        out.insert(header::CONTENT_DISPOSITION, disposition);
    }
    // A blob never changes (RFC 8620 section 6.2).
    out.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, immutable, max-age=31536000"),
    );
    Ok(response)
}

async fn event_source(
    State(door): State<Arc<Door>>,
    Query(query): Query<push::Options>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let (index, seat) = seat(&door, &headers).map_err(|refused| *refused)?;
    let last = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned);
    Ok(push::stream(
        &door.shared,
        (index, &seat),
        &query,
        last.as_deref(),
    ))
}

/// The subprotocol is asked for by name (RFC 8887 section 4.1).
async fn web_socket(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Response> {
    let (index, seat) = seat(&door, &headers).map_err(|refused| *refused)?;
    let upgrade = upgrade
        .map_err(IntoResponse::into_response)?
        .protocols([websocket::PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(RequestError::NotRequest("the subprotocol is jmap").into_response());
    }
    let shared = Arc::clone(&door.shared);
    Ok(upgrade.on_upgrade(move |socket| websocket::talk(socket, shared, index, seat)))
}
