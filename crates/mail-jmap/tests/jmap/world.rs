//! A small, right JMAP server: what a well-behaved one answers, for tests to bend.

use std::sync::Arc;

use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_model::StateString;
use serde_json::{Map, Value, json};

use crate::scripted::{Recorded, Reply, Server};
use crate::tokens::Tokens;

pub(crate) const ACCOUNT: &str = "A1";
pub(crate) const TOKEN: &str = "ana's token";

/// One account with its messages `M0` (the newest), `M1`, …
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) messages: usize,
    pub(crate) limits: Value,
    pub(crate) session_state: String,
}

impl World {
    pub(crate) fn new(messages: usize) -> Self {
        Self {
            messages,
            limits: json!({
                "maxSizeUpload": 1_000_000,
                "maxConcurrentUpload": 4,
                "maxSizeRequest": 1_000_000,
                "maxConcurrentRequests": 4,
                "maxCallsInRequest": 16,
                "maxObjectsInGet": 500,
                "maxObjectsInSet": 500,
                "collationAlgorithms": [],
            }),
            session_state: "s1".into(),
        }
    }

    pub(crate) fn limit(mut self, name: &str, value: u64) -> Self {
        self.limits[name] = value.into();
        self
    }

    /// Starts a server of this world, and a source that talks to it.
    pub(crate) async fn serve(&self) -> (Server, JmapSource) {
        let world = self.clone();
        let server = Server::start(move |request| world.reply(request)).await;
        let source = source(&server, Tokens::only(TOKEN));
        (server, source)
    }

    pub(crate) fn reply(&self, request: &Recorded) -> Reply {
        match (request.method.as_str(), request.path()) {
            ("GET", "/session") => Reply::json(&self.session()),
            ("POST", "/api") => Reply::json(&self.answer(request)),
            ("POST", "/upload/A1") => Reply::json(&json!({
                "accountId": ACCOUNT, "blobId": "B9", "type": "message/rfc822",
                "size": request.body.len(),
            })),
            ("GET", "/download/A1/B0") => Reply::new(200, &[], "the bytes"),
            _ => Reply::status(404),
        }
    }

    pub(crate) fn session(&self) -> Value {
        json!({
            "capabilities": {
                "urn:ietf:params:jmap:core": self.limits,
                "urn:ietf:params:jmap:mail": {},
                "urn:ietf:params:jmap:submission": {},
            },
            "accounts": { ACCOUNT: {
                "name": "ana@northwind.example",
                "isPersonal": true,
                "isReadOnly": false,
                "accountCapabilities": {
                    "urn:ietf:params:jmap:mail": {},
                    "urn:ietf:params:jmap:submission": {},
                },
            } },
            "primaryAccounts": {
                "urn:ietf:params:jmap:mail": ACCOUNT,
                "urn:ietf:params:jmap:submission": ACCOUNT,
            },
            "username": "ana@northwind.example",
            "apiUrl": "/api",
            "downloadUrl": "/download/{accountId}/{blobId}?type={type}&name={name}",
            "uploadUrl": "/upload/{accountId}",
            "eventSourceUrl": "/events?types={types}&closeafter={closeafter}&ping={ping}",
            "state": self.session_state,
        })
    }

    /// The session document, or the answers to a request.
    pub(crate) fn answer_or_session(&self, request: &Recorded) -> Value {
        match request.path() {
            "/session" => self.session(),
            _ => self.answer(request),
        }
    }

    /// Answers every call of a request, result references included.
    pub(crate) fn answer(&self, request: &Recorded) -> Value {
        let mut responses: Vec<(String, Value, String)> = Vec::new();
        for (name, arguments, id) in request.calls() {
            let arguments = resolve(&responses, arguments);
            let (name, result) = match self.method(&name, &arguments) {
                Some(mut result) => {
                    result["accountId"] = ACCOUNT.into();
                    (name, result)
                }
                None => ("error".into(), json!({ "type": "unknownMethod" })),
            };
            responses.push((name, result, id));
        }
        json!({ "methodResponses": responses, "sessionState": self.session_state })
    }

