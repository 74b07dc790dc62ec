//! Whether the server has to be asked, and for what: pure.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use mail_model::search::{Criterion, Query};
use mail_model::{Keyword, ListRow, UnixTime};
use mail_store::SearchCoverage;

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

/// Whether a message the server has found may still match, as far as its marks tell: a person who
/// takes a mark away takes the row out of a search for it.
pub(super) fn may_match(query: &Query, row: &ListRow) -> bool {
    tell(query, row) != Some(false)
}

/// What a group comes to: one part that is `by` decides it, all that are not decide it otherwise.
fn decided(parts: &[Query], row: &ListRow, by: bool) -> Option<bool> {
    let told: Vec<Option<bool>> = parts.iter().map(|part| tell(part, row)).collect();
    if told.contains(&Some(by)) {
        return Some(by);
    }
    (!told.contains(&None)).then_some(!by)
}

/// What is known: matches, does not, or cannot be told from a row.
fn tell(query: &Query, row: &ListRow) -> Option<bool> {
    match query {
        Query::All(parts) => decided(parts, row, false),
        Query::Any(parts) => decided(parts, row, true),
        Query::Not(part) => tell(part, row).map(|matches| !matches),
        Query::Is(criterion) => match criterion {
            Criterion::HasFile => Some(row.has_attachment),
            Criterion::Unread => Some(row.unread_count > 0),
            Criterion::Read => Some(row.unread_count == 0),
            Criterion::Starred => Some(row.starred),
            Criterion::Answered => Some(row.keywords.contains(&Keyword::answered())),
            Criterion::Draft => Some(row.keywords.contains(&Keyword::draft())),
            Criterion::Text(_)
            | Criterion::From(_)
            | Criterion::To(_)
            | Criterion::Cc(_)
            | Criterion::Subject(_)
            | Criterion::Filename(_)
            | Criterion::In(_)
            | Criterion::Account(_)
            | Criterion::Before(_)
            | Criterion::After(_)
            | Criterion::Larger(_)
            | Criterion::Smaller(_) => None,
        },
    }
}
