//! A tenant with state, switches and counters: the part of the login contract that these tests
//! need, strict where it matters (one use of codes, PKCE, rotation with reuse detection).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use mail_auth::Clock as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::people;
use crate::world::{DAY, HandClock};

/// How one answer goes wrong.
#[derive(Clone)]
pub(crate) enum Fault {
    Status(u16, Value),
    RetryAfter(u16, u64),
    /// Does the work, then fails: the client never hears of it.
    FailAfter(u16),
    /// Does the work, then never answers. Only renewals.
    HoldAfter,
    Text(&'static str),
}

/// Where tokens are put.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Body,
    Cookies,
}

pub(crate) struct Switches {
    pub(crate) place: Place,
    pub(crate) token_life: i64,
    /// Overrides claims of the next access tokens.
    pub(crate) claims: Value,
    /// Appended to the redirect's query.
    pub(crate) redirect_extra: String,
    /// Left out of the redirect's query.
    pub(crate) redirect_without: &'static str,
    pub(crate) nonce_name: &'static str,
    /// Appended to the session's cookie.
    pub(crate) cookie_extra: &'static str,
    /// A cookie stays good until its successor is used, so that a lost answer costs nothing.
    pub(crate) lenient: bool,
    /// Who comes back from adding a way in, if not the one whose token it was.
    pub(crate) linked_person: Option<&'static str>,
    /// What the provider's token is, if not a new one each time.
    pub(crate) provider_token: Option<&'static str>,
    /// Whether there is a list of devices.
    pub(crate) has_devices: bool,
}

pub(crate) struct Inner {
    clock: Arc<HandClock>,
    url: String,
    pub(crate) switches: Switches,
    pub(crate) faults: BTreeMap<&'static str, VecDeque<Fault>>,
    pub(crate) counts: BTreeMap<&'static str, u32>,
    pub(crate) seen: Vec<(&'static str, HeaderMap, Value)>,
    pub(crate) published: Vec<String>,
    keys: BTreeMap<String, SigningKey>,
    signing: String,
    person: String,
    pub(crate) requests: BTreeMap<String, Value>,
    /// Whose token a login was opened with, by request.
    pub(crate) bearers: BTreeMap<String, String>,
    pub(crate) linked: Vec<Value>,
    codes: BTreeMap<String, (String, String)>,
    sessions: BTreeMap<String, String>,
    newest: String,
    spent: BTreeSet<String>,
    predecessors: BTreeMap<String, String>,
    pub(crate) reused: u32,
    pub(crate) secrets: Vec<String>,
    serial: u64,
}

#[derive(Clone)]
pub(crate) struct TestTenant {
    pub(crate) url: String,
    pub(crate) inner: Arc<Mutex<Inner>>,
    gate: Arc<Gate>,
    held: Arc<Notify>,
}

/// Holds exchanges and renewals back until the test lets them go.
#[derive(Default)]
struct Gate {
    closed: std::sync::atomic::AtomicBool,
    arrived: Notify,
    open: Notify,
}

impl TestTenant {
    pub(crate) async fn start(clock: Arc<HandClock>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tenant = Self {
            url: url.clone(),
            gate: Arc::default(),
            held: Arc::default(),
            inner: Arc::new(Mutex::new(Inner {
                clock,
                url,
                switches: Switches {
                    place: Place::Body,
                    token_life: DAY,
                    claims: json!({}),
                    redirect_extra: String::new(),
                    redirect_without: "",
                    nonce_name: "nonce",
                    cookie_extra: "",
                    lenient: false,
                    linked_person: None,
                    provider_token: None,
                    has_devices: true,
                },
                faults: BTreeMap::new(),
                counts: BTreeMap::new(),
                seen: Vec::new(),
                published: Vec::new(),
                keys: BTreeMap::new(),
                signing: String::new(),
                person: "user|ana".to_owned(),
                requests: BTreeMap::new(),
                bearers: BTreeMap::new(),
                linked: people::first_identities(),
                codes: BTreeMap::new(),
                sessions: BTreeMap::new(),
                newest: String::new(),
                spent: BTreeSet::new(),
                predecessors: BTreeMap::new(),
                reused: 0,
                secrets: Vec::new(),
                serial: 0,
            })),
        };
        tenant.rotate_key("key-1");
        let app = Router::new()
            .route("/api/authentication", post(authentication))
            .route("/login", get(login))
            .route("/api/authentication/{id}/tokens", post(tokens))
            .route("/api/session", axum::routing::patch(renew).delete(end))
            .merge(people::routes())
            .route("/.well-known/openid-configuration/jwks", get(jwks))
            .with_state(tenant.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        tenant
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap())
    }