    fn method(&self, name: &str, arguments: &Value) -> Option<Value> {
        Some(match name {
            "Mailbox/get" => json!({ "state": "m1", "list": mailboxes(), "notFound": [] }),
            "Mailbox/changes" | "Email/changes" => self.changes(arguments),
            "Email/query" => self.query(arguments),
            "Email/get" => self.get(arguments),
            "Email/set" => {
                let update = arguments["update"].as_object().unwrap();
                let updated: Map<String, Value> =
                    update.keys().map(|id| (id.clone(), Value::Null)).collect();
                json!({ "oldState": "e1", "newState": "e2", "updated": updated })
            }
            "Email/import" => json!({ "created": { "m": {
                "id": "M9", "blobId": "B9", "threadId": "T9", "size": 7,
            } } }),
            "Identity/get" => json!({ "state": "i1", "notFound": [], "list": [
                { "id": "I1", "name": "Ana Moreau", "email": "ana@northwind.example" },
                { "id": "I2", "name": "", "email": "choir@northwind.example" },
            ] }),
            "EmailSubmission/query" => {
                let first = arguments["position"].as_u64().unwrap_or(0) as usize;
                let ids: Vec<&str> = ["S1", "S2", "S3"].into_iter().skip(first).take(2).collect();
                json!({ "queryState": "q1", "ids": ids })
            }
            "EmailSubmission/get" => {
                let all = arguments["ids"].as_array().unwrap().iter();
                let list: Vec<Value> = all.map(submission).collect();
                json!({ "state": "1", "list": list, "notFound": [] })
            }
            "EmailSubmission/set" if arguments["update"].is_object() => {
                let asked = arguments["update"].as_object().unwrap();
                let (id, patch) = asked.iter().next().unwrap();
                assert_eq!(*patch, json!({ "undoStatus": "canceled" }));
                match id.as_str() {
                    "S1" => json!({ "oldState": "1", "newState": "2", "updated": { id: null } }),
                    "S2" => json!({ "oldState": "1", "newState": "1",
                                    "notUpdated": { id: { "type": "cannotUnsend" } } }),
                    _ => json!({ "oldState": "1", "newState": "1",
                                 "notUpdated": { id: { "type": "notFound" } } }),
                }
            }
            "EmailSubmission/set" => json!({
                "oldState": "1", "newState": "2", "created": { "s": { "id": "S1" } },
            }),
            _ => return None,
        })
    }

    fn changes(&self, arguments: &Value) -> Value {
        json!({
            "oldState": arguments["sinceState"], "newState": "e2", "hasMoreChanges": false,
            "created": ["M0", "M1"], "updated": ["M2", "M3"], "destroyed": ["M90", "M91"],
        })
    }

    fn query(&self, arguments: &Value) -> Value {
        let limit = arguments["limit"].as_u64().unwrap() as usize;
        let position = match arguments["anchor"].as_str() {
            Some(anchor) => number(anchor).unwrap() + arguments["anchorOffset"].as_i64().unwrap(),
            None => arguments["position"].as_i64().unwrap_or(0),
        };
        let ids: Vec<String> = (0..self.messages)
            .skip(position as usize)
            .take(limit)
            .map(|number| format!("M{number}"))
            .collect();
        json!({ "queryState": "q1", "ids": ids, "total": self.messages })
    }

