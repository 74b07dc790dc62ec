//! `registry.sqlite`: which accounts there are on this machine. No mail and no secrets, so it is
//! not encrypted: it has to be readable before any key is.

mod groups;
mod record;

use std::path::Path;

use mail_model::AccountId;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::task::JoinHandle;

use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError};
use crate::file::{SqliteFile, create_private_folder, settle_process};
use crate::writer::{Priority, Writer};

pub use groups::AccountGroup;
pub use record::{AccountRecord, AccountState, Seal, SealReason, SourceAddress, UnreadMark};

/// The open list of accounts. Clones share it.
#[derive(Clone)]
pub struct Registry {
    writer: Writer,
    task: std::sync::Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Registry {
    /// Opens the list in this folder, or makes it.
    ///
    /// # Errors
    /// A damaged file is left where it is: [`StoreError::Damaged`].
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        settle_process().await?;
        create_private_folder(folder)?;
        let file = SqliteFile::new(FileKind::Registry, folder, None);
        let runtime = tokio::runtime::Handle::current();
        // The migrations' future is not `Send`; the caller's has to be.
        let opening = file.clone();
        let opened = tokio::task::spawn_blocking(move || runtime.block_on(opening.open_writer()));
        let connection = opened.await.unwrap_or(Err(StoreError::Closed))?;
        let (writer, task) = Writer::start(file, connection, None);
        Ok(Self {
            writer,
            task: std::sync::Arc::new(tokio::sync::Mutex::new(Some(task))),
        })
    }

    /// All accounts in their order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn accounts(&self) -> Result<Vec<AccountRecord>, StoreError> {
        self.writer
            .run(Priority::Person, |connection| {
                Box::pin(async move {
                    let sql = format!(
                        "SELECT {} FROM account ORDER BY position, created_at, id",
                        record::COLUMNS
                    );
                    let rows = sqlx::query(AssertSqlSafe(sql))
                        .fetch_all(connection)
                        .await?;
                    rows.iter().map(AccountRecord::read).collect()
                })
            })
            .await
    }

    /// The account of that person, unless it was put aside.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn by_subject(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<AccountRecord>, StoreError> {
        let accounts = self.accounts().await?;
        Ok(accounts.into_iter().find(|account| {
            account.issuer == issuer
                && account.subject == subject
                && account.state != AccountState::Sealed
        }))
    }

    /// Adds an account, without a journal.
    ///
    /// # Errors
    /// [`StoreError::AccountConflict`] when its id or its person is here already, or its group
    /// is not; [`StoreError::BadValue`] when state and seal contradict each other.
    pub async fn insert(&self, account: AccountRecord) -> Result<(), StoreError> {
        self.write(account, record::INSERT).await
    }

    /// Writes an account anew, without its journal.
    ///
    /// # Errors
    /// [`StoreError::AccountConflict`] when there is no such account or group, or its person is
    /// here twice.
    pub async fn update(&self, account: AccountRecord) -> Result<(), StoreError> {
        self.write(account, record::UPDATE).await
    }

    async fn write(&self, account: AccountRecord, sql: &'static str) -> Result<(), StoreError> {
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    let result = account.bind(sql)?.execute(connection).await;
                    match result {
                        Ok(done) if done.rows_affected() == 1 => {
                            crash_point!("registry.written");
                            Ok(())
                        }
                        Ok(_) => Err(StoreError::AccountConflict),
                        Err(error) if is_conflict(&error) => Err(StoreError::AccountConflict),
                        Err(error) => Err(error.into()),
                    }
                })
            })
            .await
    }

    /// Takes an account off the list; its folder and key are not touched. Done again it does
    /// nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove(&self, id: &AccountId) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    sqlx::query("DELETE FROM account WHERE id = ?1")
                        .bind(id.as_str())
                        .execute(connection)
                        .await?;
                    crash_point!("registry.removed");
                    Ok(())
                })
            })
            .await
    }

    /// Puts the accounts into this order; those that are not named keep their places.
    ///
    /// # Errors
    /// The old order is kept.
    pub async fn reorder(&self, ids: &[AccountId]) -> Result<(), StoreError> {
        self.place(
            serde_json::to_string(ids)?,
            "UPDATE account SET position = j.key FROM json_each(?1) j
             WHERE account.id = j.value",
        )
        .await
    }

    /// Writes places in one transaction: all of them or none.
    async fn place(&self, ids: String, sql: &'static str) -> Result<(), StoreError> {
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                    sqlx::query(sql)
                        .bind(ids)
                        .execute(&mut *transaction)
                        .await?;
                    crash_point!("registry.placing");
                    transaction.commit().await?;
                    crash_point!("registry.placed");
                    Ok(())
                })
            })
            .await
    }

    /// Keeps how far a change of the person's sign-ins is, or forgets it; on the disk when this
    /// returns.
    ///
    /// # Errors
    /// [`StoreError::AccountConflict`] when there is no such account; else see [`StoreError`].
    pub async fn set_link_journal(
        &self,
        id: &AccountId,
        journal: Option<&str>,
    ) -> Result<(), StoreError> {
        let (id, journal) = (id.clone(), journal.map(str::to_owned));
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    let done = sqlx::query("UPDATE account SET link_journal = ?2 WHERE id = ?1")
                        .bind(id.as_str())
                        .bind(journal)
                        .execute(connection)
                        .await?;
                    crash_point!("registry.journal");
                    match done.rows_affected() {
                        1 => Ok(()),
                        _ => Err(StoreError::AccountConflict),
                    }
                })
            })
            .await
    }

    /// Finishes queued writes and closes the file, for every clone.
    pub async fn close(self) {
        self.writer.stop();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the registry's writer ended by a panic");
        }
    }
}

fn is_conflict(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() || error.is_foreign_key_violation())
}

#[cfg(test)]
mod tests;
