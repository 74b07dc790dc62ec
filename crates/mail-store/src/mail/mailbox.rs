//! Mailboxes: their rows and the way from the server's ids to keys.

use std::collections::BTreeMap;

use mail_model::remote::MailboxSnapshot;
use mail_model::{Mailbox, MailboxCounts, MailboxId, MailboxRole};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::error::StoreError;

/// Both directions between the server's mailbox ids and keys, for one transaction.
#[derive(Debug, Default)]
pub(crate) struct MailboxKeys {
    by_id: BTreeMap<MailboxId, i64>,
    by_key: BTreeMap<i64, MailboxId>,
}

impl MailboxKeys {
    pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let rows = sqlx::query("SELECT key, id FROM mailbox")
            .fetch_all(connection)
            .await?;
        let mut keys = Self::default();
        for row in rows {
            keys.insert(row.try_get(0)?, stored_id(&row, 1)?);
        }
        Ok(keys)
    }

    fn insert(&mut self, key: i64, id: MailboxId) {
        self.by_id.insert(id.clone(), key);
        self.by_key.insert(key, id);
    }

    pub(crate) fn id(&self, key: i64) -> Option<MailboxId> {
        self.by_key.get(&key).cloned()
    }

    /// The key of a mailbox. One that no snapshot has named yet gets a row that is not listed:
    /// messages may come before the mailbox list that explains them.
    pub(crate) async fn key(
        &mut self,
        connection: &mut SqliteConnection,
        id: &MailboxId,
    ) -> Result<i64, StoreError> {
        if let Some(key) = self.by_id.get(id) {
            return Ok(*key);
        }
        let key = sqlx::query_scalar("INSERT INTO mailbox (id) VALUES (?1) RETURNING key")
            .bind(id.as_str())
            .fetch_one(connection)
            .await?;
        self.insert(key, id.clone());
        Ok(key)
    }

    pub(crate) async fn keys(
        &mut self,
        connection: &mut SqliteConnection,
        ids: &[MailboxId],
    ) -> Result<Vec<i64>, StoreError> {
        let mut keys = Vec::with_capacity(ids.len());
        for id in ids {
            keys.push(self.key(connection, id).await?);
        }
        Ok(keys)
    }
}

/// Reads a stored server id.
pub(crate) fn stored_id<T: TryFrom<String>>(
    row: &SqliteRow,
    column: usize,
) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    T::try_from(text).map_err(|_| StoreError::BadValue(None))
}

/// Takes over the whole mailbox list; gives the mailboxes whose description changed.
pub(crate) async fn apply_snapshot(
    connection: &mut SqliteConnection,
    keys: &mut MailboxKeys,
    snapshot: &MailboxSnapshot,
) -> Result<Vec<MailboxId>, StoreError> {
    let before: BTreeMap<MailboxId, Mailbox> = list(connection)
        .await?
        .into_iter()
        .map(|(mailbox, _)| (mailbox.id.clone(), mailbox))
        .collect();
    let mut changed = Vec::new();
    for mailbox in &snapshot.mailboxes {
        if before.get(&mailbox.id) == Some(mailbox) {
            continue;
        }
        let key = keys.key(connection, &mailbox.id).await?;
        sqlx::query(
            "UPDATE mailbox SET listed = 1, name = ?2, parent = ?3, role = ?4, sort_order = ?5,
             server_total = ?6 WHERE key = ?1",
        )
        .bind(key)
        .bind(&mailbox.name)
        .bind(mailbox.parent.as_ref().map(MailboxId::as_str))
        .bind(mailbox.role.map(MailboxRole::as_str))
        .bind(mailbox.sort_order)
        .bind(to_stored(mailbox.server_total))
        .execute(&mut *connection)
        .await?;
        changed.push(mailbox.id.clone());
    }
    for id in before.keys() {
        if snapshot.mailboxes.iter().all(|mailbox| mailbox.id != *id) {
            sqlx::query("UPDATE mailbox SET listed = 0 WHERE id = ?1")
                .bind(id.as_str())
                .execute(&mut *connection)
                .await?;
            changed.push(id.clone());
        }
    }
    Ok(changed)
}

/// All listed mailboxes with their counts: by role, then the server's order, then name.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
) -> Result<Vec<(Mailbox, MailboxCounts)>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, name, parent, role, sort_order, server_total, messages, unread_messages,
         threads, unread_threads FROM mailbox WHERE listed = 1",
    )
    .fetch_all(connection)
    .await?;
    let mut mailboxes = rows
        .iter()
        .map(|row| {
            let parent: Option<String> = row.try_get(2)?;
            let role: Option<String> = row.try_get(3)?;
            let mailbox = Mailbox {
                id: stored_id(row, 0)?,
                name: row.try_get(1)?,
                parent: parent
                    .map(MailboxId::new)
                    .transpose()
                    .map_err(|_| StoreError::BadValue(None))?,
                role: role.as_deref().and_then(MailboxRole::parse),
                sort_order: row.try_get(4)?,
                server_total: from_stored(row.try_get(5)?),
            };
            let counts = MailboxCounts {
                messages: from_stored(row.try_get(6)?),
                unread_messages: from_stored(row.try_get(7)?),
                threads: from_stored(row.try_get(8)?),
                unread_threads: from_stored(row.try_get(9)?),
            };
            Ok((mailbox, counts))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    mailboxes.sort_by(|(a, _), (b, _)| place(a).cmp(&place(b)));
    Ok(mailboxes)
}

fn place(mailbox: &Mailbox) -> (bool, Option<MailboxRole>, u32, String, &MailboxId) {
    (
        mailbox.role.is_none(),
        mailbox.role,
        mailbox.sort_order,
        mailbox.name.to_lowercase(),
        &mailbox.id,
    )
}

/// Counts are never negative and never beyond what SQLite holds.
pub(crate) fn to_stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn from_stored(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
