//! Candidates of a search: keys from the highest down, and what has to be known of them.

use std::collections::{BTreeSet, HashSet};

use mail_model::Keywords;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::parts::Parts;
use super::pattern::Pattern;
use super::source::{Depth, Table, leaf};
use super::tree::{Candidate, Fact, NamedMailbox, Place};
use crate::error::{FileKind, StoreError};
use crate::mail::message::Detail;
use crate::mail::value::{FILE, STARRED, UNREAD};

/// Mailboxes with this many messages at most are gathered whole.
const SMALL: i64 = 20_000;

/// How many matches of words are walked over to find those among given keys, at least and for each
/// key: asking for one key costs as much as walking over some hundred.
const WALKED: usize = 2000;
const WALKED_EACH: usize = 100;

/// Mailboxes a person can name.
pub(crate) async fn mailboxes(
    connection: &mut SqliteConnection,
) -> Result<Vec<NamedMailbox>, StoreError> {
    let rows = sqlx::query("SELECT key, role, name FROM mailbox WHERE listed = 1")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(NamedMailbox {
                key: row.try_get(0)?,
                role: row.try_get(1)?,
                name: row.try_get(2)?,
            })
        })
        .collect()
}

/// What gives keys that hold every match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Matches of a query of the index.
    Index(Table, String),
    /// Messages of a small mailbox, from the highest key down.
    Gathered(Vec<i64>),
    /// Rows of `mail.sqlite`, by a statement: keys below, keys from, limit.
    Mail {
        statement: String,
        /// Whether it finds its rows by an index of few.
        is_narrow: bool,
    },
}

impl Source {
    /// Rows for which these facts hold.
    pub(crate) fn mail(facts: &[&Fact]) -> Self {
        let mut index = "NOT INDEXED";
        let mut conditions = String::new();
        for fact in facts {
            let (walk, condition) = condition(fact);
            index = walk.unwrap_or(index);
            if let Some(condition) = condition {
                conditions.push_str(" AND ");
                conditions.push_str(&condition);
            }
        }
        Self::Mail {
            statement: format!(
                "SELECT json_group_array(key) FROM (SELECT m.key FROM message m {index}
                 WHERE m.key < ?1 AND m.key >= ?2{conditions} ORDER BY m.key DESC LIMIT ?3)"
            ),
            is_narrow: index != "NOT INDEXED",
        }
    }

    /// The messages of the smallest mailbox one of these facts names, if it is small.
    pub(crate) async fn gathered(
        mail: &mut SqliteConnection,
        facts: &[&Fact],
    ) -> Result<Option<Self>, StoreError> {
        let mut smallest: Option<(i64, String)> = None;
        for fact in facts {
            let Fact::In(mailboxes) = fact else { continue };
            let mailboxes = serde_json::to_string(mailboxes)?;
            let messages: i64 = sqlx::query_scalar(
                "SELECT coalesce(sum(messages), 0) FROM mailbox
                 WHERE key IN (SELECT value FROM json_each(?1))",
            )
            .bind(&mailboxes)
            .fetch_one(&mut *mail)
            .await?;
            if messages <= SMALL && smallest.as_ref().is_none_or(|(least, _)| messages < *least) {
                smallest = Some((messages, mailboxes));
            }
        }
        let Some((_, mailboxes)) = smallest else {
            return Ok(None);
        };
        let json: String = sqlx::query_scalar(
            "SELECT json_group_array(message) FROM (SELECT DISTINCT p.message
             FROM json_each(?1) j CROSS JOIN placement p ON p.mailbox = j.value)",
        )
        .bind(mailboxes)
        .fetch_one(mail)
        .await?;
        Ok(Some(Self::Gathered(descending(&json)?)))
    }

    /// Whether its keys follow each other without leaving many messages out.
    pub(crate) fn is_dense(&self) -> bool {
        matches!(
            self,
            Self::Mail {
                is_narrow: false,
                ..
            }
        )
    }
}

