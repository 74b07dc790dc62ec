//! `registry.sqlite`: which accounts there are on this machine. No mail and no secrets, so it is
//! not encrypted: it has to be readable before any key is.

use std::path::Path;

use mail_model::{AccountColor, AccountId, UnixTime};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _};
use tokio::task::JoinHandle;

use crate::error::{FileKind, StoreError};
use crate::file::{SqliteFile, create_private_folder, settle_process};
use crate::mail::mailbox::{from_stored, stored_id, to_stored};
use crate::writer::{Priority, Writer};

/// Where an account's mail is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceAddress {
    /// A JMAP server.
    Jmap {
        /// Its session resource (RFC 8620 section 2).
        session_url: String,
    },
}

/// What an account is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountState {
    /// Signed in and synchronised.
    Active,
    /// Signed out; its mail is kept.
    Paused,
    /// Put aside by removal or linking.
    Sealed,
}

impl AccountState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Sealed => "sealed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Sealed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// One account on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its name on this machine: folder and key are called so.
    pub id: AccountId,
    /// `iss` of the person's sign-in.
    pub issuer: String,
    /// `sub` of the person's sign-in.
    pub subject: String,
    /// What the person calls it.
    pub name: String,
    /// Its address, for showing.
    pub email: String,
    /// Its colour.
    pub color: AccountColor,
    /// The letter on its tile.
    pub letter: String,
    /// Its place among the accounts, smallest first.
    pub position: u32,
    /// The connection it signed in through.
    pub connection: Option<String>,
    /// Where its mail is.
    pub source: SourceAddress,
    /// What it is doing.
    pub state: AccountState,
    /// Counts its sign-ins.
    pub epoch: u64,
    /// When it was added.
    pub created_at: UnixTime,
}

/// The open list of accounts. Clones share it.
#[derive(Clone)]
pub struct Registry {
    writer: Writer,
    task: std::sync::Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

const COLUMNS: &str = "SELECT id, issuer, subject, name, email, color, letter, position, \
    connection, source, state, epoch, created_at FROM account ORDER BY position, created_at, id";

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
        let opened = tokio::task::spawn_blocking(move || runtime.block_on(file.open_writer()));
        let connection = opened.await.unwrap_or(Err(StoreError::Closed))?;
        let (writer, task) = Writer::start(FileKind::Registry, connection, None);
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
                    let rows = sqlx::query(COLUMNS).fetch_all(connection).await?;
                    rows.iter().map(record).collect()
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

    /// Adds an account.
    ///
    /// # Errors
    /// [`StoreError::AccountConflict`] when its id or its person is here already.
    pub async fn insert(&self, account: AccountRecord) -> Result<(), StoreError> {
        self.write(
            account,
            "INSERT INTO account (id, issuer, subject, name, email, color, letter, position,
                 connection, source, state, epoch, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )
        .await
    }

    /// Writes an account anew.
    ///
    /// # Errors
    /// [`StoreError::AccountConflict`] when there is no such account, or its person is here twice.
    pub async fn update(&self, account: AccountRecord) -> Result<(), StoreError> {
        self.write(
            account,
            "UPDATE account SET issuer = ?2, subject = ?3, name = ?4, email = ?5, color = ?6,
                 letter = ?7, position = ?8, connection = ?9, source = ?10, state = ?11,
                 epoch = ?12, created_at = ?13 WHERE id = ?1",
        )
        .await
    }

    async fn write(&self, account: AccountRecord, sql: &'static str) -> Result<(), StoreError> {
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    let result = sqlx::query(sql)
                        .bind(account.id.as_str())
                        .bind(&account.issuer)
                        .bind(&account.subject)
                        .bind(&account.name)
                        .bind(&account.email)
                        .bind(account.color.as_str())
                        .bind(&account.letter)
                        .bind(account.position)
                        .bind(&account.connection)
                        .bind(serde_json::to_string(&account.source)?)
                        .bind(account.state.as_str())
                        .bind(to_stored(account.epoch))
                        .bind(account.created_at.seconds())
                        .execute(connection)
                        .await;
                    match result {
                        Ok(done) if done.rows_affected() == 1 => Ok(()),
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
        let ids = serde_json::to_string(ids)?;
        self.writer
            .run(Priority::Person, move |connection| {
                Box::pin(async move {
                    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                    sqlx::query(
                        "UPDATE account SET position = j.key FROM json_each(?1) j
                         WHERE account.id = j.value",
                    )
                    .bind(ids)
                    .execute(&mut *transaction)
                    .await?;
                    transaction.commit().await?;
                    Ok(())
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
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

fn record(row: &SqliteRow) -> Result<AccountRecord, StoreError> {
    let color: String = row.try_get(5)?;
    let state: String = row.try_get(10)?;
    Ok(AccountRecord {
        id: stored_id(row, 0)?,
        issuer: row.try_get(1)?,
        subject: row.try_get(2)?,
        name: row.try_get(3)?,
        email: row.try_get(4)?,
        color: AccountColor::parse(&color).ok_or(StoreError::BadValue(None))?,
        letter: row.try_get(6)?,
        position: row.try_get(7)?,
        connection: row.try_get(8)?,
        source: serde_json::from_str(row.try_get(9)?)?,
        state: AccountState::parse(&state).ok_or(StoreError::BadValue(None))?,
        epoch: from_stored(row.try_get(11)?),
        created_at: UnixTime::from_seconds(row.try_get(12)?),
    })
}
