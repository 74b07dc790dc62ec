//! One account's open folder.

mod account;
mod coverage;
mod indexing;
mod read;
mod retention;
mod search;
mod separation;
mod write;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use mail_model::StoreChange;
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, broadcast, watch};
use tokio::task::JoinHandle;

use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError};
use crate::file::{SqliteFile, settle_process};
use crate::folder::FolderLock;
use crate::intent::IntentId;
use crate::key::StoreKey;
use crate::open::{Files, OpenReport, StoreOptions, suspect};
use crate::writer::{Priority, Step, Writer};

pub use coverage::SearchCoverage;
pub use indexing::{IndexCheck, IndexProgress};
pub use retention::{DroppedBodies, HeldBody, Retention, plan as plan_retention};
pub use search::SearchCancel;
pub use separation::Trace;

/// Octets on the disk, journals included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreSizes {
    /// What the server holds, without bodies.
    pub mail: u64,
    /// Bodies.
    pub body: u64,
    /// The search index.
    pub search: u64,
    /// What exists only here.
    pub local: u64,
}

impl StoreSizes {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.mail + self.body + self.search + self.local
    }
}

/// The open files of one account. Clones share them.
///
/// No function takes an account: a handle is one account's, so nothing can cross.
#[derive(Clone)]
pub struct AccountStore {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    files: Files,
    lock: Arc<FolderLock>,
    mail: Writer,
    body: Writer,
    search: Writer,
    local: Writer,
    mail_readers: SqlitePool,
    body_readers: SqlitePool,
    /// Of `mail.sqlite`, for searches: lists never wait for one.
    search_mail_readers: SqlitePool,
    search_readers: SqlitePool,
    /// Held by who brings the index up to date.
    indexing: Mutex<()>,
    /// Intents that are kept and not yet shown to the end. Who sends them may find one before that;
    /// its end waits, since what is shown after an end would never go. A job of the local writer
    /// adds one as it keeps it, and only a later job finds it among the open ones.
    showing: watch::Sender<BTreeSet<IntentId>>,
    /// Open intents of `local.sqlite`, as its writer last counted them.
    queued: Arc<AtomicU64>,
    changes: broadcast::Sender<StoreChange>,
    /// The file that was last met damaged.
    damaged: watch::Sender<Option<FileKind>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    report: OpenReport,
}

impl std::fmt::Debug for AccountStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountStore")
            .field("folder", &self.inner.folder)
            .finish_non_exhaustive()
    }
}

/// Who lags behind by more changes than this has to look at everything anew.
const KEPT_CHANGES: usize = 256;

impl AccountStore {
    /// Opens an account's folder, or makes it: checks the key, moves damaged files aside, brings
    /// schemas up to date, and finishes what a kill left half done. [`Self::report`] tells.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`], [`StoreError::InUse`] and [`StoreError::NewerSchema`] leave every
    /// file as it was.
    pub async fn open(
        folder: &Path,
        key: StoreKey,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let folder = folder.to_owned();
        let runtime = tokio::runtime::Handle::current();
        // On a thread that may block: locks, renames and checks of whole files are part of it.
        // It also keeps the migrations' future, which is not `Send`, from the caller's.
        let opened = tokio::task::spawn_blocking(move || {
            runtime.block_on(Self::open_here(&folder, key, options))
        });
        opened.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn open_here(
        folder: &Path,
        key: StoreKey,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        settle_process().await?;
        let lock = Arc::new(FolderLock::take(folder)?);
        let files = Files::new(folder, &key, options);
        let mut report = files.examine().await?;
        crash_point!("open.examined");
        loop {
            match Inner::start(folder, &files, &lock).await {
                Ok((mut inner, intents_applied)) => {
                    report.intents_applied = intents_applied;
                    inner.report = report;
                    let inner = Arc::new(inner);
                    return Ok(Self { inner });
                }
                Err(error) => files.replace(error, &mut report).await?,
            }
        }
    }

    /// What opening had to do.
    #[must_use]
    pub fn report(&self) -> &OpenReport {
        &self.inner.report
    }

    /// A file that was met damaged since the opening, whoever met it. Close the store and open it
    /// again: damaged files are set aside then, and [`Self::report`] tells.
    #[must_use]
    pub fn damaged(&self) -> watch::Receiver<Option<FileKind>> {
        self.inner.damaged.subscribe()
    }

    /// Where the files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Changes from now on, each after its commit, in the order of their numbers. Who lags is told
    /// so and has to read everything anew.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<StoreChange> {
        self.inner.changes.subscribe()
    }

    /// Octets of each file.
    #[must_use]
    pub fn sizes(&self) -> StoreSizes {
        let files = &self.inner.files;
        StoreSizes {
            mail: files.mail.size(),
            body: files.body.size(),
            search: files.search.size(),
            local: files.local.size(),
        }
    }

