//! A search, asked of the server: `Email/query` with a filter (RFC 8621 section 4.4.1).
//!
//! [`plan`] is pure. What the standard has no condition for is handled so that nothing wrong is
//! found: the names of files are read with the answer and judged here where that can be done,
//! and the whole search is refused where it cannot.

use std::collections::HashSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use mail_model::remote::{SearchPage, SourceError};
use mail_model::search::{Criterion, Query, Words, day_begins};
use mail_model::{Keyword, Mailbox, MessageId};
use serde_json::{Value, json};

use crate::batch::Batch;
use crate::fault::{Fault, bad_answer};
use crate::fetch::{found, has_duplicates};
use crate::listing::MOST_IN_PIECE;
use crate::mailboxes;
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::QueryWire;
use crate::wire::email::{FileNamesWire, utc_text};

/// The largest number of the protocol (RFC 8620 section 1.3).
const LARGEST: u64 = (1 << 53) - 1;

pub(crate) async fn page(
    source: &JmapSource,
    session: &Session,
    query: &Query,
    zone: &TimeZone,
    position: u64,
    limit: usize,
) -> Result<SearchPage, Fault> {
    let query = query.clone().normalised();
    let mailboxes = if names_mailbox(&query) {
        mailboxes::all(source, session).await?.mailboxes
    } else {
        Vec::new()
    };
    let plan = plan(query, zone, &mailboxes)?;
    let mut page = SearchPage {
        ids: Vec::new(),
        queried: 0,
    };
    if plan.filter == Filter::Nothing {
        return Ok(page);
    }
    let mut known = HashSet::new();
    let mut query_state = None;
    let mut size = session.limits.objects_in_get.min(MOST_IN_PIECE);
    while page.queried < limit {
        let asked = size.min(limit - page.queried);
        let place = position.saturating_add(page.queried as u64);
        let piece = match piece(source, session, &plan, place, asked).await {
            Err(Fault::TooLarge(_)) if asked > 1 => {
                size = asked / 2;
                continue;
            }
            other => other?,
        };
        // A list that changed under the reading would skip messages at the seam.
        if *query_state.get_or_insert_with(|| piece.query.query_state.clone())
            != piece.query.query_state
        {
            break;
        }
        page.queried = page.queried.saturating_add(piece.query.ids.len());
        for id in piece.matching {
            let id = MessageId::new(id).map_err(|_| bad_answer("an id is malformed"))?;
            if !known.insert(id.clone()) {
                return Err(bad_answer("it lists one message twice").into());
            }
            page.ids.push(id);
        }
        if piece.query.ids.len() < asked {
            break;
        }
    }
    Ok(page)
}

struct Piece {
    query: QueryWire,
    matching: Vec<String>,
}

async fn piece(
    source: &JmapSource,
    session: &Session,
    plan: &Plan,
    position: u64,
    limit: usize,
) -> Result<Piece, Fault> {
    let account = &session.account;
    let mut arguments = json!({
        "accountId": account,
        "sort": [{ "property": "receivedAt", "isAscending": false }],
        "collapseThreads": false,
        "position": position,
        "limit": limit,
    });
    if let (Filter::Ask(filter), Some(arguments)) = (&plan.filter, arguments.as_object_mut()) {
        arguments.insert("filter".into(), filter.clone());
    }
    let mut batch = Batch::new();
    let query = batch.add("Email/query", arguments);
    let names = plan.names.as_ref().map(|names| {
        let arguments = json!({
            "accountId": account,
            "#ids": query.part("/ids"),
            "properties": ["id", "attachments"],
            "bodyProperties": ["name"],
        });
        (names, batch.add("Email/get", arguments))
    });
    let answers = source.call(session, batch).await?;
    let query: QueryWire = answers.take(query, account)?;
    if query.ids.len() > limit {
        return Err(bad_answer("it lists more messages than it was asked for").into());
    }
    if has_duplicates(&query.ids) {
        return Err(bad_answer("it lists one message twice").into());
    }
    let matching = match names {
        None => query.ids.clone(),
        Some((wanted, get)) => {
            let emails: Vec<FileNamesWire> = found(&query.ids, answers.take(get, account)?)?;
            let matching = emails
                .into_iter()
                .filter(|email| has_names(wanted, &email.names()));
            matching.map(|email| email.id).collect()
        }
    };
    Ok(Piece { query, matching })
}

fn names_mailbox(query: &Query) -> bool {
    match query {
        Query::All(list) | Query::Any(list) => list.iter().any(names_mailbox),
        Query::Not(query) => names_mailbox(query),
        Query::Is(criterion) => matches!(criterion, Criterion::In(_)),
    }
}

/// How a search is asked.
#[derive(Debug, PartialEq)]
struct Plan {
    filter: Filter,
    /// What the names of the files have to be besides; made of [`Criterion::Filename`] alone.
    names: Option<Query>,
}

/// A filter, or that none is needed.
#[derive(Debug, PartialEq)]
enum Filter {
    Everything,
    Nothing,
    Ask(Value),
}

/// `query` is normalised.
fn plan(query: Query, zone: &TimeZone, mailboxes: &[Mailbox]) -> Result<Plan, SourceError> {
    let parts = match query {
        Query::All(parts) => parts,
        other => vec![other],
    };
    let (names, mut rest): (Vec<Query>, Vec<Query>) =
        parts.into_iter().partition(is_of_names_alone);
    let names = (!names.is_empty()).then_some(Query::All(names));
    if let Some(names) = &names
        && !has_names(names, &[])
    {
        rest.push(Query::Is(Criterion::HasFile));
    }
    Ok(Plan {
        filter: filter(&Query::All(rest), zone, mailboxes)?,
        names,
    })
}