/// The index to walk for a fact, and the fact as a condition. Days are limits of keys already.
fn condition(fact: &Fact) -> (Option<&'static str>, Option<String>) {
    let flag = |index, flag: i64| (Some(index), Some(format!("m.flags & {flag}")));
    match fact {
        Fact::Unread => flag("INDEXED BY message_unread", UNREAD),
        Fact::Starred => flag("INDEXED BY message_starred", STARRED),
        Fact::HasFile => flag("INDEXED BY message_file", FILE),
        Fact::Read => (None, Some(format!("NOT m.flags & {UNREAD}"))),
        Fact::Keyword(name) => (
            None,
            Some(format!(
                "EXISTS (SELECT 1 FROM json_each(m.keywords) k WHERE k.value = '{name}')"
            )),
        ),
        Fact::In(mailboxes) => {
            let keys: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
            let condition = format!(
                "EXISTS (SELECT 1 FROM placement p WHERE p.message = m.key AND p.mailbox IN ({}))",
                keys.join(", ")
            );
            (None, Some(condition))
        }
        Fact::Larger(octets) => (None, size(*octets, ">")),
        Fact::Smaller(octets) => (None, size(*octets, "<")),
        Fact::Before(_) | Fact::Since(_) => (None, None),
    }
}

fn size(octets: u64, than: &str) -> Option<String> {
    // More than SQLite can hold is looked at row by row.
    let octets = i64::try_from(octets).ok()?;
    Some(format!("m.size {than} {octets}"))
}

fn descending(json: &str) -> Result<Vec<i64>, StoreError> {
    let mut keys: Vec<i64> = serde_json::from_str(json)?;
    keys.sort_unstable_by(|a, b| b.cmp(a));
    Ok(keys)
}

/// Errors of the index; the caller takes all others for those of the mail.
fn of_index(error: sqlx::Error) -> StoreError {
    StoreError::from(error).in_file(FileKind::Search)
}

/// Keys from `from` up to, without, `below`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: i64,
    pub(crate) below: i64,
}

impl Range {
    /// From the least to the greatest of them.
    fn around(keys: &[i64]) -> Self {
        Self {
            from: keys.iter().min().copied().unwrap_or(0),
            below: keys.iter().max().map_or(0, |key| key.saturating_add(1)),
        }
    }
}

/// The two files a search reads.
pub(crate) struct Files<'a> {
    pub(crate) mail: &'a mut SqliteConnection,
    pub(crate) index: &'a mut SqliteConnection,
    pub(crate) parts: &'a Parts,
}

