//! Joining identities to a user, and taking them away again, over HTTP.
//!
//! The contract knows two ways to join. `POST /api/authentication` with `linkIdentity: true` proves the other
//! identity by a sign-in; it joins what belongs to nobody, and a taken identity comes back as
//! `error=identity_conflict`. `PATCH /v1/users/{userId}/identities` joins a taken identity too and sets its
//! user aside; nothing in the request proves that the caller owns it, and none is asked for here, since what
//! the real service asks is not known. Where the tenant has no such endpoint
//! ([`Switch::NoLinkEndpoint`]), the first way moves taken identities as well, because nothing else could:
//! the sign-in is the proof. Both ways demand that linking is on for both connections.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{delete, patch};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::callers::{Caller, caller};
use super::ledger::Ledger;
use super::members::profile_now;
use super::refusal::Refusal;
use super::users::Taken;
use super::web::JsonBody;
use super::{Tenant, TenantConfig};
use crate::faults::Switch;
use crate::people::{Linking, connections};

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/v1/users/{id}/identities", patch(link))
        .route("/api/session/identities/{id}", delete(unlink))
        .route("/api/identities/{id}", delete(unlink))
}

/// How every connection links now: as the tenant was told while it runs, as it was configured, or as is usual.
pub(super) fn modes(config: &TenantConfig, ledger: &Ledger) -> BTreeMap<String, Linking> {
    connections()
        .into_iter()
        .map(|connection| {
            let id = connection.connection_id;
            let told = ledger.linking.get(id).or_else(|| config.linking.get(id));
            (id.to_owned(), told.copied().unwrap_or(connection.linking))
        })
        .collect()
}

/// Refuses a link unless both connections allow it: the one the caller signed in with, and the other's.
///
/// # Errors
/// `NotFound` when the tenant does not have the other connection, `LinkingNotAllowed` when one does not link.
pub(super) fn demand_linking(
    tenant: &Tenant,
    caller: &Caller,
    connection: &str,
) -> Result<(), Refusal> {
    let modes = tenant.read(|ledger| modes(tenant.config(), ledger));
    let other = modes.get(connection).ok_or(Refusal::NotFound)?;
    let own = modes.get(&caller.connection).unwrap_or(&Linking::Off);
    if *other == Linking::Off || *own == Linking::Off {
        return Err(Refusal::LinkingNotAllowed);
    }
    Ok(())
}

/// What a proven identity does when another user has it.
pub(super) fn taken_when_proven(tenant: &Tenant) -> Taken {
    if tenant.faults().is_on(Switch::NoLinkEndpoint) {
        Taken::Moved
    } else {
        Taken::Refused
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Other {
    connection_id: String,
    connection_user_id: String,
}

/// Joins an identity to the caller's user. The shape of the answer, the user's profile, is ours.
async fn link(
    State(tenant): State<Tenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(other): JsonBody<Other>,
) -> Result<Json<Value>, Refusal> {
    if tenant.faults().is_on(Switch::NoLinkEndpoint) {
        return Err(Refusal::NotFound);
    }
    let caller = caller(&tenant, &headers)?;
    if caller.user != id {
        return Err(Refusal::Forbidden);
    }
    demand_linking(&tenant, &caller, &other.connection_id)?;
    let person = tenant
        .config()
        .person_at(&other.connection_id, &other.connection_user_id)
        .ok_or(Refusal::NotFound)?;
    let now = tenant.now();
    tenant.change(|ledger| {
        ledger.link(&id, person, Taken::Moved, now)?;
        profile_now(ledger, &id).map(Json)
    })
}

/// Takes an identity, named by its connection or by the provider's id for the user, away from the caller.
/// Sessions begun with it live on, since they are the same user's.
async fn unlink(
    State(tenant): State<Tenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let caller = caller(&tenant, &headers)?;
    tenant.change(|ledger| ledger.unlink(&caller.user, &id))?;
    Ok(Json(json!({})))
}
