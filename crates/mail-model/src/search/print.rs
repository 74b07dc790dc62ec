//! A search as it could be typed.

use std::fmt::{self, Write as _};

use super::literal::size_text;
use super::parse::{Field, bare};
use super::{Criterion, Query, Words};

/// The canonical text: reading it gives the normalised query again. After a finished word at
/// the end there is a space; after an unfinished one, brackets stay open. [`Query::nothing`] is
/// `-()`.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = self.clone().normalised();
        if query == Self::nothing() {
            return f.write_str("-()");
        }
        let mut text = String::new();
        print(&query, Around::Nothing, &mut text)?;
        match query.last_words() {
            Some(Words {
                unfinished: true, ..
            }) => f.write_str(text.trim_end_matches(')')),
            Some(Words { quoted: false, .. }) if !text.ends_with(')') => {
                f.write_str(&text)?;
                f.write_char(' ')
            }
            _ => f.write_str(&text),
        }
    }
}

/// What a query stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Any,
    All,
    Not,
}

fn print(query: &Query, around: Around, text: &mut String) -> fmt::Result {
    let (list, between, inside, open) = match query {
        Query::All(list) => (list, " ", Around::All, around == Around::Not),
        Query::Any(list) => (list, " OR ", Around::Any, around != Around::Nothing),
        Query::Not(query) => {
            text.push('-');
            return print(query, Around::Not, text);
        }
        Query::Is(criterion) => return print_criterion(criterion, text),
    };
    if open {
        text.push('(');
    }
    for (n, query) in list.iter().enumerate() {
        if n > 0 {
            text.push_str(between);
        }
        print(query, inside, text)?;
    }
    if open {
        text.push(')');
    }
    Ok(())
}

/// Where the words of a criterion are looked for.
pub(super) const fn field_of(criterion: &Criterion) -> Option<Field> {
    Some(match criterion {
        Criterion::Text(_) => return None,
        Criterion::From(_) => Field::From,
        Criterion::To(_) => Field::To,
        Criterion::Cc(_) => Field::Cc,
        Criterion::Subject(_) => Field::Subject,
        Criterion::Filename(_) => Field::Filename,
        Criterion::HasFile => Field::Has,
        Criterion::Unread
        | Criterion::Read
        | Criterion::Starred
        | Criterion::Answered
        | Criterion::Draft => Field::Is,
        Criterion::In(_) => Field::In,
        Criterion::Account(_) => Field::Account,
        Criterion::Before(_) => Field::Before,
        Criterion::After(_) => Field::After,
        Criterion::Larger(_) => Field::Larger,
        Criterion::Smaller(_) => Field::Smaller,
    })
}

fn print_criterion(criterion: &Criterion, text: &mut String) -> fmt::Result {
    let field = field_of(criterion);
    let value = match criterion {
        Criterion::HasFile => "attachment".to_owned(),
        Criterion::Unread => "unread".to_owned(),
        Criterion::Read => "read".to_owned(),
        Criterion::Starred => "starred".to_owned(),
        Criterion::Answered => "answered".to_owned(),
        Criterion::Draft => "draft".to_owned(),
        Criterion::Before(day) | Criterion::After(day) => day.to_string(),
        Criterion::Larger(octets) | Criterion::Smaller(octets) => size_text(*octets),
        Criterion::In(name) | Criterion::Account(name) => {
            if let Some(bare) = bare(field, name, criterion) {
                text.push_str(&bare);
                return Ok(());
            }
            in_marks(name)
        }
        Criterion::Text(words)
        | Criterion::From(words)
        | Criterion::To(words)
        | Criterion::Cc(words)
        | Criterion::Subject(words)
        | Criterion::Filename(words) => {
            if words.quoted {
                in_marks(&words.text)
            } else {
                words.text.clone()
            }
        }
    };
    match field {
        Some(field) => write!(text, "{}:{value}", field.name()),
        None => text.write_str(&value),
    }
}

fn in_marks(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
