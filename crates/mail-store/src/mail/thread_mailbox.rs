//! The list of conversations: one row for each conversation and mailbox it has messages in.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Row as _, SqliteConnection};

use super::counts::Counts;
use super::value::{FILE, STARRED, UNREAD};
use crate::error::StoreError;
use crate::insert::insert;

/// Deletes rows by a JSON list of `[mailbox, thread]`.
pub(crate) const DELETE: &str = "DELETE FROM thread_mailbox WHERE (mailbox, thread) IN
    (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

/// Messages in mailboxes by a JSON list of conversations.
pub(crate) const MEMBERS: &str =
    "SELECT p.mailbox, m.thread, m.received_at, m.key, m.flags, m.sender
    FROM json_each(?1) j
    CROSS JOIN message m ON m.thread = j.value
    CROSS JOIN placement p ON p.message = m.key";

/// Rows of the list by a JSON list of conversations.
pub(crate) const STORED: &str =
    "SELECT t.mailbox, t.thread, t.latest_at, t.latest, t.message_count, t.unread_count,
    t.starred_count, t.file_count, t.senders
    FROM json_each(?1) j CROSS JOIN thread_mailbox t ON t.thread = j.value";

/// How many senders a row names.
const SENDERS: usize = 5;

/// A conversation in a mailbox, as it should be or as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Row {
    pub(crate) latest_at: i64,
    pub(crate) latest: i64,
    pub(crate) messages: i64,
    pub(crate) unread: i64,
    pub(crate) starred: i64,
    pub(crate) files: i64,
    /// JSON.
    pub(crate) senders: String,
}

impl Row {
    /// The bits that lists filter by: of any of its messages.
    fn flags(&self) -> i64 {
        let bit = |count: i64, bit: i64| if count > 0 { bit } else { 0 };
        bit(self.unread, UNREAD) | bit(self.starred, STARRED) | bit(self.files, FILE)
    }
}

/// One message in a mailbox, for adding up.
pub(crate) struct Member {
    pub(crate) mailbox: i64,
    pub(crate) thread: i64,
    pub(crate) received_at: i64,
    pub(crate) message: i64,
    pub(crate) flags: i64,
    pub(crate) sender: String,
}

type Rows = BTreeMap<(i64, i64), Row>;

/// Adds up conversations from their messages, which come newest first.
pub(crate) fn add_up(members: impl IntoIterator<Item = Member>) -> Result<Rows, StoreError> {
    let mut rows: BTreeMap<(i64, i64), (Row, Vec<String>)> = BTreeMap::new();
    for member in members {
        let (row, senders) = rows.entry((member.mailbox, member.thread)).or_default();
        if row.messages == 0 {
            row.latest_at = member.received_at;
            row.latest = member.message;
        }
        row.messages += 1;
        row.unread += i64::from(member.flags & UNREAD != 0);
        row.starred += i64::from(member.flags & STARRED != 0);
        row.files += i64::from(member.flags & FILE != 0);
        if senders.len() < SENDERS && !senders.contains(&member.sender) {
            senders.push(member.sender);
        }
    }
    rows.into_iter()
        .map(|(place, (mut row, mut senders))| {
            senders.reverse();
            row.senders = serde_json::to_string(&senders)?;
            Ok((place, row))
        })
        .collect()
}

