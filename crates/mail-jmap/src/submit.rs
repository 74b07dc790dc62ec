//! Sending: identities, putting a finished message on the server, and submitting it.

use bytes::Bytes;
use mail_model::remote::{CancelOutcome, PendingSubmission, SourceError};
use mail_model::{Identity, IdentityId, Keywords, MailboxId, MessageId, SubmissionId};
use serde_json::{Map, Value, json};

use crate::batch::Batch;
use crate::blob::upload;
use crate::fault::{Fault, bad_answer, word};
use crate::fetch::found;
use crate::mailboxes::state_string;
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::{GetWire, QueryWire, SetErrorWire, SetWire};
use crate::wire::email::message_id;
use crate::wire::identity::IdentityWire;
use crate::wire::submission::SubmissionWire;

/// The addresses this account may send with; none where it cannot send.
pub(crate) async fn identities(
    source: &JmapSource,
    session: &Session,
) -> Result<Vec<Identity>, Fault> {
    let Some(account) = &session.submission_account else {
        return Ok(Vec::new());
    };
    let mut batch = Batch::for_submission();
    let get = batch.add("Identity/get", json!({ "accountId": account, "ids": null }));
    let answers = source.call(session, batch).await?;
    let answer = match answers.take::<GetWire<IdentityWire>>(get, account) {
        Err(Fault::UnknownMethod) => return Ok(Vec::new()),
        other => other?,
    };
    state_string(&answer.state)?;
    let identities: Vec<Identity> = answer
        .list
        .into_iter()
        .map(IdentityWire::take)
        .collect::<Result<_, _>>()?;
    let mut ids = std::collections::HashSet::new();
    if !identities.iter().all(|identity| ids.insert(&identity.id)) {
        return Err(bad_answer("it gives one identity twice").into());
    }
    Ok(identities)
}

/// Uploads a message and puts it into a mailbox. A message that is there already is not an
/// error: importing twice is what happens after a lost answer.
pub(crate) async fn import(
    source: &JmapSource,
    session: &Session,
    message: Bytes,
    mailbox: &MailboxId,
    keywords: &Keywords,
) -> Result<MessageId, Fault> {
    let blob = upload(source, session, message).await?;
    let keywords: Map<String, Value> = keywords
        .iter()
        .map(|keyword| (keyword.as_str().to_owned(), true.into()))
        .collect();
    let mut batch = Batch::new();
    let import = batch.add(
        "Email/import",
        json!({
            "accountId": session.account,
            "emails": { "m": {
                "blobId": blob,
                "mailboxIds": { mailbox.as_str(): true },
                "keywords": keywords,
            } },
        }),
    );
    let answers = source.call(session, batch).await?;
    let mut answer: SetWire = answers.take(import, &session.account)?;
    let created = answer.created.as_mut().and_then(|all| all.remove("m"));
    let refused = answer.not_created.as_mut().and_then(|all| all.remove("m"));
    match (created, refused) {
        (Some(created), None) => Ok(message_id(created.id)?),
        (None, Some(SetErrorWire { kind, existing_id })) => match existing_id {
            Some(id) if kind == "alreadyExists" => Ok(message_id(id)?),
            _ => Err(refusal(&kind).into()),
        },
        _ => Err(bad_answer("it left an import unanswered").into()),
    }
}

