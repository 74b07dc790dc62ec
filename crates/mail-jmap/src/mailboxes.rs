//! The mailbox list: always taken whole, because it is small and its parts refer to each other.

use std::collections::{HashMap, HashSet};

use mail_model::remote::{MailboxSnapshot, SourceError};
use mail_model::{Mailbox, MailboxId, StateString};
use serde_json::json;

use crate::batch::Batch;
use crate::changes::{Movement, movement};
use crate::fault::{Fault, bad_answer};
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::{ChangesWire, GetWire, QueryWire};
use crate::wire::mailbox::{MailboxWire, PROPERTIES};

/// A mailbox further down than this is hostile.
const DEEPEST: usize = 64;
/// A list longer than this is hostile.
const MOST_MAILBOXES: usize = 50_000;

pub(crate) async fn all(source: &JmapSource, session: &Session) -> Result<MailboxSnapshot, Fault> {
    let mut batch = Batch::new();
    let get = batch.add(
        "Mailbox/get",
        json!({ "accountId": session.account, "ids": null, "properties": PROPERTIES }),
    );
    let answers = source.call(session, batch).await?;
    match answers.take::<GetWire<MailboxWire>>(get, &session.account) {
        Ok(answer) => Ok(snapshot(session, &answer.state, answer.list)?),
        Err(Fault::TooLarge(_)) => paged(source, session).await,
        Err(fault) => Err(fault),
    }
}

/// For a server that does not give all mailboxes at once.
async fn paged(source: &JmapSource, session: &Session) -> Result<MailboxSnapshot, Fault> {
    let mut list: Vec<MailboxWire> = Vec::new();
    let mut first_state = None;
    loop {
        let mut batch = Batch::new();
        let query = batch.add(
            "Mailbox/query",
            json!({
                "accountId": session.account,
                "position": list.len(),
                "limit": session.limits.objects_in_get,
            }),
        );
        let get = batch.add(
            "Mailbox/get",
            json!({
                "accountId": session.account,
                "#ids": query.part("/ids"),
                "properties": PROPERTIES,
            }),
        );
        let answers = source.call(session, batch).await?;
        let ids = answers.take::<QueryWire>(query, &session.account)?.ids;
        let answer = answers.take::<GetWire<MailboxWire>>(get, &session.account)?;
        let state = first_state.get_or_insert(answer.state.clone());
        if *state != answer.state {
            return Err(SourceError::Busy {
                retry_after: None,
                reason: "mailboxes changed while they were read".into(),
            }
            .into());
        }
        if answer.list.len() != ids.len() {
            return Err(bad_answer("a mailbox is missing").into());
        }
        if ids.is_empty() || list.len() > MOST_MAILBOXES {
            return Ok(snapshot(session, state, list)?);
        }
        list.extend(answer.list);
    }
}

pub(crate) async fn since(
    source: &JmapSource,
    session: &Session,
    state: &StateString,
) -> Result<Option<MailboxSnapshot>, Fault> {
    let Some(state) = session.own_state(state) else {
        return all(source, session).await.map(Some);
    };
    let mut batch = Batch::new();
    let call = batch.add(
        "Mailbox/changes",
        json!({ "accountId": session.account, "sinceState": state }),
    );
    let answers = source.call(session, batch).await?;
    let answer = match answers.take::<ChangesWire>(call, &session.account) {
        Ok(answer) => answer,
        Err(Fault::InvalidArguments | Fault::Source(SourceError::CannotCalculateChanges)) => {
            return all(source, session).await.map(Some);
        }
        Err(fault) => return Err(fault),
    };
    match movement(&answer, state)? {
        Movement::None => Ok(None),
        Movement::Forward | Movement::Lost => all(source, session).await.map(Some),
    }
}

fn snapshot(
    session: &Session,
    state: &str,
    list: Vec<MailboxWire>,
) -> Result<MailboxSnapshot, SourceError> {
    if list.len() > MOST_MAILBOXES {
        return Err(bad_answer("there are too many mailboxes"));
    }
    let mut mailboxes: Vec<Mailbox> = list
        .into_iter()
        .map(MailboxWire::take)
        .collect::<Result<_, _>>()?;
    let mut ids = HashSet::new();
    if !mailboxes
        .iter()
        .all(|mailbox| ids.insert(mailbox.id.clone()))
    {
        return Err(bad_answer("it gives one mailbox twice"));
    }
    let mut roles = HashSet::new();
    for mailbox in &mut mailboxes {
        // A parent that is not shared with this person.
        if mailbox.parent.as_ref().is_some_and(|id| !ids.contains(id)) {
            mailbox.parent = None;
        }
        if mailbox.role.is_some_and(|role| !roles.insert(role)) {
            return Err(bad_answer("two mailboxes have one role"));
        }
    }
    refuse_circles(&mailboxes)?;
    Ok(MailboxSnapshot {
        state: session.mark_state(state)?,
        mailboxes,
    })
}

fn refuse_circles(mailboxes: &[Mailbox]) -> Result<(), SourceError> {
    let parents: HashMap<&MailboxId, &MailboxId> = mailboxes
        .iter()
        .filter_map(|mailbox| Some((&mailbox.id, mailbox.parent.as_ref()?)))
        .collect();
    for mailbox in mailboxes {
        let mut place = &mailbox.id;
        let mut depth = 0;
        while let Some(parent) = parents.get(place) {
            place = parent;
            depth += 1;
            if depth > DEEPEST {
                return Err(bad_answer("mailboxes lie in each other"));
            }
        }
    }
    Ok(())
}

pub(crate) fn state_string(state: &str) -> Result<StateString, SourceError> {
    StateString::new(state).map_err(|_| bad_answer("a state is malformed"))
}
