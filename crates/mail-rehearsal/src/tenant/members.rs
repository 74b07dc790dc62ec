//! What a signed-in user may ask about themselves: profile, provider credentials, devices, identities.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{delete, get, patch};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Tenant;
use super::callers::caller;
use super::ledger::{Device, User, secret};
use super::refusal::Refusal;
use super::tokens::person_named;
use super::web::JsonBody;

/// Seconds a provider's access token lives, as is usual among them.
const CREDENTIAL_LIFE: i64 = 3600;
/// A credential with less than this many seconds left is renewed before it is given out.
const CREDENTIAL_LEFT: i64 = 300;
/// Most devices a user may register.
const DEVICES: usize = 10;

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/api/session/profile", get(profile))
        .route("/api/session/credentials", get(credentials))
        .route("/api/session/devices", get(devices).post(register_device))
        .route("/api/session/devices/{id}", delete(delete_device))
        .route("/api/session/identities/{id}", delete(unlink))
        .route("/api/identities/{id}", delete(unlink))
        .route("/v1/users/{id}", get(user))
        .route("/v1/users/{id}/identities", patch(link))
}

async fn profile(State(tenant): State<Tenant>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    profile_of(&tenant, &caller(&tenant, &headers)?.user)
}

async fn user(
    State(tenant): State<Tenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    if caller(&tenant, &headers)?.user != id {
        return Err(Refusal::Forbidden);
    }
    profile_of(&tenant, &id)
}

fn profile_of(tenant: &Tenant, user: &str) -> Result<Json<Value>, Refusal> {
    let person = person_named(user).ok_or(Refusal::NotFound)?;
    let identities =
        tenant.read(|ledger| ledger.users.get(user).map(|user| user.identities.clone()));
    let linked: Vec<Value> = identities
        .ok_or(Refusal::NotFound)?
        .into_iter()
        .map(|identity| {
            let time = Timestamp::from_second(identity.linked).map(|time| time.to_string()).unwrap_or_default();
            let connection = json!({ "connectionId": identity.connection, "userId": identity.connection_user_id });
            json!({ "connection": connection, "linkedTime": time })
        })
        .collect();
    Ok(Json(
        json!({ "userId": user, "name": person.name, "email": person.email, "linkedIdentities": linked }),
    ))
}

/// The access token of the provider behind this sign-in. It opens nothing in the rehearsal.
async fn credentials(
    State(tenant): State<Tenant>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let caller = caller(&tenant, &headers)?;
    let now = tenant.now();
    let token = tenant.change(|ledger| {
        let user = ledger
            .users
            .get_mut(&caller.user)
            .ok_or(Refusal::NotFound)?;
        let identity = user
            .identities
            .iter_mut()
            .find(|identity| identity.connection == caller.connection);
        let identity = identity.ok_or(Refusal::NotFound)?;
        let fresh = identity
            .credential
            .as_ref()
            .filter(|(_, ends)| ends.saturating_sub(now) > CREDENTIAL_LEFT);
        let token = fresh.map_or_else(
            || format!("{}.{}", caller.connection, secret()),
            |(token, _)| token.clone(),
        );
        if fresh.is_none() {
            identity.credential = Some((token.clone(), now.saturating_add(CREDENTIAL_LIFE)));
        }
        Ok(token)
    })?;
    Ok(Json(json!({ "accessToken": token })))
}

async fn devices(State(tenant): State<Tenant>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let caller = caller(&tenant, &headers)?;
    let devices = tenant.read(|ledger| {
        ledger
            .users
            .get(&caller.user)
            .map(|user| user.devices.clone())
    });
    Ok(Json(json!({ "devices": devices.unwrap_or_default() })))
}

#[derive(Deserialize)]
struct NewDevice {
    name: Option<String>,
}

async fn register_device(
    State(tenant): State<Tenant>,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<NewDevice>,
) -> Result<Json<Device>, Refusal> {
    let device = Device {
        device_id: secret(),
        name: asked.name.unwrap_or_default(),
    };
    change_user(&tenant, &headers, |user| {
        if user.devices.len() >= DEVICES {
            return Err(Refusal::InvalidRequest);
        }
        user.devices.push(device.clone());
        Ok(())
    })?;
    Ok(Json(device))
}

async fn delete_device(
    State(tenant): State<Tenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    change_user(&tenant, &headers, |user| {
        let before = user.devices.len();
        user.devices.retain(|device| device.device_id != id);
        if user.devices.len() == before {
            Err(Refusal::NotFound)
        } else {
            Ok(())
        }
    })?;
    Ok(Json(json!({})))
}

/// Takes an identity, named by its connection or by the provider's id for the user, away from the caller.
async fn unlink(
    State(tenant): State<Tenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    change_user(&tenant, &headers, |user| {
        let named = user
            .identities
            .iter()
            .position(|one| one.connection_user_id == id || one.connection == id);
        let place = named.ok_or(Refusal::NotFound)?;
        if user.identities.len() == 1 {
            return Err(Refusal::LastIdentity);
        }
        user.identities.remove(place);
        Ok(())
    })?;
    Ok(Json(json!({})))
}

/// Linking without a sign-in of the other identity proves nothing about its owner, so it is refused.
async fn link(State(tenant): State<Tenant>, Path(id): Path<String>, headers: HeaderMap) -> Refusal {
    match caller(&tenant, &headers) {
        Ok(caller) if caller.user == id => Refusal::LinkingNotAllowed,
        Ok(_) => Refusal::Forbidden,
        Err(refused) => refused,
    }
}

fn change_user(
    tenant: &Tenant,
    headers: &HeaderMap,
    changing: impl FnOnce(&mut User) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let caller = caller(tenant, headers)?;
    tenant.change(|ledger| {
        changing(
            ledger
                .users
                .get_mut(&caller.user)
                .ok_or(Refusal::NotFound)?,
        )
    })
}
