//! The kept counts of a mailbox: one for every total a list can show.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::value::{FILE, STARRED, UNREAD};
use crate::error::StoreError;

/// Names of the columns of `mailbox`, in the order of [`Counts`].
pub(crate) const COLUMNS: [&str; 12] = [
    "messages",
    "unread_messages",
    "starred_messages",
    "file_messages",
    "unread_starred_messages",
    "unread_file_messages",
    "threads",
    "unread_threads",
    "starred_threads",
    "file_threads",
    "unread_starred_threads",
    "unread_file_threads",
];

/// The bits a row must have to be counted, in the order of one half of [`COLUMNS`].
const BITS: [i64; 6] = [0, UNREAD, STARRED, FILE, UNREAD | STARRED, UNREAD | FILE];

/// Counts, or changes of counts, in the order of [`COLUMNS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts(pub(crate) [i64; 12]);

impl Counts {
    /// Adds (`sign` 1) or takes away (-1) one message.
    pub(crate) fn message(&mut self, flags: i64, sign: i64) {
        add(self.0.iter_mut(), flags, sign);
    }

    /// Adds (`sign` 1) or takes away (-1) one conversation.
    pub(crate) fn thread(&mut self, flags: i64, sign: i64) {
        add(self.0.iter_mut().skip(BITS.len()), flags, sign);
    }
}

fn add<'a>(counts: impl Iterator<Item = &'a mut i64>, flags: i64, sign: i64) {
    for (count, bits) in counts.zip(BITS) {
        if flags & bits == bits {
            *count += sign;
        }
    }
}

/// Adds the changes to the kept counts.
pub(crate) async fn add_all(
    connection: &mut SqliteConnection,
    changes: &BTreeMap<i64, Counts>,
) -> Result<(), StoreError> {
    for (mailbox, change) in changes {
        if *change == Counts::default() {
            continue;
        }
        let mut update = sqlx::query(
            "UPDATE mailbox SET messages = messages + ?2, unread_messages = unread_messages + ?3,
                starred_messages = starred_messages + ?4, file_messages = file_messages + ?5,
                unread_starred_messages = unread_starred_messages + ?6,
                unread_file_messages = unread_file_messages + ?7,
                threads = threads + ?8, unread_threads = unread_threads + ?9,
                starred_threads = starred_threads + ?10, file_threads = file_threads + ?11,
                unread_starred_threads = unread_starred_threads + ?12,
                unread_file_threads = unread_file_threads + ?13
            WHERE key = ?1",
        )
        .bind(mailbox);
        for count in change.0 {
            update = update.bind(count);
        }
        update.execute(&mut *connection).await?;
    }
    Ok(())
}
