//! `Email/set` (RFC 8621 section 4.6): patches of keywords and mailboxes, new drafts, destruction.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Record;
use super::error::{MethodError, SetError};
use super::journal::Event;
use super::request::{Turn, arguments, check_set};
use super::{compose, email_import, ids};

/// Arguments of a `/set`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    if_in_state: Option<String>,
    #[serde(default)]
    create: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    update: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    destroy: Option<Vec<String>>,
}

/// The answer of a `/set`, object by object.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) created: Map<String, Value>,
    pub(crate) updated: Map<String, Value>,
    pub(crate) destroyed: Vec<Value>,
    pub(crate) not_created: Map<String, Value>,
    pub(crate) not_updated: Map<String, Value>,
    pub(crate) not_destroyed: Map<String, Value>,
}

impl Outcome {
    /// The response's arguments.
    pub(crate) fn into_json(self, old_state: &str, new_state: &str) -> Value {
        let none = |map: Map<String, Value>| {
            if map.is_empty() {
                Value::Null
            } else {
                Value::Object(map)
            }
        };
        json!({
            "oldState": old_state,
            "newState": new_state,
            "created": none(self.created),
            "updated": none(self.updated),
            "destroyed": if self.destroyed.is_empty() { Value::Null } else { Value::Array(self.destroyed) },
            "notCreated": none(self.not_created),
            "notUpdated": none(self.not_updated),
            "notDestroyed": none(self.not_destroyed),
        })
    }
}

/// `Email/set`.
pub(crate) fn set(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let given: Arguments = arguments(given)?;
    let objects = given.create.as_ref().map_or(0, BTreeMap::len)
        + given.update.as_ref().map_or(0, BTreeMap::len)
        + given.destroy.as_ref().map_or(0, Vec::len);
    check_set(objects)?;
    let old_state = turn.account.logs.email.state();
    if given.if_in_state.is_some_and(|state| state != old_state) {
        return Err(MethodError::StateMismatch);
    }
    let mut out = Outcome::default();
    for (creation, object) in given.create.unwrap_or_default() {
        match create(turn, object)? {
            Ok(value) => {
                if let Some(id) = value.get("id").and_then(Value::as_str) {
                    turn.created.insert(creation.clone(), id.to_owned());
                }
                out.created.insert(creation, value);
            }
            Err(error) => {
                out.not_created.insert(creation, error.to_json());
            }
        }
    }
    let destroy: BTreeSet<String> = given
        .destroy
        .unwrap_or_default()
        .into_iter()
        .map(|id| turn.resolve(&id).unwrap_or(&id).to_owned())
        .collect();
    let mut events = Vec::new();
    for (given_id, patch) in given.update.unwrap_or_default() {
        let id = turn.resolve(&given_id).unwrap_or_default().to_owned();
        let result = if destroy.contains(&id) {
            Err(SetError::new("willDestroy"))
        } else {
            update(turn, &id, &patch)
        };
        match result {
            Ok(event) => {
                events.extend(event);
                out.updated.insert(given_id, Value::Null);
            }
            Err(error) => {
                out.not_updated.insert(given_id, error.to_json());
            }
        }
    }
    for id in destroy {
        match ids::number('M', &id).filter(|n| turn.account.record(*n).is_some()) {
            Some(number) => {
                events.push(Event::Destroyed { email: number });
                out.destroyed.push(id.into());
            }
            None => {
                out.not_destroyed
                    .insert(id, SetError::new("notFound").to_json());
            }
        }
    }
    turn.commit(events)?;
    Ok(out.into_json(&old_state, &turn.account.logs.email.state()))
}

fn create(
    turn: &mut Turn<'_>,
    object: Map<String, Value>,
) -> Result<Result<Value, SetError>, MethodError> {
    let draft = match compose::draft(turn, object) {
        Ok(draft) => draft,
        Err(error) => return Ok(Err(error)),
    };
    if !turn.account.has_room_for(&draft.keywords) {
        return Ok(Err(SetError::new("tooManyKeywords")));
    }
    email_import::add(
        turn,
        &draft.bytes,
        draft.received_at,
        draft.mailboxes,
        draft.keywords,
    )
    .map(Ok)
}

