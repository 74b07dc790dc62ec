//! The kept counts of a mailbox: one for every total a list can show.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::value::{FILE, STARRED, UNREAD};
use crate::error::StoreError;

/// Names of the columns of `mailbox`, in the order of [`Counts`].
pub(crate) const COLUMNS: [&str; 8] = [
    "messages",
    "unread_messages",
    "starred_messages",
    "file_messages",
    "threads",
    "unread_threads",
    "starred_threads",
    "file_threads",
];

/// Counts, or changes of counts, in the order of [`COLUMNS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts(pub(crate) [i64; 8]);

impl Counts {
    /// Adds (`sign` 1) or takes away (-1) one message.
    pub(crate) fn message(&mut self, flags: i64, sign: i64) {
        let [all, unread, starred, file, ..] = &mut self.0;
        add(flags, sign, all, unread, starred, file);
    }

    /// Adds (`sign` 1) or takes away (-1) one conversation.
    pub(crate) fn thread(&mut self, flags: i64, sign: i64) {
        let [.., all, unread, starred, file] = &mut self.0;
        add(flags, sign, all, unread, starred, file);
    }
}

fn add(flags: i64, sign: i64, all: &mut i64, unread: &mut i64, starred: &mut i64, file: &mut i64) {
    *all += sign;
    if flags & UNREAD != 0 {
        *unread += sign;
    }
    if flags & STARRED != 0 {
        *starred += sign;
    }
    if flags & FILE != 0 {
        *file += sign;
    }
}

/// Adds the changes to the kept counts.
pub(crate) async fn add_all(
    connection: &mut SqliteConnection,
    changes: &BTreeMap<i64, Counts>,
) -> Result<(), StoreError> {
    for (mailbox, Counts([m, mu, ms, mf, t, tu, ts, tf])) in changes {
        if changes.get(mailbox) == Some(&Counts::default()) {
            continue;
        }
        sqlx::query(
            "UPDATE mailbox SET messages = messages + ?2, unread_messages = unread_messages + ?3,
             starred_messages = starred_messages + ?4, file_messages = file_messages + ?5,
             threads = threads + ?6, unread_threads = unread_threads + ?7,
             starred_threads = starred_threads + ?8, file_threads = file_threads + ?9
             WHERE key = ?1",
        )
        .bind(mailbox)
        .bind(m)
        .bind(mu)
        .bind(ms)
        .bind(mf)
        .bind(t)
        .bind(tu)
        .bind(ts)
        .bind(tf)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
