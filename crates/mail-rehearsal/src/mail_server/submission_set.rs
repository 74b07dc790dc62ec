//! `EmailSubmission/set` (RFC 8621 section 7.5): checks the envelope, delivers, and changes the
//! message afterwards as the client asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::email_set::Outcome;
use super::error::{MethodError, SetError};
use super::journal::Event;
use super::message::Parsed;
use super::request::{Delivery, Turn, arguments, check_set};
use super::submission::Submission;
use super::{compose, identity, ids};

/// Recipients of one submission.
const MOST_RECIPIENTS: usize = 50;
/// An address with this local part is refused at any domain, as a server would refuse a typo.
const NOBODY: &str = "nobody";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    if_in_state: Option<String>,
    #[serde(default)]
    create: Option<BTreeMap<String, Create>>,
    #[serde(default)]
    update: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    destroy: Option<Vec<String>>,
    #[serde(default)]
    on_success_update_email: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    on_success_destroy_email: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    identity_id: String,
    email_id: String,
    #[serde(default)]
    envelope: Option<Envelope>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    mail_from: EnvelopeAddress,
    rcpt_to: Vec<EnvelopeAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeAddress {
    email: String,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

/// `EmailSubmission/set`.
pub(crate) fn set(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let given: Arguments = arguments(given)?;
    let create = given.create.unwrap_or_default();
    let update = given.update.unwrap_or_default();
    let destroy = given.destroy.unwrap_or_default();
    check_set(create.len() + update.len() + destroy.len())?;
    let old_state = turn.account.logs.submission.state();
    if given.if_in_state.is_some_and(|state| state != old_state) {
        return Err(MethodError::StateMismatch);
    }
    let mut out = Outcome::default();
    // The message of every submission that succeeded, by the name the client may use for it.
    let mut sent: BTreeMap<String, String> = BTreeMap::new();
    for (creation, wish) in create {
        match submit(turn, &wish) {
            Ok((submission, deliveries)) => {
                let id = ids::submission(submission.id);
                turn.created.insert(creation.clone(), id.clone());
                sent.insert(format!("#{creation}"), ids::email(submission.email));
                out.created.insert(creation, json!({ "id": id, "threadId": ids::thread(submission.thread), "sendAt": super::email_get::utc(submission.send_at), "undoStatus": "final" }));
                turn.commit(vec![Event::Submitted(submission)])?;
                turn.deliveries.extend(deliveries);
            }
            Err(error) => {
                out.not_created.insert(creation, error.to_json());
            }
        }
    }
    for (id, _) in update {
        let known = turn
            .resolve(&id)
            .and_then(|id| ids::number('S', id))
            .is_some_and(|n| turn.account.submissions.contains_key(&n));
        let error = if known {
            SetError::new("cannotUnsend").because("it was delivered at once")
        } else {
            SetError::new("notFound")
        };
        out.not_updated.insert(id, error.to_json());
    }
    for given_id in destroy {
        let id = turn.resolve(&given_id).unwrap_or_default().to_owned();
        let found = ids::number('S', &id)
            .and_then(|n| turn.account.submissions.get(&n))
            .map(|s| (s.id, s.email));
        match found {
            Some((number, email)) => {
                sent.insert(id.clone(), ids::email(email));
                turn.commit(vec![Event::SubmissionGone { id: number }])?;
                out.destroyed.push(id.into());
            }
            None => {
                out.not_destroyed
                    .insert(given_id, SetError::new("notFound").to_json());
            }
        }
    }
    imply(
        turn,
        &sent,
        given.on_success_update_email.unwrap_or_default(),
        &given.on_success_destroy_email.unwrap_or_default(),
    );
    Ok(out.into_json(&old_state, &turn.account.logs.submission.state()))
}

/// The `Email/set` that follows from success.
fn imply(
    turn: &mut Turn<'_>,
    sent: &BTreeMap<String, String>,
    update: BTreeMap<String, Value>,
    destroy: &[String],
) {
    let updates: Map<String, Value> = update
        .into_iter()
        .filter_map(|(name, patch)| Some((sent.get(&name)?.clone(), patch)))
        .collect();
    let destroys: Vec<&String> = destroy.iter().filter_map(|name| sent.get(name)).collect();
    if updates.is_empty() && destroys.is_empty() {
        return;
    }
    let mut implied = Map::new();
    implied.insert(
        "accountId".to_owned(),
        turn.account.person.mail_account.clone().into(),
    );
    if !updates.is_empty() {
        implied.insert("update".to_owned(), updates.into());
    }
    if !destroys.is_empty() {
        implied.insert("destroy".to_owned(), json!(destroys));
    }
    turn.implied = Some(implied);
}

fn submit(turn: &Turn<'_>, wish: &Create) -> Result<(Submission, Vec<Delivery>), SetError> {
    if wish.identity_id != identity::ID {
        return Err(SetError::properties(&["identityId"]));
    }
    let email = turn
        .resolve(&wish.email_id)
        .and_then(|id| ids::number('M', id));
    let found =
        email.and_then(|n| Some((n, turn.account.record(n)?.thread, turn.account.bytes(n)?)));
    let (email, thread, bytes) = found.ok_or_else(|| SetError::properties(&["emailId"]))?;
    let parsed = Parsed::new(&bytes);
    let own = turn.account.person.email.clone();
    let from = compose::addresses_of(&parsed, "From");
    if from.is_empty() {
        return Err(SetError::new("invalidEmail").with("properties", json!(["from"])));
    }
    if !from
        .iter()
        .all(|address| address.eq_ignore_ascii_case(&own))
    {
        return Err(SetError::new("forbiddenFrom"));
    }
    let (mail_from, recipients) = envelope(wish.envelope.as_ref(), &parsed, &own)?;
    let here = |address: &String| turn.locals.iter().find(|l| l.eq_ignore_ascii_case(address));
    let deliveries = recipients
        .iter()
        .filter_map(here)
        .map(|to| Delivery {
            to: to.clone(),
            bytes: compose::delivered(&bytes, &mail_from, to, turn.now),
        })
        .collect();
    let submission = Submission {
        id: turn.account.next_submission,
        email,
        thread,
        mail_from,
        recipients: recipients
            .iter()
            .map(|address| (address.clone(), here(address).is_some()))
            .collect(),
        send_at: turn.now,
    };
    Ok((submission, deliveries))
}

fn envelope(
    given: Option<&Envelope>,
    parsed: &Parsed<'_>,
    own: &str,
) -> Result<(String, BTreeSet<String>), SetError> {
    let (mail_from, recipients): (String, BTreeSet<String>) = match given {
        Some(envelope) => {
            if envelope
                .rcpt_to
                .iter()
                .chain([&envelope.mail_from])
                .any(|a| a.parameters.as_ref().is_some_and(|p| !p.is_empty()))
            {
                return Err(
                    SetError::properties(&["envelope"]).because("no SMTP extension is offered")
                );
            }
            (
                envelope.mail_from.email.clone(),
                envelope.rcpt_to.iter().map(|a| a.email.clone()).collect(),
            )
        }
        None => (
            own.to_owned(),
            ["To", "Cc", "Bcc"]
                .iter()
                .flat_map(|name| compose::addresses_of(parsed, name))
                .collect(),
        ),
    };
    if !mail_from.eq_ignore_ascii_case(own) {
        return Err(SetError::new("forbiddenMailFrom"));
    }
    if recipients.is_empty() {
        return Err(SetError::new("noRecipients"));
    }
    if recipients.len() > MOST_RECIPIENTS {
        return Err(
            SetError::new("tooManyRecipients").with("maxRecipients", MOST_RECIPIENTS.into())
        );
    }
    let refused: Vec<&String> = recipients
        .iter()
        .filter(|address| match address.rsplit_once('@') {
            Some((local, domain)) => {
                local.is_empty()
                    || domain.is_empty()
                    || local.eq_ignore_ascii_case(NOBODY)
                    || address
                        .chars()
                        .any(|c| c.is_whitespace() || "<>".contains(c))
            }
            None => true,
        })
        .collect();
    if !refused.is_empty() {
        return Err(SetError::new("invalidRecipients").with("invalidRecipients", json!(refused)));
    }
    Ok((mail_from, recipients))
}
