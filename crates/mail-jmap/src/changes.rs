//! What changed since a state (RFC 8620 section 5.2), and what a server's answer to that means.

use std::collections::HashSet;

use mail_model::StateString;
use mail_model::remote::{MessageDelta, SourceError};
use serde_json::json;

use crate::batch::Batch;
use crate::fault::{Fault, bad_answer};
use crate::fetch::{found, has_duplicates};
use crate::listing::MOST_IN_PIECE;
use crate::mailboxes::state_string;
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::{ChangesWire, GetWire};
use crate::wire::email::{
    CHANGING_PROPERTIES, ChangingWire, EmailWire, HasId, PROPERTIES, message_id,
};

/// Where an answer leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Movement {
    /// Nothing changed.
    None,
    /// Something did.
    Forward,
    /// The server does not know our state, whether it says so or not.
    Lost,
}

/// Reads an answer to `Foo/changes`.
///
/// # Errors
/// [`SourceError::BadAnswer`] when it contradicts itself or the question.
pub(crate) fn movement(answer: &ChangesWire, since: &str) -> Result<Movement, SourceError> {
    if answer.old_state != since {
        return Err(bad_answer("it tells changes from another state"));
    }
    state_string(&answer.new_state)?;
    for list in [&answer.created, &answer.updated, &answer.destroyed] {
        if has_duplicates(list) {
            return Err(bad_answer("it lists one change twice"));
        }
    }
    let nothing =
        answer.created.is_empty() && answer.updated.is_empty() && answer.destroyed.is_empty();
    let same = answer.new_state == answer.old_state;
    if same && (answer.has_more_changes || !nothing) {
        // Asking again from the same state would give the same for ever.
        return Ok(Movement::Lost);
    }
    if nothing && !answer.has_more_changes {
        return Ok(if went_back(&answer.old_state, &answer.new_state) {
            Movement::Lost
        } else {
            Movement::None
        });
    }
    Ok(Movement::Forward)
}

/// A server restored from a backup may answer a state of its lost future with nothing and an
/// earlier state. States that are numbers give that away (Cyrus); others cannot be compared.
fn went_back(old: &str, new: &str) -> bool {
    matches!((old.parse::<u64>(), new.parse::<u64>()), (Ok(old), Ok(new)) if new < old)
}

pub(crate) async fn since(
    source: &JmapSource,
    session: &Session,
    state: &StateString,
    max: usize,
) -> Result<MessageDelta, Fault> {
    let Some(state) = session.own_state(state) else {
        return Err(SourceError::CannotCalculateChanges.into());
    };
    let mut max = max
        .min(session.limits.objects_in_get)
        .clamp(1, MOST_IN_PIECE);
    loop {
        match once(source, session, state, max).await {
            Err(Fault::TooLarge(_)) if max > 1 => max /= 2,
            Err(Fault::InvalidArguments) => {
                // Every other argument is ours and right, so it is the state (Cyrus).
                return Err(SourceError::CannotCalculateChanges.into());
            }
            other => return other,
        }
    }
}

async fn once(
    source: &JmapSource,
    session: &Session,
    state: &str,
    max: usize,
) -> Result<MessageDelta, Fault> {
    let account = &session.account;
    let mut batch = Batch::new();
    let changes = batch.add(
        "Email/changes",
        json!({ "accountId": account, "sinceState": state, "maxChanges": max }),
    );
    let created = batch.add(
        "Email/get",
        json!({
            "accountId": account,
            "#ids": changes.part("/created"),
            "properties": PROPERTIES,
        }),
    );
    let updated = batch.add(
        "Email/get",
        json!({
            "accountId": account,
            "#ids": changes.part("/updated"),
            "properties": CHANGING_PROPERTIES,
        }),
    );
    let answers = source.call(session, batch).await?;
    let changes: ChangesWire = answers.take(changes, account)?;
    if movement(&changes, state)? == Movement::Lost {
        return Err(SourceError::CannotCalculateChanges.into());
    }
    let count = changes.created.len() + changes.updated.len() + changes.destroyed.len();
    if count > max {
        return Err(bad_answer("it tells more changes than it was asked for").into());
    }
    let created = answers.take::<GetWire<EmailWire>>(created, account)?;
    let updated = answers.take::<GetWire<ChangingWire>>(updated, account)?;
    Ok(delta(session, changes, created, updated)?)
}

/// A message found now exists now, whatever else the lists say of it: it may be created and
/// changed, or destroyed and created again (Cyrus names a message by its content).
fn delta(
    session: &Session,
    changes: ChangesWire,
    created: GetWire<EmailWire>,
    updated: GetWire<ChangingWire>,
) -> Result<MessageDelta, SourceError> {
    let created = found(&changes.created, created)?;
    let updated = found(&changes.updated, updated)?;
    let new: HashSet<String> = created.iter().map(|email| email.id().to_owned()).collect();
    let here: HashSet<String> = updated
        .iter()
        .map(|email| email.id().to_owned())
        .chain(new.iter().cloned())
        .collect();
    Ok(MessageDelta {
        new_state: session.mark_state(&changes.new_state)?,
        has_more: changes.has_more_changes,
        created: created
            .into_iter()
            .map(EmailWire::take)
            .collect::<Result<_, _>>()?,
        updated: updated
            .into_iter()
            .filter(|email| !new.contains(email.id()))
            .map(ChangingWire::take)
            .collect::<Result<_, _>>()?,
        destroyed: changes
            .destroyed
            .into_iter()
            .filter(|id| !here.contains(id))
            .map(message_id)
            .collect::<Result<_, _>>()?,
    })
}
