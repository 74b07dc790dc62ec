//! What every `/changes` shares (RFC 8620 section 5.2).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::MethodError;
use super::request::{Turn, arguments};
use super::state::ChangeLog;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    since_state: String,
    #[serde(default)]
    max_changes: Option<usize>,
}

/// Answers from the log of one data type, whose ids `name` makes; tells besides whether every update was one
/// of counts.
pub(crate) fn answer(
    turn: &Turn<'_>,
    given: Map<String, Value>,
    log: &ChangeLog,
    name: fn(u32) -> String,
) -> Result<(Value, bool), MethodError> {
    let given: Arguments = arguments(given)?;
    turn.may_calculate_changes()?;
    if given.max_changes == Some(0) {
        return Err(MethodError::InvalidArguments(
            "maxChanges must be greater than 0".to_owned(),
        ));
    }
    let changes = log.since(&given.since_state, given.max_changes)?;
    let named = |list: &[u32]| list.iter().map(|n| name(*n)).collect::<Vec<_>>();
    let value = json!({
        "oldState": given.since_state,
        "newState": changes.new_state,
        "hasMoreChanges": changes.has_more,
        "created": named(&changes.created),
        "updated": named(&changes.updated),
        "destroyed": named(&changes.destroyed),
    });
    Ok((value, changes.only_counts))
}
