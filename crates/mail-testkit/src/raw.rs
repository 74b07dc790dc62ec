//! Another client of the same account: as plain as can be, and nothing of ours in it, so that
//! what it does to the account comes from outside.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use url::Url;

use crate::corpus::CorpusMessage;

/// Cyrus takes this many uploads at once.
const UPLOADS: usize = 4;
/// Messages in one import.
const IMPORTS: usize = 200;

/// A client that says exactly what it is told to.
#[derive(Debug, Clone)]
pub struct RawJmap {
    http: reqwest::Client,
    server: Url,
    token: String,
    account: String,
}

impl RawJmap {
    pub(crate) fn new(server: Url, token: String, account: &str) -> Self {
        Self {
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("an HTTP client can be made"),
            server,
            token,
            account: account.to_owned(),
        }
    }

    /// The account's id at the server.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// One method call; `accountId` is added. Gives the arguments of the answer.
    ///
    /// # Panics
    /// When the server answers with an error: here that is the test's mistake.
    pub async fn call(&self, method: &str, mut arguments: Value) -> Value {
        let members = arguments.as_object_mut().expect("arguments are an object");
        members.insert("accountId".into(), self.account.clone().into());
        let request = json!({
            "using": [
                "urn:ietf:params:jmap:core",
                "urn:ietf:params:jmap:mail",
                "urn:ietf:params:jmap:submission",
            ],
            "methodCalls": [[method, arguments, "0"]],
        });
        let answer: Value = self
            .http
            .post(self.url("/jmap/"))
            .bearer_auth(&self.token)
            .json(&request)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .expect("the server answers")
            .json()
            .await
            .expect("the answer is JSON");
        let place = |path: &str| answer.pointer(path).cloned().unwrap_or_default();
        assert_eq!(place("/methodResponses/0/0"), *method, "{answer}");
        place("/methodResponses/0/1")
    }

    /// Puts bytes on the server; gives the blob's id.
    pub async fn upload(&self, bytes: Vec<u8>, media_type: &str) -> String {
        let answer: Value = self
            .http
            .post(self.url(&format!("/jmap/upload/{}/", self.account)))
            .bearer_auth(&self.token)
            .header("content-type", media_type)
            .body(bytes)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .expect("the upload is taken")
            .json()
            .await
            .expect("the answer is JSON");
        text(answer.get("blobId"))
    }

    /// The id of the mailbox with that role, such as `inbox`.
    pub async fn mailbox(&self, role: &str) -> String {
        let answer = self.call("Mailbox/get", json!({ "ids": null })).await;
        let list = answer.get("list").and_then(Value::as_array);
        let mailbox = list
            .into_iter()
            .flatten()
            .find(|mailbox| mailbox.get("role").and_then(Value::as_str) == Some(role))
            .unwrap_or_else(|| panic!("there is no mailbox with the role {role}"));
        text(mailbox.get("id"))
    }

    /// Puts one message into the mailbox with that role; gives the message's id.
    pub async fn import(&self, message: Vec<u8>, role: &str) -> String {
        let message = CorpusMessage {
            name: "m".into(),
            bytes: message,
            received_at: jiff::Timestamp::now(),
        };
        let mut ids = self.fill(std::slice::from_ref(&message), role).await;
        ids.pop().expect("one message was imported")
    }

    /// Puts messages into the mailbox with that role, with their times of receipt; gives their
    /// ids in the same order. 2,403 of them take about ten seconds.
    pub async fn fill(&self, messages: &[CorpusMessage], role: &str) -> Vec<String> {
        let mailbox = self.mailbox(role).await;
        let mut ids = Vec::with_capacity(messages.len());
        for piece in messages.chunks(IMPORTS) {
            let blobs: Vec<String> = stream::iter(piece)
                .map(|message| self.upload(message.bytes.clone(), "message/rfc822"))
                .buffered(UPLOADS)
                .collect()
                .await;
            let emails: serde_json::Map<String, Value> = piece
                .iter()
                .zip(&blobs)
                .enumerate()
                .map(|(index, (message, blob))| {
                    let email = json!({
                        "blobId": blob,
                        "mailboxIds": { mailbox.as_str(): true },
                        "keywords": {},
                        "receivedAt": message.received_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                    });
                    (index.to_string(), email)
                })
                .collect();
            let answer = self.call("Email/import", json!({ "emails": emails })).await;
            for (index, message) in piece.iter().enumerate() {
                let id = answer.pointer(&format!("/created/{index}/id"));
                assert!(id.is_some(), "{} was refused: {answer}", message.name);
                ids.push(text(id));
            }
        }
        ids
    }

    /// Changes one message; the patch is that of `Email/set`.
    pub async fn patch(&self, id: &str, patch: Value) {
        let answer = self
            .call("Email/set", json!({ "update": { id: patch } }))
            .await;
        assert!(
            answer.pointer(&format!("/updated/{id}")).is_some(),
            "{answer}"
        );
    }

    /// Removes messages for good.
    pub async fn destroy(&self, ids: &[String]) {
        let answer = self.call("Email/set", json!({ "destroy": ids })).await;
        let gone = answer.get("destroyed").and_then(Value::as_array);
        assert_eq!(gone.map_or(0, Vec::len), ids.len(), "{answer}");
    }

    /// The bytes of a blob.
    pub async fn download(&self, blob: &str) -> Vec<u8> {
        let answer = self
            .http
            .get(self.url(&format!("/jmap/download/{}/{blob}/blob", self.account)))
            .bearer_auth(&self.token)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .expect("the blob is there");
        let pieces: Vec<bytes::Bytes> = answer
            .bytes_stream()
            .try_collect()
            .await
            .expect("the blob arrives");
        pieces.concat()
    }

    fn url(&self, path: &str) -> Url {
        self.server.join(path).expect("a path makes a URL")
    }
}

fn text(value: Option<&Value>) -> String {
    value
        .and_then(Value::as_str)
        .map(str::to_owned)
        .expect("the answer names it")
}
