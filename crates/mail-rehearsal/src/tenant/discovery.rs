//! What clients may find out without signing in: the keys, and a discovery document.

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Tenant;
use super::ledger::seconds;
use super::refusal::Refusal;

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/.well-known/openid-configuration", get(document))
        .route("/.well-known/openid-configuration/jwks", get(keys))
}

#[derive(Deserialize)]
struct Named {
    kid: Option<String>,
}

async fn keys(
    State(tenant): State<Tenant>,
    Query(named): Query<Named>,
) -> Result<Json<Value>, Refusal> {
    let (config, now) = (tenant.config(), tenant.now());
    tenant.change(|ledger| {
        ledger.keys.keep_fresh(
            now,
            seconds(config.key_life),
            seconds(config.access_token_life),
        );
        Ok(Json(ledger.keys.published(named.kid.as_deref())))
    })
}

async fn document(State(tenant): State<Tenant>) -> Json<Value> {
    let issuer = tenant.config().issuer_text();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": issuer,
        "token_endpoint": format!("{issuer}/api/authentication/oauth/tokens"),
        "jwks_uri": format!("{issuer}/.well-known/openid-configuration/jwks"),
        "response_types_supported": ["code", "token", "id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "code_challenge_methods_supported": ["S256"],
    }))
}
