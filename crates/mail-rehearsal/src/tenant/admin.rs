//! The administrator's page: who is set aside, and bringing them back.
//!
//! The real service has its own tools for this, elsewhere. Here it is one page without a password, like
//! everything in the rehearsal, so it is shown under a loopback name only and takes orders from itself only.

use axum::Router;
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;

use super::origins::is_loopback_host;
use super::page::{Forms, document, escape, notice};
use super::refusal::Refusal;
use super::{NotSetAside, Tenant};

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/admin", get(overview))
        .route("/admin/bring-back", post(bring_back))
        .layer(middleware::from_fn(own_page_only))
}

/// Answers loopback names only, and orders only from a page of the same origin.
async fn own_page_only(request: Request, next: Next) -> Result<Response, Refusal> {
    judge(request.method(), request.headers())?;
    Ok(next.run(request).await)
}

fn judge(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: header::HeaderName| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let host = text(header::HOST);
    if !is_loopback_host(host) {
        return Err(Refusal::NotFound);
    }
    if !method.is_safe() && text(header::ORIGIN) != format!("http://{host}") {
        return Err(Refusal::OriginNotAllowed);
    }
    Ok(())
}

async fn overview(State(tenant): State<Tenant>) -> Response {
    let all = tenant.set_aside();
    let list: String = all
        .iter()
        .map(|one| {
            let at = Timestamp::from_second(one.at)
                .map(|at| at.strftime("%e %B %Y, %H:%M UTC").to_string())
                .unwrap_or_default();
            format!(
                "<li class=line><b>{}</b><small>{}, set aside on {}</small><small>{}, in favour of {}</small>\
                 <form method=post action=\"/admin/bring-back\"><input type=hidden name=user value=\"{}\">\
                 <button aria-label=\"Bring back {}\">Bring back</button></form></li>",
                escape(&one.name),
                escape(&one.email),
                escape(at.trim()),
                escape(&one.user),
                escape(&one.kept),
                escape(&one.user),
                escape(&one.email),
            )
        })
        .collect();
    let body = if all.is_empty() {
        "<p>Nobody is set aside.</p>".to_owned()
    } else {
        format!(
            "<p>Their mail is kept, and nobody can open it. Who is brought back opens it with the next sign-in.</p>\
             <ul>{list}</ul>"
        )
    };
    document(StatusCode::OK, "Set-aside accounts", &body, Forms::Own)
}

#[derive(Deserialize)]
struct Order {
    user: String,
}

async fn bring_back(State(tenant): State<Tenant>, Form(order): Form<Order>) -> Response {
    match tenant.bring_back(&order.user) {
        Ok(()) => {
            let back =
                HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/admin"))]);
            (StatusCode::SEE_OTHER, back).into_response()
        }
        Err(NotSetAside::Unknown) => notice(
            StatusCode::NOT_FOUND,
            "That account is not set aside",
            "Somebody may have brought it back already.",
        ),
        Err(NotSetAside::NotRemembered) => Refusal::NotRemembered.into_response(),
    }
}
