//! Applies path rules to every request of a server, before and after the server's own work.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{StreamExt, stream};

use super::{Act, Faults, Server};
use crate::listener::Shears;

/// Puts the faults in front of `router`. What is layered around the result (CORS, say) still sees the
/// answers that a fault gave.
pub fn with_faults(router: Router, faults: Faults, server: Server) -> Router {
    router.layer(middleware::from_fn_with_state((faults, server), apply))
}

async fn apply(
    State((faults, server)): State<(Faults, Server)>,
    request: Request,
    next: Next,
) -> Response {
    let person = person_of(request.headers());
    let acts = faults.meet(
        server,
        request.method().as_str(),
        request.uri().path(),
        person.as_deref(),
    );
    let shears = request
        .extensions()
        .get::<ConnectInfo<Shears>>()
        .map(|info| info.0.clone());
    let (mut early, mut late, mut cut_after, mut shorten) = (None, None, None, None);
    let (mut request_lost, mut answer_lost) = (false, false);
    let mut way = Way::default();
    for act in acts {
        match act {
            Act::Delay { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
            Act::Status {
                status,
                retry_after,
                error_code,
            } => early = Some(forced(status, retry_after, error_code.as_deref())),
            Act::StatusAfter { status } => late = Some(forced(status, None, None)),
            Act::CutAfter { bytes } => cut_after = Some(bytes),
            Act::Shorten { bytes } => shorten = Some(bytes),
            Act::Instead { content_type, body } => {
                early = Some(([(header::CONTENT_TYPE, content_type)], body).into_response());
            }
            Act::LoseRequest => request_lost = true,
            Act::LoseAnswer => answer_lost = true,
            Act::Twice => way.twice = true,
            Act::Hold => way.held = true,
            Act::HoldAnswer => way.answer_held = true,
        }
    }
    if request_lost {
        return lost(shears.as_ref());
    }
    let answered = match early {
        Some(response) => response,
        None => way.go(faults, request, next).await,
    };
    if answer_lost {
        return lost(shears.as_ref());
    }
    let response = late.unwrap_or(answered);
    match (cut_after, shorten) {
        (Some(bytes), _) => cut(response, bytes),
        (None, Some(bytes)) => shortened(response, bytes).await,
        (None, None) => response,
    }
}

/// The subject of a request's token. Whether the token is good is for the server to say: a fault strikes
/// before that.
fn person_of(headers: &HeaderMap) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let claims = bearer.split_once(' ')?.1.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("sub")?.as_str()?.to_owned())
}

/// What happens to a request on its way to the server and back.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    twice: bool,
    held: bool,
    answer_held: bool,
}

impl Way {
    async fn go(self, faults: Faults, request: Request, next: Next) -> Response {
        let Self {
            twice,
            held,
            answer_held,
        } = self;
        if !twice && !held && !answer_held {
            return next.run(request).await;
        }
        let waiting = (held || answer_held).then(|| Waiting::begin(&faults));
        // A task of its own: what is on its way arrives, whether or not somebody still waits for the answer.
        let arrived = tokio::spawn(async move {
            if held && let Some(mut waiting) = waiting {
                waiting.end().await;
                let response = passed(request, next, twice).await;
                // Counted until it has arrived.
                drop(waiting);
                return (response, None);
            }
            (passed(request, next, twice).await, waiting)
        });
        match arrived.await {
            Ok((response, None)) => response,
            Ok((response, Some(mut waiting))) => {
                waiting.end().await;
                response
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

async fn passed(request: Request, next: Next, twice: bool) -> Response {
    if !twice {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let again = || Request::from_parts(parts.clone(), Body::from(body.clone()));
    drop(next.clone().run(again()).await);
    next.run(again()).await
}

/// Something held on its way; counted until it goes on or is given up.
struct Waiting {
    faults: Faults,
    since: u64,
}

impl Waiting {
    fn begin(faults: &Faults) -> Self {
        let mut since = 0;
        faults.inner.held.send_modify(|held| {
            held.waiting += 1;
            since = held.released;
        });
        Self {
            faults: faults.clone(),
            since,
        }
    }

    async fn end(&mut self) {
        let since = self.since;
        let mut held = self.faults.held();
        // The sender lives as long as the faults do.
        let _released = held.wait_for(|held| held.released > since).await.is_ok();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let held = &self.faults.inner.held;
        held.send_modify(|held| held.waiting = held.waiting.saturating_sub(1));
    }
}

/// The first octets of the body as if they were the whole of it.
async fn shortened(response: Response, bytes: usize) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    whole.truncate(bytes);
    Response::from_parts(parts, Body::from(whole))
}

/// Cuts the connection. Where a listener cannot do that, the answer breaks off before its body.
fn lost(shears: Option<&Shears>) -> Response {
    if let Some(shears) = shears {
        shears.cut();
    }
    cut(StatusCode::BAD_GATEWAY.into_response(), 0)
}

/// An answer that both kinds of client understand: the tenant's error fields and RFC 7807's.
fn forced(status: u16, retry_after: Option<u32>, error_code: Option<&str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_success() {
        return (status, axum::Json(serde_json::json!({}))).into_response();
    }
    let body = serde_json::json!({
        "type": "about:blank",
        "status": status.as_u16(),
        "title": "The rehearsal was told to answer like this",
        "errorCode": error_code.unwrap_or("Rehearsed"),
        "errorId": uuid::Uuid::new_v4().to_string(),
    });
    let mut response = (status, axum::Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Lets `bytes` octets of the body through and then breaks the connection.
fn cut(response: Response, bytes: u64) -> Response {
    let (parts, body) = response.into_parts();
    let cut = stream::unfold(Some((body.into_data_stream(), bytes)), async |left| {
        let (mut body, bytes) = left?;
        let broken = || io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the rehearsal");
        if bytes == 0 {
            return Some((Err(broken()), None));
        }
        let chunk = match body.next().await {
            Some(Ok(chunk)) => chunk,
            Some(Err(_)) | None => return Some((Err(broken()), None)),
        };
        let passed: Bytes = chunk.slice(
            ..chunk
                .len()
                .min(usize::try_from(bytes).unwrap_or(usize::MAX)),
        );
        let left = bytes.saturating_sub(passed.len() as u64);
        Some((Ok(passed), Some((body, left))))
    });
    Response::from_parts(parts, Body::from_stream(cut))
}