impl Files<'_> {
    /// The next keys of a source in a range, from the highest down; fewer than `limit` only at the
    /// end.
    pub(crate) async fn next(
        &mut self,
        source: &Source,
        range: Range,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        match source {
            Source::Index(table, query) => self.matches(*table, query, range, limit).await,
            Source::Gathered(keys) => {
                let start = keys.partition_point(|key| *key >= range.below);
                let rest = keys
                    .iter()
                    .skip(start)
                    .take_while(|key| **key >= range.from);
                Ok(rest.take(limit).copied().collect())
            }
            Source::Mail { statement, .. } => {
                let json: String = sqlx::query_scalar(AssertSqlSafe(statement.clone()))
                    .bind(range.below)
                    .bind(range.from)
                    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                    .fetch_one(&mut *self.mail)
                    .await?;
                descending(&json)
            }
        }
    }

    /// Matches of a query in a range, from the highest key down.
    async fn matches(
        &mut self,
        table: Table,
        query: &str,
        range: Range,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let mut keys = Vec::new();
        for (name, of_table) in self.tables(table, range) {
            let left = limit - keys.len();
            let json: String = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT json_group_array(rowid) FROM (SELECT rowid FROM {name}
                 WHERE {name} MATCH ?1 AND rowid < ?2 AND rowid >= ?3
                 ORDER BY rowid DESC LIMIT ?4)"
            )))
            .bind(query)
            .bind(of_table.below)
            .bind(of_table.from)
            .bind(i64::try_from(left).unwrap_or(i64::MAX))
            .fetch_one(&mut *self.index)
            .await
            .map_err(of_index)?;
            keys.extend(descending(&json)?);
            if keys.len() >= limit {
                break;
            }
        }
        Ok(keys)
    }

    /// The tables that hold keys of a range, the highest first, each with its part of the range.
    fn tables(&self, table: Table, range: Range) -> Vec<(String, Range)> {
        if table == Table::Head {
            return vec![("head".into(), range)];
        }
        let mut end = i64::MAX;
        let mut tables = Vec::new();
        for part in self.parts.0.iter().rev() {
            let of_part = Range {
                from: range.from.max(part.from_key),
                below: range.below.min(end),
            };
            end = part.from_key;
            if let Some(number) = part.number.filter(|_| of_part.from < of_part.below) {
                tables.push((format!("text_{number}"), of_part));
            }
        }
        tables
    }

    /// Which of the keys, which came from that source, hold the words.
    pub(crate) async fn members(
        &mut self,
        source: &Source,
        keys: &[i64],
        place: Place,
        pattern: &Pattern,
    ) -> Result<HashSet<i64>, StoreError> {
        let (table, query) = leaf(place, pattern);
        let range = Range::around(keys);
        let (query, limit) = match source {
            // Few but the source's own matches, or few but the keys themselves.
            Source::Index(same, of_source) if *same == table => {
                (format!("({of_source}) AND ({query})"), usize::MAX)
            }
            _ if source.is_dense() => (query, usize::MAX),
            _ => (query, WALKED + keys.len() * WALKED_EACH),
        };
        let mut found = self.matches(table, &query, range, limit).await?;
        let Some(reached) = found.last().copied().filter(|_| found.len() >= limit) else {
            return Ok(found.into_iter().collect());
        };
        // The words are far more frequent than the keys: the rest is asked one by one.
        let rest = Range {
            below: reached,
            ..range
        };
        for (name, of_table) in self.tables(table, rest) {
            let of_table: Vec<i64> = keys
                .iter()
                .copied()
                .filter(|key| (of_table.from..of_table.below).contains(key))
                .collect();
            if of_table.is_empty() {
                continue;
            }
            let json: String = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT json_group_array(rowid) FROM {name}
                 WHERE {name} MATCH ?1 AND rowid IN (SELECT value FROM json_each(?2))"
            )))
            .bind(&query)
            .bind(serde_json::to_string(&of_table)?)
            .fetch_one(&mut *self.index)
            .await
            .map_err(of_index)?;
            found.extend(serde_json::from_str::<Vec<i64>>(&json)?);
        }
        Ok(found.into_iter().collect())
    }

    /// The rows of those of the keys that are there.
    pub(crate) async fn rows(
        &mut self,
        keys: &[i64],
        depth: Depth,
    ) -> Result<Vec<Candidate>, StoreError> {
        let json: String = sqlx::query_scalar(
            "SELECT json_group_array(json_array(m.key, m.thread, m.received_at,
                 CASE WHEN ?2 >= 1 THEN m.flags ELSE 0 END,
                 CASE WHEN ?2 >= 1 THEN max(m.size, 0) ELSE 0 END,
                 json(CASE WHEN ?2 >= 1 THEN m.keywords ELSE '[]' END),
                 json(CASE WHEN ?2 >= 1 THEN
                     (SELECT json_group_array(p.mailbox) FROM placement p WHERE p.message = m.key)
                     ELSE '[]' END),
                 CASE WHEN ?2 >= 2 THEN m.subject ELSE '' END,
                 json(CASE WHEN ?2 >= 2 THEN m.detail ELSE '{}' END)))
             FROM json_each(?1) j CROSS JOIN message m ON m.key = j.value",
        )
        .bind(serde_json::to_string(keys)?)
        .bind(match depth {
            Depth::Place => 0,
            Depth::Facts => 1,
            Depth::Whole => 2,
        })
        .fetch_one(&mut *self.mail)
        .await?;
        let rows: Vec<Raw> = serde_json::from_str(&json)?;
        Ok(rows.into_iter().map(Raw::candidate).collect())
    }
}

/// A row as the statement gives it.
#[derive(Deserialize)]
struct Raw(
    i64,
    i64,
    i64,
    i64,
    u64,
    Keywords,
    BTreeSet<i64>,
    String,
    Detail,
);

impl Raw {
    fn candidate(self) -> Candidate {
        let Self(key, thread, received_at, flags, size, keywords, mailboxes, subject, detail) =
            self;
        Candidate {
            key,
            thread,
            received_at,
            flags,
            size,
            keywords,
            mailboxes,
            subject,
            detail,
        }
    }
}
