//! What can go wrong with an account's files, by what the caller should do.

use std::path::PathBuf;

use mail_model::Reaction;

/// One of the files of an account's folder, or the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// What the server holds; can be fetched again.
    Mail,
    /// Bodies; can be fetched again.
    Body,
    /// The search index; can be built again.
    Search,
    /// What exists only here.
    Local,
    /// The list of accounts.
    Registry,
}

impl FileKind {
    /// The files of an account's folder.
    pub const ACCOUNT: [Self; 4] = [Self::Mail, Self::Body, Self::Search, Self::Local];

    /// The file's name in its folder.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Mail => "mail.sqlite",
            Self::Body => "body.sqlite",
            Self::Search => "search.sqlite",
            Self::Local => "local.sqlite",
            Self::Registry => "registry.sqlite",
        }
    }
}

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.file_name())
    }
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key does not open the files. Nothing was changed.
    #[error("the key does not open this account's files")]
    WrongKey,
    /// Another process has this folder open.
    #[error("this account's files are in use by another program")]
    InUse,
    /// The file was written by a newer release. Nothing was changed.
    #[error("{file} was written by a newer version of Braid")]
    NewerSchema {
        /// Which file.
        file: FileKind,
    },
    /// The file with what exists only here cannot be read. Close the store and open it again: what
    /// can be read is saved, and the damaged file is kept.
    #[error("the file with drafts and queued changes cannot be read")]
    LocalDamaged(#[source] Option<Box<sqlx::Error>>),
    /// A file is damaged. Close the store and open it again: it is set aside and built anew.
    #[error("{file} is damaged")]
    Damaged {
        /// Which file.
        file: FileKind,
        /// What SQLite said.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// No room left on the disk. Nothing of the transaction was kept.
    #[error("the disk is full")]
    DiskFull(#[source] Box<sqlx::Error>),
    /// The files cannot be reached: permissions, a missing folder, a failing disk.
    #[error("cannot use {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite could not read or write the disk just now.
    #[error("the disk cannot be read or written")]
    DiskFault(#[source] Box<sqlx::Error>),
    /// A migration failed or was changed after its release.
    #[error("{file} cannot be brought to this version's schema")]
    Migration {
        /// Which file.
        file: FileKind,
        /// Why.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A stored value is not what this version writes.
    #[error("a stored value cannot be understood")]
    BadValue(#[source] Option<serde_json::Error>),
    /// The account is already known, or does not exist.
    #[error("no such account, or it is there already")]
    AccountConflict,
    /// Something is where the files should go. Nothing was moved.
    #[error("there is something at {path} already")]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// The account is frozen: nothing is written to its files for the moment.
    #[error("this account's files are not changed at the moment")]
    Frozen,
    /// The search was ended by who asked for it.
    #[error("the search was cancelled")]
    Cancelled,
    /// The store was closed.
    #[error("this account's files are closed")]
    Closed,
    /// SQLite refused a statement: a fault of ours.
    #[error("the database refused a statement")]
    Database(#[source] Box<sqlx::Error>),
}

impl StoreError {
    /// What the caller should do.
    #[must_use]
    pub const fn reaction(&self) -> Reaction {
        match self {
            Self::WrongKey => Reaction::SignInAgain,
            Self::Damaged { .. } => Reaction::Resynchronise,
            Self::InUse
            | Self::NewerSchema { .. }
            | Self::LocalDamaged(_)
            | Self::DiskFull(_)
            | Self::Occupied { .. }
            | Self::Io { .. } => Reaction::AskPerson,
            Self::DiskFault(_) => Reaction::RetryLater(None),
            Self::AccountConflict | Self::Frozen | Self::Cancelled | Self::Closed => {
                Reaction::GiveUp
            }
            Self::Migration { .. } | Self::BadValue(_) | Self::Database(_) => Reaction::Bug,
        }
    }

    /// Whether there is no room left on the disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull(_) => true,
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }

    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// What reading a file whole has shown.
    pub(crate) fn damage_found(file: FileKind) -> Self {
        if file == FileKind::Local {
            return Self::LocalDamaged(None);
        }
        let source = Box::new(sqlx::Error::Protocol("the file is not sound".into()));
        Self::Damaged { file, source }
    }

    /// What is left of the connection that it happened on.
    pub(crate) fn aftermath(&self) -> Aftermath {
        match self {
            Self::DiskFault(source) if primary_code(source) == Some(SQLITE_IOERR) => {
                Aftermath::Unverified
            }
            Self::DiskFault(_) | Self::DiskFull(_) => Aftermath::Doubtful,
            Self::Database(source) if is_damage(source) => Aftermath::Doubtful,
            _ => Aftermath::Usable,
        }
    }

    /// Says which file a database error came from, where that changes what to do.
    pub(crate) fn in_file(self, file: FileKind) -> Self {
        match self {
            Self::Database(source) if is_damage(&source) => {
                if file == FileKind::Local {
                    Self::LocalDamaged(Some(source))
                } else {
                    Self::Damaged { file, source }
                }
            }
            other => other,
        }
    }

    pub(crate) fn migration(file: FileKind, error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError;
        match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
                Self::NewerSchema { file }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::from(error).in_file(file)
            }
            other => Self::Migration {
                file,
                source: Box::new(other),
            },
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(SQLITE_FULL) => Self::DiskFull(Box::new(error)),
            Some(SQLITE_BUSY | SQLITE_IOERR | SQLITE_READONLY | SQLITE_CANTOPEN) => {
                Self::DiskFault(Box::new(error))
            }
            _ if matches!(error, sqlx::Error::PoolClosed) => Self::Closed,
            _ => Self::Database(Box::new(error)),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::BadValue(Some(error))
    }
}

/// What an error leaves of the connection that it happened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// It is as it was.
    Usable,
    /// SQLite may have rolled back a transaction that sqlx thinks is open.
    Doubtful,
    /// Beyond that, nobody knows what reached the disk: a failed fsync is reported once.
    Unverified,
}

const SQLITE_BUSY: i64 = 5;
/// SQLCipher's answer to a page that fails its authentication while a statement runs.
const SQLITE_NOMEM: i64 = 7;
const SQLITE_READONLY: i64 = 8;
const SQLITE_IOERR: i64 = 10;
const SQLITE_CORRUPT: i64 = 11;
const SQLITE_FULL: i64 = 13;
const SQLITE_CANTOPEN: i64 = 14;
const SQLITE_NOTADB: i64 = 26;

fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let code: i64 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether SQLite says that the file's content cannot be right. A wrong key looks the same.
pub(crate) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(
        primary_code(error),
        Some(SQLITE_CORRUPT | SQLITE_NOTADB | SQLITE_NOMEM)
    )
}