    pub(crate) fn next_person(&self, person: &str) {
        self.with(|inner| inner.person = person.to_owned());
    }

    pub(crate) fn fault(&self, endpoint: &'static str, fault: Fault) {
        self.with(|inner| inner.faults.entry(endpoint).or_default().push_back(fault));
    }

    pub(crate) fn count(&self, endpoint: &'static str) -> u32 {
        self.with(|inner| inner.counts.get(endpoint).copied().unwrap_or_default())
    }

    /// The last request to an endpoint: headers and body.
    pub(crate) fn last(&self, endpoint: &'static str) -> (HeaderMap, Value) {
        self.with(|inner| {
            let found = inner.seen.iter().rev().find(|(name, ..)| *name == endpoint);
            let (_, headers, body) = found.expect("no such request");
            (headers.clone(), body.clone())
        })
    }

    /// Ends every session, as an administrator could.
    pub(crate) fn end_all_sessions(&self) {
        self.with(|inner| inner.sessions.clear());
    }

    pub(crate) fn session_count(&self) -> usize {
        self.with(|inner| inner.sessions.len())
    }

    /// Signs with a new key from now on and publishes only that one.
    pub(crate) fn rotate_key(&self, kid: &str) {
        self.with(|inner| {
            let seed: [u8; 32] = Sha256::digest(kid.as_bytes()).into();
            inner
                .keys
                .insert(kid.to_owned(), SigningKey::from_bytes(&seed));
            inner.signing = kid.to_owned();
            inner.published = vec![kid.to_owned()];
        });
    }

    /// Signs with a key that stays unpublished.
    pub(crate) fn sign_with_unpublished(&self, kid: &str) {
        self.with(|inner| {
            let published = inner.published.clone();
            let seed: [u8; 32] = Sha256::digest(kid.as_bytes()).into();
            inner
                .keys
                .insert(kid.to_owned(), SigningKey::from_bytes(&seed));
            inner.signing = kid.to_owned();
            inner.published = published;
        });
    }

    pub(crate) fn close_gate(&self) {
        self.gate.closed.store(true, SeqCst);
    }

    /// Waits until an exchange or a renewal stands at the gate.
    pub(crate) async fn somebody_arrived(&self) {
        self.gate.arrived.notified().await;
    }

    /// Waits until a renewal has been done and is not answered.
    pub(crate) async fn somebody_is_held(&self) {
        self.held.notified().await;
    }

    async fn pass_gate(&self) {
        if self.gate.closed.load(SeqCst) {
            self.gate.arrived.notify_one();
        }
        while self.gate.closed.load(SeqCst) {
            self.gate.open.notified().await;
        }
    }

    pub(crate) fn open_gate(&self) {
        self.gate.closed.store(false, SeqCst);
        self.gate.open.notify_one();
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.with(|inner| inner.sign(header, claims))
    }

    pub(crate) fn good_header(&self) -> Value {
        self.with(|inner| json!({"alg": "EdDSA", "typ": "at+jwt", "kid": inner.signing}))
    }

