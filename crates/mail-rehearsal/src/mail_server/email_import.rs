//! `Email/import` (RFC 8621 section 4.8).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::email_set::{keyword_names, mailbox_numbers};
use super::error::{MethodError, SetError};
use super::journal::Event;
use super::message::Parsed;
use super::request::{Turn, arguments, check_set};
use super::{blob, ids};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    if_in_state: Option<String>,
    emails: BTreeMap<String, Import>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Import {
    blob_id: String,
    mailbox_ids: Value,
    #[serde(default)]
    keywords: Option<Value>,
    #[serde(default)]
    received_at: Option<String>,
}

/// `Email/import`.
pub(crate) fn import(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let given: Arguments = arguments(given)?;
    check_set(given.emails.len())?;
    let old_state = turn.account.logs.email.state();
    if given.if_in_state.is_some_and(|state| state != old_state) {
        return Err(MethodError::StateMismatch);
    }
    let (mut created, mut not_created) = (Map::new(), Map::new());
    for (creation, import) in given.emails {
        match one(turn, &import)? {
            Ok(value) => {
                if let Some(id) = value.get("id").and_then(Value::as_str) {
                    turn.created.insert(creation.clone(), id.to_owned());
                }
                created.insert(creation, value);
            }
            Err(error) => {
                not_created.insert(creation, error.to_json());
            }
        }
    }
    let none = |map: Map<String, Value>| {
        if map.is_empty() {
            Value::Null
        } else {
            Value::Object(map)
        }
    };
    Ok(
        json!({ "oldState": old_state, "newState": turn.account.logs.email.state(), "created": none(created), "notCreated": none(not_created) }),
    )
}

fn one(turn: &mut Turn<'_>, import: &Import) -> Result<Result<Value, SetError>, MethodError> {
    let id = turn.resolve(&import.blob_id).map(str::to_owned);
    let Some(bytes) = id.and_then(|id| blob::load(turn.account, &id)) else {
        return Ok(Err(
            SetError::properties(&["blobId"]).because("there is no such blob")
        ));
    };
    let mailboxes = match mailbox_numbers(turn, &import.mailbox_ids) {
        Ok(mailboxes) => mailboxes,
        Err(error) => return Ok(Err(error)),
    };
    let keywords = match import
        .keywords
        .as_ref()
        .map_or(Ok(Vec::new()), keyword_names)
    {
        Ok(keywords) => keywords,
        Err(error) => return Ok(Err(error)),
    };
    if !turn.account.has_room_for(&keywords) {
        return Ok(Err(SetError::new("tooManyKeywords")));
    }
    let parsed = Parsed::new(&bytes);
    if parsed.root().is_none_or(|root| root.headers.is_empty()) {
        return Ok(Err(SetError::new("invalidEmail")));
    }
    let received_at = match &import.received_at {
        None => turn.now,
        Some(text) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => time.as_second(),
            Err(_) => return Ok(Err(SetError::properties(&["receivedAt"]))),
        },
    };
    add(turn, &bytes, received_at, mailboxes, keywords).map(Ok)
}

/// Puts a message into mailboxes; gives the properties a server sets.
pub(crate) fn add(
    turn: &mut Turn<'_>,
    bytes: &[u8],
    received_at: i64,
    mailboxes: Vec<u32>,
    keywords: Vec<String>,
) -> Result<Value, MethodError> {
    let thread = turn.account.thread_for(&Parsed::new(bytes));
    let number = turn.account.next_email();
    let blob = turn.account.journal.store(bytes).map_err(|error| {
        tracing::error!(%error, "a message cannot be kept");
        MethodError::ServerFail
    })?;
    turn.commit(vec![Event::Added {
        blob,
        received_at,
        mailboxes,
        keywords,
        thread,
    }])?;
    let thread = turn.account.record(number).map_or(0, |r| r.thread);
    Ok(
        json!({ "id": ids::email(number), "blobId": ids::message_blob(number), "threadId": ids::thread(thread), "size": bytes.len() }),
    )
}
