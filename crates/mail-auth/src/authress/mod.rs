//! Authress's login contract, spoken for one sign-in attempt or one account.
//!
//! A client owns its HTTP connections and its cookie jar; nothing is shared with another
//! account. It decides nothing: which refusal ends a session is [`crate::session`]'s business.

mod devices;
mod error;
mod linking;
mod login;
mod profile;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub use devices::Device;
use error::refusal;
pub use error::{AuthressError, Refusal};
pub(crate) use linking::Heard;
pub use login::LoginRequest;
pub(crate) use login::LoginStarted;
use mail_model::{HostLog, SentRequest, UnixTime};
pub use profile::{ConnectionIdentity, LinkedIdentity, Profile};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue, ORIGIN};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::anti_abuse;
use crate::clock::{Clock as _, SystemClock};
use crate::http::{self, LazyClient, NetworkError, Reply};
use crate::jar::CookieJar;
use crate::tenant::TenantConfig;

/// How often a request is made while nothing or a server fault comes back, and the pause after
/// the first; it doubles each time.
pub(crate) const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// What continues a session.
const SESSION_COOKIE: &str = "authress-session";

/// What a code or a session was turned into. Not printable.
pub(crate) struct Tokens {
    pub(crate) access: SecretString,
    pub(crate) id: Option<SecretString>,
}

/// One attempt's or one account's conversation with the login service.
pub struct AuthressClient {
    tenant: Arc<TenantConfig>,
    http: LazyClient,
    origin: HeaderValue,
    jar: CookieJar,
    /// The account's, once there is one.
    hosts: RwLock<HostLog>,
}

impl AuthressClient {
    /// `origin` is the redirect's, which the tenant may hold every later request to; the
    /// configured one wins.
    pub(crate) fn new(tenant: Arc<TenantConfig>, jar: CookieJar, origin: &str) -> Self {
        let origin = tenant.origin.as_deref().unwrap_or(origin);
        Self {
            http: LazyClient::new(tenant.is_loopback()),
            origin: HeaderValue::from_str(origin)
                .unwrap_or_else(|_| HeaderValue::from_static("null")),
            jar,
            tenant,
            hosts: RwLock::default(),
        }
    }

    /// From now on requests are noted in the account's own log, as are those so far.
    pub(crate) fn note_hosts_in(&self, hosts: &HostLog) {
        let mut own = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        hosts.absorb(&own);
        *own = hosts.clone();
    }

    fn note(&self, request: &reqwest::Request) {
        let Some(host) = request.url().host_str() else {
            return;
        };
        let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
        let sent = SentRequest {
            method: request.method().as_str(),
            host,
            url: request.url().as_str(),
            authorization: header(AUTHORIZATION),
            cookies: header(COOKIE),
            body: request
                .body()
                .and_then(reqwest::Body::as_bytes)
                .unwrap_or_default(),
        };
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        hosts.sent(&sent, SystemClock.now());
    }

    pub(crate) const fn jar(&self) -> &CookieJar {
        &self.jar
    }

    /// When the session's cookie ends, as the service has said it.
    pub(crate) fn session_until(&self) -> Option<UnixTime> {
        self.jar.end_of(self.tenant.login_host(), SESSION_COOKIE)
    }

    /// What is sent as `Origin`.
    pub(crate) fn origin(&self) -> &str {
        self.origin.to_str().unwrap_or("null")
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
        let Answer {
            reply,
            fresh_cookies,
        } = self
            .send(self.http.get()?, method, url, body, bearer)
            .await?;
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

    /// One request and its whole answer, whatever the status; the answer's cookies are taken.
    async fn send(
        &self,
        http: &reqwest::Client,
        method: Method,
        url: &Url,
        body: Option<&Map<String, Value>>,
        bearer: Option<&str>,
    ) -> Result<Answer, NetworkError> {
        let mut request = http
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
        let request = request.build()?;
        self.note(&request);
        let reply = http::execute(http, request).await?;
        let fresh_cookies = self.jar.absorb(&reply.headers, url);
        Ok(Answer {
            reply,
            fresh_cookies,
        })
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

fn parse<T: for<'de> Deserialize<'de>>(
    answer: &Answer,
    what: &'static str,
) -> Result<T, AuthressError> {
    // serde's own message could quote a token, so it is not kept.
    serde_json::from_slice(&answer.reply.body).map_err(|_| AuthressError::BadAnswer { what })
}
