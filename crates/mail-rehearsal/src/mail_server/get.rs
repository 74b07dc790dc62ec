//! What every `/get` shares (RFC 8620 section 5.1).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::MethodError;
use super::request::check_get;

/// Arguments of a `/get`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Get {
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    properties: Option<Vec<String>>,
}

impl Get {
    /// The asked ids, each once and in order; all when none were named.
    fn ids_or(&self, all: impl FnOnce() -> Vec<String>) -> Vec<String> {
        self.ids.as_ref().map_or_else(all, |ids| once(ids))
    }

    /// Answers from objects of one type: `known` are their properties, `find` makes one.
    pub(crate) fn answer(
        &self,
        known: &[&str],
        state: String,
        all: impl FnOnce() -> Vec<String>,
        find: impl Fn(&str) -> Option<Value>,
    ) -> Result<Value, MethodError> {
        let wanted = self.properties(known)?;
        let asked = self.ids_or(all);
        check_get(asked.len())?;
        let (mut list, mut not_found) = (Vec::new(), Vec::new());
        for id in asked {
            match find(&id) {
                Some(whole) => list.push(project(whole, &wanted)),
                None => not_found.push(id),
            }
        }
        Ok(json!({ "state": state, "list": list, "notFound": not_found }))
    }

    /// The wanted properties; `id` is always among them.
    fn properties(&self, known: &[&str]) -> Result<BTreeSet<String>, MethodError> {
        let Some(wanted) = &self.properties else {
            return Ok(known.iter().map(|p| (*p).to_owned()).collect());
        };
        if let Some(unknown) = wanted.iter().find(|p| !known.contains(&p.as_str())) {
            return Err(MethodError::InvalidArguments(format!(
                "there is no property {unknown}"
            )));
        }
        Ok(wanted.iter().cloned().chain(["id".to_owned()]).collect())
    }
}

/// Each id once, in order.
pub(crate) fn once(ids: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    ids.iter().filter(|id| seen.insert(*id)).cloned().collect()
}

/// Only the wanted properties of an object.
fn project(whole: Value, wanted: &BTreeSet<String>) -> Value {
    match whole {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(name, _)| wanted.contains(name))
                .collect(),
        ),
        other => other,
    }
}
