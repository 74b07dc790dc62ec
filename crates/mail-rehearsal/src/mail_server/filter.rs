//! Filters of `Email/query` (RFC 8621 section 4.4.1).

use std::cell::OnceCell;

use serde_json::Value;

use super::account::{Account, Record};
use super::error::MethodError;
use super::message::Parsed;
use super::{header, ids};

/// A filter with its ids and keywords looked up.
#[derive(Debug)]
pub(crate) enum Filter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Vec<Self>),
    Test(Test),
}

/// One condition.
#[derive(Debug)]
pub(crate) enum Test {
    InMailbox(u64),
    /// In a mailbox that is none of these.
    InMailboxOtherThan(u64),
    Before(i64),
    After(i64),
    Keyword(u32),
    NotKeyword(u32),
    AllInThread(u32),
    SomeInThread(u32),
    NoneInThread(u32),
    MinSize(u64),
    MaxSize(u64),
    HasAttachment(bool),
    Words(Field, Vec<String>),
    Header(String, Option<String>),
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Text,
    From,
    To,
    Cc,
    Bcc,
    Subject,
    Body,
}

impl Filter {
    /// Reads a filter. An unknown mailbox or keyword is no error: nothing is in it.
    pub(crate) fn read(value: Option<&Value>, account: &Account) -> Result<Self, MethodError> {
        let Some(value) = value.filter(|v| !v.is_null()) else {
            return Ok(Self::And(Vec::new()));
        };
        let object = value
            .as_object()
            .ok_or_else(|| MethodError::InvalidArguments("a filter is an object".to_owned()))?;
        if let Some(operator) = object.get("operator") {
            let conditions = object
                .get("conditions")
                .and_then(Value::as_array)
                .ok_or_else(|| {
                    MethodError::InvalidArguments("conditions are missing".to_owned())
                })?;
            let inner = conditions
                .iter()
                .map(|c| Self::read(Some(c), account))
                .collect::<Result<_, _>>()?;
            return match operator.as_str() {
                Some("AND") => Ok(Self::And(inner)),
                Some("OR") => Ok(Self::Or(inner)),
                Some("NOT") => Ok(Self::Not(inner)),
                _ => Err(MethodError::UnsupportedFilter(
                    "unknown operator".to_owned(),
                )),
            };
        }
        object
            .iter()
            .map(|(name, value)| Ok(Self::Test(test(name, value, account)?)))
            .collect::<Result<_, _>>()
            .map(Self::And)
    }

    /// Whether there is nothing left to test once the times are seen to.
    pub(crate) fn is_only_times(&self) -> bool {
        match self {
            Self::And(inner) => inner.iter().all(Self::is_only_times),
            Self::Test(Test::Before(_) | Test::After(_)) => true,
            _ => false,
        }
    }

