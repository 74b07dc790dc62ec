//! The one writer of a file: a task that owns the only writing connection and runs jobs one
//! after the other, the person's ahead of synchronisation's.
//!
//! A connection of its own for each writer would leave the order to SQLite's busy handler, under
//! which a person's click waits behind a whole synchronisation.
//!
//! A connection on which the disk failed is not used again: it may still think itself inside a
//! transaction that SQLite has rolled back, or hold pages of which nobody knows whether they
//! reached the disk. The next job gets a new one, after a failed read or write only when the
//! whole file has been read and is sound. So the store goes on by itself when the disk does.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use crate::crash_points::crash_point;
use crate::error::{Aftermath, FileKind, StoreError};
use crate::file::SqliteFile;
use crate::folder::FolderLock;
use crate::open::suspect;

/// Who waits for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// The person: next in line.
    Person,
    /// Synchronisation and upkeep: whenever the person wants nothing.
    Synchronisation,
}

pub(crate) type Step<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

type Job = Box<
    dyn for<'c> FnOnce(Result<&'c mut SqliteConnection, StoreError>) -> Step<'c, Aftermath> + Send,
>;

/// A handle to a file's writer; clones share the task.
#[derive(Clone)]
pub(crate) struct Writer {
    file: FileKind,
    person: mpsc::Sender<Job>,
    synchronisation: mpsc::Sender<Job>,
    stop: watch::Sender<bool>,
}

impl Writer {
    /// Starts the task. It ends after [`Writer::stop`], or when every handle is gone, and closes
    /// the connection.
    pub(crate) fn start(
        file: SqliteFile,
        connection: SqliteConnection,
        lock: Option<Arc<FolderLock>>,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (person, person_jobs) = mpsc::channel(64);
        let (synchronisation, synchronisation_jobs) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let queues = Queues {
            person: person_jobs,
            synchronisation: synchronisation_jobs,
        };
        let kind = file.kind();
        let line = Line {
            file,
            connection: Some(connection),
            verify: false,
            fold_at: JOURNAL,
        };
        let task = tokio::spawn(async move {
            run(line, queues, stopped).await;
            // Held until here: nobody else may open the folder while a write is under way.
            drop(lock);
        });
        let writer = Self {
            file: kind,
            person,
            synchronisation,
            stop,
        };
        (writer, task)
    }

    /// Takes no more jobs; what is queued still runs.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Jobs of the person's that have not begun.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.person.max_capacity() - self.person.capacity()
    }

    /// Runs a job on the writing connection and waits for its result.
    ///
    /// # Errors
    /// Those of the job; [`StoreError::Closed`] after [`Self::stop`]; those of opening the file
    /// anew after the disk failed, until it does not any more.
    ///
    /// # Cancellation
    /// Once queued the job runs to its end, whether or not anyone waits for it.
    pub(crate) async fn run<T, F>(&self, priority: Priority, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Step<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let (answer, result) = oneshot::channel();
        let boxed: Job = Box::new(move |connection| {
            Box::pin(async move {
                let outcome = match connection {
                    Ok(connection) => job(connection).await,
                    Err(error) => Err(error),
                };
                let aftermath = outcome
                    .as_ref()
                    .err()
                    .map_or(Aftermath::Usable, StoreError::aftermath);
                if answer.send(outcome).is_err() {
                    tracing::debug!("nobody waited for a finished write");
                }
                aftermath
            })
        });
        let queue = match priority {
            Priority::Person => &self.person,
            Priority::Synchronisation => &self.synchronisation,
        };
        queue.send(boxed).await.map_err(|_| StoreError::Closed)?;
        result
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(|error| error.in_file(self.file))
    }
}

struct Queues {
    person: mpsc::Receiver<Job>,
    synchronisation: mpsc::Receiver<Job>,
}

impl Queues {
    async fn next(&mut self) -> Option<Job> {
        tokio::select! {
            biased;
            Some(job) = self.person.recv() => Some(job),
            Some(job) = self.synchronisation.recv() => Some(job),
            else => None,
        }
    }
}

/// Octets of journal after which the writer does not wait for the readers to pause by themselves.
const JOURNAL: u64 = 16 << 20;

