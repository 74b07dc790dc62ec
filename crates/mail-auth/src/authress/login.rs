//! Opening a login: `POST /api/authentication`, for a sign-in or for a second way in.

use mail_model::UnixTime;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::{Answer, AuthressClient, AuthressError, object, parse, prove};
use crate::tenant::is_segment;

/// What a login begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginRequest {
    /// Which connection; the tenant's login page asks if absent.
    pub connection: Option<String>,
    /// An e-mail address or domain that finds the connection.
    pub tenant_lookup: Option<String>,
    /// An invitation to accept. Not for linking.
    pub invite: Option<String>,
}

/// A login the service has opened.
pub(crate) struct LoginStarted {
    /// Comes back as `nonce`.
    pub(crate) request_id: String,
    /// Where the browser goes.
    pub(crate) url: Url,
}

impl AuthressClient {
    /// Opens a login: `POST /api/authentication`.
    pub(crate) async fn start_login(
        &self,
        request: &LoginRequest,
        redirect: &Url,
        challenge: &str,
        now: UnixTime,
    ) -> Result<LoginStarted, AuthressError> {
        let application = self.tenant.application_id();
        let connection = request.connection.as_deref().unwrap_or_default();
        let lookup = request.tenant_lookup.as_deref().unwrap_or_default();
        let invite = request.invite.as_deref().unwrap_or_default();
        let proof = prove([connection, lookup, invite, application], now).await?;
        let mut body = self.opening(&proof, redirect, challenge);
        body.insert("multiAccount".to_owned(), self.tenant.multi_account.into());
        add(&mut body, "connectionId", connection);
        add(&mut body, "tenantLookupIdentifier", lookup);
        add(&mut body, "inviteId", invite);
        self.open(&body, None).await
    }

    /// Opens a login whose identity becomes one more way into the account of `bearer`.
    pub(crate) async fn start_linking(
        &self,
        request: &LoginRequest,
        redirect: &Url,
        challenge: &str,
        now: UnixTime,
        bearer: &str,
    ) -> Result<LoginStarted, AuthressError> {
        let application = self.tenant.application_id();
        let connection = request.connection.as_deref().unwrap_or_default();
        let lookup = request.tenant_lookup.as_deref().unwrap_or_default();
        let proof = prove([connection, lookup, application, ""], now).await?;
        let mut body = self.opening(&proof, redirect, challenge);
        body.insert("linkIdentity".to_owned(), true.into());
        add(&mut body, "connectionId", connection);
        add(&mut body, "tenantLookupIdentifier", lookup);
        self.open(&body, Some(bearer)).await
    }

    fn opening(&self, proof: &str, redirect: &Url, challenge: &str) -> Map<String, Value> {
        object(json!({
            "antiAbuseHash": proof,
            "applicationId": self.tenant.application_id(),
            "redirectUrl": redirect,
            "codeChallengeMethod": "S256",
            "codeChallenge": challenge,
            "flowType": "code",
            "responseLocation": "query",
            "connectionProperties": self.tenant.connection_properties,
        }))
    }

    async fn open(
        &self,
        body: &Map<String, Value>,
        bearer: Option<&str>,
    ) -> Result<LoginStarted, AuthressError> {
        let url = self.tenant.join(&["api", "authentication"]);
        let reply = self
            .retrying(|| self.once(Method::POST, &url, Some(body), bearer))
            .await?;
        self.opened(&reply)
    }

    fn opened(&self, reply: &Answer) -> Result<LoginStarted, AuthressError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Started {
            authentication_request_id: String,
            authentication_url: Option<Url>,
        }
        let started: Started = parse(reply, "the reply to a login request")?;
        let url = started.authentication_url.ok_or(AuthressError::BadAnswer {
            what: "no address to open",
        })?;
        // The browser gets this: nothing but a web page, and encrypted unless it is ours.
        if url.scheme() != "https" && !(url.scheme() == "http" && self.tenant.is_loopback()) {
            return Err(AuthressError::BadAnswer {
                what: "the address to open is not a secure web page",
            });
        }
        if !is_request_id(&started.authentication_request_id) {
            return Err(AuthressError::BadAnswer {
                what: "the login request's id",
            });
        }
        Ok(LoginStarted {
            request_id: started.authentication_request_id,
            url,
        })
    }
}

fn add(body: &mut Map<String, Value>, field: &str, value: &str) {
    if !value.is_empty() {
        body.insert(field.to_owned(), value.into());
    }
}

/// Letters, digits and a few marks: what can be compared, put into a path and logged safely.
fn is_request_id(id: &str) -> bool {
    is_segment(id)
        && id.len() <= 256
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:~|".contains(&b))
}
