//! What is looked for, with everything resolved that does not change from message to message:
//! words folded, days as seconds, mailboxes by key. And whether one message is it.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use mail_model::Keywords;
use mail_model::search::{Criterion, Query, Words, day_begins};

use super::fold;
use super::pattern::Pattern;
use crate::mail::message::Detail;
use crate::mail::value::{FILE, STARRED, UNREAD};

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Subject, people, text, names of files.
    Anywhere,
    /// Subject and people.
    Head,
    From,
    /// `To` and `Cc`.
    To,
    Cc,
    Subject,
    Filename,
}

/// What a row of `mail.sqlite` says by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    HasFile,
    Unread,
    Read,
    Starred,
    /// It has this keyword.
    Keyword(&'static str),
    /// It lies in one of these mailboxes.
    In(BTreeSet<i64>),
    /// Received before this second.
    Before(i64),
    /// Received at this second or later.
    Since(i64),
    Larger(u64),
    Smaller(u64),
}

/// A query, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Words(Place, Pattern),
    Fact(Fact),
}

/// One mailbox that can be named: its key, its role, its name.
pub(crate) struct NamedMailbox {
    pub(crate) key: i64,
    pub(crate) role: Option<String>,
    pub(crate) name: String,
}

impl Node {
    /// Every message.
    pub(crate) const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// Resolves a query. Words in which there is nothing to look for are left out of it.
    pub(crate) fn new(query: &Query, zone: &TimeZone, mailboxes: &[NamedMailbox]) -> Self {
        node(query, zone, mailboxes).map_or(Self::everything(), Self::simple)
    }

    /// No message.
    pub(crate) const fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    fn is_everything(&self) -> bool {
        matches!(self, Self::All(nodes) if nodes.is_empty())
    }

    /// Whether it is no message, whatever the mail.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Any(nodes) if nodes.is_empty())
    }

    /// The same, with everything and nothing only at the top and lists only where they differ from
    /// the one around them.
    fn simple(self) -> Self {
        match self {
            Self::All(nodes) => {
                let mut rest = Vec::new();
                for node in nodes.into_iter().map(Self::simple) {
                    match node {
                        Self::All(inner) => rest.extend(inner),
                        node if node.is_nothing() => return Self::nothing(),
                        node => rest.push(node),
                    }
                }
                Self::alone(rest, Self::All)
            }
            Self::Any(nodes) => {
                let mut rest = Vec::new();
                for node in nodes.into_iter().map(Self::simple) {
                    match node {
                        Self::Any(inner) => rest.extend(inner),
                        node if node.is_everything() => return Self::everything(),
                        node => rest.push(node),
                    }
                }
                Self::alone(rest, Self::Any)
            }
            Self::Not(node) => match node.simple() {
                node if node.is_everything() => Self::nothing(),
                node if node.is_nothing() => Self::everything(),
                Self::Not(node) => *node,
                node => Self::Not(Box::new(node)),
            },
            Self::Fact(Fact::In(mailboxes)) if mailboxes.is_empty() => Self::nothing(),
            leaf => leaf,
        }
    }

    fn alone(mut nodes: Vec<Self>, list: impl Fn(Vec<Self>) -> Self) -> Self {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                list(nodes)
            }
            None => list(nodes),
        }
    }
}

fn node(query: &Query, zone: &TimeZone, mailboxes: &[NamedMailbox]) -> Option<Node> {
    let each = |queries: &[Query]| -> Option<Vec<Node>> {
        let nodes: Vec<Node> = queries
            .iter()
            .filter_map(|query| node(query, zone, mailboxes))
            .collect();
        (queries.is_empty() || !nodes.is_empty()).then_some(nodes)
    };
    match query {
        Query::All(queries) => each(queries).map(Node::All),
        Query::Any(queries) => each(queries).map(Node::Any),
        Query::Not(query) => Some(Node::Not(Box::new(node(query, zone, mailboxes)?))),
        Query::Is(criterion) => leaf(criterion, zone, mailboxes),
    }
}

fn leaf(criterion: &Criterion, zone: &TimeZone, mailboxes: &[NamedMailbox]) -> Option<Node> {
    let words = |place, words: &Words| {
        let pattern = Pattern::new(words)?;
        let place = if place == Place::Anywhere && pattern.is_short() {
            Place::Head
        } else {
            place
        };
        Some(Node::Words(place, pattern))
    };
    Some(match criterion {
        Criterion::Text(text) => return words(Place::Anywhere, text),
        Criterion::From(text) => return words(Place::From, text),
        Criterion::To(text) => return words(Place::To, text),
        Criterion::Cc(text) => return words(Place::Cc, text),
        Criterion::Subject(text) => return words(Place::Subject, text),
        Criterion::Filename(text) => return words(Place::Filename, text),
        // Resolved by who knows the accounts.
        Criterion::Account(_) => Node::everything(),
        Criterion::HasFile => Node::Fact(Fact::HasFile),
        Criterion::Unread => Node::Fact(Fact::Unread),
        Criterion::Read => Node::Fact(Fact::Read),
        Criterion::Starred => Node::Fact(Fact::Starred),
        Criterion::Answered => Node::Fact(Fact::Keyword("$answered")),
        Criterion::Draft => Node::Fact(Fact::Keyword("$draft")),
        Criterion::In(name) => Node::Fact(Fact::In(named(name, mailboxes))),
        Criterion::Before(day) => Node::Fact(Fact::Before(day_begins(*day, zone).seconds())),
        Criterion::After(day) => Node::Fact(Fact::Since(day_begins(*day, zone).seconds())),
        Criterion::Larger(octets) => Node::Fact(Fact::Larger(*octets)),
        Criterion::Smaller(octets) => Node::Fact(Fact::Smaller(*octets)),
    })
}

