//! `EmailSubmission/get`, `/changes` and `/query` (RFC 8621 section 7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::email_get::utc;
use super::error::MethodError;
use super::get::Get;
use super::request::{Turn, arguments};
use super::{changes, identity, ids, page};

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Submission {
    pub(crate) id: u32,
    pub(crate) email: u32,
    pub(crate) thread: u32,
    pub(crate) mail_from: String,
    /// By recipient: whether it was delivered here.
    pub(crate) recipients: BTreeMap<String, bool>,
    /// Seconds since 1970.
    pub(crate) send_at: i64,
}

const PROPERTIES: [&str; 10] = [
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
];

impl Submission {
    /// The object a client sees.
    pub(crate) fn to_json(&self) -> Value {
        let to: Vec<Value> = self
            .recipients
            .keys()
            .map(|email| json!({ "email": email, "parameters": null }))
            .collect();
        let status: Map<String, Value> = self
            .recipients
            .iter()
            .map(|(email, here)| {
                let delivered = if *here { "yes" } else { "unknown" };
                (email.clone(), json!({ "smtpReply": "250 2.0.0 taken", "delivered": delivered, "displayed": "unknown" }))
            })
            .collect();
        json!({
            "id": ids::submission(self.id),
            "identityId": identity::ID,
            "emailId": ids::email(self.email),
            "threadId": ids::thread(self.thread),
            "envelope": { "mailFrom": { "email": self.mail_from, "parameters": null }, "rcptTo": to },
            "sendAt": utc(self.send_at),
            "undoStatus": "final",
            "deliveryStatus": status,
            "dsnBlobIds": [],
            "mdnBlobIds": [],
        })
    }
}

/// `EmailSubmission/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let get: Get = arguments(given)?;
    let submissions = &turn.account.submissions;
    get.answer(
        &PROPERTIES,
        turn.account.logs.submission.state(),
        || submissions.keys().map(|id| ids::submission(*id)).collect(),
        |id| {
            let found = submissions.get(&ids::number('S', id)?)?;
            Some(found.to_json())
        },
    )
}

/// `EmailSubmission/changes`.
pub(crate) fn changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let log = &turn.account.logs.submission;
    Ok(changes::answer(turn, given, log, ids::submission)?.0)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Query {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
    #[serde(default)]
    position: i64,
    #[serde(default)]
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    calculate_total: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Comparator {
    property: String,
    #[serde(default = "yes")]
    is_ascending: bool,
}

const fn yes() -> bool {
    true
}

/// `EmailSubmission/query`.
pub(crate) fn query(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let query: Query = arguments(given)?;
    let mut found: Vec<&Submission> = Vec::new();
    for submission in turn.account.submissions.values() {
        if query
            .filter
            .as_ref()
            .map_or(Ok(true), |f| matches(f, submission))?
        {
            found.push(submission);
        }
    }
    for step in query.sort.unwrap_or_default().iter().rev() {
        match step.property.as_str() {
            "emailId" => found.sort_by_key(|s| s.email),
            "threadId" => found.sort_by_key(|s| s.thread),
            "sentAt" | "sendAt" => found.sort_by_key(|s| s.send_at),
            other => return Err(MethodError::UnsupportedSort(other.to_owned())),
        }
        if !step.is_ascending {
            found.reverse();
        }
    }
    let all: Vec<String> = found.iter().map(|s| ids::submission(s.id)).collect();
    let start = page::start(
        query.position,
        query.anchor.as_deref(),
        query.anchor_offset,
        all.len(),
        |anchor| all.iter().position(|id| id == anchor),
    )?;
    let ids: Vec<&String> = all
        .iter()
        .skip(start)
        .take(query.limit.unwrap_or(usize::MAX))
        .collect();
    let mut value = json!({ "queryState": turn.account.logs.submission.state(), "canCalculateChanges": false, "position": start, "ids": ids });
    if let (true, Some(value)) = (query.calculate_total, value.as_object_mut()) {
        value.insert("total".to_owned(), all.len().into());
    }
    Ok(value)
}

fn matches(filter: &Value, submission: &Submission) -> Result<bool, MethodError> {
    let object = filter
        .as_object()
        .ok_or_else(|| MethodError::InvalidArguments("a filter is an object".to_owned()))?;
    let mut all = true;
    for (name, value) in object {
        let among = |id: String| {
            value
                .as_array()
                .is_some_and(|list| list.iter().any(|v| v.as_str() == Some(&id)))
        };
        let time = || {
            value
                .as_str()
                .and_then(|t| t.parse::<jiff::Timestamp>().ok())
                .map(jiff::Timestamp::as_second)
                .ok_or_else(|| MethodError::InvalidArguments(name.clone()))
        };
        all &= match name.as_str() {
            "identityIds" => among(identity::ID.to_owned()),
            "emailIds" => among(ids::email(submission.email)),
            "threadIds" => among(ids::thread(submission.thread)),
            "undoStatus" => value.as_str() == Some("final"),
            "before" => submission.send_at < time()?,
            "after" => submission.send_at >= time()?,
            _ => return Err(MethodError::UnsupportedFilter(name.clone())),
        };
    }
    Ok(all)
}