/// Brings the rows of these conversations up to date and notes what that changes in the counts.
pub(crate) async fn refresh(
    connection: &mut SqliteConnection,
    threads: &BTreeSet<i64>,
    counts: &mut BTreeMap<i64, Counts>,
) -> Result<(), StoreError> {
    if threads.is_empty() {
        return Ok(());
    }
    let keys = serde_json::to_string(threads)?;
    let old = load(connection, &keys).await?;
    let new = add_up(load_members(connection, &keys).await?)?;
    for (rows, sign) in [(&old, -1), (&new, 1)] {
        for ((mailbox, _), row) in rows {
            counts
                .entry(*mailbox)
                .or_default()
                .thread(row.flags(), sign);
        }
    }
    let gone: Vec<&(i64, i64)> = old
        .keys()
        .filter(|place| !new.contains_key(place))
        .collect();
    if !gone.is_empty() {
        sqlx::query(DELETE)
            .bind(serde_json::to_string(&gone)?)
            .execute(&mut *connection)
            .await?;
    }
    let changed: Vec<(&(i64, i64), &Row)> = new
        .iter()
        .filter(|(place, row)| old.get(place) != Some(row))
        .collect();
    insert(
        connection,
        "thread_mailbox (mailbox, thread, latest_at, latest, message_count, unread_count,
             starred_count, file_count, senders)",
        changed,
        |values, ((mailbox, thread), row)| {
            values
                .push_bind(*mailbox)
                .push_bind(*thread)
                .push_bind(row.latest_at)
                .push_bind(row.latest)
                .push_bind(row.messages)
                .push_bind(row.unread)
                .push_bind(row.starred)
                .push_bind(row.files)
                .push_bind(row.senders.clone());
        },
        "ON CONFLICT (mailbox, thread) DO UPDATE SET latest_at = excluded.latest_at,
             latest = excluded.latest, message_count = excluded.message_count,
             unread_count = excluded.unread_count, starred_count = excluded.starred_count,
             file_count = excluded.file_count, senders = excluded.senders",
    )
    .await?;
    if new
        .keys()
        .map(|(_, thread)| thread)
        .collect::<BTreeSet<_>>()
        .len()
        < threads.len()
    {
        sqlx::query(
            "DELETE FROM thread WHERE key IN (SELECT value FROM json_each(?1))
             AND NOT EXISTS (SELECT 1 FROM message m WHERE m.thread = thread.key)",
        )
        .bind(&keys)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn load(connection: &mut SqliteConnection, threads: &str) -> Result<Rows, StoreError> {
    let rows = sqlx::query(STORED)
        .bind(threads)
        .fetch_all(connection)
        .await?;
    rows.iter().map(stored_row).collect()
}

/// Reads one stored row, in the order of the columns of [`load`].
pub(crate) fn stored_row(row: &sqlx::sqlite::SqliteRow) -> Result<((i64, i64), Row), StoreError> {
    Ok((
        (row.try_get(0)?, row.try_get(1)?),
        Row {
            latest_at: row.try_get(2)?,
            latest: row.try_get(3)?,
            messages: row.try_get(4)?,
            unread: row.try_get(5)?,
            starred: row.try_get(6)?,
            files: row.try_get(7)?,
            senders: row.try_get(8)?,
        },
    ))
}

async fn load_members(
    connection: &mut SqliteConnection,
    threads: &str,
) -> Result<Vec<Member>, StoreError> {
    let rows = sqlx::query(MEMBERS)
        .bind(threads)
        .fetch_all(connection)
        .await?;
    let mut members: Vec<Member> = rows
        .iter()
        .map(|row| {
            Ok(Member {
                mailbox: row.try_get(0)?,
                thread: row.try_get(1)?,
                received_at: row.try_get(2)?,
                message: row.try_get(3)?,
                flags: row.try_get(4)?,
                sender: row.try_get(5)?,
            })
        })
        .collect::<Result<_, sqlx::Error>>()?;
    members.sort_unstable_by_key(|member| std::cmp::Reverse((member.received_at, member.message)));
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(message: i64, sender: &str, flags: i64) -> Member {
        Member {
            mailbox: 1,
            thread: 2,
            received_at: message * 10,
            message,
            flags,
            sender: sender.into(),
        }
    }

    #[test]
    fn a_row_names_the_newest_five_senders_oldest_first_and_once() {
        let names = ["Bo", "Ana", "Bo", "Cy", "Di", "Ed", "Flo", "Gus"];
        let members = names
            .iter()
            .enumerate()
            .map(|(n, name)| member(100 - i64::try_from(n).unwrap(), name, 0));
        let rows = add_up(members).unwrap();
        assert_eq!(rows[&(1, 2)].senders, r#"["Ed","Di","Cy","Ana","Bo"]"#);
        assert_eq!(rows[&(1, 2)].messages, 8);
    }

    #[test]
    fn a_row_stands_where_its_newest_message_does() {
        let members = [member(9, "Bo", UNREAD | FILE), member(3, "Bo", UNREAD)];
        let rows = add_up(members).unwrap();
        let row = &rows[&(1, 2)];
        assert_eq!((row.latest, row.latest_at), (9, 90));
        assert_eq!((row.unread, row.starred, row.files), (2, 0, 1));
    }
}