fn is_of_names_alone(query: &Query) -> bool {
    match query {
        Query::All(list) | Query::Any(list) => {
            !list.is_empty() && list.iter().all(is_of_names_alone)
        }
        Query::Not(query) => is_of_names_alone(query),
        Query::Is(criterion) => matches!(criterion, Criterion::Filename(_)),
    }
}

/// Whether a message whose files have these names is meant.
fn has_names(wanted: &Query, names: &[String]) -> bool {
    match wanted {
        Query::All(list) => list.iter().all(|wanted| has_names(wanted, names)),
        Query::Any(list) => list.iter().any(|wanted| has_names(wanted, names)),
        Query::Not(wanted) => !has_names(wanted, names),
        Query::Is(Criterion::Filename(words)) => {
            let wanted = plain(&words.text);
            names.iter().any(|name| plain(name).contains(&wanted))
        }
        Query::Is(_) => false,
    }
}

/// Lower case, and a space for whatever is neither letter nor digit: `Final_plan.PDF` holds
/// `final plan`.
fn plain(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

fn filter(query: &Query, zone: &TimeZone, mailboxes: &[Mailbox]) -> Result<Filter, SourceError> {
    Ok(match query {
        Query::All(list) => {
            let mut conditions = Vec::with_capacity(list.len());
            for query in list {
                match filter(query, zone, mailboxes)? {
                    Filter::Everything => {}
                    Filter::Nothing => return Ok(Filter::Nothing),
                    Filter::Ask(condition) => conditions.push(condition),
                }
            }
            operator("AND", conditions).map_or(Filter::Everything, Filter::Ask)
        }
        Query::Any(list) => {
            let mut conditions = Vec::with_capacity(list.len());
            for query in list {
                match filter(query, zone, mailboxes)? {
                    Filter::Everything => return Ok(Filter::Everything),
                    Filter::Nothing => {}
                    Filter::Ask(condition) => conditions.push(condition),
                }
            }
            operator("OR", conditions).map_or(Filter::Nothing, Filter::Ask)
        }
        Query::Not(query) => match filter(query, zone, mailboxes)? {
            Filter::Everything => Filter::Nothing,
            Filter::Nothing => Filter::Everything,
            Filter::Ask(condition) => {
                Filter::Ask(json!({ "operator": "NOT", "conditions": [condition] }))
            }
        },
        Query::Is(criterion) => condition(criterion, zone, mailboxes)?,
    })
}

/// `None` of no conditions; one condition stands for itself.
fn operator(name: &str, mut conditions: Vec<Value>) -> Option<Value> {
    if conditions.len() > 1 {
        Some(json!({ "operator": name, "conditions": conditions }))
    } else {
        conditions.pop()
    }
}

fn condition(
    criterion: &Criterion,
    zone: &TimeZone,
    mailboxes: &[Mailbox],
) -> Result<Filter, SourceError> {
    let begins = |day: &Date| utc_text(day_begins(*day, zone));
    let marked = |condition: &str, keyword: Keyword| json!({ condition: keyword.as_str() });
    Ok(Filter::Ask(match criterion {
        Criterion::Text(words) => json!({ "text": text(words) }),
        Criterion::From(words) => json!({ "from": text(words) }),
        Criterion::To(words) => json!({
            "operator": "OR",
            "conditions": [{ "to": text(words) }, { "cc": text(words) }],
        }),
        Criterion::Cc(words) => json!({ "cc": text(words) }),
        Criterion::Subject(words) => json!({ "subject": text(words) }),
        Criterion::HasFile => json!({ "hasAttachment": true }),
        Criterion::Unread => marked("notKeyword", Keyword::seen()),
        Criterion::Read => marked("hasKeyword", Keyword::seen()),
        Criterion::Starred => marked("hasKeyword", Keyword::flagged()),
        Criterion::Answered => marked("hasKeyword", Keyword::answered()),
        Criterion::Draft => marked("hasKeyword", Keyword::draft()),
        Criterion::In(name) => {
            let named = mailboxes.iter().filter(|mailbox| mailbox.is_called(name));
            let conditions = named.map(|mailbox| json!({ "inMailbox": mailbox.id.as_str() }));
            return Ok(operator("OR", conditions.collect()).map_or(Filter::Nothing, Filter::Ask));
        }
        Criterion::Before(day) => json!({ "before": begins(day) }),
        Criterion::After(day) => json!({ "after": begins(day) }),
        // `minSize` includes its own size, `maxSize` does not.
        Criterion::Larger(octets) if *octets >= LARGEST => return Ok(Filter::Nothing),
        Criterion::Larger(octets) => json!({ "minSize": octets + 1 }),
        Criterion::Smaller(octets) if *octets > LARGEST => return Ok(Filter::Everything),
        Criterion::Smaller(octets) => json!({ "maxSize": octets }),
        Criterion::Filename(_) => return Err(cannot_be_asked("filename")),
        Criterion::Account(_) => return Err(cannot_be_asked("account")),
    }))
}

fn cannot_be_asked(what: &str) -> SourceError {
    SourceError::Refused {
        reason: format!("the server cannot be asked for {what} in this place"),
    }
}

/// Words as the filter writes them: quoted ones as a phrase. The standard wants an apostrophe in a
/// phrase escaped as well, but Cyrus then finds nothing, and between other marks it ends nothing.
fn text(words: &Words) -> String {
    if !words.quoted {
        return words.text.clone();
    }
    let mut text = String::with_capacity(words.text.len() + 2);
    text.push('"');
    for c in words.text.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests;
