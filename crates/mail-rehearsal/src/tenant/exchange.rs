//! The exchange of a code for tokens: `POST /api/authentication/{id}/tokens`.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use super::anti_abuse::value_of;
use super::authentication::demand_proof;
use super::ledger::{AuthenticationRequest, Ledger, Stage, hash, seconds};
use super::refusal::Refusal;
use super::web::JsonBody;
use super::{Tenant, tokens};

/// Lengths of a verifier that are accepted: RFC 7636 ends at 128, the official browser client's own are longer.
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=256;

pub(super) fn routes() -> Router<Tenant> {
    Router::new().route("/api/authentication/{id}/tokens", post(exchange))
}

#[derive(Deserialize)]
struct Exchange {
    grant_type: Option<String>,
    redirect_uri: Option<String>,
    client_id: Option<String>,
    code: Option<String>,
    code_verifier: Option<String>,
    #[serde(rename = "antiAbuseHash")]
    anti_abuse_hash: Option<String>,
}

async fn exchange(
    State(tenant): State<Tenant>,
    Path(id): Path<String>,
    JsonBody(asked): JsonBody<Exchange>,
) -> Result<Response, Refusal> {
    tenant.note_exchange(asked.code.as_deref(), asked.code_verifier.as_deref());
    let value = value_of(
        &[asked.client_id.as_deref(), Some(&id), asked.code.as_deref()],
        None,
    );
    demand_proof(&tenant, asked.anti_abuse_hash.as_deref(), &value)?;
    let (tokens, cookie) = tenant.change(|ledger| {
        let (user, (connection, connection_user_id), audiences) =
            redeem(&tenant, ledger, &id, &asked)?;
        let ends = tenant
            .now()
            .saturating_add(seconds(tenant.config().session_life));
        let (session_id, cookie) = ledger.begin_session(
            &user,
            (&connection, connection_user_id.as_deref()),
            &audiences,
            ends,
        );
        let session = ledger
            .sessions
            .get(&session_id)
            .cloned()
            .ok_or(Refusal::NoSession)?;
        Ok((
            tokens::issue(&tenant, ledger, &session_id, &session)?,
            cookie,
        ))
    })?;
    Ok(tokens::reply(&tenant, &tokens, &cookie))
}

/// A user, the identity that opened it, and the audiences that were asked for.
type Whose = (String, (String, Option<String>), Vec<String>);

/// Uses a code up and tells whose it was.
///
/// A code that meets a wrong verifier is in somebody else's hands, so it is used up by that too.
fn redeem(
    tenant: &Tenant,
    ledger: &mut Ledger,
    id: &str,
    asked: &Exchange,
) -> Result<Whose, Refusal> {
    let request = ledger.requests.get_mut(id).ok_or(Refusal::InvalidCode)?;
    let Stage::Code {
        hash: kept,
        issued,
        user,
        connection,
        connection_user_id,
    } = &request.stage
    else {
        return Err(Refusal::InvalidCode);
    };
    let by = (connection.clone(), connection_user_id.clone());
    let whose = (user.clone(), by, request.audiences.clone());
    let in_time = tenant.now() < issued.saturating_add(seconds(tenant.config().code_life));
    let known = asked
        .code
        .as_deref()
        .is_some_and(|code| hash(code) == *kept);
    let ours = asked.grant_type.as_deref() == Some("authorization_code")
        && asked.client_id.as_deref() == Some(tenant.config().application_id.as_str())
        && asked
            .redirect_uri
            .as_deref()
            .and_then(|uri| Url::parse(uri).ok())
            .as_ref()
            == Some(&request.redirect_url);
    if !(known && in_time && ours) {
        return Err(Refusal::InvalidCode);
    }
    let proven = verifies(request, asked.code_verifier.as_deref());
    request.stage = Stage::Over;
    if proven {
        Ok(whose)
    } else {
        Err(Refusal::InvalidCode)
    }
}

fn verifies(request: &AuthenticationRequest, verifier: Option<&str>) -> bool {
    verifier.is_some_and(|verifier| {
        VERIFIER.contains(&verifier.len())
            && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == request.code_challenge
    })
}