    /// The span of receipt outside of which nothing can match: from, and before.
    pub(crate) fn span(&self) -> (i64, i64) {
        match self {
            Self::And(inner) => {
                inner
                    .iter()
                    .fold((i64::MIN, i64::MAX), |(from, before), filter| {
                        let (f, b) = filter.span();
                        (from.max(f), before.min(b))
                    })
            }
            Self::Test(Test::Before(time)) => (i64::MIN, *time),
            Self::Test(Test::After(time)) => (*time, i64::MAX),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// The words a snippet would mark, for a field.
    pub(crate) fn words(&self, field: Field, out: &mut Vec<String>) {
        match self {
            Self::And(inner) | Self::Or(inner) => inner.iter().for_each(|f| f.words(field, out)),
            Self::Test(Test::Words(f, words)) if *f == field || *f == Field::Text => {
                out.extend(words.iter().cloned())
            }
            _ => {}
        }
    }

    /// Whether a message matches.
    pub(crate) fn matches(&self, look: &Look<'_>) -> bool {
        match self {
            Self::And(inner) => inner.iter().all(|f| f.matches(look)),
            Self::Or(inner) => inner.iter().any(|f| f.matches(look)),
            Self::Not(inner) => !inner.iter().any(|f| f.matches(look)),
            Self::Test(test) => test.matches(look),
        }
    }

    /// Puts what needs the words of a message last.
    pub(crate) fn cheapest_first(&mut self) {
        if let Self::And(inner) | Self::Or(inner) | Self::Not(inner) = self {
            inner.iter_mut().for_each(Self::cheapest_first);
            inner.sort_by_key(Self::is_costly);
        }
    }

    fn is_costly(&self) -> bool {
        match self {
            Self::And(inner) | Self::Or(inner) | Self::Not(inner) => {
                inner.iter().any(Self::is_costly)
            }
            Self::Test(test) => matches!(
                test,
                Test::MinSize(_)
                    | Test::MaxSize(_)
                    | Test::HasAttachment(_)
                    | Test::Words(..)
                    | Test::Header(..)
            ),
        }
    }
}

fn test(name: &str, value: &Value, account: &Account) -> Result<Test, MethodError> {
    let wrong = || MethodError::InvalidArguments(format!("{name} has a value of another type"));
    let text = || value.as_str().ok_or_else(wrong);
    let mailbox = |id: &str| {
        ids::number('P', id)
            .and_then(|n| account.folders.get(&n))
            .map_or(0, super::account::Folder::bit)
    };
    let time = || {
        text()?
            .parse::<jiff::Timestamp>()
            .map(|t| t.as_second())
            .map_err(|_| wrong())
    };
    let words = |field| Ok::<_, MethodError>(Test::Words(field, split(text()?)));
    Ok(match name {
        "inMailbox" => Test::InMailbox(mailbox(text()?)),
        "inMailboxOtherThan" => {
            let list = value.as_array().ok_or_else(wrong)?;
            let bits = list
                .iter()
                .map(|id| id.as_str().map(mailbox).ok_or_else(wrong))
                .collect::<Result<Vec<_>, _>>()?;
            Test::InMailboxOtherThan(bits.into_iter().fold(0, |all, bit| all | bit))
        }
        "before" => Test::Before(time()?),
        "after" => Test::After(time()?),
        "minSize" => Test::MinSize(value.as_u64().ok_or_else(wrong)?),
        "maxSize" => Test::MaxSize(value.as_u64().ok_or_else(wrong)?),
        "hasKeyword" => Test::Keyword(account.keyword_bit(text()?)),
        "notKeyword" => Test::NotKeyword(account.keyword_bit(text()?)),
        "allInThreadHaveKeyword" => Test::AllInThread(account.keyword_bit(text()?)),
        "someInThreadHaveKeyword" => Test::SomeInThread(account.keyword_bit(text()?)),
        "noneInThreadHaveKeyword" => Test::NoneInThread(account.keyword_bit(text()?)),
        "hasAttachment" => Test::HasAttachment(value.as_bool().ok_or_else(wrong)?),
        "text" => words(Field::Text)?,
        "from" => words(Field::From)?,
        "to" => words(Field::To)?,
        "cc" => words(Field::Cc)?,
        "bcc" => words(Field::Bcc)?,
        "subject" => words(Field::Subject)?,
        "body" => words(Field::Body)?,
        "header" => match value.as_array().map(Vec::as_slice) {
            Some([Value::String(name)]) => Test::Header(name.clone(), None),
            Some([Value::String(name), Value::String(part)]) => {
                Test::Header(name.clone(), Some(part.to_lowercase()))
            }
            _ => return Err(wrong()),
        },
        _ => return Err(MethodError::UnsupportedFilter(name.to_owned())),
    })
}

/// Words to look for, lower case; what stands in quotation marks of either kind stays together,
/// with a backslash before those that are meant themselves (RFC 8621 section 4.4.1).
fn split(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (piece, behind) = phrase(rest, first).unwrap_or_else(|| {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (word.to_owned(), behind)
        });
        out.push(piece.trim().to_lowercase());
        rest = behind.trim_start();
    }
    out.retain(|word| !word.is_empty());
    out
}

/// What stands between a quotation mark and its like, and what comes behind that.
fn phrase(text: &str, mark: char) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix(['"', '\''])?.chars();
    let mut piece = String::new();
    loop {
        match chars.next()? {
            '\\' => piece.push(chars.next()?),
            c if c == mark => return Some((piece, chars.as_str())),
            c => piece.push(c),
        }
    }
}

