//! Reading. Readers see the last commit and never wait for the writer.

use mail_model::search::FoundKey;
use mail_model::{
    Body, ListCursor, ListRow, Mailbox, MailboxCounts, MailboxId, MailboxRole, MessageId,
    MessageKey, RowKey, ThreadKey, UnixTime,
};
use sqlx::{Connection as _, Row as _};

use super::AccountStore;
use crate::body;
use crate::error::{FileKind, StoreError};
use crate::mail::list::{self, Ladder, ListScope};
use crate::mail::mailbox::stored_id;
use crate::mail::message::{self, StoredMessage, stored_message};
use crate::mail::recount::{self, CountMismatch};
use crate::mail::{mailbox, progress, sweep};
use crate::sync::{Sweep, SyncProgress};
use crate::writer::Priority;

/// Bodies looked up in one statement.
const STEP: usize = 500;

impl AccountStore {
    /// Every mailbox with its counts, by role, then the server's order, then name.
    ///
    /// # Errors
    /// See [`StoreError`]; this holds for every function that reads.
    pub async fn mailboxes(&self) -> Result<Vec<(Mailbox, MailboxCounts)>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = mailbox::list(&mut reader).await;
        self.of_mail(result)
    }

    /// Messages that are here, in all mailboxes.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message_count(&self) -> Result<u64, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let count: Result<i64, _> = sqlx::query_scalar("SELECT count(*) FROM message")
            .fetch_one(&mut *reader)
            .await;
        let count = count.map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The mailbox with that role.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn role_mailbox(&self, role: MailboxRole) -> Result<Option<MailboxId>, StoreError> {
        let mailboxes = self.mailboxes().await?;
        let found = mailboxes.into_iter().find(|(m, _)| m.role == Some(role));
        Ok(found.map(|(mailbox, _)| mailbox.id))
    }

    /// The rows after a place, newest first, at most `limit`. A mailbox that is not here is empty.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn page(
        &self,
        scope: &ListScope,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListRow>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = list::page(&mut reader, scope, after, limit).await;
        self.of_mail(result)
    }

    /// Every n-th place of a list, all from the same moment. Walks the whole index: about 60 ms
    /// for the conversations of a million messages.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn rungs(&self, scope: &ListScope, every: u64) -> Result<Ladder, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = async {
            let mut snapshot = reader.begin().await?;
            let ladder = list::rungs(&mut snapshot, scope, every).await?;
            snapshot.commit().await?;
            Ok(ladder)
        };
        let result = result.await;
        self.of_mail(result)
    }

    /// How many rows lie strictly between two places; without `from`, between the top and the
    /// place. A row's own place counts as itself, so the rank of a row's cursor is its index.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn rank(
        &self,
        scope: &ListScope,
        cursor: ListCursor,
        from: Option<ListCursor>,
    ) -> Result<u64, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = list::rank(&mut reader, scope, cursor, from).await;
        self.of_mail(result)
    }

    /// How many rows a list has, from kept counts.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn total(&self, scope: &ListScope) -> Result<u64, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = list::totals(&mut reader, scope).await;
        self.of_mail(result).map(|(total, _)| total)
    }

    /// How many of a list's rows are unread, from kept counts.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn unread(&self, scope: &ListScope) -> Result<u64, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = list::totals(&mut reader, scope).await;
        self.of_mail(result).map(|(_, unread)| unread)
    }

    /// Those of the given rows that are in the list, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn rows(
        &self,
        scope: &ListScope,
        keys: &[RowKey],
    ) -> Result<Vec<ListRow>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = list::rows(&mut reader, scope, keys).await;
        self.of_mail(result)
    }

    /// The messages of a conversation in every mailbox, oldest first; empty if it is not here.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn thread(&self, thread: ThreadKey) -> Result<Vec<StoredMessage>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query(message::OF_THREAD)
            .bind(thread.get())
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        rows.iter().map(stored_message).collect()
    }

    /// One message, if it is here.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message(&self, key: MessageKey) -> Result<Option<StoredMessage>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let row = sqlx::query(message::BY_KEY)
            .bind(key.get())
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        row.as_ref().map(stored_message).transpose()
    }

    /// The key of a server's message, if it is here.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message_key(&self, id: &MessageId) -> Result<Option<MessageKey>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let key: Option<i64> = sqlx::query_scalar("SELECT key FROM message WHERE id = ?1")
            .bind(id.as_str())
            .fetch_optional(&mut *reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        Ok(key.map(MessageKey::new))
    }

    /// Those of the given messages that are not here, in the given order: what an inventory has to
    /// fetch.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn unknown_ids(&self, ids: &[MessageId]) -> Result<Vec<MessageId>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query(
            "SELECT j.value FROM json_each(?1) j
             WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = j.value) ORDER BY j.key",
        )
        .bind(serde_json::to_string(ids)?)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        rows.iter().map(|row| stored_id(row, 0)).collect()
    }

    /// Messages a running sweep has not seen, oldest first, at most `limit`. What is still on the
    /// server is asked for by id and written with `SyncBatch::mark` before the sweep is finished:
    /// places shift while an inventory is read in pages.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn unmarked(&self, sweep: Sweep, limit: usize) -> Result<Vec<MessageId>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = sweep::unseen(&mut reader, sweep, limit).await;
        self.of_mail(result)
    }

    /// The server's ids of messages, in the given order; those that are not here are left out.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message_ids(
        &self,
        keys: &[MessageKey],
    ) -> Result<Vec<(MessageKey, MessageId)>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query(
            "SELECT m.key, m.id FROM json_each(?1) j CROSS JOIN message m ON m.key = j.value
             ORDER BY j.key",
        )
        .bind(serde_json::to_string(keys)?)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        rows.iter()
            .map(|row| Ok((MessageKey::new(row.try_get(0)?), stored_id(row, 1)?)))
            .collect()
    }

    /// Those of the server's messages that are here, as a search finds them, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn found_by_id(&self, ids: &[MessageId]) -> Result<Vec<FoundKey>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query(
            "SELECT m.received_at, m.key, m.thread FROM json_each(?1) j
             CROSS JOIN message m ON m.id = j.value ORDER BY m.received_at DESC, m.key DESC",
        )
        .bind(serde_json::to_string(ids)?)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        rows.iter()
            .map(|row| {
                Ok(FoundKey {
                    received_at: UnixTime::from_seconds(row.try_get(0)?),
                    message: MessageKey::new(row.try_get(1)?),
                    thread: ThreadKey::new(row.try_get(2)?),
                })
            })
            .collect()
    }

    /// What a person reads of a message, if it was fetched.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn body(&self, key: MessageKey) -> Result<Option<Body>, StoreError> {
        let Some((_, id)) = self.message_ids(&[key]).await?.pop() else {
            return Ok(None);
        };
        let mut reader = self.inner.body_reader().await?;
        let result = body::find(&mut reader, &id).await;
        result.map_err(|error| self.inner.noted(FileKind::Body, error))
    }

    /// Those of the given messages whose body is here, in the given order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn bodies_here(&self, keys: &[MessageKey]) -> Result<Vec<MessageKey>, StoreError> {
        let known = self.message_ids(keys).await?;
        let ids: Vec<MessageId> = known.iter().map(|(_, id)| id.clone()).collect();
        let mut reader = self.inner.body_reader().await?;
        let absent = body::missing(&mut reader, &ids)
            .await
            .map_err(|error| self.inner.noted(FileKind::Body, error))?;
        let absent: std::collections::BTreeSet<_> = absent.into_iter().collect();
        let here = known.into_iter().filter(|(_, id)| !absent.contains(id));
        Ok(here.map(|(key, _)| key).collect())
    }

    /// Of the newest `newest` messages, those without a body, newest first, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn missing_bodies(
        &self,
        newest: usize,
        limit: usize,
    ) -> Result<Vec<(MessageKey, MessageId)>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query("SELECT key, id FROM message ORDER BY key DESC LIMIT ?1")
            .bind(i64::try_from(newest).unwrap_or(i64::MAX))
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        drop(reader);
        let known = rows
            .iter()
            .map(|row| Ok((MessageKey::new(row.try_get(0)?), stored_id(row, 1)?)))
            .collect::<Result<Vec<(MessageKey, MessageId)>, StoreError>>()?;
        let mut reader = self.inner.body_reader().await?;
        let mut missing = Vec::new();
        for step in known.chunks(STEP) {
            let ids: Vec<MessageId> = step.iter().map(|(_, id)| id.clone()).collect();
            let absent = body::missing(&mut reader, &ids)
                .await
                .map_err(|error| self.inner.noted(FileKind::Body, error))?;
            let absent: std::collections::BTreeSet<_> = absent.into_iter().collect();
            missing.extend(step.iter().filter(|(_, id)| absent.contains(id)).cloned());
            if missing.len() >= limit {
                break;
            }
        }
        missing.truncate(limit);
        Ok(missing)
    }

    /// Where synchronisation stands.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn progress(&self) -> Result<SyncProgress, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = progress::load(&mut reader).await;
        self.of_mail(result)
    }

    /// Counts everything again and tells what differs from what is kept: nothing, unless there is
    /// a fault. Reads the whole file.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn recount(&self) -> Result<Vec<CountMismatch>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let result = async {
            let mut snapshot = reader.begin().await?;
            let mismatches = recount::recount(&mut snapshot).await?;
            snapshot.commit().await?;
            Ok(mismatches)
        };
        let result = result.await;
        self.of_mail(result)
    }

    /// A value the person or the program keeps for this account on this machine.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn settings_get(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.inner
            .write(FileKind::Local, Priority::Person, move |connection| {
                Box::pin(async move { crate::local::setting(connection, &name).await })
            })
            .await
    }

    fn of_mail<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.map_err(|error| self.inner.noted(FileKind::Mail, error))
    }
}
