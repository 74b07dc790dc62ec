//! One JMAP request: capabilities, limits, method calls in order, result references, creation ids
//! (RFC 8620 section 3).

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::account::{Account, Touched};
use super::error::{MethodError, RequestError};
use super::journal::Event;
use super::reference::{self, Invocation};
use super::session::{CORE, MAIL, MOST_CALLS, MOST_IN_GET, MOST_IN_SET, SUBMISSION};
use super::{
    blob, email_changes, email_get, email_import, email_query, email_set, identity, mailbox,
    mailbox_set, snippet, submission, submission_set, thread,
};
use crate::faults::{Faults, MethodAct, Switch};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    using: Vec<String>,
    method_calls: Vec<(String, Map<String, Value>, String)>,
    #[serde(default)]
    created_ids: Option<HashMap<String, String>>,
}

/// A message on its way to somebody on this server.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) to: String,
    pub(crate) bytes: Vec<u8>,
}

/// What a method call may use: one account, and nothing of another.
pub(crate) struct Turn<'a> {
    pub(crate) account: &'a mut Account,
    pub(crate) faults: &'a Faults,
    /// Addresses that have an account here.
    pub(crate) locals: &'a [String],
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Ids of what this request created, by creation id.
    pub(crate) created: &'a mut HashMap<String, String>,
    /// What to deliver once the account is free again.
    pub(crate) deliveries: Vec<Delivery>,
    /// What changed.
    pub(crate) touched: Touched,
    /// A call that follows from this one (RFC 8621 section 7.5).
    pub(crate) implied: Option<Map<String, Value>>,
}

impl Turn<'_> {
    /// Makes changes last.
    pub(crate) fn commit(&mut self, events: Vec<Event>) -> Result<(), MethodError> {
        if events.is_empty() {
            return Ok(());
        }
        let one = self.account.commit(events).map_err(|error| {
            tracing::error!(%error, "the rehearsal's journal cannot be written");
            MethodError::ServerFail
        })?;
        self.touched = Touched {
            email: self.touched.email | one.email,
            mailbox: self.touched.mailbox | one.mailbox,
            thread: self.touched.thread | one.thread,
            submission: self.touched.submission | one.submission,
            delivery: self.touched.delivery | one.delivery,
        };
        Ok(())
    }

    /// Refuses to calculate changes when told to.
    pub(crate) fn may_calculate_changes(&self) -> Result<(), MethodError> {
        if self.faults.is_on(Switch::CannotCalculateChanges) {
            Err(MethodError::CannotCalculateChanges)
        } else {
            Ok(())
        }
    }

    /// The id behind `#creation` or the id itself.
    pub(crate) fn resolve<'b>(&'b self, id: &'b str) -> Option<&'b str> {
        match id.strip_prefix('#') {
            Some(creation) => self.created.get(creation).map(String::as_str),
            None => Some(id),
        }
    }
}

/// Takes a method's arguments as their type; everything unknown or of another type is refused.
pub(crate) fn arguments<T: DeserializeOwned>(
    arguments: Map<String, Value>,
) -> Result<T, MethodError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| MethodError::InvalidArguments(error.to_string()))
}

/// Refuses more ids than `maxObjectsInGet`.
pub(crate) fn check_get(ids: usize) -> Result<(), MethodError> {
    if ids > MOST_IN_GET {
        Err(MethodError::RequestTooLarge)
    } else {
        Ok(())
    }
}

/// Refuses more objects than `maxObjectsInSet`.
pub(crate) fn check_set(objects: usize) -> Result<(), MethodError> {
    if objects > MOST_IN_SET {
        Err(MethodError::RequestTooLarge)
    } else {
        Ok(())
    }
}

