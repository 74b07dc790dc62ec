//! A session's life after the sign-in: `PATCH` and `DELETE /api/session`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::patch;
use axum::{Json, Router};
use serde_json::json;

use super::cookies::{Cookies, SESSION, read};
use super::ledger::{Ledger, seconds};
use super::refusal::Refusal;
use super::{Tenant, tokens};

pub(super) fn routes() -> Router<Tenant> {
    Router::new().route("/api/session", patch(renew).delete(end))
}

async fn renew(State(tenant): State<Tenant>, headers: HeaderMap) -> Result<Response, Refusal> {
    let shown = read(&headers, SESSION).ok_or(Refusal::NoSession)?;
    let (tokens, cookie) = tenant.change(|ledger| {
        let ends = tenant
            .now()
            .saturating_add(seconds(tenant.config().session_life));
        let continued = ledger.continue_session(shown, tenant.now(), ends);
        let (id, session, cookie) = continued.ok_or(Refusal::NoSession)?;
        Ok((tokens::issue(&tenant, ledger, &id, &session)?, cookie))
    })?;
    Ok(tokens::reply(&tenant, &tokens, &cookie))
}

/// Ends the session of the cookie, if there is one, and takes the cookies back. Asking twice is no error.
async fn end(State(tenant): State<Tenant>, headers: HeaderMap) -> Result<Response, Refusal> {
    end_session(&tenant, &headers)?;
    let mut response = Json(json!({})).into_response();
    let mut cookies = Cookies::new(tenant.config());
    cookies.take_back();
    cookies.write(response.headers_mut());
    Ok(response)
}

/// Ends the session whose cookie a request carries. Its access tokens live on until their time, as signed
/// tokens do.
pub(super) fn end_session(tenant: &Tenant, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(shown) = read(headers, SESSION) else {
        return Ok(());
    };
    let now = tenant.now();
    tenant.change(|ledger: &mut Ledger| {
        let id = ledger.session_of(shown, now).map(|(id, _)| id.to_owned());
        if let Some(id) = id {
            ledger.sessions.remove(&id);
        }
        Ok(())
    })
}
