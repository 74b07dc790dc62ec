//! An account's folder: who owns it, and how it goes.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::file::{create_private, create_private_folder};

const LOCK: &str = ".lock";
const TRASH: &str = ".trash-";

/// Held by the one process that has the folder open. The system gives it back when the process
/// ends, however it ends.
pub(crate) struct FolderLock {
    path: PathBuf,
    file: File,
}

impl FolderLock {
    /// Makes the folder if need be and takes it.
    pub(crate) fn take(folder: &Path) -> Result<Self, StoreError> {
        create_private_folder(folder)?;
        let path = folder.join(LOCK);
        create_private(&path)?;
        let file = File::options()
            .write(true)
            .open(&path)
            .map_err(|error| StoreError::io(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(StoreError::io(&path, error)),
        }
    }

    pub(crate) fn release(&self) -> Result<(), StoreError> {
        self.file
            .unlock()
            .map_err(|error| StoreError::io(&self.path, error))
    }
}

/// What was deleted, for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Files.
    pub files: u64,
    /// Their octets.
    pub octets: u64,
}

/// Deletes an account's folder: puts it out of sight in one step, deletes it, and looks whether it
/// is gone. What a crash leaves is taken by [`sweep_trash`].
///
/// # Errors
/// [`StoreError::InUse`] while it is open, [`StoreError::Io`] when something could not be deleted.
pub fn remove_account_folder(folder: &Path) -> Result<Removed, StoreError> {
    if !folder.exists() {
        return Ok(Removed::default());
    }
    let lock = FolderLock::take(folder)?;
    let trash = trash_path(folder);
    std::fs::rename(folder, &trash).map_err(|error| StoreError::io(folder, error))?;
    lock.release()?;
    delete(&trash)
}

/// Deletes what removals left behind in the folder of all accounts. Called once at start.
///
/// # Errors
/// [`StoreError::Io`] when something could not be deleted.
pub fn sweep_trash(accounts: &Path) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    if !accounts.exists() {
        return Ok(removed);
    }
    let entries = std::fs::read_dir(accounts).map_err(|error| StoreError::io(accounts, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io(accounts, error))?;
        if entry.file_name().to_string_lossy().starts_with(TRASH) {
            let gone = delete(&entry.path())?;
            removed.files += gone.files;
            removed.octets += gone.octets;
        }
    }
    Ok(removed)
}

fn trash_path(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let free = (0_u32..)
        .map(|n| match n {
            0 => format!("{TRASH}{name}"),
            n => format!("{TRASH}{name}-{n}"),
        })
        .map(|trash| folder.with_file_name(trash))
        .find(|trash| !trash.exists());
    free.unwrap_or_else(|| folder.with_file_name(format!("{TRASH}{name}")))
}

fn delete(folder: &Path) -> Result<Removed, StoreError> {
    let removed = count(folder)?;
    std::fs::remove_dir_all(folder).map_err(|error| StoreError::io(folder, error))?;
    if folder.exists() {
        return Err(StoreError::io(
            folder,
            std::io::ErrorKind::DirectoryNotEmpty.into(),
        ));
    }
    Ok(removed)
}

fn count(folder: &Path) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| StoreError::io(&folder, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| StoreError::io(&folder, error))?;
            // Of the entry itself: a link is counted, what it points to is not ours.
            let metadata = entry
                .metadata()
                .map_err(|error| StoreError::io(&entry.path(), error))?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                removed.files += 1;
                removed.octets += metadata.len();
            }
        }
    }
    Ok(removed)
}
