//! What there is to say of the account as a whole: what it holds, and whom it speaks to.

use mail_model::{HostContact, MessageId, MessageKey, UnixTime};
use sqlx::{Connection as _, Row as _};

use super::AccountStore;
use crate::error::{FileKind, StoreError};
use crate::mail::holdings::{self, Holdings};
use crate::mail::mailbox::{from_stored, stored_id, to_stored};
use crate::mail::value::FILE;
use crate::writer::Priority;

impl AccountStore {
    /// Counts what is here, all from the same moment except the queue. Reads every message row:
    /// about a second for a million.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn holdings(&self) -> Result<Holdings, StoreError> {
        let queued = self.queued();
        let mut reader = self.inner.mail_reader().await?;
        let counted = async {
            let mut snapshot = reader.begin().await?;
            let holdings = holdings::count(&mut snapshot).await?;
            snapshot.commit().await?;
            Ok(Holdings { queued, ..holdings })
        };
        let counted = counted.await;
        counted.map_err(|error| self.inner.noted(FileKind::Mail, error))
    }

    /// Messages that have files, oldest first, after that one, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn messages_with_files(
        &self,
        after: Option<MessageKey>,
        limit: usize,
    ) -> Result<Vec<(MessageKey, MessageId)>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query(
            "SELECT key, id FROM message WHERE flags & ?1 AND key > ?2 ORDER BY key LIMIT ?3",
        )
        .bind(FILE)
        .bind(after.map_or(i64::MIN, MessageKey::get))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        rows.iter()
            .map(|row| Ok((MessageKey::new(row.try_get(0)?), stored_id(row, 1)?)))
            .collect()
    }

    /// Hosts that were ever spoken to for this account, by name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn hosts(&self) -> Result<Vec<HostContact>, StoreError> {
        self.inner
            .write(FileKind::Local, Priority::Person, |connection| {
                Box::pin(async move {
                    let rows = sqlx::query(
                        "SELECT name, first_at, last_at, requests FROM host ORDER BY name",
                    )
                    .fetch_all(connection)
                    .await?;
                    rows.iter()
                        .map(|row| {
                            Ok(HostContact {
                                host: row.try_get(0)?,
                                first_at: UnixTime::from_seconds(row.try_get(1)?),
                                last_at: UnixTime::from_seconds(row.try_get(2)?),
                                requests: from_stored(row.try_get(3)?),
                            })
                        })
                        .collect()
                })
            })
            .await
    }

    /// Adds contacts to what is known of their hosts; see `HostLog::take_unsaved`.
    ///
    /// # Errors
    /// None of them was added.
    pub async fn note_hosts(&self, contacts: Vec<HostContact>) -> Result<(), StoreError> {
        if contacts.is_empty() {
            return Ok(());
        }
        self.inner
            .write(FileKind::Local, Priority::Synchronisation, |connection| {
                Box::pin(async move {
                    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                    for contact in contacts {
                        sqlx::query(
                            "INSERT INTO host (name, first_at, last_at, requests)
                             VALUES (?1, ?2, ?3, ?4)
                             ON CONFLICT (name) DO UPDATE
                             SET first_at = min(first_at, excluded.first_at),
                                 last_at = max(last_at, excluded.last_at),
                                 requests = requests + excluded.requests",
                        )
                        .bind(&contact.host)
                        .bind(contact.first_at.seconds())
                        .bind(contact.last_at.seconds())
                        .bind(to_stored(contact.requests))
                        .execute(&mut *transaction)
                        .await?;
                    }
                    transaction.commit().await?;
                    Ok(())
                })
            })
            .await
    }
}