    pub(crate) fn good_claims(&self) -> Value {
        self.with(|inner| inner.claims("user|ana"))
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.with(|inner| {
            inner.keys[&inner.signing]
                .verifying_key()
                .to_bytes()
                .to_vec()
        })
    }
}

impl Inner {
    fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    /// A value nobody may print; remembered for the search of the log.
    pub(crate) fn secret(&mut self, kind: &str) -> String {
        self.serial += 1;
        let seed = format!("{kind}-{}-{}", self.url, self.serial);
        let secret = URL_SAFE_NO_PAD.encode(Sha256::digest(seed.as_bytes()));
        self.secrets.push(secret.clone());
        secret
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.keys[&self.signing].sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn claims(&self, subject: &str) -> Value {
        let now = self.now();
        let mut claims = json!({
            "iss": self.url, "sub": subject, "aud": [], "azp": "con_northwind",
            "client_id": "app_mail", "scope": "openid profile email", "iat": now,
            "exp": now + self.switches.token_life,
        });
        for (name, value) in self.switches.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn issue(&mut self, subject: &str) -> Response {
        let jti = self.secret("jti");
        let mut claims = self.claims(subject);
        claims["jti"] = jti.into();
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.signing});
        let access = self.sign(&header, &claims);
        let id = self.sign(
            &json!({"alg": "EdDSA", "typ": "JWT", "kid": self.signing}),
            &json!({
                "iss": self.url, "sub": claims["sub"], "iat": claims["iat"], "exp": claims["exp"],
                "name": "Ana Moreau", "email": "ana@northwind.example",
            }),
        );
        self.secrets.extend([access.clone(), id.clone()]);
        for token in [&access, &id] {
            let signature = token.rsplit('.').next().unwrap().to_owned();
            self.secrets.push(signature);
        }
        let session = self.secret("session");
        self.sessions.insert(session.clone(), subject.to_owned());
        self.newest = session.clone();
        let mut cookies = vec![format!(
            "authress-session={session}; Path=/; HttpOnly; Secure; SameSite=Strict{}",
            self.switches.cookie_extra
        )];
        let body = match self.switches.place {
            Place::Body => json!({"access_token": access, "id_token": id, "expires_in": DAY}),
            Place::Cookies => {
                cookies.push(format!("authorization={access}; Path=/"));
                cookies.push(format!("user={id}; Path=/"));
                json!({})
            }
        };
        let mut response = Json(body).into_response();
        for cookie in cookies {
            response
                .headers_mut()
                .append(header::SET_COOKIE, HeaderValue::from_str(&cookie).unwrap());
        }
        response
    }

    /// Counts and remembers a request; gives the answer to fail with, if one is due.
    pub(crate) fn enter(
        &mut self,
        endpoint: &'static str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Fault> {
        *self.counts.entry(endpoint).or_default() += 1;
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        self.seen.push((endpoint, headers.clone(), body));
        self.faults.get_mut(endpoint)?.pop_front()
    }
}

pub(crate) fn failing(fault: Fault) -> Response {
    match fault {
        Fault::Status(status, body) => {
            (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
        }
        Fault::RetryAfter(status, seconds) => (
            StatusCode::from_u16(status).unwrap(),
            [(header::RETRY_AFTER, seconds.to_string())],
        )
            .into_response(),
        Fault::FailAfter(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Fault::HoldAfter => unreachable!("only renewals are held"),
        Fault::Text(text) => text.into_response(),
    }
}

pub(crate) fn refuse(status: u16, body: Value) -> Response {
    failing(Fault::Status(status, body))
}

fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name == "authress-session").then(|| value.to_owned())
    })
}

/// Recomputes the proof of work.
fn proven(proof: &Value, values: &[&Value], now: i64) -> bool {
    let values: Vec<_> = values.iter().filter_map(|v| v.as_str()).collect();
    let parts: Vec<_> = proof.as_str().unwrap_or_default().split(';').collect();
    let ["v2", time, tries, hash] = parts.as_slice() else {
        return false;
    };
    let text = format!("{time};{tries};{}", values.join("|"));
    let right = URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
    let age = now - time.parse::<i64>().unwrap_or_default() / 1000;
    right == *hash && hash.starts_with("00") && age.abs() <= 300
}

async fn authentication(
    State(tenant): State<TestTenant>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    tenant.with(|inner| {
        if let Some(fault) = inner.enter("authentication", &headers, &body) {
            return failing(fault);
        }
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let values = [
            &asked["connectionId"],
            &asked["tenantLookupIdentifier"],
            &asked["applicationId"],
        ];
        if !proven(&asked["antiAbuseHash"], &values, inner.now()) {
            return refuse(
                400,
                json!({"title": "No proof", "errorCode": "InvalidRequest"}),
            );
        }
        let id = inner.secret("request");
        if asked["linkIdentity"] == true && people::bearer_of(&headers).is_none() {
            return refuse(
                401,
                json!({"title": "Who are you?", "errorCode": "Unauthorized"}),
            );
        }
        inner
            .bearers
            .insert(id.clone(), people::bearer_of(&headers).unwrap_or_default());
        inner.requests.insert(id.clone(), asked);
        let url = format!("{}/login?request={id}", inner.url);
        Json(json!({"authenticationRequestId": id, "authenticationUrl": url})).into_response()
    })
}

