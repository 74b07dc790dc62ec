//! `Thread/get` and `/changes` (RFC 8621 section 3).

use serde_json::{Map, Value, json};

use super::error::MethodError;
use super::get::{Get, project};
use super::ids;
use super::mailbox::ChangesArguments;
use super::request::{Turn, arguments, check_get};
use super::session::MOST_IN_GET;

/// `Thread/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let get: Get = arguments(given)?;
    let wanted = get.properties(&["id", "emailIds"])?;
    let account = &turn.account;
    // Without ids a client asks for all of them, which no account here can answer in one go.
    let asked = get.ids_or(|| {
        account
            .order()
            .iter()
            .take(MOST_IN_GET + 1)
            .filter_map(|n| Some(ids::thread(account.record(*n)?.thread)))
            .collect()
    });
    check_get(asked.len())?;
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in asked {
        let members = ids::number('T', &id).map_or(&[] as &[u32], |n| account.thread(n));
        if members.is_empty() {
            not_found.push(id);
            continue;
        }
        let emails: Vec<String> = members.iter().map(|n| ids::email(*n)).collect();
        list.push(project(json!({ "id": id, "emailIds": emails }), &wanted));
    }
    Ok(json!({ "state": account.logs.thread.state(), "list": list, "notFound": not_found }))
}

/// `Thread/changes`.
pub(crate) fn changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let given: ChangesArguments = arguments(given)?;
    turn.may_calculate_changes()?;
    Ok(given.answer(&turn.account.logs.thread, ids::thread)?.0)
}