fn named(name: &str, mailboxes: &[NamedMailbox]) -> BTreeSet<i64> {
    let name = name.trim().to_lowercase();
    mailboxes
        .iter()
        .filter(|mailbox| {
            mailbox.role.as_deref() == Some(name.as_str()) || mailbox.name.to_lowercase() == name
        })
        .map(|mailbox| mailbox.key)
        .collect()
}

/// What a row of `mail.sqlite` says of a message.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) key: i64,
    pub(crate) thread: i64,
    pub(crate) received_at: i64,
    pub(crate) flags: i64,
    pub(crate) size: u64,
    pub(crate) keywords: Keywords,
    pub(crate) mailboxes: BTreeSet<i64>,
    pub(crate) subject: String,
    pub(crate) detail: Detail,
}

impl Candidate {
    fn is(&self, fact: &Fact) -> bool {
        match fact {
            Fact::HasFile => self.flags & FILE != 0,
            Fact::Unread => self.flags & UNREAD != 0,
            Fact::Read => self.flags & UNREAD == 0,
            Fact::Starred => self.flags & STARRED != 0,
            Fact::Keyword(name) => self
                .keywords
                .iter()
                .any(|keyword| keyword.as_str() == *name),
            Fact::In(mailboxes) => !self.mailboxes.is_disjoint(mailboxes),
            Fact::Before(second) => self.received_at < *second,
            Fact::Since(second) => self.received_at >= *second,
            Fact::Larger(octets) => self.size > *octets,
            Fact::Smaller(octets) => self.size < *octets,
        }
    }

    /// Whether its subject or people hold the words. Not for places in a body.
    pub(crate) fn says(&self, place: Place, pattern: &Pattern) -> bool {
        let holds = |text: &str| pattern.is_in(&fold::tokens(text));
        let people = |addresses: &[mail_model::Address]| {
            addresses
                .iter()
                .any(|address| holds(&address.name) || holds(&address.email))
        };
        let detail = &self.detail;
        match place {
            Place::Subject => holds(&self.subject),
            Place::From => people(&detail.from),
            Place::To => people(&detail.to) || people(&detail.cc),
            Place::Cc => people(&detail.cc),
            Place::Head | Place::Anywhere => {
                holds(&self.subject)
                    || [&detail.from, &detail.to, &detail.cc, &detail.bcc]
                        .iter()
                        .any(|addresses| people(addresses))
            }
            Place::Filename => false,
        }
    }
}

impl Node {
    /// Whether a message is what is looked for. `in_body` tells of words that are looked for
    /// anywhere or in names of files.
    pub(crate) fn holds(
        &self,
        candidate: &Candidate,
        in_body: &impl Fn(Place, &Pattern) -> bool,
    ) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(candidate, in_body)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(candidate, in_body)),
            Self::Not(node) => !node.holds(candidate, in_body),
            Self::Words(place @ (Place::Anywhere | Place::Filename), pattern) => {
                in_body(*place, pattern)
            }
            Self::Words(place, pattern) => candidate.says(*place, pattern),
            Self::Fact(fact) => candidate.is(fact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(criterion: Criterion) -> Query {
        Query::Is(criterion)
    }

    fn words(text: &str) -> Words {
        Words {
            text: text.into(),
            quoted: false,
            unfinished: false,
        }
    }

    fn resolved(query: &Query) -> Node {
        let mailboxes = [NamedMailbox {
            key: 7,
            role: Some("inbox".into()),
            name: "Post-Eingang".into(),
        }];
        Node::new(query, &TimeZone::UTC, &mailboxes)
    }

    #[test]
    fn words_without_anything_to_look_for_are_left_out() {
        let dash = is(Criterion::Text(words("--")));
        assert_eq!(resolved(&dash), Node::everything());
        assert_eq!(
            resolved(&Query::Not(Box::new(dash.clone()))),
            Node::everything()
        );
        let unread = is(Criterion::Unread);
        let rest = Node::Fact(Fact::Unread);
        assert_eq!(
            resolved(&Query::Any(vec![dash.clone(), unread.clone()])),
            rest
        );
        assert_eq!(resolved(&Query::All(vec![dash, unread])), rest);
    }

    #[test]
    fn mailboxes_go_by_role_or_name_whatever_the_case() {
        for name in ["INBOX", "post-eingang", " Inbox"] {
            let found = resolved(&is(Criterion::In(name.into())));
            assert_eq!(found, Node::Fact(Fact::In(BTreeSet::from([7]))), "{name}");
        }
        let nowhere = is(Criterion::In("attic".into()));
        assert!(resolved(&nowhere).is_nothing());
        assert!(resolved(&Query::Not(Box::new(nowhere))).is_everything());
    }

    #[test]
    fn nothing_and_everything_swallow_what_is_around_them() {
        let unread = || is(Criterion::Unread);
        assert!(resolved(&Query::All(vec![unread(), Query::Any(vec![])])).is_nothing());
        assert!(resolved(&Query::Any(vec![unread(), Query::everything()])).is_everything());
        let account = is(Criterion::Account("work".into()));
        assert_eq!(
            resolved(&Query::All(vec![account, unread()])),
            Node::Fact(Fact::Unread)
        );
        let twice = Query::Not(Box::new(Query::Not(Box::new(unread()))));
        assert_eq!(resolved(&twice), Node::Fact(Fact::Unread));
    }
}
