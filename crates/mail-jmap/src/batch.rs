//! Several method calls in one request (RFC 8620 section 3), and their answers.

use std::collections::HashSet;

use mail_model::remote::SourceError;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::fault::{Fault, MethodError, bad_answer};
use crate::http::not_json;
use crate::wire::core::{ChangesWire, GetWire, QueryWire, ResponseWire, SetWire};

/// One call of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallRef {
    index: usize,
    method: &'static str,
}

impl CallRef {
    /// A reference to a part of that call's result (section 3.7).
    pub(crate) fn part(self, path: &'static str) -> Value {
        json!({ "resultOf": id(self.index), "name": self.method, "path": path })
    }
}

fn id(index: usize) -> String {
    format!("c{index}")
}

/// Calls that are asked together.
#[derive(Debug)]
pub(crate) struct Batch {
    calls: Vec<(&'static str, Value, String)>,
    pub(crate) submission: bool,
}

impl Batch {
    pub(crate) const fn new() -> Self {
        Self {
            calls: Vec::new(),
            submission: false,
        }
    }

    /// Calls that need the capability of sending.
    pub(crate) const fn for_submission() -> Self {
        Self {
            calls: Vec::new(),
            submission: true,
        }
    }

    pub(crate) fn add(&mut self, method: &'static str, arguments: Value) -> CallRef {
        let index = self.calls.len();
        self.calls.push((method, arguments, id(index)));
        CallRef { index, method }
    }

    pub(crate) fn calls(&self) -> &[(&'static str, Value, String)] {
        &self.calls
    }

    /// The calls one by one, for a server that takes no more in a request.
    pub(crate) fn into_calls(self) -> Vec<(&'static str, Value, String)> {
        self.calls
    }
}

/// What came back for a batch.
#[derive(Debug, Default)]
pub(crate) struct Answers(Vec<(String, Box<RawValue>, String)>);

impl Answers {
    /// # Errors
    /// [`SourceError::BadAnswer`] for an answer to a call that was not made, or two to one.
    pub(crate) fn of(
        response: ResponseWire,
        calls: &[(&'static str, Value, String)],
    ) -> Result<Self, SourceError> {
        let mut seen = HashSet::new();
        for (name, _, id) in &response.method_responses {
            if !calls.iter().any(|(_, _, known)| known == id) {
                return Err(bad_answer("it answers a call that was not made"));
            }
            if !seen.insert((name.as_str(), id.as_str())) {
                return Err(bad_answer("it answers one call twice"));
            }
        }
        Ok(Self(response.method_responses))
    }

    pub(crate) fn join(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// One call's result, its account checked.
    pub(crate) fn take<T: DeserializeOwned + OfAccount>(
        &self,
        call: CallRef,
        account: &str,
    ) -> Result<T, Fault> {
        let id = id(call.index);
        let (name, result, _) = self
            .0
            .iter()
            .find(|(_, _, of)| *of == id)
            .ok_or_else(|| bad_answer("a call was not answered"))?;
        if name == "error" {
            let error: MethodError =
                serde_json::from_str(result.get()).map_err(|error| not_json(&error))?;
            return Err(error.fault());
        }
        if name != call.method {
            return Err(bad_answer("a call was answered as another").into());
        }
        let result: T = serde_json::from_str(result.get()).map_err(|error| not_json(&error))?;
        if result.account() != account {
            return Err(bad_answer("it answers for another account").into());
        }
        Ok(result)
    }

    /// Puts results where `#` arguments refer to them, for calls sent one by one. Only whole
    /// members are referred to here, so a path is a plain JSON pointer.
    pub(crate) fn resolve(&self, arguments: &mut Value) -> Result<(), Fault> {
        let Value::Object(members) = arguments else {
            return Ok(());
        };
        let names: Vec<String> = members
            .keys()
            .filter(|name| name.starts_with('#'))
            .cloned()
            .collect();
        for name in names {
            let Some(reference) = members.remove(&name) else {
                continue;
            };
            let text = |key: &str| reference.get(key).and_then(Value::as_str);
            let (Some(of), Some(path)) = (text("resultOf"), text("path")) else {
                continue;
            };
            let (method, result, _) = self
                .0
                .iter()
                .find(|(_, _, id)| id == of)
                .ok_or_else(|| bad_answer("a call was not answered"))?;
            let result: Value =
                serde_json::from_str(result.get()).map_err(|error| not_json(&error))?;
            if method == "error" {
                let error: MethodError =
                    serde_json::from_value(result).map_err(|error| not_json(&error))?;
                return Err(error.fault());
            }
            let part = result
                .pointer(path)
                .ok_or_else(|| bad_answer("a result is missing"))?;
            members.insert(name.trim_start_matches('#').to_owned(), part.clone());
        }
        Ok(())
    }
}

/// A result that says which account it belongs to.
pub(crate) trait OfAccount {
    fn account(&self) -> &str;
}

impl<T> OfAccount for GetWire<T> {
    fn account(&self) -> &str {
        &self.account_id
    }
}

impl OfAccount for ChangesWire {
    fn account(&self) -> &str {
        &self.account_id
    }
}

impl OfAccount for QueryWire {
    fn account(&self) -> &str {
        &self.account_id
    }
}

impl OfAccount for SetWire {
    fn account(&self) -> &str {
        &self.account_id
    }
}