/// The event an update makes; none when it changes nothing.
fn update(
    turn: &Turn<'_>,
    id: &str,
    patch: &Map<String, Value>,
) -> Result<Option<Event>, SetError> {
    let found = ids::number('M', id).and_then(|n| Some((n, *turn.account.record(n)?)));
    let (number, record): (u32, Record) = found.ok_or_else(|| SetError::new("notFound"))?;
    let mut mailboxes: BTreeSet<u32> = turn.account.folders_of(record.mailboxes).collect();
    let mut keywords: BTreeSet<String> = turn
        .account
        .keyword_names(record.keywords)
        .map(str::to_owned)
        .collect();
    let before = (mailboxes.clone(), keywords.clone());
    for whole in ["mailboxIds", "keywords"] {
        let parts = patch.keys().any(|path| {
            path.strip_prefix(whole)
                .is_some_and(|rest| rest.starts_with('/'))
        });
        if patch.contains_key(whole) && parts {
            return Err(
                SetError::new("invalidPatch").because("one path is the beginning of another")
            );
        }
    }
    for (path, value) in patch {
        if path == "mailboxIds" {
            mailboxes = mailbox_numbers(turn, value)?.into_iter().collect();
        } else if path == "keywords" {
            keywords = keyword_names(value)?.into_iter().collect();
        } else if let Some(id) = path.strip_prefix("mailboxIds/") {
            let number = mailbox_number(turn, &unescape(id))?;
            if flag(value, "mailboxIds")? {
                mailboxes.insert(number)
            } else {
                mailboxes.remove(&number)
            };
        } else if let Some(name) = path.strip_prefix("keywords/") {
            let name = keyword(&unescape(name))?;
            if flag(value, "keywords")? {
                keywords.insert(name)
            } else {
                keywords.remove(&name)
            };
        } else {
            return Err(SetError::properties(&[path]).because("it cannot be changed"));
        }
    }
    if mailboxes.is_empty() {
        return Err(
            SetError::properties(&["mailboxIds"]).because("a message is in at least one mailbox")
        );
    }
    let names: Vec<String> = keywords.iter().cloned().collect();
    if !turn.account.has_room_for(&names) {
        return Err(SetError::new("tooManyKeywords"));
    }
    if before == (mailboxes.clone(), keywords) {
        return Ok(None);
    }
    Ok(Some(Event::Changed {
        email: number,
        mailboxes: mailboxes.into_iter().collect(),
        keywords: names,
    }))
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// `true` sets, null removes; nothing else is a value here.
fn flag(value: &Value, property: &str) -> Result<bool, SetError> {
    match value {
        Value::Bool(true) => Ok(true),
        Value::Null => Ok(false),
        _ => Err(SetError::properties(&[property])),
    }
}

fn mailbox_number(turn: &Turn<'_>, id: &str) -> Result<u32, SetError> {
    let number = turn
        .resolve(id)
        .and_then(|id| ids::number('P', id))
        .filter(|n| turn.account.folders.contains_key(n));
    number.ok_or_else(|| SetError::properties(&["mailboxIds"]).because("there is no such mailbox"))
}

/// The mailboxes of a whole `mailboxIds`, at least one.
pub(crate) fn mailbox_numbers(turn: &Turn<'_>, value: &Value) -> Result<Vec<u32>, SetError> {
    let wrong = || SetError::properties(&["mailboxIds"]);
    let set = value
        .as_object()
        .filter(|o| !o.is_empty())
        .ok_or_else(wrong)?;
    set.iter()
        .map(|(id, is)| {
            if is == &Value::Bool(true) {
                mailbox_number(turn, id)
            } else {
                Err(wrong())
            }
        })
        .collect()
}

/// A keyword as RFC 8621 section 4.1.1 allows it, lower case.
fn keyword(name: &str) -> Result<String, SetError> {
    let fits = !name.is_empty()
        && name.len() <= 255
        && name
            .bytes()
            .all(|b| (0x21..=0x7e).contains(&b) && !b"(){]%*\"\\".contains(&b));
    if fits {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(SetError::properties(&["keywords"]))
    }
}

/// The keywords of a whole `keywords`.
pub(crate) fn keyword_names(value: &Value) -> Result<Vec<String>, SetError> {
    let wrong = || SetError::properties(&["keywords"]);
    let set = value.as_object().ok_or_else(wrong)?;
    set.iter()
        .map(|(name, is)| {
            if is == &Value::Bool(true) {
                keyword(name)
            } else {
                Err(wrong())
            }
        })
        .collect()
}
