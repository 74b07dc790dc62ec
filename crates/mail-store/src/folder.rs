//! An account's folder: who owns it, and how it goes.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::crash_points::crash_point;
use crate::error::StoreError;
use crate::file::{create_private, create_private_folder, sync_folder};

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
            Ok(()) => {
                crash_point!("folder.locked");
                Ok(Self { path, file })
            }
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

/// A program that is just being started has a copy of the open file for a moment, and with it the
/// lock, if closing the file were all that gives it back.
impl Drop for FolderLock {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::warn!(%error, "an account's folder could not be given back");
        }
    }
}

/// What was deleted, for the person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// How many files.
    pub files: u64,
    /// Their octets.
    pub octets: u64,
    /// Each of them, by name.
    pub list: Vec<RemovedFile>,
}

/// One file that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemovedFile {
    /// Its name inside the account's folder, with `/` between folders.
    pub name: String,
    /// Its octets.
    pub octets: u64,
}

impl Removed {
    fn add(&mut self, name: String, octets: u64) {
        self.files += 1;
        self.octets += octets;
        self.list.push(RemovedFile { name, octets });
    }
}

/// Moves a closed account's folder to where sealed ones are, as one rename that is on the disk
/// when this returns. After a kill it may be done again: what has moved already stays moved.
///
/// # Errors
/// [`StoreError::InUse`] while it is open, [`StoreError::Occupied`] when something is at the
/// target, [`StoreError::Io`] when there is no such folder or it cannot be moved (it then is
/// where it was).
pub fn seal_account_folder(folder: &Path, sealed: &Path) -> Result<(), StoreError> {
    relocate(folder, sealed)
}

/// Moves a sealed account's folder back; see [`seal_account_folder`].
///
/// # Errors
/// As for [`seal_account_folder`].
pub fn unseal_account_folder(sealed: &Path, folder: &Path) -> Result<(), StoreError> {
    relocate(sealed, folder)
}

fn relocate(from: &Path, to: &Path) -> Result<(), StoreError> {
    if !from.exists() {
        return if has_entries(to)? {
            // Moved by an earlier try that ended before it could say so.
            sync_parents(from, to)
        } else {
            Err(StoreError::io(from, std::io::ErrorKind::NotFound.into()))
        };
    }
    if has_entries(to)? {
        return Err(StoreError::Occupied {
            path: to.to_owned(),
        });
    }
    let lock = FolderLock::take(from)?;
    crash_point!("relocate.locked");
    if let Some(parent) = to.parent() {
        create_private_folder(parent)?;
    }
    if to.exists() {
        std::fs::remove_dir(to).map_err(|error| StoreError::io(to, error))?;
    }
    crash_point!("relocate.ready");
    std::fs::rename(from, to).map_err(|error| StoreError::io(from, error))?;
    crash_point!("relocate.renamed");
    lock.release()?;
    sync_parents(from, to)?;
    crash_point!("relocate.synced");
    Ok(())
}

/// Whether a folder is there and holds anything.
fn has_entries(folder: &Path) -> Result<bool, StoreError> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(folder, error)),
    }
}

/// Makes a rename last through a power cut.
fn sync_parents(from: &Path, to: &Path) -> Result<(), StoreError> {
    for parent in [from.parent(), to.parent()].into_iter().flatten() {
        sync_folder(parent)?;
    }
    Ok(())
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
    crash_point!("remove.locked");
    std::fs::rename(folder, &trash).map_err(|error| StoreError::io(folder, error))?;
    crash_point!("remove.renamed");
    lock.release()?;
    let removed = delete(&trash)?;
    crash_point!("remove.deleted");
    Ok(removed)
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
            for file in delete(&entry.path())?.list {
                removed.add(file.name, file.octets);
            }
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
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, within)) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| StoreError::io(&folder, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| StoreError::io(&folder, error))?;
            // Of the entry itself: a link is counted, what it points to is not ours.
            let metadata = entry
                .metadata()
                .map_err(|error| StoreError::io(&entry.path(), error))?;
            let name = format!("{within}{}", entry.file_name().to_string_lossy());
            if metadata.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else {
                removed.add(name, metadata.len());
            }
        }
    }
    removed.list.sort();
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_a_starting_program_has_for_a_moment_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(matches!(
            FolderLock::take(folder.path()),
            Err(StoreError::InUse)
        ));
        let _copy = first.file.try_clone().unwrap();
        drop(first);
        assert!(FolderLock::take(folder.path()).is_ok());
    }
}
