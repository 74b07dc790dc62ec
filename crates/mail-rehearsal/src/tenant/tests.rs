//! The tenant as a client meets it, over HTTP.

mod linking;
mod members;
mod pages;
mod refusals;
mod renewal;
mod sign_in;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::anti_abuse::prove;
use super::{Tenant, TenantConfig};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::people::{Person, people};
use crate::state_dir::StateDir;

const THEN: i64 = 1_700_000_000_000;
const APP: &str = "http://127.0.0.1:8123";
const REDIRECT: &str = "http://127.0.0.1:8123/signed-in?keep=me";
const VERIFIER: &str = "a-verifier-of-a-client-that-is-long-enough-for-rfc7636";

/// A tenant that listens, at a time that stands still.
struct World {
    tenant: Tenant,
    clock: Clock,
    faults: Faults,
    url: Url,
}

impl World {
    async fn new() -> Self {
        Self::with(StateDir::in_memory(), None, |_| {}).await
    }

    /// A tenant at `address`, or at any that is free.
    async fn with(
        state: StateDir,
        address: Option<&Url>,
        change: impl FnOnce(&mut TenantConfig),
    ) -> Self {
        let at = address.map_or("127.0.0.1:0".to_owned(), |url| url.authority().to_owned());
        let listener = tokio::net::TcpListener::bind(at).await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (clock, faults) = (Clock::standing_at(THEN), Faults::none());
        let mut config = TenantConfig::new(url.clone());
        change(&mut config);
        let tenant = Tenant::open(config, clock.clone(), faults.clone(), state).unwrap();
        let routes = tenant.router();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            tenant,
            clock,
            faults,
            url,
        }
    }

    fn client(&self) -> Client {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Client {
            http,
            url: self.url.clone(),
            clock: self.clock.clone(),
            jar: BTreeMap::new(),
        }
    }
}

/// One user agent: a native client or a browser.
struct Client {
    http: reqwest::Client,
    url: Url,
    clock: Clock,
    jar: BTreeMap<String, String>,
}

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn code(&self) -> String {
        self.json()["errorCode"].as_str().unwrap().to_owned()
    }

    fn location(&self) -> Url {
        Url::parse(self.headers[LOCATION].to_str().unwrap()).unwrap()
    }

    fn cookie_line(&self, name: &str) -> Option<&str> {
        let lines = self
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|line| line.to_str().unwrap());
        lines
            .into_iter()
            .find(|line| line.starts_with(&format!("{name}=")))
    }
}

impl Client {
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.request(method, self.url.join(path).unwrap());
        let cookies: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Answer {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[("origin", APP)]).await
    }

    async fn get_as(&mut self, path: &str, token: &str) -> Answer {
        self.send(
            Method::GET,
            path,
            None,
            &[
                ("origin", APP),
                ("authorization", &format!("Bearer {token}")),
            ],
        )
        .await
    }

    async fn call(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(method, path, Some(body), &[("origin", APP)])
            .await
    }

    /// The body of a sign-in, with `changes` put over it and the proof made last.
    fn begin_body(&self, changes: &Value) -> Value {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut body = json!({
            "applicationId": "app_braid", "redirectUrl": REDIRECT, "codeChallengeMethod": "S256",
            "codeChallenge": challenge, "flowType": "code", "responseLocation": "query", "unknownField": 1,
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let values = [
            text("connectionId"),
            text("tenantLookupIdentifier"),
            text("applicationId"),
        ];
        let value = values.into_iter().flatten().collect::<Vec<_>>().join("|");
        if body.get("antiAbuseHash").is_none() {
            body["antiAbuseHash"] = prove(&value, self.clock.unix_millis()).into();
        }
        body
    }

    async fn begin(&mut self, changes: &Value) -> Answer {
        let body = self.begin_body(changes);
        self.call(Method::POST, "/api/authentication", &body).await
    }

    /// Starts a sign-in and gives its id and where the person goes.
    async fn begun(&mut self, changes: &Value) -> (String, Url) {
        let answer = self.begin(changes).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        let url = Url::parse(body["authenticationUrl"].as_str().unwrap()).unwrap();
        (
            body["authenticationRequestId"].as_str().unwrap().to_owned(),
            url,
        )
    }

    fn exchange_body(&self, id: &str, code: &str) -> Value {
        json!({
            "grant_type": "authorization_code", "redirect_uri": REDIRECT, "client_id": "app_braid", "code": code,
            "code_verifier": VERIFIER, "antiAbuseHash": prove(&format!("app_braid|{id}|{code}"), self.clock.unix_millis()),
        })
    }

    async fn exchange(&mut self, id: &str, code: &str) -> Answer {
        let body = self.exchange_body(id, code);
        self.call(
            Method::POST,
            &format!("/api/authentication/{id}/tokens"),
            &body,
        )
        .await
    }

    /// Starts a sign-in, signs `person` in in a browser of their own, and gives the id and the code.
    async fn code_for(&mut self, person: &Person) -> (String, String) {
        let (id, url) = self.begun(&json!({})).await;
        let mut browser = Self {
            http: self.http.clone(),
            url: self.url.clone(),
            clock: self.clock.clone(),
            jar: BTreeMap::new(),
        };
        let back = browser.choose(&url, person).await.location();
        (id, query(&back, "code").unwrap())
    }

    /// Opens the sign-in's page and chooses `person` there.
    async fn choose(&mut self, url: &Url, person: &Person) -> Answer {
        let mut url = url.clone();
        url.query_pairs_mut()
            .append_pair("connection", &person.connection)
            .append_pair("person", &person.user);
        self.get(url.as_str()).await
    }

    /// Signs `person` in by code and gives the token reply.
    async fn sign_in(&mut self, person: &Person) -> Value {
        let (id, code) = self.code_for(person).await;
        let answer = self.exchange(&id, &code).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn renew(&mut self) -> Answer {
        self.call(Method::PATCH, "/api/session", &json!({})).await
    }
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn ana_at_work() -> Person {
    people().remove(0)
}

fn ana_at_home() -> Person {
    people().remove(1)
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(
        &URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1).unwrap())
            .unwrap(),
    )
    .unwrap()
}
