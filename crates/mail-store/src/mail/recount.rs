//! Counting again what is kept: for tests and repair.

use mail_model::MailboxId;
use sqlx::{Row as _, SqliteConnection};

use super::counts::{COLUMNS, Counts};
use super::mailbox::stored_id;
use super::thread_mailbox::{self, Member};
use crate::error::StoreError;

/// Something that is kept and does not equal what it is kept from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountMismatch {
    /// A kept count of a mailbox.
    Mailbox {
        /// Which mailbox.
        mailbox: MailboxId,
        /// Which count.
        count: &'static str,
        /// What is kept.
        kept: i64,
        /// What a recount gives.
        counted: i64,
    },
    /// A row of the list of conversations.
    Conversation {
        /// Which mailbox, by its key.
        mailbox: i64,
        /// Which conversation, by its key.
        thread: i64,
    },
    /// A placement that does not agree with its message.
    Placement {
        /// Which message, by its key.
        message: i64,
    },
}

/// Compares everything kept with what the messages say. Reads the whole file.
pub(crate) async fn recount(
    connection: &mut SqliteConnection,
) -> Result<Vec<CountMismatch>, StoreError> {
    let mut found = placements(connection).await?;
    found.extend(conversations(connection).await?);
    found.extend(counts(connection).await?);
    Ok(found)
}

async fn placements(connection: &mut SqliteConnection) -> Result<Vec<CountMismatch>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.message FROM placement p LEFT JOIN message m ON m.key = p.message
         WHERE m.key IS NULL OR m.received_at <> p.received_at OR m.flags <> p.flags",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(CountMismatch::Placement {
                message: row.try_get(0)?,
            })
        })
        .collect()
}

async fn conversations(
    connection: &mut SqliteConnection,
) -> Result<Vec<CountMismatch>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.mailbox, m.thread, p.received_at, p.message, p.flags, m.sender
         FROM placement p JOIN message m ON m.key = p.message
         ORDER BY p.received_at DESC, p.message DESC",
    )
    .fetch_all(&mut *connection)
    .await?;
    let members = rows
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
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    let counted = thread_mailbox::add_up(members)?;
    let rows = sqlx::query(
        "SELECT mailbox, thread, latest_at, latest, message_count, unread_count, starred_count,
         file_count, senders FROM thread_mailbox",
    )
    .fetch_all(connection)
    .await?;
    let mut kept = std::collections::BTreeMap::new();
    for row in &rows {
        let (place, row) = thread_mailbox::stored_row(row)?;
        kept.insert(place, row);
    }
    let differs = counted
        .keys()
        .chain(kept.keys())
        .filter(|place| counted.get(place) != kept.get(place))
        .collect::<std::collections::BTreeSet<_>>();
    Ok(differs
        .into_iter()
        .map(|(mailbox, thread)| CountMismatch::Conversation {
            mailbox: *mailbox,
            thread: *thread,
        })
        .collect())
}

async fn counts(connection: &mut SqliteConnection) -> Result<Vec<CountMismatch>, StoreError> {
    let rows = sqlx::query(
        "SELECT b.id, b.messages, b.unread_messages, b.starred_messages, b.file_messages,
            b.unread_starred_messages, b.unread_file_messages,
            b.threads, b.unread_threads, b.starred_threads, b.file_threads,
            b.unread_starred_threads, b.unread_file_threads,
            coalesce(p.n, 0), coalesce(p.u, 0), coalesce(p.s, 0), coalesce(p.f, 0),
            coalesce(p.us, 0), coalesce(p.uf, 0),
            coalesce(t.n, 0), coalesce(t.u, 0), coalesce(t.s, 0), coalesce(t.f, 0),
            coalesce(t.us, 0), coalesce(t.uf, 0)
        FROM mailbox b
        LEFT JOIN (SELECT mailbox, count(*) n, sum(flags & 1 > 0) u, sum(flags & 2 > 0) s,
            sum(flags & 4 > 0) f, sum(flags & 3 = 3) us, sum(flags & 5 = 5) uf
            FROM placement GROUP BY mailbox) p ON p.mailbox = b.key
        LEFT JOIN (SELECT mailbox, count(*) n, sum(unread_count > 0) u,
            sum(starred_count > 0) s, sum(file_count > 0) f,
            sum(starred_count > 0 AND unread_count > 0) us,
            sum(file_count > 0 AND unread_count > 0) uf
            FROM thread_mailbox GROUP BY mailbox) t ON t.mailbox = b.key",
    )
    .fetch_all(connection)
    .await?;
    let mut found = Vec::new();
    for row in &rows {
        let mut kept = Counts::default();
        let mut counted = Counts::default();
        for (n, (kept, counted)) in kept.0.iter_mut().zip(&mut counted.0).enumerate() {
            *kept = row.try_get(1 + n)?;
            *counted = row.try_get(1 + COLUMNS.len() + n)?;
        }
        for ((count, kept), counted) in COLUMNS.into_iter().zip(kept.0).zip(counted.0) {
            if kept != counted {
                found.push(CountMismatch::Mailbox {
                    mailbox: stored_id(row, 0)?,
                    count,
                    kept,
                    counted,
                });
            }
        }
    }
    Ok(found)
}
