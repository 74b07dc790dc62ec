//! The start of a sign-in: `POST /api/authentication`, and its change by a custom login page.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{patch, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::Tenant;
use super::anti_abuse::{holds, value_of};
use super::callers::caller;
use super::ledger::{AuthenticationRequest, Stage, seconds, secret};
use super::linking::demand_linking;
use super::origins::may_return_to;
use super::refusal::Refusal;
use super::returning::{Flow, ResponseLocation};
use super::web::JsonBody;
use crate::faults::Switch;
use crate::people::connections;

/// Most audiences one request may name.
const AUDIENCES: usize = 10;

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/api/authentication", post(begin))
        .route("/api/authentication/{id}", patch(choose))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begin {
    anti_abuse_hash: Option<String>,
    redirect_url: String,
    code_challenge_method: Option<String>,
    code_challenge: Option<String>,
    application_id: String,
    connection_id: Option<String>,
    tenant_lookup_identifier: Option<String>,
    invite_id: Option<String>,
    connection_properties: Option<Map<String, Value>>,
    response_location: Option<ResponseLocation>,
    flow_type: Option<String>,
    multi_account: Option<bool>,
    audiences: Option<Vec<String>>,
    link_identity: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Choose {
    anti_abuse_hash: Option<String>,
    connection_id: Option<String>,
    tenant_lookup_identifier: Option<String>,
}

async fn begin(
    State(tenant): State<Tenant>,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<Begin>,
) -> Result<Json<Value>, Refusal> {
    if asked.application_id != tenant.config().application_id {
        return Err(Refusal::UnknownApplication);
    }
    let linking = asked.link_identity == Some(true);
    let application = Some(asked.application_id.as_str());
    let (connection, lookup) = (
        asked.connection_id.as_deref(),
        asked.tenant_lookup_identifier.as_deref(),
    );
    let value = if linking {
        value_of(&[connection, lookup, application], None)
    } else {
        value_of(
            &[connection, lookup, asked.invite_id.as_deref(), application],
            asked.audiences.as_deref(),
        )
    };
    demand_proof(&tenant, asked.anti_abuse_hash.as_deref(), &value)?;
    let mut request = request(&tenant, asked)?;
    if linking {
        let caller = caller(&tenant, &headers)?;
        let other = request.connection.as_deref();
        demand_linking(&tenant, &caller, other.ok_or(Refusal::InvalidConnection)?)?;
        request.link = Some(caller.user);
        // A link is proven by the person, not by a session that happens to be there.
        request.always_ask = true;
    }
    let id = secret();
    tenant.change(|ledger| {
        ledger.requests.insert(id.clone(), request);
        Ok(())
    })?;
    Ok(Json(
        json!({ "authenticationRequestId": id, "authenticationUrl": login_url(&tenant, &id)? }),
    ))
}

/// Checks what was asked for and turns it into a request to remember.
fn request(tenant: &Tenant, asked: Begin) -> Result<AuthenticationRequest, Refusal> {
    let redirect_url =
        Url::parse(&asked.redirect_url).map_err(|_| Refusal::RedirectUrlNotAllowed)?;
    if !may_return_to(&redirect_url, tenant.config()) {
        return Err(Refusal::RedirectUrlNotAllowed);
    }
    let code_challenge = asked
        .code_challenge
        .filter(|challenge| is_sha256(challenge));
    let (Some("S256"), Some(code_challenge)) =
        (asked.code_challenge_method.as_deref(), code_challenge)
    else {
        return Err(Refusal::CodeChallengeInvalid);
    };
    let audiences = asked.audiences.unwrap_or_default();
    if audiences.len() > AUDIENCES {
        return Err(Refusal::InvalidRequest);
    }
    let prompt = asked
        .connection_properties
        .as_ref()
        .and_then(|properties| properties.get("prompt")?.as_str());
    let asks = prompt.is_some_and(|prompt| {
        prompt
            .split_whitespace()
            .any(|word| word == "select_account")
    });
    Ok(AuthenticationRequest {
        began: tenant.now(),
        redirect_url,
        code_challenge,
        connection: connection(
            asked.connection_id.as_deref(),
            asked.tenant_lookup_identifier.as_deref(),
        )?,
        audiences,
        location: asked.response_location.unwrap_or_default(),
        flow: Flow::parse(&asked.flow_type.unwrap_or_default()).ok_or(Refusal::InvalidRequest)?,
        always_ask: asks || asked.multi_account == Some(true),
        link: None,
        stage: Stage::Open,
    })
}

async fn choose(
    State(tenant): State<Tenant>,
    Path(id): Path<String>,
    JsonBody(asked): JsonBody<Choose>,
) -> Result<Json<Value>, Refusal> {
    let (named, lookup) = (
        asked.connection_id.as_deref(),
        asked.tenant_lookup_identifier.as_deref(),
    );
    demand_proof(
        &tenant,
        asked.anti_abuse_hash.as_deref(),
        &value_of(&[named, lookup, Some(&id)], None),
    )?;
    let chosen = connection(named, lookup)?.ok_or(Refusal::InvalidRequest)?;
    let oldest = tenant
        .now()
        .saturating_sub(seconds(tenant.config().sign_in_life));
    tenant.change(|ledger| {
        let request = ledger
            .requests
            .get_mut(&id)
            .filter(|request| request.began > oldest);
        let request = request
            .filter(|request| matches!(request.stage, Stage::Open))
            .ok_or(Refusal::NotFound)?;
        request.connection = Some(chosen);
        Ok(())
    })?;
    Ok(Json(
        json!({ "authenticationUrl": login_url(&tenant, &id)? }),
    ))
}

/// Refuses a request without a good proof of work, unless that is relaxed.
pub(super) fn demand_proof(
    tenant: &Tenant,
    proof: Option<&str>,
    value: &str,
) -> Result<(), Refusal> {
    let good = proof.is_some_and(|proof| holds(proof, value, tenant.now_millis()));
    if good || tenant.faults().is_on(Switch::RelaxedHash) {
        Ok(())
    } else {
        Err(Refusal::AntiAbuseHashInvalid)
    }
}

/// The connection asked for: an address or domain comes before a connection's id.
fn connection(named: Option<&str>, lookup: Option<&str>) -> Result<Option<String>, Refusal> {
    let there = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let found = if let Some(lookup) = there(lookup) {
        let domain = lookup
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        connections()
            .into_iter()
            .find(|connection| connection.domain == domain)
    } else if let Some(named) = there(named) {
        connections()
            .into_iter()
            .find(|connection| connection.connection_id == named)
    } else {
        return Ok(None);
    };
    found
        .map(|connection| Some(connection.connection_id.to_owned()))
        .ok_or(Refusal::NotFound)
}

fn is_sha256(challenge: &str) -> bool {
    challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Where the person signs in.
fn login_url(tenant: &Tenant, id: &str) -> Result<Url, Refusal> {
    let mut url = tenant
        .config()
        .issuer
        .join("/login")
        .map_err(|_| Refusal::NotFound)?;
    url.query_pairs_mut()
        .append_pair("state", id)
        .append_pair("flow", "oauthLogin");
    Ok(url)
}
