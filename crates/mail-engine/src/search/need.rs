//! Whether the server has to be asked, and for what: pure.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use mail_model::search::{Criterion, Query};
use mail_model::{Keyword, ListRow, UnixTime};
use mail_store::SearchCoverage;

use super::matching::Places;

/// What the server is asked for; none when everything the query looks at is here.
///
/// From a time on everything is here, so the server is asked for what is older: otherwise its
/// first pages would only name what is known.
pub(super) fn asked_of_server(
    query: &Query,
    coverage: &SearchCoverage,
    zone: &TimeZone,
) -> Option<Query> {
    let here_since = if looks_at_texts(query) {
        // Texts without gaps say nothing of mail that is not here.
        let texts = coverage.texts_since.zip(coverage.mail_since);
        texts.map(|(texts, mail)| texts.max(mail))
    } else {
        coverage.mail_since
    };
    let all_here = coverage.all_mail
        && match (coverage.mail_since, here_since) {
            (None, _) => true,
            (Some(oldest), Some(since)) => since <= oldest,
            (Some(_), None) => false,
        };
    if all_here {
        return None;
    }
    let Some(before) = here_since.and_then(|since| day_after(since, zone)) else {
        return Some(query.clone());
    };
    Some(Query::All(vec![
        query.clone(),
        Query::Is(Criterion::Before(before)),
    ]))
}

/// Whether any of it can only be answered by a message's text.
fn looks_at_texts(query: &Query) -> bool {
    match query {
        Query::All(parts) | Query::Any(parts) => parts.iter().any(looks_at_texts),
        Query::Not(part) => looks_at_texts(part),
        Query::Is(criterion) => {
            matches!(criterion, Criterion::Text(_) | Criterion::Filename(_))
        }
    }
}

/// The first day that begins after a time.
fn day_after(time: UnixTime, zone: &TimeZone) -> Option<jiff::civil::Date> {
    let time = Timestamp::from_second(time.seconds()).ok()?;
    let day = zone.to_datetime(time).date();
    day.checked_add(1.day()).ok()
}

/// Whether something must not be in a text: then a message whose text is not known may be one
/// that is not wanted.
pub(super) fn rules_texts_out(query: &Query) -> bool {
    rules_out(query, false)
}

fn rules_out(query: &Query, negated: bool) -> bool {
    match query {
        Query::All(parts) | Query::Any(parts) => parts.iter().any(|part| rules_out(part, negated)),
        Query::Not(part) => rules_out(part, !negated),
        Query::Is(criterion) => {
            negated && matches!(criterion, Criterion::Text(_) | Criterion::Filename(_))
        }
    }
}

/// Whether a message the server has found may still match, as far as its marks and its mailboxes
/// tell.
pub(super) fn may_match(query: &Query, row: &ListRow, places: &Places) -> bool {
    tell(query, row, places) != Some(false)
}

/// What a group comes to: one part that is `by` decides it, all that are not decide it otherwise.
fn decided(parts: &[Query], row: &ListRow, places: &Places, by: bool) -> Option<bool> {
    let told: Vec<Option<bool>> = parts.iter().map(|part| tell(part, row, places)).collect();
    if told.contains(&Some(by)) {
        return Some(by);
    }
    (!told.contains(&None)).then_some(!by)
}

/// What is known: matches, does not, or cannot be told from a row.
fn tell(query: &Query, row: &ListRow, places: &Places) -> Option<bool> {
    match query {
        Query::All(parts) => decided(parts, row, places, false),
        Query::Any(parts) => decided(parts, row, places, true),
        Query::Not(part) => tell(part, row, places).map(|matches| !matches),
        Query::Is(criterion) => match criterion {
            Criterion::HasFile => Some(row.has_attachment),
            Criterion::Unread => Some(row.unread_count > 0),
            Criterion::Read => Some(row.unread_count == 0),
            Criterion::Starred => Some(row.starred),
            Criterion::Answered => Some(row.keywords.contains(&Keyword::answered())),
            Criterion::Draft => Some(row.keywords.contains(&Keyword::draft())),
            Criterion::In(name) => places.get(name).map(|lying| lying.contains(&row.latest)),
            Criterion::Text(_)
            | Criterion::From(_)
            | Criterion::To(_)
            | Criterion::Cc(_)
            | Criterion::Subject(_)
            | Criterion::Filename(_)
            | Criterion::Account(_)
            | Criterion::Before(_)
            | Criterion::After(_)
            | Criterion::Larger(_)
            | Criterion::Smaller(_) => None,
        },
    }
}