/// The file and its connection, if it can be relied on.
struct Line {
    file: SqliteFile,
    connection: Option<SqliteConnection>,
    /// Whether the file is read whole before it is written again.
    verify: bool,
    /// Octets of journal at which it is folded in next.
    fold_at: u64,
}

impl Line {
    /// The connection; a new one if the last cannot be relied on.
    async fn ready(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.renew().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn renew(&mut self) -> Result<SqliteConnection, StoreError> {
        let file = self.file.kind();
        let connection = self.file.reopen().await?;
        if self.verify {
            if !self.file.is_sound().await? {
                suspect(&self.file);
                return Err(StoreError::damage_found(file));
            }
            self.verify = false;
        }
        tracing::info!(%file, "the file is written again after the disk failed");
        Ok(connection)
    }

    /// Runs a job and lets go of the connection if the disk failed under it.
    async fn run(&mut self, job: Job) {
        let aftermath = job(self.ready().await).await;
        if aftermath == Aftermath::Usable {
            self.fold_journal().await;
            return;
        }
        self.verify |= aftermath == Aftermath::Unverified;
        self.close().await;
    }

    /// Folds a long journal into the file. SQLite does that by itself, but never starts the journal
    /// anew while there is always some reader, and then it grows without end. New readers do not
    /// wait for this, and writers only until the readers of the moment have ended.
    async fn fold_journal(&mut self) {
        let size = self.file.journal_size();
        let Some(connection) = self.connection.as_mut().filter(|_| size >= self.fold_at) else {
            return;
        };
        let folded = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(connection)
            .await;
        if let Err(error) = folded {
            tracing::warn!(file = %self.file.kind(), %error, "the journal could not be folded in");
        }
        // A reader that does not end must not make every write wait.
        self.fold_at = self.file.journal_size() + JOURNAL;
    }

    async fn close(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if let Err(error) = connection.close().await {
            let file = self.file.kind();
            tracing::warn!(%file, %error, "the file was not closed cleanly");
        }
    }
}

async fn run(mut line: Line, mut queues: Queues, mut stopped: watch::Receiver<bool>) {
    let mut stopping = false;
    loop {
        let job = tokio::select! {
            biased;
            job = queues.next() => job,
            // An error means that every handle is gone; the queues tell the same.
            Ok(()) = stopped.changed(), if !stopping => {
                stopping = true;
                queues.person.close();
                queues.synchronisation.close();
                continue;
            }
        };
        match job {
            Some(job) => line.run(job).await,
            None => break,
        }
    }
    line.close().await;
    crash_point!("writer.closed");
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn the_person_goes_ahead_of_what_waits_already() {
        let connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(FileKind::Mail, folder.path(), None);
        let (writer, task) = Writer::start(file, connection, None);
        let order = Arc::new(Mutex::new(Vec::new()));
        let (release, released) = oneshot::channel::<()>();
        let (started, has_started) = oneshot::channel::<()>();
        let first = tokio::spawn({
            let writer = writer.clone();
            async move {
                writer
                    .run(Priority::Synchronisation, move |_| {
                        Box::pin(async move {
                            started.send(()).unwrap();
                            released.await.unwrap();
                            Ok(())
                        })
                    })
                    .await
            }
        });
        has_started.await.unwrap();
        let mut waiting = Vec::new();
        for (name, priority) in [
            ("batch 1", Priority::Synchronisation),
            ("batch 2", Priority::Synchronisation),
            ("star", Priority::Person),
        ] {
            let (writer, order) = (writer.clone(), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let job = writer.run(priority, move |_| {
                    Box::pin(async move {
                        order.lock().unwrap().push(name);
                        Ok(())
                    })
                });
                job.await
            }));
        }
        while writer.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        for job in waiting {
            job.await.unwrap().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["star", "batch 1", "batch 2"]);
        writer.stop();
        task.await.unwrap();
        let late = writer
            .run(Priority::Person, |_| Box::pin(async { Ok(()) }))
            .await;
        assert!(matches!(late, Err(StoreError::Closed)));
    }
}
