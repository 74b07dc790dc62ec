//! Access and id tokens: issued here, known here, and carried back in the body or in cookies.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::cookies::{AUTHORIZATION, Cookies, USER};
use super::keys::Kind;
use super::ledger::{IssuedToken, Ledger, Session, seconds, secret};
use super::refusal::Refusal;
use super::{Tenant, TokenRefused};
use crate::faults::Switch;
use crate::people::Person;

/// What a signed-in client gets.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) id: String,
    /// Seconds until both end.
    pub(super) expires_in: i64,
}

/// The claims the tenant looks at when a token comes back.
#[derive(Deserialize)]
struct Shown {
    iss: String,
    jti: String,
    exp: i64,
}

/// Issues tokens for a session.
pub(super) fn issue(
    tenant: &Tenant,
    ledger: &mut Ledger,
    session_id: &str,
    session: &Session,
) -> Result<Tokens, Refusal> {
    let (config, now) = (tenant.config(), tenant.now());
    let life = seconds(config.access_token_life);
    let person = ledger
        .person(&session.user)
        .cloned()
        .ok_or(Refusal::Unauthorized)?;
    let ends = now.saturating_add(life);
    let jti = secret();
    ledger.keys.keep_fresh(now, seconds(config.key_life), life);
    let issued = IssuedToken {
        user: session.user.clone(),
        connection: session.connection.clone(),
        session: session_id.to_owned(),
        ends,
        expired: false,
    };
    ledger.tokens.insert(jti.clone(), issued);
    let access = json!({
        "iss": config.issuer_text(), "sub": session.user, "aud": session.audiences, "azp": session.connection,
        "client_id": config.application_id, "scope": "openid profile email", "iat": now, "exp": ends, "jti": jti,
    });
    let told = !tenant.faults().is_on(Switch::NoProviderClaims);
    let provider = match &session.connection_user_id {
        Some(id) if told => json!({ "sub": id }),
        _ => json!({}),
    };
    let (given, family) = person.name.split_once(' ').unwrap_or((&person.name, ""));
    let id = json!({
        "iss": config.issuer_text(), "sub": session.user, "aud": [config.application_id], "azp": session.connection,
        "iat": now, "exp": ends, "name": person.name, "given_name": given, "family_name": family,
        "email": person.email, "email_verified": true, "locale": "en", "data": provider,
    });
    let signed = |kind, claims| ledger.keys.sign(kind, claims).ok_or(Refusal::NotRemembered);
    Ok(Tokens {
        access: signed(Kind::Access, &access)?,
        id: signed(Kind::Id, &id)?,
        expires_in: life,
    })
}

/// The reply that hands tokens and the session's next cookie to a client.
pub(super) fn reply(tenant: &Tenant, tokens: &Tokens, session_cookie: &str) -> Response {
    let config = tenant.config();
    let mut cookies = Cookies::new(config);
    cookies.session(session_cookie);
    let body = if tenant.faults().is_on(Switch::CookieOnlyTokens) {
        cookies.message(
            AUTHORIZATION,
            &tokens.access,
            tokens.expires_in,
            &config.issuer,
        );
        cookies.message(USER, &tokens.id, tokens.expires_in, &config.issuer);
        json!({})
    } else {
        json!({
            "access_token": tokens.access, "id_token": tokens.id,
            "expires_in": tokens.expires_in, "token_type": "Bearer",
        })
    };
    let mut response = Json(body).into_response();
    cookies.write(response.headers_mut());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The record of an access token that is valid now.
pub(super) fn issued(tenant: &Tenant, bearer: &str) -> Result<IssuedToken, TokenRefused> {
    let now = tenant.now();
    tenant.read(|ledger| {
        let shown: Shown = ledger.keys.claims(bearer).ok_or(TokenRefused::Unknown)?;
        if shown.iss != tenant.config().issuer_text() {
            return Err(TokenRefused::Unknown);
        }
        let issued = ledger
            .tokens
            .get(&shown.jti)
            .filter(|issued| !issued.expired && shown.exp > now);
        issued.cloned().ok_or(TokenRefused::Expired)
    })
}

/// Whose access token this is.
pub(super) fn person_of(tenant: &Tenant, bearer: &str) -> Result<Person, TokenRefused> {
    let issued = issued(tenant, bearer)?;
    tenant
        .read(|ledger| ledger.person(&issued.user).cloned())
        .ok_or(TokenRefused::Unknown)
}
