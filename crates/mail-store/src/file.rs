//! Opening one SQLite file: modes, key, settings, schema.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool};

use tokio::sync::OnceCell;

use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError};
use crate::key::StoreKey;

static MAIL: Migrator = sqlx::migrate!("migrations/mail");
static BODY: Migrator = sqlx::migrate!("migrations/body");
static SEARCH: Migrator = sqlx::migrate!("migrations/search");
static LOCAL: Migrator = sqlx::migrate!("migrations/local");
static REGISTRY: Migrator = sqlx::migrate!("migrations/registry");

/// What holds for the whole process: page caches together stay below 64 MiB, and SQLCipher does
/// not write to standard error, because what it says comes back as an error, too.
const PROCESS: &str = "PRAGMA soft_heap_limit = 67108864; PRAGMA cipher_log_level = NONE;";

/// Settles it, once, before the first file is opened.
pub(crate) async fn settle_process() -> Result<(), StoreError> {
    static SETTLED: OnceCell<()> = OnceCell::const_new();
    let settled = SETTLED.get_or_try_init(async || {
        // Without this, OpenSSL tears itself down when the process ends, under the connections'
        // threads that still use it, and the process ends in a crash.
        #[cfg(not(any(target_os = "macos", windows)))]
        openssl_sys::init();
        let mut connection = SqliteConnectOptions::new()
            .in_memory(true)
            .connect()
            .await?;
        sqlx::raw_sql(PROCESS).execute(&mut connection).await?;
        connection.close().await?;
        // After the first connection, because SQLCipher asks for its own call then.
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        crate::process_end::skip_teardown();
        Ok::<(), sqlx::Error>(())
    });
    settled.await?;
    Ok(())
}

const fn migrator(file: FileKind) -> &'static Migrator {
    match file {
        FileKind::Mail => &MAIL,
        FileKind::Body => &BODY,
        FileKind::Search => &SEARCH,
        FileKind::Local => &LOCAL,
        FileKind::Registry => &REGISTRY,
    }
}

/// One file, closed: where it is and how it is opened.
#[derive(Clone)]
pub(crate) struct SqliteFile {
    kind: FileKind,
    path: PathBuf,
    key: Option<StoreKey>,
}

impl SqliteFile {
    pub(crate) fn new(kind: FileKind, folder: &Path, key: Option<StoreKey>) -> Self {
        Self {
            kind,
            path: folder.join(kind.file_name()),
            key,
        }
    }

    pub(crate) const fn kind(&self) -> FileKind {
        self.kind
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the same kind and key, with something behind its name.
    pub(crate) fn beside(&self, suffix: &str) -> Self {
        Self {
            path: suffixed(&self.path, suffix),
            ..self.clone()
        }
    }

    /// Deletes the file and its journals, if they are there.
    pub(crate) fn remove(&self) -> Result<(), StoreError> {
        for suffix in ["-wal", "-shm", "-journal", ""] {
            remove_if_there(&suffixed(&self.path, suffix))?;
        }
        Ok(())
    }

    /// Whether the file is there and has content.
    pub(crate) fn has_content(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|file| file.len() > 0)
    }

    fn options(&self) -> SqliteConnectOptions {
        let mut options = SqliteConnectOptions::new().filename(&self.path);
        if let Some(key) = &self.key {
            options = options.pragma("key", key.pragma().to_string());
        }
        let synchronous = match self.kind {
            FileKind::Local | FileKind::Registry => SqliteSynchronous::Full,
            FileKind::Mail | FileKind::Body | FileKind::Search => SqliteSynchronous::Normal,
        };
        options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(Duration::from_secs(5))
            .row_buffer_size(128)
            .pragma("cache_size", "-8192")
            .pragma("temp_store", "MEMORY")
            .pragma("mmap_size", "0")
            .pragma("wal_autocheckpoint", "1000")
            .pragma("journal_size_limit", "67108864")
            .disable_statement_logging()
    }

