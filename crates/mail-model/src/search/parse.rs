//! Reading what a person types.
//!
//! ```text
//! query = all *( "OR" all )             OR in capitals, weaker than standing side by side
//! all   = 1*item
//! item  = *"-" ( "(" query ")" / field ":" value / value )
//! value = word / phrase / "(" query ")"  each word of a group is looked for in the field
//! ```
//!
//! Nothing typed is an error: what lacks its other half (an open bracket, a field without a
//! value, an `OR` at the end) is read as far as it goes, because the person is still typing.

use super::literal::{days, size};
use super::{Criterion, Query, Words};

/// Brackets within brackets; those further in are left out.
const DEEPEST: usize = 32;
/// So many criteria a search has; what is typed after them is left out.
const MOST_CRITERIA: usize = 200;

/// What was understood of what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What is looked for, normalised.
    pub query: Query,
    /// What could not be read as it may have been meant, each kind once.
    pub hints: Vec<Hint>,
}

/// Something typed that is not understood as it may have been meant; it is looked for as plain
/// words, operator and all, unless there is nothing after the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// After `before:`, `after:` or `on:` there is no date.
    DateExpected,
    /// After `larger:` or `smaller:` there is no size.
    SizeExpected,
    /// After `is:` or `has:` there is a word that means nothing there.
    WordUnknown,
}

/// Reads a search. Never fails: an empty or meaningless text looks for every message.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let mut reader = Reader::new(text);
    let query = reader.query(None, 0).unwrap_or_else(Query::everything);
    Parsed {
        query: query.normalised(),
        hints: reader.hints,
    }
}

/// What a criterion is about, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    From,
    To,
    Cc,
    Subject,
    Filename,
    Has,
    Is,
    In,
    Account,
    Before,
    After,
    On,
    Larger,
    Smaller,
}

impl Field {
    const ALL: [Self; 14] = [
        Self::From,
        Self::To,
        Self::Cc,
        Self::Subject,
        Self::Filename,
        Self::Has,
        Self::Is,
        Self::In,
        Self::Account,
        Self::Before,
        Self::After,
        Self::On,
        Self::Larger,
        Self::Smaller,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Cc => "cc",
            Self::Subject => "subject",
            Self::Filename => "filename",
            Self::Has => "has",
            Self::Is => "is",
            Self::In => "in",
            Self::Account => "account",
            Self::Before => "before",
            Self::After => "after",
            Self::On => "on",
            Self::Larger => "larger",
            Self::Smaller => "smaller",
        }
    }

    /// The field a word begins with, and what of the word comes after the colon.
    fn begins(word: &str) -> Option<(Self, &str)> {
        let (name, rest) = word.split_once(':')?;
        let field = Self::ALL
            .into_iter()
            .find(|field| field.name().eq_ignore_ascii_case(name))?;
        Some((field, rest))
    }

    const fn hint(self) -> Option<Hint> {
        match self {
            Self::Before | Self::After | Self::On => Some(Hint::DateExpected),
            Self::Larger | Self::Smaller => Some(Hint::SizeExpected),
            Self::Is | Self::Has => Some(Hint::WordUnknown),
            _ => None,
        }
    }

    /// The criterion of a field and its value; `None` where the value means nothing there.
    fn criterion(self, words: &Words) -> Option<Query> {
        let is = |criterion| Some(Query::Is(criterion));
        let whole = || words.text.trim().to_owned();
        match self {
            Self::From => is(Criterion::From(words.clone())),
            Self::To => is(Criterion::To(words.clone())),
            Self::Cc => is(Criterion::Cc(words.clone())),
            Self::Subject => is(Criterion::Subject(words.clone())),
            Self::Filename => is(Criterion::Filename(words.clone())),
            Self::In => is(Criterion::In(whole())),
            Self::Account => is(Criterion::Account(whole())),
            Self::Has => match whole().to_ascii_lowercase().as_str() {
                "attachment" | "attachments" | "file" | "files" => is(Criterion::HasFile),
                _ => None,
            },
            Self::Is => is(match whole().to_ascii_lowercase().as_str() {
                "unread" => Criterion::Unread,
                "read" => Criterion::Read,
                "starred" => Criterion::Starred,
                "answered" => Criterion::Answered,
                "draft" => Criterion::Draft,
                _ => return None,
            }),
            Self::Before => is(Criterion::Before(days(&words.text)?.first)),
            Self::After => is(Criterion::After(days(&words.text)?.first)),
            Self::On => {
                let days = days(&words.text)?;
                let from = Some(Query::Is(Criterion::After(days.first)));
                let to = days.after.map(|day| Query::Is(Criterion::Before(day)));
                Some(Query::All(from.into_iter().chain(to).collect()))
            }
            Self::Larger => is(Criterion::Larger(size(&words.text)?)),
            Self::Smaller => is(Criterion::Smaller(size(&words.text)?)),
        }
    }
}

