//! Who is calling: by bearer token, or by the session cookie when there is none.

use axum::http::{HeaderMap, header};

use super::Tenant;
use super::cookies::{SESSION, read};
use super::refusal::Refusal;
use super::tokens;

/// A signed-in caller.
pub(super) struct Caller {
    pub(super) user: String,
    /// The connection of this sign-in.
    pub(super) connection: String,
}

/// The caller of a request.
pub(super) fn caller(tenant: &Tenant, headers: &HeaderMap) -> Result<Caller, Refusal> {
    if let Some(bearer) = bearer(headers) {
        let issued = tokens::issued(tenant, bearer).map_err(|_| Refusal::Unauthorized)?;
        return Ok(Caller {
            user: issued.user,
            connection: issued.connection,
        });
    }
    let cookie = read(headers, SESSION).ok_or(Refusal::Unauthorized)?;
    let now = tenant.now();
    tenant.read(|ledger| {
        let (_, session) = ledger
            .session_of(cookie, now)
            .ok_or(Refusal::Unauthorized)?;
        Ok(Caller {
            user: session.user.clone(),
            connection: session.connection.clone(),
        })
    })
}

/// The bearer token of a request. A browser client that cannot read its token sends the word `null`; that is
/// no token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !matches!(token, "" | "null" | "undefined"))
        .then_some(token)
}
