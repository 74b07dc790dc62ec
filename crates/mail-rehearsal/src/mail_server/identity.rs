//! `Identity/get` and `/changes` (RFC 8621 section 6): one identity an account, which never changes.

use serde_json::{Map, Value, json};

use super::error::MethodError;
use super::get::{Get, project};
use super::request::{Turn, arguments, check_get};

const STATE: &str = "0-0";
/// The id of the only identity.
pub(crate) const ID: &str = "I1";

/// `Identity/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let get: Get = arguments(given)?;
    let wanted = get.properties(&[
        "id",
        "name",
        "email",
        "replyTo",
        "bcc",
        "textSignature",
        "htmlSignature",
        "mayDelete",
    ])?;
    let asked = get.ids_or(|| vec![ID.to_owned()]);
    check_get(asked.len())?;
    let whole = json!({
        "id": ID, "name": turn.account.person.name, "email": turn.account.person.email, "replyTo": null, "bcc": null,
        "textSignature": "", "htmlSignature": "", "mayDelete": false,
    });
    let (found, not_found): (Vec<String>, Vec<String>) = asked.into_iter().partition(|id| id == ID);
    let list: Vec<Value> = found
        .iter()
        .map(|_| project(whole.clone(), &wanted))
        .collect();
    Ok(json!({ "state": STATE, "list": list, "notFound": not_found }))
}

/// `Identity/changes`.
pub(crate) fn changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let given: super::mailbox::ChangesArguments = arguments(given)?;
    turn.may_calculate_changes()?;
    Ok(given
        .answer(&super::state::ChangeLog::default(), |_| ID.to_owned())?
        .0)
}
