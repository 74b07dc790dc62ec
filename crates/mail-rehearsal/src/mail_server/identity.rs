//! `Identity/get` and `/changes` (RFC 8621 section 6): one identity an account, which never changes.

use serde_json::{Map, Value, json};

use super::changes;
use super::error::MethodError;
use super::get::Get;
use super::request::{Turn, arguments};
use super::state::ChangeLog;

const STATE: &str = "0-0";
const PROPERTIES: [&str; 8] = [
    "id",
    "name",
    "email",
    "replyTo",
    "bcc",
    "textSignature",
    "htmlSignature",
    "mayDelete",
];
/// The id of the only identity.
pub(crate) const ID: &str = "I1";

/// `Identity/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let get: Get = arguments(given)?;
    let person = &turn.account.person;
    get.answer(
        &PROPERTIES,
        STATE.to_owned(),
        || vec![ID.to_owned()],
        |id| {
            let whole = json!({
                "id": ID, "name": person.name, "email": person.email, "replyTo": null, "bcc": null,
                "textSignature": "", "htmlSignature": "", "mayDelete": false,
            });
            (id == ID).then_some(whole)
        },
    )
}

/// `Identity/changes`.
pub(crate) fn changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let log = ChangeLog::default();
    Ok(changes::answer(turn, given, &log, |_| ID.to_owned())?.0)
}
