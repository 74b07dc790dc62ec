//! What a signed-in user may ask about themselves: profile and devices.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{delete, get};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Tenant;
use super::callers::caller;
use super::ledger::{Device, Identity, Ledger, User, secret};
use super::refusal::Refusal;
use super::web::JsonBody;
use crate::faults::Switch;

/// Most devices a user may register.
const DEVICES: usize = 10;

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/api/session/profile", get(profile))
        .route("/api/session/devices", get(devices).post(register_device))
        .route("/api/session/devices/{id}", delete(delete_device))
        .route("/v1/users/{id}", get(user))
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

/// The profile as reads show it, which may lag behind what was changed.
fn profile_of(tenant: &Tenant, user: &str) -> Result<Json<Value>, Refusal> {
    let lags = tenant.lags(user);
    tenant.read(|ledger| {
        let before = ledger
            .users
            .get(user)
            .and_then(|user| user.before.as_deref());
        match before.filter(|_| lags) {
            Some(before) => profile_with(ledger, user, before),
            None => profile_now(ledger, user),
        }
        .map(Json)
    })
}

/// The profile as it is.
pub(super) fn profile_now(ledger: &Ledger, user: &str) -> Result<Value, Refusal> {
    let known = ledger.users.get(user).ok_or(Refusal::NotFound)?;
    profile_with(ledger, user, &known.identities)
}

fn profile_with(ledger: &Ledger, user: &str, identities: &[Identity]) -> Result<Value, Refusal> {
    let person = ledger.person(user).ok_or(Refusal::NotFound)?;
    let linked: Vec<Value> = identities
        .iter()
        .map(|identity| {
            let time = Timestamp::from_second(identity.linked)
                .map(|time| time.to_string())
                .unwrap_or_default();
            let connection = json!({ "connectionId": identity.connection, "userId": identity.connection_user_id });
            json!({ "connection": connection, "linkedTime": time })
        })
        .collect();
    Ok(
        json!({ "userId": user, "name": person.name, "email": person.email, "linkedIdentities": linked }),
    )
}

/// Second factors are not offered at all while this is switched so.
fn demand_devices(tenant: &Tenant) -> Result<(), Refusal> {
    if tenant.faults().is_on(Switch::NoDevices) {
        return Err(Refusal::NotFound);
    }
    Ok(())
}

async fn devices(State(tenant): State<Tenant>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    demand_devices(&tenant)?;
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
    change_devices(&tenant, &headers, |user| {
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
    change_devices(&tenant, &headers, |user| {
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

fn change_devices(
    tenant: &Tenant,
    headers: &HeaderMap,
    changing: impl FnOnce(&mut User) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    demand_devices(tenant)?;
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
