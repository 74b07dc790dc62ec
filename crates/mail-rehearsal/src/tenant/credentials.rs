//! The providers' own access tokens: `GET /api/session/credentials`, and who accepts them.
//!
//! There is one for each user and connection, that of the connection used at the last login. It looks like
//! `google.<secret>`, lives an hour, and is renewed when little of it is left. In the rehearsal such a token
//! opens the user's mail at the second mail server and nothing else.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Tenant;
use super::callers::caller;
use super::ledger::{Credential, Ledger, secret};
use super::refusal::Refusal;
use super::verify::{TokenRefused, TokenVerifier};
use crate::people::Person;

/// Seconds a provider's access token lives, as is usual among them.
const LIFE: i64 = 3600;
/// A credential with less than this many seconds left is renewed before it is given out.
const LEFT: i64 = 300;

pub(super) fn routes() -> Router<Tenant> {
    Router::new().route("/api/session/credentials", get(credentials))
}

/// The access token of the provider behind this sign-in.
async fn credentials(
    State(tenant): State<Tenant>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let caller = caller(&tenant, &headers)?;
    let now = tenant.now();
    let token = tenant.change(|ledger| ledger.credential(&caller.user, &caller.connection, now))?;
    Ok(Json(json!({ "accessToken": token })))
}

impl Ledger {
    /// The credential of a user at a connection, renewed when too little of it is left.
    fn credential(&mut self, user: &str, connection: &str, now: i64) -> Result<String, Refusal> {
        let user = self.users.get_mut(user).ok_or(Refusal::NotFound)?;
        if !user
            .identities
            .iter()
            .any(|identity| identity.connection == connection)
        {
            return Err(Refusal::NotFound);
        }
        if let Some(fresh) = user
            .credentials
            .get(connection)
            .filter(|credential| credential.ends.saturating_sub(now) > LEFT)
        {
            return Ok(fresh.token.clone());
        }
        let token = format!("{connection}.{}", secret());
        let credential = Credential {
            token: token.clone(),
            ends: now.saturating_add(LIFE),
        };
        user.credentials.insert(connection.to_owned(), credential);
        Ok(token)
    }

    /// Forgets every credential, so that none is accepted and the next ones asked for are new.
    pub(super) fn refuse_credentials(&mut self) {
        for user in self.users.values_mut() {
            user.credentials.clear();
        }
    }
}

/// Accepts exactly the credentials a tenant gives out, and none of its own tokens: what the second mail
/// server asks.
#[derive(Clone)]
pub struct ProviderCredentials(Tenant);

impl ProviderCredentials {
    /// The credentials of `tenant`.
    #[must_use]
    pub fn of(tenant: &Tenant) -> Self {
        Self(tenant.clone())
    }
}

impl TokenVerifier for ProviderCredentials {
    fn person_of(&self, bearer: &str) -> Result<Person, TokenRefused> {
        let now = self.0.now();
        self.0.read(|ledger| {
            let held = ledger.users.values().find_map(|user| {
                let credential = user
                    .credentials
                    .values()
                    .find(|credential| credential.token == bearer)?;
                Some((user, credential))
            });
            let (user, credential) = held.ok_or(TokenRefused::Unknown)?;
            if credential.ends <= now {
                return Err(TokenRefused::Expired);
            }
            user.person.clone().ok_or(TokenRefused::Unknown)
        })
    }
}
