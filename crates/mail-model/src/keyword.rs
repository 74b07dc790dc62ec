//! Keywords (RFC 8621 section 4.1.1): the person's marks on a message.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One keyword, lower case as RFC 8621 demands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Keyword(String);

impl Keyword {
    /// `$seen`: the message was read.
    #[must_use]
    pub fn seen() -> Self {
        Self("$seen".into())
    }

    /// `$flagged`: the message is starred.
    #[must_use]
    pub fn flagged() -> Self {
        Self("$flagged".into())
    }

    /// `$answered`: a reply was sent.
    #[must_use]
    pub fn answered() -> Self {
        Self("$answered".into())
    }

    /// `$draft`: the message is still being written.
    #[must_use]
    pub fn draft() -> Self {
        Self("$draft".into())
    }

    /// The keyword's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Keyword {
    fn from(text: String) -> Self {
        Self(text.to_ascii_lowercase())
    }
}

impl From<&str> for Keyword {
    fn from(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }
}

impl From<Keyword> for String {
    fn from(keyword: Keyword) -> String {
        keyword.0
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All keywords of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keywords(BTreeSet<Keyword>);

impl Keywords {
    /// Whether the message was read.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.0.contains(&Keyword::seen())
    }

    /// Whether the message is starred.
    #[must_use]
    pub fn is_flagged(&self) -> bool {
        self.0.contains(&Keyword::flagged())
    }

    /// Whether the message carries this keyword.
    #[must_use]
    pub fn contains(&self, keyword: &Keyword) -> bool {
        self.0.contains(keyword)
    }

    /// Adds or removes one keyword; says whether anything changed.
    pub fn apply(&mut self, edit: &KeywordEdit) -> bool {
        if edit.set {
            self.0.insert(edit.keyword.clone())
        } else {
            self.0.remove(&edit.keyword)
        }
    }

    /// The keywords in order.
    pub fn iter(&self) -> impl Iterator<Item = &Keyword> {
        self.0.iter()
    }
}

impl FromIterator<Keyword> for Keywords {
    fn from_iter<I: IntoIterator<Item = Keyword>>(keywords: I) -> Self {
        Self(keywords.into_iter().collect())
    }
}

/// Adds (`set`) or removes one keyword. Applying it twice is the same as once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeywordEdit {
    /// Which keyword.
    pub keyword: Keyword,
    /// Whether it should be there afterwards.
    pub set: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_differ_by_spelling_not_by_case() {
        assert_eq!(Keyword::from("$Seen"), Keyword::seen());
    }

    #[test]
    fn an_edit_applied_twice_changes_nothing_the_second_time() {
        let mut keywords = Keywords::default();
        let edit = KeywordEdit {
            keyword: Keyword::flagged(),
            set: true,
        };
        assert!(keywords.apply(&edit));
        assert!(!keywords.apply(&edit));
        assert!(keywords.is_flagged());
    }
}