/// Who runs the calls: locks the account for one call and lets it go again.
pub(crate) trait Runner {
    /// Runs `with` with the account the request belongs to.
    fn turn(
        &self,
        created: &mut HashMap<String, String>,
        with: &mut dyn FnMut(&mut Turn<'_>) -> Result<Value, MethodError>,
    ) -> (Result<Value, MethodError>, Option<Map<String, Value>>);
    /// The id of the account the token opens, if it still opens one.
    fn account_id(&self) -> Option<&str>;
    /// Counts a call.
    fn count(&self, method: &str);
    /// The fault a call meets, if any.
    fn fault(&self, method: &str) -> Option<MethodAct>;
    /// The session's state.
    fn session_state(&self) -> String;
}

/// Answers a request.
pub(crate) fn answer(body: &[u8], runner: &dyn Runner) -> Result<Value, RequestError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| RequestError::NotJson)?;
    let request: Request = serde_json::from_value(value)
        .map_err(|_| RequestError::NotRequest("it is not a JMAP request object"))?;
    if let Some(unknown) = request
        .using
        .iter()
        .find(|name| ![CORE, MAIL, SUBMISSION].contains(&name.as_str()))
    {
        return Err(RequestError::UnknownCapability(unknown.clone()));
    }
    if request.method_calls.len() > MOST_CALLS {
        return Err(RequestError::Limit("maxCallsInRequest"));
    }
    let gives_created = request.created_ids.is_some();
    let mut created = request.created_ids.unwrap_or_default();
    let mut answers: Vec<Invocation> = Vec::new();
    for (name, arguments, id) in request.method_calls {
        runner.count(&name);
        let result = reference::resolve(arguments, &answers)
            .and_then(|arguments| call(&name, arguments, &request.using, &mut created, runner));
        match result {
            Ok((value, implied)) => {
                answers.push((name, value, id.clone()));
                if let Some(implied) = implied {
                    let more = call("Email/set", implied, &request.using, &mut created, runner);
                    answers.push(match more {
                        Ok((value, _)) => ("Email/set".to_owned(), value, id),
                        Err(error) => ("error".to_owned(), error.to_json(), id),
                    });
                }
            }
            Err(error) => answers.push(("error".to_owned(), error.to_json(), id)),
        }
    }
    let mut response =
        json!({ "methodResponses": answers, "sessionState": runner.session_state() });
    if let (true, Some(response)) = (gives_created, response.as_object_mut()) {
        response.insert("createdIds".to_owned(), json!(created));
    }
    Ok(response)
}

type Method = fn(&mut Turn<'_>, Map<String, Value>) -> Result<Value, MethodError>;

fn method(name: &str, using: &[String]) -> Option<Method> {
    let has = |capability: &str| using.iter().any(|u| u == capability);
    let (capability, method): (&str, Method) = match name {
        "Mailbox/get" => (MAIL, mailbox::get),
        "Mailbox/changes" => (MAIL, mailbox::changes),
        "Mailbox/query" => (MAIL, mailbox::query),
        "Mailbox/set" => (MAIL, mailbox_set::set),
        "Thread/get" => (MAIL, thread::get),
        "Thread/changes" => (MAIL, thread::changes),
        "Email/get" => (MAIL, email_get::get),
        "Email/query" => (MAIL, email_query::query),
        "Email/changes" => (MAIL, email_changes::changes),
        "Email/queryChanges" => (MAIL, email_changes::query_changes),
        "Email/set" => (MAIL, email_set::set),
        "Email/import" => (MAIL, email_import::import),
        "SearchSnippet/get" => (MAIL, snippet::get),
        "Blob/copy" => (CORE, blob::copy),
        "Identity/get" => (SUBMISSION, identity::get),
        "Identity/changes" => (SUBMISSION, identity::changes),
        "EmailSubmission/get" => (SUBMISSION, submission::get),
        "EmailSubmission/changes" => (SUBMISSION, submission::changes),
        "EmailSubmission/query" => (SUBMISSION, submission::query),
        "EmailSubmission/set" => (SUBMISSION, submission_set::set),
        _ => return None,
    };
    has(capability).then_some(method)
}

type Answered = (Value, Option<Map<String, Value>>);

fn call(
    name: &str,
    mut arguments: Map<String, Value>,
    using: &[String],
    created: &mut HashMap<String, String>,
    runner: &dyn Runner,
) -> Result<Answered, MethodError> {
    if name == "Core/echo" && using.iter().any(|u| u == CORE) {
        return Ok((Value::Object(arguments), None));
    }
    let method = method(name, using).ok_or(MethodError::UnknownMethod)?;
    match arguments.remove("accountId") {
        Some(Value::String(id)) if Some(id.as_str()) == runner.account_id() => {}
        Some(Value::String(_)) => return Err(MethodError::AccountNotFound),
        _ => {
            return Err(MethodError::InvalidArguments(
                "accountId is missing".to_owned(),
            ));
        }
    }
    let fault = runner.fault(name);
    let told = match &fault {
        Some(MethodAct::Error { error, done: false }) => {
            return Err(MethodError::Told(error.clone()));
        }
        Some(MethodAct::Stall) => Some(MethodAct::stalled(&arguments)),
        _ => None,
    };
    let (mut value, implied) = match told {
        Some(value) => (value, None),
        None => {
            let mut arguments = Some(arguments);
            let (result, implied) = runner.turn(created, &mut |turn| {
                method(turn, arguments.take().unwrap_or_default())
            });
            (result?, implied)
        }
    };
    match fault {
        Some(MethodAct::Error { error, .. }) => return Err(MethodError::Told(error)),
        Some(MethodAct::Unmoved) => MethodAct::unmoved(&mut value),
        Some(MethodAct::Stall) | None => {}
    }
    if let Some(value) = value.as_object_mut() {
        value.insert("accountId".to_owned(), runner.account_id().into());
    }
    Ok((value, implied))
}
