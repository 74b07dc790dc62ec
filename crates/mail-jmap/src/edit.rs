//! The person's changes as patches (RFC 8620 section 5.3). A patch names only what the person
//! changed, so two devices that change different things do not undo each other.

use std::collections::HashSet;

use mail_model::remote::{EditOutcome, RemoteEdit, SourceError};
use serde_json::{Map, Value, json};

use crate::batch::Batch;
use crate::fault::{Fault, bad_answer, word};
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::{SetErrorWire, SetWire};

/// More in one request would make a refusal of the whole of it costly.
const MOST_IN_PIECE: usize = 100;

/// One outcome for each edit. Pieces after one that failed as a whole are to be tried later.
pub(crate) async fn send(
    source: &JmapSource,
    session: &Session,
    edits: &[RemoteEdit],
) -> Result<Vec<EditOutcome>, Fault> {
    let mut outcomes = Vec::with_capacity(edits.len());
    let mut most = session.limits.objects_in_set.min(MOST_IN_PIECE);
    let mut rest = edits;
    while !rest.is_empty() {
        let (now, later) = piece(rest, most);
        match once(source, session, now).await {
            Ok(more) => {
                outcomes.extend(more);
                rest = later;
            }
            Err(Fault::TooLarge(_)) if now.len() > 1 => most = now.len() / 2,
            Err(fault) if outcomes.is_empty() => return Err(fault),
            Err(_) => {
                outcomes.extend(rest.iter().map(|_| EditOutcome::Later));
                break;
            }
        }
    }
    Ok(outcomes)
}

/// The edits that can go together: a message at most once, because a request has no order
/// between its objects.
fn piece(edits: &[RemoteEdit], most: usize) -> (&[RemoteEdit], &[RemoteEdit]) {
    let mut seen = HashSet::new();
    let together = edits
        .iter()
        .take(most.max(1))
        .take_while(|edit| seen.insert(&edit.message))
        .count();
    edits.split_at_checked(together).unwrap_or((edits, &[]))
}

async fn once(
    source: &JmapSource,
    session: &Session,
    edits: &[RemoteEdit],
) -> Result<Vec<EditOutcome>, Fault> {
    let update: Map<String, Value> = edits
        .iter()
        .map(|edit| (edit.message.as_str().to_owned(), patch(edit)))
        .filter(|(_, patch)| !patch.is_empty())
        .map(|(id, patch)| (id, Value::Object(patch)))
        .collect();
    if update.is_empty() {
        return Ok(edits.iter().map(|_| EditOutcome::Done).collect());
    }
    let sent: HashSet<String> = update.keys().cloned().collect();
    let mut batch = Batch::new();
    let set = batch.add(
        "Email/set",
        json!({ "accountId": session.account, "update": update }),
    );
    let answers = source.call(session, batch).await?;
    let answer: SetWire = answers.take(set, &session.account)?;
    let updated = answer.updated.unwrap_or_default();
    let refused = answer.not_updated.unwrap_or_default();
    if !updated
        .keys()
        .chain(refused.keys())
        .all(|id| sent.contains(id))
    {
        return Err(bad_answer("it changed a message nobody asked it to").into());
    }
    edits
        .iter()
        .map(|edit| {
            let id = edit.message.as_str();
            match (sent.contains(id), updated.contains_key(id), refused.get(id)) {
                (false, ..) | (true, true, None) => Ok(EditOutcome::Done),
                (true, false, Some(error)) => Ok(outcome(error)),
                (true, true, Some(_)) => Err(bad_answer("it both did and refused a change")),
                (true, false, None) => Err(bad_answer("it left a change unanswered")),
            }
        })
        .collect::<Result<_, SourceError>>()
        .map_err(Fault::from)
}

fn patch(edit: &RemoteEdit) -> Map<String, Value> {
    let mut patch = Map::new();
    for change in &edit.keywords {
        let value = if change.set { true.into() } else { Value::Null };
        patch.insert(path("keywords", change.keyword.as_str()), value);
    }
    for mailbox in &edit.remove_from {
        patch.insert(path("mailboxIds", mailbox.as_str()), Value::Null);
    }
    for mailbox in &edit.add_to {
        patch.insert(path("mailboxIds", mailbox.as_str()), true.into());
    }
    patch
}

/// A path of a patch: a JSON pointer without its first slash (RFC 6901 section 3).
fn path(property: &str, member: &str) -> String {
    let member = member.replace('~', "~0").replace('/', "~1");
    format!("{property}/{member}")
}

fn outcome(error: &SetErrorWire) -> EditOutcome {
    match error.kind.as_str() {
        "notFound" | "willDestroy" => EditOutcome::Gone,
        "rateLimit" | "stateMismatch" | "serverFail" | "serverUnavailable"
        | "serverPartialFail" => EditOutcome::Later,
        other => EditOutcome::Refused(word(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::{KeywordEdit, MailboxId, MessageId};

    fn edit(id: &str) -> RemoteEdit {
        RemoteEdit {
            message: MessageId::new(id).unwrap(),
            keywords: Vec::new(),
            add_to: Vec::new(),
            remove_from: Vec::new(),
        }
    }

    #[test]
    fn a_patch_names_only_what_was_changed() {
        let mut edit = edit("M1");
        edit.keywords = vec![
            KeywordEdit {
                keyword: "$seen".into(),
                set: true,
            },
            KeywordEdit {
                keyword: "a/b~c".into(),
                set: false,
            },
        ];
        edit.add_to = vec![MailboxId::new("archive").unwrap()];
        edit.remove_from = vec![MailboxId::new("inbox").unwrap()];
        assert_eq!(
            Value::Object(patch(&edit)),
            json!({
                "keywords/$seen": true,
                "keywords/a~1b~0c": null,
                "mailboxIds/archive": true,
                "mailboxIds/inbox": null,
            })
        );
    }

    #[test]
    fn two_edits_of_one_message_go_one_after_the_other() {
        let edits = [edit("M1"), edit("M2"), edit("M1"), edit("M3")];
        let (now, later) = piece(&edits, 100);
        assert_eq!((now.len(), later.len()), (2, 2));
        let (now, later) = piece(&edits, 1);
        assert_eq!((now.len(), later.len()), (1, 3));
    }

    #[test]
    fn a_refusal_says_what_becomes_of_the_edit() {
        for (kind, expected) in [
            ("notFound", "Gone"),
            ("rateLimit", "Later"),
            ("forbidden", "Refused(\"forbidden\")"),
            ("invalidProperties", "Refused(\"invalidProperties\")"),
            ("tooManyKeywords", "Refused(\"tooManyKeywords\")"),
            ("neverHeardOf", "Refused(\"neverHeardOf\")"),
        ] {
            let error = SetErrorWire {
                kind: kind.into(),
                existing_id: None,
            };
            assert_eq!(format!("{:?}", outcome(&error)), expected);
        }
    }
}
