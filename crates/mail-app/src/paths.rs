//! Where things lie on disk, and the one lock that makes this process their owner.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use mail_model::AccountId;

/// Why the folders cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathsError {
    /// The system names no home folder.
    #[error("this system names no home folder; set BRAID_DATA_DIR and BRAID_CONFIG_DIR")]
    NoHome,
    /// Another Braid works there.
    #[error("another Braid uses {0}")]
    InUse(PathBuf),
    /// A folder cannot be made or opened.
    #[error("{path} cannot be used")]
    Unusable {
        /// Which folder or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Folders of one Braid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    data: PathBuf,
    config: PathBuf,
}

impl Paths {
    /// The folders of the person at the keyboard; `BRAID_DATA_DIR` and `BRAID_CONFIG_DIR` win.
    ///
    /// # Errors
    /// [`PathsError::NoHome`].
    pub fn of_person() -> Result<Self, PathsError> {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let system = ProjectDirs::from("org", "braid-mail", "braid");
        let data = named("BRAID_DATA_DIR")
            .or_else(|| system.as_ref().map(|dirs| dirs.data_dir().to_path_buf()))
            .ok_or(PathsError::NoHome)?;
        let config = named("BRAID_CONFIG_DIR")
            .or_else(|| system.as_ref().map(|dirs| dirs.config_dir().to_path_buf()))
            .ok_or(PathsError::NoHome)?;
        Ok(Self { data, config })
    }

    /// Everything below one folder, for tests and for trying things.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            data: root.join("data"),
            config: root.join("config"),
        }
    }

    /// The folder of all data.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The registry of accounts.
    #[must_use]
    pub fn registry(&self) -> PathBuf {
        self.data.join("registry.sqlite")
    }

    /// The folder that holds the accounts' folders.
    #[must_use]
    pub fn accounts(&self) -> PathBuf {
        self.data.join("accounts")
    }

    /// One account's folder.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> PathBuf {
        self.accounts().join(id.as_str())
    }

    /// One account's sealed session.
    #[must_use]
    pub fn session(&self, id: &AccountId) -> PathBuf {
        self.account(id).join("session.sealed")
    }

    /// There if an account's key never was in a keyring: it ends with the run.
    #[must_use]
    pub fn session_only(&self, id: &AccountId) -> PathBuf {
        self.account(id).join("session-only")
    }

    /// The folder that holds the sealed copies.
    #[must_use]
    pub fn all_sealed(&self) -> PathBuf {
        self.data.join("sealed")
    }

    /// One sealed copy.
    #[must_use]
    pub fn sealed(&self, id: &AccountId) -> PathBuf {
        self.all_sealed().join(id.as_str())
    }

    /// Attachments that were opened, for one run only.
    #[must_use]
    pub fn opened(&self) -> PathBuf {
        self.data.join("opened")
    }

    /// Those of one account, as long as it is open.
    #[must_use]
    pub fn opened_of(&self, id: &AccountId) -> PathBuf {
        self.opened().join(id.as_str())
    }

    /// State of the built-in rehearsal.
    #[must_use]
    pub fn rehearsal(&self) -> PathBuf {
        self.data.join("rehearsal")
    }

    /// What was last seen of the clock.
    #[must_use]
    pub fn clock(&self) -> PathBuf {
        self.data.join("clock.json")
    }

    /// What the window remembers.
    #[must_use]
    pub fn preferences(&self) -> PathBuf {
        self.config.join("preferences.json")
    }

    /// The person's configuration.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("braid.toml")
    }

    /// Makes the folders, for their owner only, and takes the lock.
    ///
    /// # Errors
    /// [`PathsError::InUse`] when another Braid holds it, [`PathsError::Unusable`].
    pub fn lock(&self) -> Result<DataLock, PathsError> {
        for dir in [&self.data, &self.config, &self.accounts()] {
            make_private_folder(dir).map_err(|source| PathsError::Unusable {
                path: dir.clone(),
                source,
            })?;
        }
        let path = self.data.join("lock");
        let unusable = |source| PathsError::Unusable {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(DataLock { file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(PathsError::InUse(self.data.clone())),
            Err(std::fs::TryLockError::Error(source)) => Err(unusable(source)),
        }
    }
}

/// Makes a folder, and those above it, for their owner only.
///
/// # Errors
/// What the system says.
pub(crate) fn make_private_folder(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

/// Makes a folder for its owner only, below one that is there; if it was not there it is on the
/// disk when this returns, and so is what is written into it atomically later.
///
/// # Errors
/// What the system says.
pub(crate) fn make_lasting_folder(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    make_private_folder(dir)?;
    match dir.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Held as long as this process owns the data folder. The system lets go of it when the
/// process ends, however it ends, so a stale lock cannot exist.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

impl DataLock {
    /// Gives the folder back, although something of the app may still be held, and although a
    /// program that is just being started has a copy of the open file for a moment.
    pub(crate) fn release(&self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the data folder could not be given back");
        }
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        self.release();
    }
}

/// Writes a small file so that it is either the old one or the new one, for its owner only.
///
/// # Errors
/// What the system says.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;

    let draft = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::below(root.path());
        let first = paths.lock().unwrap();
        assert!(matches!(paths.lock(), Err(PathsError::InUse(_))));
        drop(first);
        assert!(paths.lock().is_ok());
    }

    #[test]
    fn a_copy_that_a_starting_program_has_for_a_moment_keeps_nobody_out() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::below(root.path());
        let first = paths.lock().unwrap();
        let _copy = first.file.try_clone().unwrap();
        drop(first);
        assert!(paths.lock().is_ok());
    }

    #[test]
    fn folders_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;

        let root = tempfile::tempdir().unwrap();
        let paths = Paths::below(root.path());
        let _lock = paths.lock().unwrap();
        let mode = std::fs::metadata(paths.data())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
