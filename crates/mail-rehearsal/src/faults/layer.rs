//! Applies path rules to every request of a server, before and after the server's own work.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
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
    let acts = faults.meet(server, request.method().as_str(), request.uri().path());
    let shears = request
        .extensions()
        .get::<ConnectInfo<Shears>>()
        .map(|info| info.0.clone());
    let (mut early, mut late, mut cut_after) = (None, None, None);
    let (mut request_lost, mut answer_lost) = (false, false);
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
            Act::LoseRequest => request_lost = true,
            Act::LoseAnswer => answer_lost = true,
        }
    }
    if request_lost {
        return lost(shears.as_ref());
    }
    let answered = match early {
        Some(response) => response,
        None => next.run(request).await,
    };
    if answer_lost {
        return lost(shears.as_ref());
    }
    let response = late.unwrap_or(answered);
    match cut_after {
        Some(bytes) => cut(response, bytes),
        None => response,
    }
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
        "errorId": uuid::Uuid::new_v4(),
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
