//! The server over loopback, asked as a client asks.

mod changes;
mod limits;
mod push;
mod read;
mod submit;
mod websocket;
mod write;

use std::sync::Arc;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::session::{CORE, MAIL, SUBMISSION};
use super::{MailServer, MailServerConfig};
use crate::clock::Clock;
use crate::faults::{Faults, Server, with_faults};
use crate::people::{Person, people};
use crate::tenant::{TokenRefused, TokenVerifier};

/// 2026-11-24T14:02:00Z
pub(super) const NOW: i64 = 1_795_528_920;

/// A token is `token-` and the account's name.
struct Names;

impl TokenVerifier for Names {
    fn person_of(&self, bearer: &str) -> Result<Person, TokenRefused> {
        if bearer == "token-old" {
            return Err(TokenRefused::Expired);
        }
        let name = bearer.strip_prefix("token-").ok_or(TokenRefused::Unknown)?;
        people()
            .into_iter()
            .find(|p| p.account == name)
            .ok_or(TokenRefused::Unknown)
    }
}

/// A server for one test.
pub(super) struct World {
    pub(super) server: MailServer,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    pub(super) url: String,
    pub(super) http: reqwest::Client,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.task.abort();
    }
}

/// A small server that keeps nothing.
pub(super) async fn world() -> World {
    world_with(120, None).await
}

/// A server of that size, keeping its changes in a folder.
pub(super) async fn world_with(size: u32, state_dir: Option<&std::path::Path>) -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (faults, clock, cancel) = (
        Faults::none(),
        Clock::standing_at(NOW * 1000),
        CancellationToken::new(),
    );
    let config = MailServerConfig {
        origin: url.clone(),
        state_dir: state_dir.map(Into::into),
        seed: 1,
        size,
        people: people(),
        identical_ids: false,
        clock: clock.clone(),
        faults: faults.clone(),
        verifier: Arc::new(Names),
        cancel: cancel.clone(),
    };
    let server = MailServer::open(config).unwrap();
    let routes = with_faults(server.router(), faults.clone(), Server::Mail);
    let task = tokio::spawn(async move {
        axum::serve(listener, routes).await.unwrap();
    });
    World {
        server,
        faults,
        clock,
        url,
        http: reqwest::Client::new(),
        cancel,
        task,
    }
}

impl World {
    /// Posts a whole request; gives status and body.
    pub(super) async fn post(&self, person: &str, body: String) -> (StatusCode, Value) {
        let request = self
            .http
            .post(format!("{}/jmap/api", self.url))
            .bearer_auth(format!("token-{person}"))
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Makes method calls; `accountId` is put in. Gives `methodResponses`.
    pub(super) async fn calls(
        &self,
        person: &str,
        calls: &[(&str, Value)],
    ) -> Vec<(String, Value)> {
        let id = people()
            .into_iter()
            .find(|p| p.account == person)
            .unwrap()
            .mail_account;
        let calls: Vec<Value> = calls
            .iter()
            .enumerate()
            .map(|(n, (name, arguments))| {
                let mut arguments = arguments.clone();
                if let Some(object) = arguments.as_object_mut() {
                    object
                        .entry("accountId")
                        .or_insert_with(|| id.clone().into());
                }
                json!([name, arguments, n.to_string()])
            })
            .collect();
        let (status, body) = self
            .post(
                person,
                json!({ "using": [CORE, MAIL, SUBMISSION], "methodCalls": calls }).to_string(),
            )
            .await;
        assert_eq!(status, 200, "{body}");
        let list = body["methodResponses"].as_array().unwrap();
        list.iter()
            .map(|r| (r[0].as_str().unwrap().to_owned(), r[1].clone()))
            .collect()
    }

    /// Makes one call that must succeed; gives its arguments.
    pub(super) async fn call(&self, person: &str, name: &str, arguments: Value) -> Value {
        let (answered, value) = self.calls(person, &[(name, arguments)]).await.remove(0);
        assert_eq!(answered, name, "{value}");
        value
    }

    /// Makes one call that must fail; gives the error's type.
    pub(super) async fn refused(&self, person: &str, name: &str, arguments: Value) -> String {
        let (answered, value) = self.calls(person, &[(name, arguments)]).await.remove(0);
        assert_eq!(answered, "error", "{value}");
        value["type"].as_str().unwrap().to_owned()
    }

    /// The id of a mailbox by name.
    pub(super) async fn mailbox(&self, person: &str, name: &str) -> String {
        let all = self
            .call(person, "Mailbox/get", json!({ "ids": null }))
            .await;
        let found = all["list"]
            .as_array()
            .unwrap()
            .iter()
            .find(|m| m["name"] == name)
            .unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    /// Messages of a query, in order.
    pub(super) async fn query(&self, person: &str, arguments: Value) -> Vec<String> {
        strings(&self.call(person, "Email/query", arguments).await["ids"])
    }
}

/// A JSON array of strings.
pub(super) fn strings(value: &Value) -> Vec<String> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().to_owned())
        .collect()
}
