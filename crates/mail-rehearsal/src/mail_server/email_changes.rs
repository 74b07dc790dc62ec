//! `Email/changes` and `Email/queryChanges` (RFC 8620 sections 5.2 and 5.6).

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::email_query::{Comparator, Query};
use super::error::MethodError;
use super::request::{Turn, arguments};
use super::{changes, ids};

/// `Email/changes`.
pub(crate) fn changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let log = &turn.account.logs.email;
    Ok(changes::answer(turn, given, log, ids::email)?.0)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryChanges {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
    since_query_state: String,
    #[serde(default)]
    max_changes: Option<usize>,
    /// Results after it need not be told; telling them is allowed, and what is done here.
    #[serde(default)]
    #[allow(dead_code, reason = "accepted, see above")]
    up_to_id: Option<String>,
    #[serde(default)]
    calculate_total: bool,
    #[serde(default)]
    collapse_threads: bool,
}

/// `Email/queryChanges`.
///
/// Whatever changed is told as removed, and as added where it is a result now; with collapsed
/// conversations, or conditions about them, that goes for every message of a touched conversation.
pub(crate) fn query_changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let given: QueryChanges = arguments(given)?;
    turn.may_calculate_changes()?;
    let account = &*turn.account;
    let query = Query::read(
        given.filter.as_ref(),
        given.sort,
        given.collapse_threads,
        account,
    )?;
    let changes = account.logs.email.since(&given.since_query_state, None)?;
    let mut removed: BTreeSet<u32> = changes
        .updated
        .iter()
        .chain(&changes.destroyed)
        .copied()
        .collect();
    let touched: BTreeSet<u32> = removed.iter().chain(&changes.created).copied().collect();
    let threads: BTreeSet<u32> = touched
        .iter()
        .filter_map(|n| account.record_ever(*n))
        .map(|r| r.thread)
        .collect();
    for thread in &threads {
        removed.extend(account.thread(*thread));
    }
    let mut candidates = removed.clone();
    candidates.extend(&changes.created);
    for created in &changes.created {
        removed.remove(created);
    }
    let results = query.results(account, usize::MAX);
    let places: HashMap<u32, usize> = results
        .iter()
        .enumerate()
        .filter(|(_, n)| candidates.contains(n))
        .map(|(at, n)| (*n, at))
        .collect();
    let mut added: Vec<(usize, u32)> = places.into_iter().map(|(n, at)| (at, n)).collect();
    added.sort_unstable();
    if given
        .max_changes
        .is_some_and(|max| added.len() + removed.len() > max)
    {
        return Err(MethodError::TooManyChanges);
    }
    let removed: Vec<String> = removed.iter().map(|n| ids::email(*n)).collect();
    let added: Vec<Value> = added
        .iter()
        .map(|(index, n)| json!({ "id": ids::email(*n), "index": index }))
        .collect();
    let mut value = json!({
        "oldQueryState": given.since_query_state,
        "newQueryState": account.logs.email.state(),
        "removed": removed,
        "added": added,
    });
    if let (true, Some(value)) = (given.calculate_total, value.as_object_mut()) {
        value.insert("total".to_owned(), results.len().into());
    }
    Ok(value)
}
