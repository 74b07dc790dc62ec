//! One form for queries that say the same.

use super::parse::{bare, can_be_found};
use super::print::field_of;
use super::{Criterion, Query, Words};
use jiff::civil::Date;

impl Query {
    /// The same in its shortest form: no group within a group of its kind, none of one, no
    /// double negation; everything and nothing only as the whole query. Criteria without
    /// anything to look for are left out, and [`Words`] are as they could be typed: quoted
    /// where they have to be, unfinished only at the very end.
    #[must_use]
    pub fn normalised(self) -> Self {
        let mut query = simplify(self).unwrap_or_else(Self::everything);
        settle(&mut query, true);
        query
    }

    /// What is looked for in one account: every `account:` is answered, the rest normalised.
    /// For an account that is not meant this is [`Query::nothing`].
    #[must_use]
    pub fn for_account(&self, name: &str, email: &str) -> Self {
        let (name, email) = (name.to_lowercase(), email.to_lowercase());
        self.answered(&|wanted| {
            let wanted = wanted.to_lowercase();
            name.contains(&wanted) || email.contains(&wanted)
        })
        .normalised()
    }

    fn answered(&self, is_meant: &dyn Fn(&str) -> bool) -> Self {
        let each = |list: &[Self]| list.iter().map(|query| query.answered(is_meant)).collect();
        match self {
            Self::All(list) => Self::All(each(list)),
            Self::Any(list) => Self::Any(each(list)),
            Self::Not(query) => Self::Not(Box::new(query.answered(is_meant))),
            Self::Is(Criterion::Account(wanted)) if is_meant(wanted) => Self::everything(),
            Self::Is(Criterion::Account(_)) => Self::nothing(),
            Self::Is(_) => self.clone(),
        }
    }
}

/// `None` for what says nothing.
fn simplify(query: Query) -> Option<Query> {
    match query {
        Query::All(list) => group(list, true),
        Query::Any(list) => group(list, false),
        Query::Not(query) => Some(match simplify(*query)? {
            Query::Not(query) => *query,
            Query::All(list) if list.is_empty() => Query::nothing(),
            Query::Any(list) if list.is_empty() => Query::everything(),
            query => Query::Not(Box::new(query)),
        }),
        Query::Is(criterion) => simplify_criterion(criterion).map(Query::Is),
    }
}

fn group(list: Vec<Query>, all: bool) -> Option<Query> {
    let was_empty = list.is_empty();
    let list: Vec<Query> = list.into_iter().filter_map(simplify).collect();
    if list.is_empty() && !was_empty {
        return None;
    }
    let mut flat = Vec::with_capacity(list.len());
    for query in list {
        match query {
            Query::All(inner) if all => flat.extend(inner),
            Query::Any(inner) if !all => flat.extend(inner),
            // The one that decides the group by itself: nothing in `all`, everything in `any`.
            Query::All(inner) | Query::Any(inner) if inner.is_empty() => {
                return Some(if all {
                    Query::nothing()
                } else {
                    Query::everything()
                });
            }
            query => flat.push(query),
        }
    }
    if flat.len() == 1 {
        return flat.pop();
    }
    Some(if all {
        Query::All(flat)
    } else {
        Query::Any(flat)
    })
}

fn simplify_criterion(mut criterion: Criterion) -> Option<Criterion> {
    match &mut criterion {
        Criterion::In(name) | Criterion::Account(name) => {
            *name = name.trim().to_owned();
            if name.is_empty() {
                return None;
            }
        }
        // There was no mail before the calendar's year 0, and its years cannot be typed.
        Criterion::Before(day) | Criterion::After(day) => *day = (*day).max(Date::ZERO),
        _ => {}
    }
    let Some(words) = criterion.words() else {
        return Some(criterion);
    };
    if !can_be_found(&words.text) {
        return None;
    }
    let text: Vec<&str> = words.text.split_whitespace().collect();
    let text = text.join(" ");
    let quoted = words.quoted || bare(field_of(&criterion), &text, &criterion).is_none();
    if let Some(words) = criterion.words_mut() {
        *words = Words {
            unfinished: words.unfinished && !quoted,
            text,
            quoted,
        };
    }
    Some(criterion)
}

/// Only the very last word can be unfinished.
fn settle(query: &mut Query, last: bool) {
    match query {
        Query::All(list) | Query::Any(list) => {
            let mut later = last;
            for query in list.iter_mut().rev() {
                settle(query, later);
                later = false;
            }
        }
        Query::Not(query) => settle(query, last),
        Query::Is(criterion) => {
            if let Some(words) = criterion.words_mut() {
                words.unfinished &= last;
            }
        }
    }
}
