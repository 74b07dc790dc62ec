//! The changeable part of a message, and how open intents lie on top of the server's.

use std::collections::BTreeSet;

use mail_model::{KeywordEdit, Keywords};
use serde::{Deserialize, Serialize};

/// Bit of `flags`: without `$seen`.
pub(crate) const UNREAD: i64 = 1;
/// Bit of `flags`: with `$flagged`.
pub(crate) const STARRED: i64 = 2;
/// Bit of `flags`: has a file.
pub(crate) const FILE: i64 = 4;

/// Keywords and mailboxes (by key) of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Value {
    pub(crate) keywords: Keywords,
    pub(crate) mailboxes: BTreeSet<i64>,
}

/// One open intent, with mailbox keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Edit {
    pub(crate) keywords: Vec<KeywordEdit>,
    pub(crate) add_to: Vec<i64>,
    pub(crate) remove_from: Vec<i64>,
}

impl Edit {
    /// Changes a value. Doing it twice is the same as once.
    pub(crate) fn apply(&self, value: &mut Value) {
        for edit in &self.keywords {
            value.keywords.apply(edit);
        }
        for mailbox in &self.remove_from {
            value.mailboxes.remove(mailbox);
        }
        value.mailboxes.extend(&self.add_to);
    }
}

impl Value {
    /// What the person sees: the server's value with open intents, oldest first, on top.
    pub(crate) fn with(mut self, edits: &[Edit]) -> Self {
        for edit in edits {
            edit.apply(&mut self);
        }
        self
    }

    /// The bits that lists filter by.
    pub(crate) fn flags(&self, has_file: bool) -> i64 {
        let mut flags = 0;
        if !self.keywords.is_seen() {
            flags |= UNREAD;
        }
        if self.keywords.is_flagged() {
            flags |= STARRED;
        }
        if has_file {
            flags |= FILE;
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use mail_model::Keyword;

    use super::*;

    fn move_to(from: i64, to: i64) -> Edit {
        Edit {
            remove_from: vec![from],
            add_to: vec![to],
            ..Edit::default()
        }
    }

    #[test]
    fn later_intents_lie_on_top_of_earlier_ones() {
        let server = Value {
            mailboxes: BTreeSet::from([1]),
            ..Value::default()
        };
        let shown = server.with(&[move_to(1, 2), move_to(2, 3)]);
        assert_eq!(shown.mailboxes, BTreeSet::from([3]));
    }

    #[test]
    fn an_intent_applied_twice_changes_nothing_more() {
        let edit = Edit {
            keywords: vec![KeywordEdit {
                keyword: Keyword::seen(),
                set: true,
            }],
            ..move_to(1, 2)
        };
        let once = Value::default().with(std::slice::from_ref(&edit));
        let twice = once.clone().with(std::slice::from_ref(&edit));
        assert_eq!(once, twice);
        assert_eq!(once.flags(true), FILE);
    }
}