/// Whether words can be looked for at all: marks of punctuation alone cannot.
pub(super) fn can_be_found(text: &str) -> bool {
    text.chars().any(|c| {
        // Pictures and signs from U+2190 on; the punctuation of East Asia is not among them.
        c.is_alphanumeric()
            || (c >= '\u{2190}'
                && !c.is_whitespace()
                && !matches!(c, '\u{3000}'..='\u{303f}' | '\u{fe10}'..='\u{fe6f}' | '\u{ff00}'..='\u{ffef}'))
    })
}

const fn is_quotation_mark(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}')
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')') || is_quotation_mark(c)
}

/// How the criterion is typed if it can be typed as it is, without quotation marks: `from:ana`.
pub(super) fn bare(field: Option<Field>, text: &str, criterion: &Criterion) -> Option<String> {
    let typed = match field {
        Some(field) => format!("{}:{text}", field.name()),
        None => text.to_owned(),
    };
    let mut reader = Reader::new(&typed);
    let read = (!reader.at_or()).then(|| reader.item(None, 0))??;
    let same = match (&read, criterion) {
        (Query::Is(Criterion::In(a)), Criterion::In(b))
        | (Query::Is(Criterion::Account(a)), Criterion::Account(b)) => a == b,
        (Query::Is(read), criterion) => {
            std::mem::discriminant(read) == std::mem::discriminant(criterion)
                && read.words().is_some_and(|words| words.text == text)
        }
        _ => false,
    };
    (same && reader.rest.is_empty()).then_some(typed)
}

struct Reader<'t> {
    rest: &'t str,
    hints: Vec<Hint>,
    criteria: usize,
    /// Open brackets that were left out because they lie too deep.
    left_out: usize,
}

