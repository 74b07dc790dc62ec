//! What the page is told of a search.

use mail_model::search::{Found, Segment};
use serde::Serialize;
use ts_rs::TS;

/// A piece of text, and whether it is what was looked for. Plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SegmentView {
    /// The text.
    pub text: String,
    /// Whether it matched.
    pub matched: bool,
}

impl From<&Segment> for SegmentView {
    fn from(segment: &Segment) -> Self {
        Self {
            text: segment.text.clone(),
            matched: segment.matched,
        }
    }
}

/// Why a row was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct FoundView {
    /// The subject in pieces.
    pub subject: Vec<SegmentView>,
    /// A place of the text in pieces, shown instead of the preview.
    pub excerpt: Vec<SegmentView>,
}

impl From<&Found> for FoundView {
    fn from(found: &Found) -> Self {
        Self {
            subject: found.subject.iter().map(SegmentView::from).collect(),
            excerpt: found.excerpt.iter().map(SegmentView::from).collect(),
        }
    }
}

/// What an account's mail server adds to a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ServerSearch {
    /// Everything is here, so it is not asked.
    NotNeeded,
    /// It is being asked.
    Asking,
    /// It has answered; what it found is in the list.
    Asked,
    /// It cannot be asked now: no connection, paused, or signed out.
    Unreachable,
    /// It has refused this search.
    Refused,
    /// It has answered, and the disk has no room for what it found.
    NoRoom,
}

/// How complete a search is in one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SearchedAccountView {
    /// Which account.
    pub account: String,
    /// Whether the local index is still being looked through.
    pub searching: bool,
    /// Messages that are here and not in the index yet.
    #[ts(type = "number")]
    pub to_index: u64,
    /// Whether the list of all messages is here.
    pub all_mail: bool,
    /// Receipt of the oldest message that is here, Unix seconds.
    #[ts(type = "number | null")]
    pub mail_since: Option<i64>,
    /// From this receipt on the texts of all messages are here, Unix seconds; none when no text is.
    #[ts(type = "number | null")]
    pub texts_since: Option<i64>,
    /// What its server adds.
    pub server: ServerSearch,
    /// Whether there are more matches than the list takes.
    pub more: bool,
    /// Whether messages were left out because a word must not be in their text, which is not here.
    pub left_out: bool,
}

/// Something typed that is not understood as it may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SearchHint {
    /// After `before:` or `after:` there is no date.
    DateExpected,
    /// After `larger:` or `smaller:` there is no size.
    SizeExpected,
    /// After `is:` or `has:` there is a word that means nothing there.
    WordUnknown,
}

/// How a search stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct SearchView {
    /// Each account that is searched, in the person's order.
    pub accounts: Vec<SearchedAccountView>,
    /// What could not be read as meant; it was looked for as plain words.
    pub hints: Vec<SearchHint>,
}
