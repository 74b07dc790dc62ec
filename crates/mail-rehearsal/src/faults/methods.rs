//! Faults of single JMAP methods: what the mail server itself gets wrong, inside an answer that is sound.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Faults, path_matches};

/// What a rule does to a method call it matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum MethodAct {
    /// Answers with this error type (RFC 8620 section 3.6.2).
    Error {
        /// The type, such as `stateMismatch`.
        error: String,
        /// Whether the server does it all the same.
        #[serde(default)]
        done: bool,
    },
    /// Answers `*/changes` with `hasMoreChanges` and nothing else: no change, and the state asked from.
    Stall,
    /// Answers `*/changes` as it is, but with the state asked from as the new one.
    Unmoved,
}

/// A fault for the calls of one JMAP method, or of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodRule {
    /// The method it applies to; `*` stands for any characters.
    pub method: String,
    /// What happens.
    pub act: MethodAct,
    /// How many calls it applies to before it is gone; for ever when absent.
    #[serde(default)]
    pub times: Option<u32>,
}

impl MethodRule {
    /// For the next `times` calls of `method`.
    #[must_use]
    pub fn next(method: &str, times: u32, act: MethodAct) -> Self {
        Self {
            method: method.to_owned(),
            act,
            times: Some(times),
        }
    }

    /// Answers the next `times` calls of `method` with an error type, without doing anything.
    #[must_use]
    pub fn error(method: &str, error: &str, times: u32) -> Self {
        let error = error.to_owned();
        Self::next(method, times, MethodAct::Error { error, done: false })
    }
}

impl Faults {
    /// Adds a rule for single methods. Of several that match a call the oldest applies.
    pub fn add_method(&self, rule: MethodRule) {
        self.set().methods.push(rule);
    }

    /// Takes the act that applies to a call, if any.
    pub(crate) fn meet_method(&self, method: &str) -> Option<MethodAct> {
        let mut set = self.set();
        let rule = set
            .methods
            .iter_mut()
            .find(|rule| path_matches(&rule.method, method))?;
        let act = rule.act.clone();
        rule.times = rule.times.map(|times| times.saturating_sub(1));
        set.methods.retain(|rule| rule.times != Some(0));
        Some(act)
    }
}

impl MethodAct {
    /// The answer to a call of `*/changes` that stalls.
    pub(crate) fn stalled(arguments: &Map<String, Value>) -> Value {
        let since = arguments.get("sinceState").cloned().unwrap_or_default();
        json!({
            "oldState": since,
            "newState": since,
            "hasMoreChanges": true,
            "created": [],
            "updated": [],
            "destroyed": [],
        })
    }

    /// The answer that claims to have come no further.
    pub(crate) fn unmoved(answer: &mut Value) {
        if let Some(answer) = answer.as_object_mut()
            && let Some(old) = answer.get("oldState").cloned()
        {
            answer.insert("newState".to_owned(), old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_a_method_applies_as_often_as_it_says_and_to_no_other() {
        let faults = Faults::none();
        faults.add_method(MethodRule::error("Email/*", "stateMismatch", 1));
        assert_eq!(faults.meet_method("Mailbox/get"), None);
        let error = "stateMismatch".to_owned();
        let act = MethodAct::Error { error, done: false };
        assert_eq!(faults.meet_method("Email/set"), Some(act));
        assert_eq!(faults.meet_method("Email/set"), None);
    }

    #[test]
    fn an_answer_that_has_not_moved_keeps_what_it_tells() {
        let mut answer = json!({ "oldState": "0-1", "newState": "0-3", "updated": ["M1"] });
        MethodAct::unmoved(&mut answer);
        assert_eq!(
            answer,
            json!({ "oldState": "0-1", "newState": "0-1", "updated": ["M1"] })
        );
    }
}