impl<'t> Reader<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            hints: Vec::new(),
            criteria: 0,
            left_out: 0,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Goes on behind the next character.
    fn skip(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    /// Whether the operator `OR` comes next.
    fn at_or(&self) -> bool {
        self.rest
            .strip_prefix("OR")
            .is_some_and(|rest| rest.chars().next().is_none_or(ends_word))
    }

    /// Alternatives, up to the end or to the bracket that closes them. `None` where nothing
    /// was said.
    fn query(&mut self, field: Option<Field>, depth: usize) -> Option<Query> {
        let mut alternatives = Vec::new();
        let mut all = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            match self.peek() {
                None => break,
                Some(')') if depth > 0 && self.left_out == 0 => break,
                Some(')') => {
                    self.left_out = self.left_out.saturating_sub(1);
                    self.skip();
                }
                Some(_) if self.at_or() => {
                    self.skip();
                    self.skip();
                    alternatives.push(std::mem::take(&mut all));
                }
                Some(_) => all.extend(self.item(field, depth)),
            }
        }
        alternatives.push(all);
        alternatives.retain(|all| !all.is_empty());
        let alternatives: Vec<Query> = alternatives.into_iter().map(Query::All).collect();
        (!alternatives.is_empty()).then_some(Query::Any(alternatives))
    }

    fn item(&mut self, field: Option<Field>, depth: usize) -> Option<Query> {
        let mut negated = false;
        while self.peek() == Some('-') {
            negated = !negated;
            self.skip();
        }
        let next = self.peek()?;
        if next.is_whitespace() || next == ')' || self.at_or() {
            return None;
        }
        let item = self.value(field, depth)?;
        Some(if negated {
            Query::Not(Box::new(item))
        } else {
            item
        })
    }

    /// What stands here: a group, a phrase, a word, or a field with one of these.
    fn value(&mut self, field: Option<Field>, depth: usize) -> Option<Query> {
        match self.peek()? {
            '(' => {
                self.skip();
                self.group(field, depth)
            }
            mark if is_quotation_mark(mark) => {
                let words = self.phrase();
                self.leaf(field, words, depth)
            }
            _ => {
                let end = self.rest.find(ends_word).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at_checked(end)?;
                if field.is_none()
                    && let Some((field, _)) = Field::begins(word)
                {
                    let (_, rest) = self.rest.split_once(':')?;
                    self.rest = rest;
                    return self.value_of(field, depth);
                }
                self.rest = rest;
                let words = Words {
                    text: word.to_owned(),
                    quoted: false,
                    unfinished: rest.is_empty(),
                };
                self.leaf(field, words, depth)
            }
        }
    }

    /// The value of a field; a space may stand before it where no other meaning is nearer.
    fn value_of(&mut self, field: Field, depth: usize) -> Option<Query> {
        let spaced = self.rest.trim_start();
        if spaced.len() < self.rest.len() {
            let after = Self::new(spaced);
            let end = spaced.find(ends_word).unwrap_or(spaced.len());
            let other = spaced
                .get(..end)
                .is_some_and(|word| word.starts_with('-') || Field::begins(word).is_some());
            if !after.at_or() && !other {
                self.rest = spaced;
            }
        }
        match self.peek() {
            Some(next) if next != ')' && !next.is_whitespace() => self.value(Some(field), depth),
            _ => {
                if field.hint() != Some(Hint::WordUnknown) {
                    self.hint(field);
                }
                None
            }
        }
    }

    /// Behind an opening bracket, up to behind the closing one or to the end.
    fn group(&mut self, field: Option<Field>, depth: usize) -> Option<Query> {
        if depth >= DEEPEST {
            self.left_out += 1;
            return None;
        }
        self.rest = self.rest.trim_start();
        let empty = self.peek() == Some(')');
        let inner = self.query(field, depth + 1);
        if self.peek() == Some(')') {
            self.skip();
        }
        inner.or_else(|| (empty && field.is_none()).then(Query::everything))
    }

    /// A phrase, up to behind the closing mark or to the end. A straight mark within straight
    /// marks is written twice.
    fn phrase(&mut self) -> Words {
        let straight = self.peek() == Some('"');
        self.skip();
        let mut text = String::new();
        while let Some(next) = self.peek() {
            self.skip();
            match next {
                '"' if straight && self.peek() == Some('"') => self.skip(),
                '"' if straight => break,
                mark if !straight && mark != '"' && is_quotation_mark(mark) => break,
                _ => {}
            }
            text.push(next);
        }
        Words {
            text,
            quoted: true,
            unfinished: false,
        }
    }

    fn leaf(&mut self, field: Option<Field>, words: Words, depth: usize) -> Option<Query> {
        let names_a_place = matches!(field, Some(Field::In | Field::Account));
        if words.text.trim().is_empty() || !(names_a_place || can_be_found(&words.text)) {
            return None;
        }
        // `-on:` is typed without brackets but cannot be said with fewer than one.
        let meant = match field {
            None => Some(Query::Is(Criterion::Text(words.clone()))),
            Some(Field::On) if depth >= DEEPEST => return None,
            Some(field) => field.criterion(&words),
        };
        let query = meant.or_else(|| {
            let field = field?;
            self.hint(field);
            Some(Query::Is(Criterion::Text(Words {
                text: format!("{}:{}", field.name(), words.text),
                ..words
            })))
        })?;
        let criteria = match &query {
            Query::All(both) => both.len(),
            _ => 1,
        };
        self.criteria += criteria;
        (self.criteria <= MOST_CRITERIA).then_some(query)
    }

    fn hint(&mut self, field: Field) {
        self.hints
            .extend(field.hint().filter(|hint| !self.hints.contains(hint)));
    }
}