/// Submits a message for delivery. What happens to the copy on the server afterwards must not
/// turn a sent message into a failed one, or it would be sent again.
pub(crate) async fn submit(
    source: &JmapSource,
    session: &Session,
    message: &MessageId,
    identity: &IdentityId,
    sent: Option<&MailboxId>,
) -> Result<(), Fault> {
    let account = session
        .submission_account
        .as_ref()
        .ok_or_else(|| SourceError::NoService {
            reason: "this account cannot send".into(),
        })?;
    let mut patch = Map::new();
    patch.insert("keywords/$draft".into(), Value::Null);
    patch.insert("keywords/$seen".into(), true.into());
    if let Some(sent) = sent {
        patch.insert("mailboxIds".into(), json!({ sent.as_str(): true }));
    }
    let mut batch = Batch::for_submission();
    let set = batch.add(
        "EmailSubmission/set",
        json!({
            "accountId": account,
            "create": { "s": {
                "emailId": message.as_str(),
                "identityId": identity.as_str(),
            } },
            "onSuccessUpdateEmail": { "#s": patch },
        }),
    );
    let answers = source.call(session, batch).await?;
    let answer: SetWire = answers.take(set, account)?;
    let created = answer.created.is_some_and(|all| all.contains_key("s"));
    let refused = answer.not_created.and_then(|mut all| all.remove("s"));
    match (created, refused) {
        (true, None) => Ok(()),
        (false, Some(error)) => Err(refusal(&error.kind).into()),
        _ => Err(bad_answer("it left a submission unanswered").into()),
    }
}

/// What waits on the server to be sent. `None` where this account cannot send.
pub(crate) async fn pending(
    source: &JmapSource,
    session: &Session,
) -> Result<Option<Vec<PendingSubmission>>, Fault> {
    let Some(account) = &session.submission_account else {
        return Ok(None);
    };
    let most = session.limits.objects_in_get;
    let mut waiting: Vec<PendingSubmission> = Vec::new();
    let mut position = 0_u64;
    loop {
        let mut batch = Batch::for_submission();
        let query = batch.add(
            "EmailSubmission/query",
            json!({
                "accountId": account,
                "filter": { "undoStatus": "pending" },
                "position": position,
                "limit": most,
            }),
        );
        let get = batch.add(
            "EmailSubmission/get",
            json!({
                "accountId": account,
                "#ids": query.part("/ids"),
                "properties": ["id", "emailId", "sendAt", "undoStatus"],
            }),
        );
        let answers = source.call(session, batch).await?;
        let listed: QueryWire = match answers.take(query, account) {
            Err(Fault::UnknownMethod) => return Ok(None),
            other => other?,
        };
        let read = listed.ids.len();
        for submission in found::<SubmissionWire>(&listed.ids, answers.take(get, account)?)? {
            waiting.extend(submission.take()?);
        }
        // A server may give fewer than asked for; only an empty page is the end.
        if read == 0 {
            return Ok(Some(waiting));
        }
        position = position.saturating_add(read as u64);
    }
}

/// Takes a waiting message back (RFC 8621 section 7.5): `undoStatus` becomes `canceled`.
pub(crate) async fn cancel(
    source: &JmapSource,
    session: &Session,
    id: &SubmissionId,
) -> Result<CancelOutcome, Fault> {
    let Some(account) = &session.submission_account else {
        return Ok(CancelOutcome::Gone);
    };
    let mut batch = Batch::for_submission();
    let set = batch.add(
        "EmailSubmission/set",
        json!({
            "accountId": account,
            "update": { id.as_str(): { "undoStatus": "canceled" } },
        }),
    );
    let answers = source.call(session, batch).await?;
    let answer: SetWire = answers.take(set, account)?;
    let done = answer
        .updated
        .is_some_and(|all| all.contains_key(id.as_str()));
    let refused = answer
        .not_updated
        .and_then(|mut all| all.remove(id.as_str()));
    match (done, refused) {
        (true, None) => Ok(CancelOutcome::Cancelled),
        (false, Some(error)) => match error.kind.as_str() {
            "notFound" => Ok(CancelOutcome::Gone),
            "cannotUnsend" => Ok(CancelOutcome::TooLate),
            other => Err(refusal(other).into()),
        },
        _ => Err(bad_answer("it left a submission unanswered").into()),
    }
}

fn refusal(kind: &str) -> SourceError {
    match kind {
        "notFound" | "blobNotFound" => SourceError::NotFound,
        "rateLimit" | "serverFail" | "serverUnavailable" | "stateMismatch" => SourceError::Busy {
            retry_after: None,
            reason: word(kind),
        },
        other => SourceError::Refused {
            reason: word(other),
        },
    }
}
