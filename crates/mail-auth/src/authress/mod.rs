//! Authress's login contract, spoken for one sign-in attempt or one account.
//!
//! A client owns its HTTP connections and its cookie jar; nothing is shared with another
//! account. It decides nothing: which refusal ends a session is [`crate::session`]'s business.

mod error;
mod profile;

use std::sync::Arc;
use std::time::Duration;

use error::refusal;
pub use error::{AuthressError, Refusal};
use mail_model::UnixTime;
pub use profile::{ConnectionIdentity, LinkedIdentity, Profile};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderValue, ORIGIN};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::anti_abuse;
use crate::http::{self, NetworkError, Reply};
use crate::jar::CookieJar;
use crate::tenant::TenantConfig;

/// How often a request is made while nothing or a server fault comes back, and the pause after
/// the first; it doubles each time.
pub(crate) const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What a login begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginRequest {
    /// Which connection; the tenant's login page asks if absent.
    pub connection: Option<String>,
    /// An e-mail address or domain that finds the connection.
    pub tenant_lookup: Option<String>,
    /// An invitation to accept.
    pub invite: Option<String>,
}

/// A login the service has opened.
pub(crate) struct LoginStarted {
    /// Comes back as `nonce`.
    pub(crate) request_id: String,
    /// Where the browser goes.
    pub(crate) url: Url,
}

/// What a code or a session was turned into. Not printable.
pub(crate) struct Tokens {
    pub(crate) access: SecretString,
    pub(crate) id: Option<SecretString>,
}

/// One attempt's or one account's conversation with the login service.
pub struct AuthressClient {
    tenant: Arc<TenantConfig>,
    http: reqwest::Client,
    origin: HeaderValue,
    jar: CookieJar,
}

impl AuthressClient {
    /// `origin` is the redirect's, which the tenant may hold every later request to; the
    /// configured one wins.
    pub(crate) fn new(
        tenant: Arc<TenantConfig>,
        jar: CookieJar,
        origin: &str,
    ) -> Result<Self, NetworkError> {
        let origin = tenant.origin.as_deref().unwrap_or(origin);
        Ok(Self {
            http: http::client(tenant.is_loopback())?,
            origin: HeaderValue::from_str(origin)
                .unwrap_or_else(|_| HeaderValue::from_static("null")),
            jar,
            tenant,
        })
    }

    pub(crate) const fn jar(&self) -> &CookieJar {
        &self.jar
    }

    /// What is sent as `Origin`.
    pub(crate) fn origin(&self) -> &str {
        self.origin.to_str().unwrap_or("null")
    }

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
        let mut body = object(json!({
            "antiAbuseHash": proof,
            "applicationId": application,
            "redirectUrl": redirect,
            "codeChallengeMethod": "S256",
            "codeChallenge": challenge,
            "flowType": "code",
            "responseLocation": "query",
            "multiAccount": self.tenant.multi_account,
            "connectionProperties": self.tenant.connection_properties,
        }));
        for (field, value) in [
            ("connectionId", connection),
            ("tenantLookupIdentifier", lookup),
            ("inviteId", invite),
        ] {
            if !value.is_empty() {
                body.insert(field.to_owned(), value.into());
            }
        }
        let url = self.tenant.join(&["api", "authentication"]);
        let reply = self
            .retrying(|| self.once(Method::POST, &url, Some(&body), None))
            .await?;
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Started {
            authentication_request_id: String,
            authentication_url: Option<Url>,
        }
        let started: Started = parse(&reply, "the reply to a login request")?;
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