    /// Reads every file whole and checks it; gives the damaged ones, which the next opening
    /// replaces. Takes about a second for half a gigabyte.
    ///
    /// # Errors
    /// When a file cannot be read at all.
    pub async fn check_files(&self) -> Result<Vec<FileKind>, StoreError> {
        let files = &self.inner.files;
        let mut damaged = Vec::new();
        for file in [&files.mail, &files.body, &files.search, &files.local] {
            if !file.is_sound().await? {
                damaged.push(file.kind());
                suspect(file);
                self.inner.damaged.send_replace(Some(file.kind()));
            }
        }
        Ok(damaged)
    }

    /// Finishes queued writes and closes the files, for every clone of this handle.
    ///
    /// # Errors
    /// When the folder cannot be given back.
    pub async fn close(self) -> Result<(), StoreError> {
        self.inner.stop().await;
        self.inner.lock.release()
    }
}

impl Inner {
    /// Opens the files and finishes what a kill left half done. Gives how many intents had to be
    /// shown.
    async fn start(
        folder: &Path,
        files: &Files,
        lock: &Arc<FolderLock>,
    ) -> Result<(Self, usize), StoreError> {
        // First the file that is never replaced: if it cannot be opened, nothing else happens.
        let local = files.local.open_writer().await?;
        crash_point!("open.local");
        let mut mail = files.mail.open_writer().await?;
        crash_point!("open.mail");
        let body = files.body.open_writer().await?;
        crash_point!("open.body");
        let mut search = files.search.open_writer().await?;
        indexing::follow(&mut search, &mut mail).await?;
        crash_point!("open.search");

        let start = |file: &SqliteFile, connection| {
            Writer::start(file.clone(), connection, Some(Arc::clone(lock)))
        };
        let (mail, mail_task) = start(&files.mail, mail);
        let (body, body_task) = start(&files.body, body);
        let (search, search_task) = start(&files.search, search);
        let (local, local_task) = start(&files.local, local);
        let (changes, _) = broadcast::channel(KEPT_CHANGES);
        let inner = Self {
            folder: folder.to_owned(),
            mail_readers: files.mail.readers(2),
            body_readers: files.body.readers(1),
            search_mail_readers: files.mail.readers(2),
            search_readers: files.search.readers(2),
            indexing: Mutex::new(()),
            showing: watch::Sender::default(),
            queued: Arc::default(),
            files: files.clone(),
            lock: Arc::clone(lock),
            mail,
            body,
            search,
            local,
            changes,
            damaged: watch::Sender::new(None),
            tasks: Mutex::new(vec![mail_task, body_task, search_task, local_task]),
            report: OpenReport::default(),
        };
        match inner.finish_half_done().await {
            Ok(intents) => Ok((inner, intents)),
            Err(error) => {
                inner.stop().await;
                Err(error)
            }
        }
    }

    async fn finish_half_done(&self) -> Result<usize, StoreError> {
        let intents = self.apply_open_intents().await?;
        crash_point!("open.intents");
        self.forget_bodies().await?;
        crash_point!("open.bodies");
        Ok(intents)
    }

    /// Lets queued writes finish and closes every connection.
    async fn stop(&self) {
        self.mail_readers.close().await;
        self.body_readers.close().await;
        self.search_mail_readers.close().await;
        self.search_readers.close().await;
        for writer in [&self.mail, &self.body, &self.search, &self.local] {
            writer.stop();
        }
        for task in self.tasks.lock().await.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a writer ended by a panic");
            }
        }
    }

    /// A connection for reading `mail.sqlite`.
    async fn mail_reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let connection = self.mail_readers.acquire().await;
        connection.map_err(|error| self.noted(FileKind::Mail, error.into()))
    }

    async fn body_reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let connection = self.body_readers.acquire().await;
        connection.map_err(|error| self.noted(FileKind::Body, error.into()))
    }

    /// Says which file an error came from, and remembers damage for the next opening.
    fn noted(&self, file: FileKind, error: StoreError) -> StoreError {
        let error = error.in_file(file);
        let damaged = match &error {
            StoreError::Damaged { file, .. } => Some(*file),
            StoreError::LocalDamaged(_) => Some(FileKind::Local),
            _ => None,
        };
        match damaged {
            Some(FileKind::Mail) => suspect(&self.files.mail),
            Some(FileKind::Body) => suspect(&self.files.body),
            Some(FileKind::Search) => suspect(&self.files.search),
            Some(FileKind::Local) => suspect(&self.files.local),
            Some(FileKind::Registry) | None => return error,
        }
        self.damaged.send_replace(damaged);
        error
    }

    /// Runs a job on the writer of a file.
    async fn write<T, F>(&self, file: FileKind, priority: Priority, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Step<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let writer = match file {
            FileKind::Body => &self.body,
            FileKind::Local => &self.local,
            FileKind::Search => &self.search,
            FileKind::Mail | FileKind::Registry => &self.mail,
        };
        let result = writer.run(priority, job).await;
        result.map_err(|error| self.noted(file, error))
    }
}
