//! `Email/query` (RFC 8621 section 4.4). Without a filter, and with one of times only, a page
//! costs as much as it is long, whatever the size of the account.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::error::MethodError;
use super::filter::{Filter, Look};
use super::ids;
use super::page;
use super::request::{Turn, arguments};
use super::session::LONGEST_PAGE;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
    #[serde(default)]
    position: i64,
    #[serde(default)]
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    calculate_total: bool,
    #[serde(default)]
    collapse_threads: bool,
}

/// One step of a sort order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Comparator {
    property: String,
    #[serde(default = "yes")]
    is_ascending: bool,
    #[serde(default)]
    keyword: Option<String>,
    #[serde(default)]
    collation: Option<String>,
}

const fn yes() -> bool {
    true
}

/// A query that has been understood.
#[derive(Debug)]
pub(crate) struct Query {
    filter: Filter,
    sort: Vec<Comparator>,
    collapse: bool,
}

const SORTS: [&str; 9] = [
    "receivedAt",
    "sentAt",
    "size",
    "from",
    "to",
    "subject",
    "hasKeyword",
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
];

impl Query {
    /// Understands filter and sort.
    pub(crate) fn read(
        filter: Option<&Value>,
        sort: Option<Vec<Comparator>>,
        collapse: bool,
        account: &Account,
    ) -> Result<Self, MethodError> {
        let mut filter = Filter::read(filter, account)?;
        filter.cheapest_first();
        let sort = sort.unwrap_or_default();
        for step in &sort {
            if !SORTS.contains(&step.property.as_str()) {
                return Err(MethodError::UnsupportedSort(step.property.clone()));
            }
            if step.property.ends_with("Keyword") && step.keyword.is_none() {
                return Err(MethodError::InvalidArguments(
                    "keyword is missing".to_owned(),
                ));
            }
            if step
                .collation
                .as_deref()
                .is_some_and(|c| !["i;ascii-casemap", "i;unicode-casemap"].contains(&c))
            {
                return Err(MethodError::UnsupportedSort("unknown collation".to_owned()));
            }
        }
        Ok(Self {
            filter,
            sort,
            collapse,
        })
    }

    /// Whether the account's own order is the order of the results, and in which direction.
    fn direction(&self) -> Option<bool> {
        match self.sort.as_slice() {
            [] => Some(false),
            [only] if only.property == "receivedAt" => Some(only.is_ascending),
            _ => None,
        }
    }

