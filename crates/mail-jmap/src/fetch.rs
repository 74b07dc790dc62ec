//! `Foo/get` by id: in pieces a server takes, and checked against what was asked for.

use std::collections::{HashMap, HashSet};

use mail_model::remote::SourceError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::batch::Batch;
use crate::fault::{Fault, bad_answer};
use crate::mailboxes::state_string;
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::GetWire;
use crate::wire::email::HasId;

/// The objects found, in the order asked for. Each id must be either found or said to be gone.
pub(crate) fn found<T: HasId>(asked: &[String], answer: GetWire<T>) -> Result<Vec<T>, SourceError> {
    state_string(&answer.state)?;
    let mut objects: HashMap<String, T> = HashMap::with_capacity(answer.list.len());
    for object in answer.list {
        if objects.insert(object.id().to_owned(), object).is_some() {
            return Err(bad_answer("it gives one object twice"));
        }
    }
    let gone: HashSet<String> = answer.not_found.unwrap_or_default().into_iter().collect();
    let mut ordered = Vec::with_capacity(objects.len());
    for id in asked {
        match objects.remove(id) {
            Some(_) if gone.contains(id) => {
                return Err(bad_answer("it gives an object and says it is gone"));
            }
            Some(object) => ordered.push(object),
            None if gone.contains(id) => {}
            None => return Err(bad_answer("an object asked for is missing")),
        }
    }
    if objects.is_empty() {
        Ok(ordered)
    } else {
        Err(bad_answer("it gives an object nobody asked for"))
    }
}

/// Whether an id is in the list twice.
pub(crate) fn has_duplicates(ids: &[String]) -> bool {
    let mut seen = HashSet::with_capacity(ids.len());
    !ids.iter().all(|id| seen.insert(id.as_str()))
}

/// `Email/get` for these ids with these arguments, at most `most` at a time and fewer where the
/// server finds that too much.
pub(crate) async fn emails<T: DeserializeOwned + HasId>(
    source: &JmapSource,
    session: &Session,
    ids: &[String],
    arguments: &Map<String, Value>,
    most: usize,
) -> Result<Vec<T>, Fault> {
    let mut size = most.min(session.limits.objects_in_get).max(1);
    let mut rest = ids;
    let mut objects = Vec::with_capacity(ids.len());
    while !rest.is_empty() {
        let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        match piece(source, session, now, arguments).await {
            Ok(more) => {
                objects.extend(more);
                rest = later;
            }
            Err(Fault::TooLarge(_)) if now.len() > 1 => size = now.len() / 2,
            Err(fault) => return Err(fault),
        }
    }
    Ok(objects)
}

async fn piece<T: DeserializeOwned + HasId>(
    source: &JmapSource,
    session: &Session,
    ids: &[String],
    arguments: &Map<String, Value>,
) -> Result<Vec<T>, Fault> {
    let mut arguments = arguments.clone();
    arguments.insert("accountId".into(), session.account.clone().into());
    arguments.insert("ids".into(), ids.into());
    let mut batch = Batch::new();
    let get = batch.add("Email/get", Value::Object(arguments));
    let answers = source.call(session, batch).await?;
    let answer: GetWire<T> = answers.take(get, &session.account)?;
    Ok(found(ids, answer)?)
}