    /// Whether the key opens what is there. Reads only.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it does not: a wrong key and a damaged first page look alike.
    /// [`StoreError::NewerSchema`] when a newer release wrote it.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        match self.read_schema().await {
            Ok(Some(version)) if !migrator(self.kind).version_exists(version) => {
                Err(StoreError::NewerSchema { file: self.kind })
            }
            Ok(_) => Ok(()),
            Err(error) => Err(match StoreError::from(error) {
                StoreError::Database(source) if crate::error::is_damage(&source) => {
                    StoreError::Damaged {
                        file: self.kind,
                        source,
                    }
                }
                other => other,
            }),
        }
    }

    /// The newest step of the schema that was taken; none in an empty file.
    async fn read_schema(&self) -> Result<Option<i64>, sqlx::Error> {
        let mut connection = self.connect_to_look().await?;
        let read = async {
            let noted = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
            let noted: i64 = sqlx::query_scalar(noted).fetch_one(&mut connection).await?;
            if noted == 0 {
                return Ok(None);
            }
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
                .fetch_one(&mut connection)
                .await
        };
        let read = read.await;
        // Closed before the file can be moved, whatever was read: closing deletes journals.
        let closed = connection.close().await;
        let version = read?;
        closed?;
        Ok(version)
    }

    /// A connection that changes nothing: it asks for no journal mode, because that could write to
    /// a file the key does not belong to, and does not fold in the journal that is there, because
    /// that could be another file's.
    pub(crate) async fn connect_to_look(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut options = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(self.journal_size() > 0);
        if let Some(key) = &self.key {
            options = options.pragma("key", key.pragma().to_string());
        }
        options.disable_statement_logging().connect().await
    }

    /// Reads the whole file and checks it: SQLite's structure and, where encrypted, every page's
    /// authentication code.
    pub(crate) async fn is_sound(&self) -> Result<bool, StoreError> {
        match self.check().await {
            Ok(sound) => Ok(sound),
            Err(error) if crate::error::is_damage(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn check(&self) -> Result<bool, sqlx::Error> {
        let mut connection = self.options().pragma("query_only", "ON").connect().await?;
        let mut findings: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_all(&mut connection)
            .await?;
        findings.retain(|finding| finding != "ok");
        if self.key.is_some() {
            let pages: Vec<String> = sqlx::query_scalar("PRAGMA cipher_integrity_check")
                .fetch_all(&mut connection)
                .await?;
            findings.extend(pages);
        }
        connection.close().await?;
        Ok(findings.is_empty())
    }

    /// A connection that cannot write.
    pub(crate) async fn open_for_reading(&self) -> Result<SqliteConnection, StoreError> {
        Ok(self.options().pragma("query_only", "ON").connect().await?)
    }

    /// Opens the writing connection: creates the file if need be and brings its schema up to date.
    pub(crate) async fn open_writer(&self) -> Result<SqliteConnection, StoreError> {
        let mut connection = self.open_unmigrated().await?;
        crash_point!("migration.begin");
        // The steps one by one, each a transaction with the note that it was taken; what is left
        // of them when the process ends is taken at the next opening.
        let migrator = migrator(self.kind);
        for step in migrator.iter() {
            migrator
                .run_to(step.version, &mut connection)
                .await
                .map_err(|error| StoreError::migration(self.kind, error))?;
            crash_point!("migration.step");
        }
        crash_point!("migration.end");
        Ok(connection)
    }

    /// The writing connection again, to a file that is there and whose schema is up to date.
    pub(crate) async fn reopen(&self) -> Result<SqliteConnection, StoreError> {
        let mut options = self.options();
        // Statistics pay where there are many rows. Elsewhere a file is better off without: if
        // their page is damaged, nothing of the file can be read.
        if !matches!(self.kind, FileKind::Local | FileKind::Registry) {
            options = options.optimize_on_close(true, 400);
        }
        if self.kind == FileKind::Body && !self.has_content() {
            // Only a new file can: what bodies that are dropped leave free goes back to the disk.
            options = options.auto_vacuum(SqliteAutoVacuum::Incremental);
        }
        options
            .connect()
            .await
            .map_err(|error| StoreError::from(error).in_file(self.kind))
    }

    /// The writing connection to the schema as it is.
    pub(crate) async fn open_unmigrated(&self) -> Result<SqliteConnection, StoreError> {
        create_private(&self.path)?;
        crash_point!("file.created");
        self.reopen().await
    }

    /// Readers that cannot write, opened when first needed.
    pub(crate) fn readers(&self, count: u32) -> SqlitePool {
        self.readers_until(count, Duration::from_secs(60))
    }

    /// The same, closed when nobody has used them for that long.
    fn readers_until(&self, count: u32, idle: Duration) -> SqlitePool {
        SqlitePoolOptions::new()
            .min_connections(0)
            .max_connections(count)
            .idle_timeout(idle)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(self.options().pragma("query_only", "ON"))
    }

    /// Moves the file and its journal beside itself, so that a new one can be made.
    pub(crate) fn set_aside(&self) -> Result<PathBuf, StoreError> {
        let free = (1_u32..)
            .map(|n| suffixed(&self.path, &format!(".damaged-{n}")))
            .find(|path| !path.exists())
            .unwrap_or_else(|| suffixed(&self.path, ".damaged"));
        for suffix in ["-wal", "-shm", ""] {
            let from = suffixed(&self.path, suffix);
            // Journals come and go with connections that are still closing.
            match std::fs::rename(&from, suffixed(&free, suffix)) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io(&from, error)),
            }
            match suffix {
                "-wal" => crash_point!("aside.wal"),
                "-shm" => crash_point!("aside.shm"),
                _ => crash_point!("aside.file"),
            }
        }
        Ok(free)
    }

    /// Octets of its journal.
    pub(crate) fn journal_size(&self) -> u64 {
        std::fs::metadata(suffixed(&self.path, "-wal")).map_or(0, |journal| journal.len())
    }

    /// Octets of the file and its journal.
    pub(crate) fn size(&self) -> u64 {
        ["", "-wal"]
            .iter()
            .filter_map(|suffix| std::fs::metadata(suffixed(&self.path, suffix)).ok())
            .map(|file| file.len())
            .sum()
    }
}

/// The path with something behind its last part.
pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Deletes a file, if it is there.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io(path, error))
        }
        _ => Ok(()),
    }
}

/// Copies a file; nobody but the person can read the copy.
pub(crate) fn copy_private(from: &Path, to: &Path) -> Result<(), StoreError> {
    create_private(to)?;
    std::fs::copy(from, to).map_err(|error| StoreError::io(from, error))?;
    restrict(to, 0o600)
}

/// Makes a file's content last through a power cut.
pub(crate) fn sync_file(path: &Path) -> Result<(), StoreError> {
    std::fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| StoreError::io(path, error))
}

/// Makes the names in a folder last through a power cut.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    sync_file(folder)
}

/// Other systems write renames through by themselves and do not open folders.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Makes a folder that only the person can enter, whatever the umask.
pub(crate) fn create_private_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    // Those above it, too, where they are not there yet.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| StoreError::io(folder, error))?;
    restrict(folder, 0o700)
}

/// Makes an empty file that only the person can read, whatever the umask. SQLite gives its
/// journal the same mode.
pub(crate) fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|error| StoreError::io(path, error))?;
    restrict(path, 0o600)
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).map_err(|error| StoreError::io(path, error))
}

/// The profile folder of other systems is the person's own already.
#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(test)]
mod tests;
