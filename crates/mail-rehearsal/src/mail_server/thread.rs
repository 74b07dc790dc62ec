//! `Thread/get` and `/changes` (RFC 8621 section 3).

use serde_json::{Map, Value, json};

use super::error::MethodError;
use super::get::Get;
use super::request::{Turn, arguments};
use super::session::MOST_IN_GET;
use super::{changes, ids};

/// `Thread/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let get: Get = arguments(given)?;
    let account = &turn.account;
    get.answer(
        &["id", "emailIds"],
        account.logs.thread.state(),
        // Without ids a client asks for all of them, which no account here can answer in one go.
        || {
            account
                .order()
                .iter()
                .take(MOST_IN_GET + 1)
                .filter_map(|n| Some(ids::thread(account.record(*n)?.thread)))
                .collect()
        },
        |id| {
            let members = account.thread(ids::number('T', id)?);
            let emails: Vec<String> = members.iter().map(|n| ids::email(*n)).collect();
            (!emails.is_empty()).then(|| json!({ "id": id, "emailIds": emails }))
        },
    )
}

/// `Thread/changes`.
pub(crate) fn changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let log = &turn.account.logs.thread;
    Ok(changes::answer(turn, given, log, ids::thread)?.0)
}