async fn login(
    State(tenant): State<TestTenant>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    tenant.with(|inner| {
        let id = query["request"].clone();
        let code = inner.secret("code");
        let asked = &inner.requests[&id];
        let person = match asked["linkIdentity"] {
            Value::Bool(true) => people::person_after_linking(inner, &id),
            _ => inner.person.clone(),
        };
        inner.codes.insert(code.clone(), (id.clone(), person));
        let mut home =
            url::Url::parse(inner.requests[&id]["redirectUrl"].as_str().unwrap()).unwrap();
        let without = inner.switches.redirect_without;
        for (name, value) in [
            (inner.switches.nonce_name, id.as_str()),
            ("iss", inner.url.as_str()),
            ("code", code.as_str()),
        ] {
            if name != without {
                home.query_pairs_mut().append_pair(name, value);
            }
        }
        let home = format!("{home}{}", inner.switches.redirect_extra);
        (StatusCode::FOUND, [(header::LOCATION, home)]).into_response()
    })
}

async fn tokens(
    State(tenant): State<TestTenant>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    tenant.pass_gate().await;
    tenant.with(|inner| {
        if let Some(fault) = inner.enter("tokens", &headers, &body) {
            return failing(fault);
        }
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let invalid = || refuse(400, json!({"error": "invalid_request"}));
        let Some((request, person)) = inner.codes.remove(asked["code"].as_str().unwrap()) else {
            return invalid();
        };
        let begun = inner.requests[&request].clone();
        let verifier = asked["code_verifier"].as_str().unwrap();
        inner.secrets.push(verifier.to_owned());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let id = Value::from(id);
        let values = [&asked["client_id"], &id, &asked["code"]];
        let good = id == *request
            && begun["codeChallenge"] == *challenge
            && begun["redirectUrl"] == asked["redirect_uri"]
            && begun["applicationId"] == asked["client_id"]
            && proven(&asked["antiAbuseHash"], &values, inner.now());
        if good {
            inner.issue(&person)
        } else {
            invalid()
        }
    })
}

async fn renew(State(tenant): State<TestTenant>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = tenant.with(|inner| inner.enter("renew", &headers, &body));
    tenant.pass_gate().await;
    let is_held = matches!(fault, Some(Fault::HoldAfter));
    if let Some(fault) = &fault
        && !matches!(fault, Fault::FailAfter(_) | Fault::HoldAfter)
    {
        return failing(fault.clone());
    }
    let response = tenant.with(|inner| {
        let cookie = session_cookie(&headers).unwrap_or_default();
        if inner.spent.contains(&cookie) {
            inner.reused += 1;
        }
        let Some(person) = inner.sessions.get(&cookie).cloned() else {
            return refuse(404, json!({"title": "No session", "errorCode": "NotFound"}));
        };
        // The one before is used up now at the latest.
        let over = if inner.switches.lenient {
            inner.predecessors.remove(&cookie)
        } else {
            Some(cookie.clone())
        };
        if let Some(over) = over {
            inner.sessions.remove(&over);
            inner.spent.insert(over);
        }
        let response = inner.issue(&person);
        if inner.switches.lenient {
            inner.predecessors.insert(inner.newest.clone(), cookie);
        }
        match fault {
            Some(Fault::FailAfter(status)) => {
                // The next cookie arrives although the answer is a failure.
                let mut failed = failing(Fault::FailAfter(status));
                for cookie in response.headers().get_all(header::SET_COOKIE) {
                    failed
                        .headers_mut()
                        .append(header::SET_COOKIE, cookie.clone());
                }
                failed
            }
            _ => response,
        }
    });
    if is_held {
        tenant.held.notify_one();
        std::future::pending::<()>().await;
    }
    response
}

async fn end(State(tenant): State<TestTenant>, headers: HeaderMap, body: Bytes) -> Response {
    tenant.with(|inner| {
        if let Some(fault) = inner.enter("end", &headers, &body) {
            return failing(fault);
        }
        let cookie = session_cookie(&headers).unwrap_or_default();
        inner.sessions.remove(&cookie);
        StatusCode::OK.into_response()
    })
}

async fn jwks(State(tenant): State<TestTenant>, headers: HeaderMap) -> Response {
    tenant.with(|inner| {
        if let Some(fault) = inner.enter("jwks", &headers, b"") {
            return failing(fault);
        }
        let keys: Vec<_> = inner
            .published
            .iter()
            .map(|kid| {
                let key = inner.keys[kid].verifying_key().to_bytes();
                json!({
                    "kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "use": "sig",
                    "x": URL_SAFE_NO_PAD.encode(key),
                })
            })
            .chain([json!({"kty": "NEW", "kid": "of another kind"})])
            .collect();
        Json(json!({ "keys": keys })).into_response()
    })
}