    /// The messages that can match by their time, in the order of the account.
    fn candidates<'a>(&self, account: &'a Account) -> &'a [u32] {
        let (from, before) = self.filter.span();
        let end = account.received_before(before);
        let start = account.received_before(from).min(end);
        account.order().get(start..end).unwrap_or_default()
    }

    /// Whether every candidate is a result.
    fn is_plain(&self) -> bool {
        self.direction().is_some() && !self.collapse && self.filter.is_only_times()
    }

    /// Results in order, at most `most`.
    pub(crate) fn results(&self, account: &Account, most: usize) -> Vec<u32> {
        let candidates = self.candidates(account);
        let mut matching: Box<dyn Iterator<Item = u32>> = match self.direction() {
            Some(true) => Box::new(candidates.iter().copied()),
            _ => Box::new(candidates.iter().rev().copied()),
        };
        let everything = self.filter.is_only_times();
        let mut matching = matching.by_ref().filter(|n| {
            everything || Look::at(account, *n).is_some_and(|look| self.filter.matches(&look))
        });
        let mut threads = HashSet::new();
        let mut once = |n: &u32| {
            !self.collapse || account.record(*n).is_some_and(|r| threads.insert(r.thread))
        };
        if self.direction().is_some() {
            return matching.filter(once).take(most).collect();
        }
        let mut keyed: Vec<(Vec<Key>, u32)> = matching
            .by_ref()
            .map(|n| (self.keys(account, n), n))
            .collect();
        keyed.sort_by(|a, b| self.compare(&a.0, &b.0));
        keyed
            .into_iter()
            .map(|(_, n)| n)
            .filter(|n| once(n))
            .take(most)
            .collect()
    }

    fn keys(&self, account: &Account, number: u32) -> Vec<Key> {
        let Some(look) = Look::at(account, number) else {
            return Vec::new();
        };
        let Some(record) = account.record(number) else {
            return Vec::new();
        };
        self.sort
            .iter()
            .map(|step| {
                let bit = step
                    .keyword
                    .as_deref()
                    .map_or(0, |k| account.keyword_bit(k));
                let mut members = account
                    .thread(record.thread)
                    .iter()
                    .filter_map(|n| account.record(*n));
                match step.property.as_str() {
                    "sentAt" => Key::Number(look.words().sent_at),
                    "size" => Key::Number(i64::try_from(look.words().size).unwrap_or(i64::MAX)),
                    "from" => Key::Text(look.words().from.clone()),
                    "to" => Key::Text(look.words().to.clone()),
                    "subject" => Key::Text(look.words().base_subject.clone()),
                    "hasKeyword" => Key::Number(i64::from(record.keywords & bit != 0)),
                    "allInThreadHaveKeyword" => {
                        Key::Number(i64::from(members.all(|r| r.keywords & bit != 0)))
                    }
                    "someInThreadHaveKeyword" => {
                        Key::Number(i64::from(members.any(|r| r.keywords & bit != 0)))
                    }
                    _ => Key::Number(record.received_at),
                }
            })
            .collect()
    }

    fn compare(&self, a: &[Key], b: &[Key]) -> Ordering {
        self.sort
            .iter()
            .zip(a.iter().zip(b))
            .fold(Ordering::Equal, |so_far, (step, (a, b))| {
                so_far.then_with(|| {
                    if step.is_ascending {
                        a.cmp(b)
                    } else {
                        b.cmp(a)
                    }
                })
            })
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

/// `Email/query`.
pub(crate) fn query(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let given: Arguments = arguments(given)?;
    let account = &*turn.account;
    let query = Query::read(
        given.filter.as_ref(),
        given.sort,
        given.collapse_threads,
        account,
    )?;
    let limit = given.limit.unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE);
    let (start, page, total) = if query.is_plain() {
        plain(
            account,
            &query,
            given.position,
            given.anchor.as_deref(),
            given.anchor_offset,
            limit,
        )?
    } else {
        let needs_all = given.calculate_total || given.anchor.is_some() || given.position < 0;
        let enough = usize::try_from(given.position)
            .unwrap_or(0)
            .saturating_add(limit);
        let results = query.results(account, if needs_all { usize::MAX } else { enough });
        let find = |anchor: &str| {
            ids::number('M', anchor).and_then(|n| results.iter().position(|r| *r == n))
        };
        let start = page::start(
            given.position,
            given.anchor.as_deref(),
            given.anchor_offset,
            results.len(),
            find,
        )?;
        (
            start,
            results.iter().skip(start).take(limit).copied().collect(),
            results.len(),
        )
    };
    let ids: Vec<String> = page.iter().map(|n| ids::email(*n)).collect();
    let mut value = json!({
        "queryState": account.logs.email.state(),
        "canCalculateChanges": true,
        "position": start,
        "ids": ids,
    });
    if let Some(value) = value.as_object_mut() {
        if given.calculate_total {
            value.insert("total".to_owned(), total.into());
        }
        if given.limit.is_none_or(|asked| asked > limit) {
            value.insert("limit".to_owned(), limit.into());
        }
    }
    Ok(value)
}

/// A page straight out of the account's order.
fn plain(
    account: &Account,
    query: &Query,
    position: i64,
    anchor: Option<&str>,
    offset: i64,
    limit: usize,
) -> Result<(usize, Vec<u32>, usize), MethodError> {
    let candidates = query.candidates(account);
    let ascending = query.direction() == Some(true);
    let find = |anchor: &str| {
        let number = ids::number('M', anchor)?;
        let record = account.record(number)?;
        let first = candidates
            .first()
            .and_then(|n| Some(account.rank(account.record(*n)?.received_at, *n)))?;
        let at = account
            .rank(record.received_at, number)
            .checked_sub(first)
            .filter(|at| *at < candidates.len())?;
        Some(if ascending {
            at
        } else {
            candidates.len() - 1 - at
        })
    };
    let start = page::start(position, anchor, offset, candidates.len(), find)?;
    let page = if ascending {
        candidates.iter().skip(start).take(limit).copied().collect()
    } else {
        candidates
            .iter()
            .rev()
            .skip(start)
            .take(limit)
            .copied()
            .collect()
    };
    Ok((start, page, candidates.len()))
}