    /// Turns a code into tokens: `POST /api/authentication/{id}/tokens`. Repeated only where
    /// the code cannot have been used up: no connection, or a fault the server states.
    pub(crate) async fn exchange(
        &self,
        request_id: &str,
        redirect: &Url,
        code: &SecretString,
        verifier: &str,
        now: UnixTime,
    ) -> Result<Tokens, AuthressError> {
        let application = self.tenant.application_id();
        let proof = prove([application, request_id, code.expose_secret(), ""], now).await?;
        let body = object(json!({
            "grant_type": "authorization_code",
            "redirect_uri": redirect,
            "client_id": application,
            "code": code.expose_secret(),
            "code_verifier": verifier,
            "antiAbuseHash": proof,
        }));
        let url = self
            .tenant
            .join(&["api", "authentication", request_id, "tokens"]);
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.once(Method::POST, &url, Some(&body), None).await {
                Err(
                    AuthressError::Unreachable(NetworkError::NotConnected(_))
                    | AuthressError::Busy { status: 500.., .. },
                ) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                settled => return self.tokens(&settled?),
            }
        }
        let reply = self.once(Method::POST, &url, Some(&body), None).await?;
        self.tokens(&reply)
    }

    /// Continues the session: `PATCH /api/session`, once. The caller stores the jar after every
    /// answer and repeats as it sees fit, never twice at the same time.
    pub(crate) async fn continue_session(&self) -> Result<Tokens, AuthressError> {
        let url = self.tenant.join(&["api", "session"]);
        let reply = self
            .once(Method::PATCH, &url, Some(&Map::new()), None)
            .await?;
        self.tokens(&reply)
    }

    /// Ends the session: `DELETE /api/session`, once.
    async fn end_session(&self) -> Result<(), AuthressError> {
        let url = self.tenant.join(&["api", "session"]);
        self.once(Method::DELETE, &url, None, None).await.map(drop)
    }

    /// Ends the session if that takes no longer; whether the service has confirmed it.
    pub(crate) async fn end_within(&self, limit: Duration) -> bool {
        let told = matches!(
            tokio::time::timeout(limit, self.end_session()).await,
            Ok(Ok(()))
        );
        if !told {
            tracing::info!("the login service could not be told that a session is over");
        }
        told
    }

    /// Who the person is: `GET /api/session/profile`.
    pub(crate) async fn profile(&self, bearer: &str) -> Result<Profile, AuthressError> {
        let url = self.tenant.join(&["api", "session", "profile"]);
        let reply = self
            .retrying(|| self.once(Method::GET, &url, None, Some(bearer)))
            .await?;
        parse(&reply, "the profile")
    }

    /// The identity provider's own token: `GET /api/session/credentials`.
    pub(crate) async fn credentials(&self, bearer: &str) -> Result<SecretString, AuthressError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Credentials {
            access_token: String,
        }
        let url = self.tenant.join(&["api", "session", "credentials"]);
        let reply = self
            .retrying(|| self.once(Method::GET, &url, None, Some(bearer)))
            .await?;
        let found: Credentials = parse(&reply, "the provider's credentials")?;
        Ok(found.access_token.into())
    }

    async fn retrying<F, R>(&self, mut request: F) -> Result<Answer, AuthressError>
    where
        F: FnMut() -> R,
        R: Future<Output = Result<Answer, AuthressError>>,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match request().await {
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "the login service is asked again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                settled => return settled,
            }
        }
        request().await
    }

    async fn once(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Map<String, Value>>,
        bearer: Option<&str>,
    ) -> Result<Answer, AuthressError> {
        let mut request = self
            .http
            .request(method, url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ORIGIN, self.origin.clone())
            .header(
                "x-powered-by",
                concat!("Braid; Rust; ", env!("CARGO_PKG_VERSION")),
            );
        if let Some(cookies) = self.jar.header(url) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = http::send(request).await?;
        let fresh_cookies = self.jar.absorb(&reply.headers, url);
        match reply.status {
            200..300 => Ok(Answer {
                reply,
                fresh_cookies,
            }),
            status @ (408 | 425 | 429 | 500..) => Err(AuthressError::Busy {
                status,
                retry_after: reply.retry_after,
            }),
            status @ 400..500 => Err(AuthressError::Refused {
                status,
                refusal: refusal(&reply),
            }),
            _ => Err(AuthressError::BadAnswer {
                what: "a redirect or an unknown status",
            }),
        }
    }

    /// Tokens from the body, or from cookies that came with this very answer.
    fn tokens(&self, answer: &Answer) -> Result<Tokens, AuthressError> {
        #[derive(Deserialize, Default)]
        struct Body {
            access_token: Option<String>,
            id_token: Option<String>,
        }
        // An empty or foreign body is allowed: the tokens may be in cookies.
        let body: Body = serde_json::from_slice(&answer.reply.body).unwrap_or_default();
        let cookie = |name: &str| {
            answer
                .fresh_cookies
                .iter()
                .any(|fresh| fresh == name)
                .then(|| self.jar.value(self.tenant.login_host(), name))
                .flatten()
        };
        let full = |token: Option<String>| token.filter(|t| !t.is_empty()).map(SecretString::from);
        let access = full(body.access_token)
            .or_else(|| cookie("authorization"))
            .ok_or(AuthressError::BadAnswer { what: "no token" })?;
        Ok(Tokens {
            access,
            id: full(body.id_token).or_else(|| cookie("user")),
        })
    }
}

struct Answer {
    reply: Reply,
    fresh_cookies: Vec<String>,
}

async fn prove(values: [&str; 4], now: UnixTime) -> Result<String, AuthressError> {
    let values = values.map(str::to_owned).into();
    anti_abuse::solve(values, now)
        .await
        .ok_or(AuthressError::ShuttingDown)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Letters, digits and a few marks: what can be compared, put into a path and logged safely.
fn is_request_id(id: &str) -> bool {
    (1..=256).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:~|".contains(&b))
}

fn parse<T: for<'de> Deserialize<'de>>(
    answer: &Answer,
    what: &'static str,
) -> Result<T, AuthressError> {
    // serde's own message could quote a token, so it is not kept.
    serde_json::from_slice(&answer.reply.body).map_err(|_| AuthressError::BadAnswer { what })
}