impl Test {
    fn matches(&self, look: &Look<'_>) -> bool {
        let record = look.record;
        let thread = |test: fn(u32, u32) -> bool, bit: u32| {
            let members = look
                .account
                .thread(record.thread)
                .iter()
                .filter_map(|n| look.account.record(*n));
            (
                members.clone().all(|r| test(r.keywords, bit)),
                members.clone().any(|r| test(r.keywords, bit)),
            )
        };
        let has: fn(u32, u32) -> bool = |keywords, bit| keywords & bit != 0;
        match self {
            Self::InMailbox(bit) => record.mailboxes & bit != 0,
            Self::InMailboxOtherThan(bits) => record.mailboxes & !bits != 0,
            Self::Before(time) => record.received_at < *time,
            Self::After(time) => record.received_at >= *time,
            Self::Keyword(bit) => record.keywords & bit != 0,
            Self::NotKeyword(bit) => record.keywords & bit == 0,
            Self::AllInThread(bit) => thread(has, *bit).0,
            Self::SomeInThread(bit) => thread(has, *bit).1,
            Self::NoneInThread(bit) => !thread(has, *bit).1,
            Self::MinSize(size) => look.words().size >= *size,
            Self::MaxSize(size) => look.words().size < *size,
            Self::HasAttachment(has) => look.words().has_attachment == *has,
            Self::Words(field, words) => words.iter().all(|word| look.words().has(*field, word)),
            Self::Header(name, part) => look.has_header(name, part.as_deref()),
        }
    }
}

/// A message being tested; its words are made only when a test asks for them.
pub(crate) struct Look<'a> {
    account: &'a Account,
    number: u32,
    record: &'a Record,
    words: OnceCell<Words>,
}

impl<'a> Look<'a> {
    /// Looks at a message that is there.
    pub(crate) fn at(account: &'a Account, number: u32) -> Option<Self> {
        Some(Self {
            account,
            number,
            record: account.record(number)?,
            words: OnceCell::new(),
        })
    }

    /// The message's words.
    pub(crate) fn words(&self) -> &Words {
        self.words
            .get_or_init(|| Words::of(&self.account.bytes(self.number).unwrap_or_default()))
    }

    fn has_header(&self, name: &str, part: Option<&str>) -> bool {
        let bytes = self.account.bytes(self.number).unwrap_or_default();
        let parsed = Parsed::new(&bytes);
        let Some(property) = header::Property::read(&format!("header:{name}:all")) else {
            return false;
        };
        let values = parsed
            .root()
            .map_or(Value::Null, |root| property.value(root, &bytes));
        values.as_array().is_some_and(|list| match part {
            None => !list.is_empty(),
            Some(part) => list
                .iter()
                .filter_map(Value::as_str)
                .any(|v| v.to_lowercase().contains(part)),
        })
    }
}

/// What can be searched, lower case.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) size: u64,
    pub(crate) has_attachment: bool,
    pub(crate) sent_at: i64,
    pub(crate) from: String,
    pub(crate) to: String,
    cc: String,
    bcc: String,
    /// Without `Re:`, for sorting.
    pub(crate) base_subject: String,
    subject: String,
    body: String,
}

impl Words {
    fn of(bytes: &[u8]) -> Self {
        let parsed = Parsed::new(bytes);
        Self {
            size: bytes.len() as u64,
            has_attachment: parsed.has_attachment(),
            sent_at: parsed
                .message
                .date()
                .map_or(0, mail_parser::DateTime::to_timestamp),
            from: parsed.address_words("From").to_lowercase(),
            to: parsed.address_words("To").to_lowercase(),
            cc: parsed.address_words("Cc").to_lowercase(),
            bcc: parsed.address_words("Bcc").to_lowercase(),
            base_subject: parsed.base_subject(),
            subject: parsed.message.subject().unwrap_or_default().to_lowercase(),
            body: parsed.searchable_body().to_lowercase(),
        }
    }

    fn has(&self, field: Field, word: &str) -> bool {
        let fields: &[&String] = match field {
            Field::Text => &[
                &self.from,
                &self.to,
                &self.cc,
                &self.bcc,
                &self.subject,
                &self.body,
            ],
            Field::From => &[&self.from],
            Field::To => &[&self.to],
            Field::Cc => &[&self.cc],
            Field::Bcc => &[&self.bcc],
            Field::Subject => &[&self.subject],
            Field::Body => &[&self.body],
        };
        fields.iter().any(|text| text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotation_marks_stay_together() {
        assert_eq!(
            split("Plan \"billing API\" x"),
            ["plan", "billing api", "x"]
        );
        assert_eq!(split("'in one' piece"), ["in one", "piece"]);
        assert_eq!(
            split(r#""the \"boss\"" o'brien "not closed"#),
            ["the \"boss\"", "o'brien", "\"not", "closed"]
        );
        assert_eq!(split("  "), Vec::<String>::new());
    }
}
