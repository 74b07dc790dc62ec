//! What is true of every reply: CORS, the names and origins that are answered, and JSON in and out.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::Tenant;
use super::origins::{answers_to, is_ours};
use super::refusal::Refusal;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE, OPTIONS");
const HEADERS: &str = "content-type, authorization, x-powered-by";

/// Puts the tenant's gate around `router`: it answers preflights, refuses foreign names and origins, and
/// marks every reply, errors and forced faults too, for the browser that asked.
pub(super) fn guarded(router: Router, tenant: Tenant) -> Router {
    router.layer(middleware::from_fn_with_state(tenant, guard))
}

async fn guard(State(tenant): State<Tenant>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).cloned();
    let ours = origin
        .as_ref()
        .and_then(|origin| origin.to_str().ok())
        .is_some_and(|origin| is_ours(origin, tenant.config()));
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let changing = request.uri().path().starts_with("/api/") && request.method() != Method::GET;

    let mut response = if !answers_to(host, tenant.config()) {
        Refusal::MisdirectedRequest.into_response()
    } else if request.method() == Method::OPTIONS {
        preflight(asked)
    } else if changing && !ours {
        Refusal::OriginNotAllowed.into_response()
    } else {
        next.run(request).await
    };
    if let Some(origin) = origin {
        allow(response.headers_mut(), origin, ours);
    }
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("origin"));
    response
}

fn preflight(asked: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let asked = asked
        .as_ref()
        .and_then(|asked| asked.to_str().ok())
        .unwrap_or_default();
    let allowed = if asked.is_empty() {
        HEADERS.to_owned()
    } else {
        format!("{HEADERS}, {asked}")
    };
    let allowed = HeaderValue::from_str(&allowed);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        allowed.unwrap_or(HeaderValue::from_static(HEADERS)),
    );
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("600"),
    );
    response
}

/// Every origin may read the answer, so that a foreign one sees why it is refused; only the application's
/// own may send cookies along.
fn allow(headers: &mut HeaderMap, origin: HeaderValue, ours: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if ours {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}

/// Nothing is at this path.
pub(super) async fn unknown_path() -> Refusal {
    Refusal::NotFound
}

/// The path does not take this method.
pub(super) async fn unknown_method() -> Refusal {
    Refusal::MethodNotAllowed
}

/// A JSON body, refused in the tenant's own words when it is none.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if !kind
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        {
            return Err(Refusal::UnsupportedMediaType);
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Refusal::InvalidRequest)?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|_| Refusal::InvalidRequest)
    }
}