    fn get(&self, arguments: &Value) -> Value {
        let asked = arguments["ids"].as_array().unwrap();
        let (list, gone): (Vec<_>, Vec<_>) = asked.iter().partition(|id| {
            number(id.as_str().unwrap()).is_some_and(|number| number < self.messages as i64)
        });
        let properties = arguments["properties"].as_array();
        let list: Vec<Value> = list
            .iter()
            .map(|id| {
                let mut email = email(id.as_str().unwrap());
                let members = email.as_object_mut().unwrap();
                members.retain(|name, _| {
                    properties.is_none_or(|names| names.iter().any(|wanted| wanted == name))
                });
                email
            })
            .collect();
        json!({ "state": "e1", "list": list, "notFound": gone })
    }
}

/// A state of [`ACCOUNT`] as it is given out: with the account's mark, the first six octets of its
/// SHA-256.
pub(crate) fn state(of_server: &str) -> StateString {
    StateString::new(format!("16a36e86f6fe:{of_server}")).unwrap()
}

pub(crate) fn source(server: &Server, tokens: Tokens) -> JmapSource {
    let mut config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    // However slow the machine is.
    config.timeouts.page = std::time::Duration::from_secs(3600);
    JmapSource::new(config, Arc::new(tokens)).unwrap()
}

fn mailboxes() -> Value {
    json!([
        { "id": "b1", "name": "Inbox", "parentId": null, "role": "inbox", "sortOrder": 1,
          "totalEmails": 6 },
        { "id": "b2", "name": "Choir", "parentId": "b1", "role": null, "sortOrder": 2,
          "totalEmails": 0 },
    ])
}

/// A message on its way; the second has left since it was listed.
fn submission(id: &Value) -> Value {
    let left = id == "S2";
    json!({
        "id": id,
        "emailId": "M1",
        "sendAt": "2026-03-04T08:00:00Z",
        "undoStatus": if left { "final" } else { "pending" },
    })
}

/// The number of a message's id.
fn number(id: &str) -> Option<i64> {
    id.strip_prefix('M')?.parse().ok()
}

fn email(id: &str) -> Value {
    let number = number(id).unwrap();
    json!({
        "id": id,
        "blobId": format!("B{number}"),
        "threadId": format!("T{}", number / 2),
        "mailboxIds": { "b1": true },
        "keywords": { "$seen": true },
        "size": 1000 + number,
        "receivedAt": format!("2026-03-03T10:{:02}:00Z", 59 - number % 60),
        "messageId": [format!("{id}@mail.example")],
        "inReplyTo": null,
        "references": ["x@mail.example"],
        "from": [{ "name": "Ben Ortiz", "email": "ben@mail.example" }],
        "to": [{ "name": null, "email": "ana@northwind.example" }],
        "cc": null,
        "bcc": null,
        "replyTo": null,
        "subject": format!("Letter {number}"),
        "preview": "Hello Ana",
        "hasAttachment": false,
        "textBody": [{ "partId": "1", "blobId": "P1", "size": 9, "name": null,
                       "type": "text/plain", "disposition": null, "cid": null }],
        "htmlBody": [{ "partId": "2", "blobId": "P2", "size": 20, "name": null,
                       "type": "text/html", "disposition": null, "cid": null }],
        "attachments": [{ "partId": "3", "blobId": "P3", "size": 300, "name": "score.pdf",
                          "type": "application/pdf", "disposition": "attachment", "cid": null }],
        "bodyValues": {
            "1": { "value": "Hello Ana", "isEncodingProblem": false, "isTruncated": false },
            "2": { "value": "<p>Hello Ana</p>", "isEncodingProblem": false,
                   "isTruncated": false },
        },
    })
}

fn resolve(responses: &[(String, Value, String)], mut arguments: Value) -> Value {
    let members = arguments.as_object_mut().unwrap();
    if let Some(reference) = members.remove("#ids") {
        let of = responses
            .iter()
            .find(|(_, _, id)| reference["resultOf"] == *id);
        let (name, result, _) = of.unwrap();
        assert_eq!(reference["name"], *name);
        let path = reference["path"].as_str().unwrap();
        members.insert("ids".into(), result.pointer(path).unwrap().clone());
    }
    arguments
}
