//! Where the rehearsal remembers things: a folder of small JSON files, or nothing at all.
//!
//! Every file is replaced as a whole (written beside itself, then renamed), so a process that dies in the
//! middle leaves the old file. Nothing is flushed to the disk: after a power cut a rehearsal may start anew,
//! and nobody loses mail of theirs. Files are readable by their owner only, because sessions are in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The file that marks a folder as ours and is locked while a rehearsal uses it.
const LOCK: &str = "rehearsal.lock";

/// A folder in use by this rehearsal, or the promise to remember nothing. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct StateDir {
    open: Option<Arc<Open>>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    /// Held, never read.
    _lock: Lock,
}

/// A folder's lock.
#[derive(Debug)]
struct Lock(File);

/// A program that is just being started has a copy of the open file for a moment, and with it the
/// lock, if closing the file were all that gives it back.
impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be given back here is given back with the last copy.
        self.0.unlock().ok();
    }
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another rehearsal uses this folder right now.
    #[error("another rehearsal is using {path}")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The folder has other things in it and was not made by a rehearsal, so it is not touched.
    #[error("{path} holds other files and was not made by a rehearsal")]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("{path} cannot be read or written")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is there but does not hold what it should.
    #[error("{path} is damaged; reset the rehearsal to start anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        #[source]
        source: serde_json::Error,
    },
}

impl StateDir {
    /// Remembers nothing.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Uses `path` until the last clone is gone, creating the folder where needed.
    ///
    /// # Errors
    /// [`StateDirError::InUse`] while another rehearsal uses it, [`StateDirError::Io`] when the disk refuses.
    pub fn open(path: &Path) -> Result<Self, StateDirError> {
        create_private(path)?;
        let lock = lock(path)?;
        Ok(Self {
            open: Some(Arc::new(Open {
                path: path.to_owned(),
                _lock: lock,
            })),
        })
    }

    /// Forgets everything a rehearsal kept in `path`; the folder itself stays, empty.
    ///
    /// # Errors
    /// [`StateDirError::NotOurs`] when no rehearsal made the folder, else as [`StateDir::open`].
    pub fn reset(path: &Path) -> Result<(), StateDirError> {
        let io = |source| StateDirError::Io {
            path: path.to_owned(),
            source,
        };
        let mut entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(io(source)),
        };
        if entries.next().is_none() {
            return Ok(());
        }
        if !path.join(LOCK).is_file() {
            return Err(StateDirError::NotOurs {
                path: path.to_owned(),
            });
        }
        let held = lock(path)?;
        for entry in fs::read_dir(path).map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.file_name() == LOCK {
                continue;
            }
            let is_dir = entry.file_type().map_err(io)?.is_dir();
            let removed = if is_dir {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed.map_err(io)?;
        }
        fs::remove_file(path.join(LOCK)).map_err(io)?;
        drop(held);
        Ok(())
    }

    /// The folder, for parts that keep larger things than JSON there; `None` when nothing is remembered.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// What was saved under `name`, or `None` when nothing was.
    ///
    /// # Errors
    /// [`StateDirError::Damaged`] when the file does not hold a `T`, [`StateDirError::Io`] when the disk refuses.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateDirError> {
        let Some(open) = &self.open else {
            return Ok(None);
        };
        let path = open.path.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateDirError::Io { path, source }),
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| StateDirError::Damaged { path, source })
    }

    /// Replaces what is saved under `name`. Does nothing when nothing is remembered.
    ///
    /// # Errors
    /// [`StateDirError::Io`] when the disk refuses; what was saved before is then still there.
    pub fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StateDirError> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        let path = open.path.join(name);
        let beside = open.path.join(format!("{name}.new"));
        let bytes = serde_json::to_vec(value).map_err(|source| StateDirError::Damaged {
            path: path.clone(),
            source,
        })?;
        let written = private_file(&beside)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| fs::rename(&beside, &path));
        written.map_err(|source| StateDirError::Io { path, source })
    }
}

fn lock(path: &Path) -> Result<Lock, StateDirError> {
    let file = path.join(LOCK);
    let io = |source| StateDirError::Io {
        path: file.clone(),
        source,
    };
    let lock = private_file(&file).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => Ok(Lock(lock)),
        Err(fs::TryLockError::WouldBlock) => Err(StateDirError::InUse {
            path: path.to_owned(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

fn create_private(path: &Path) -> Result<(), StateDirError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StateDirError::Io {
        path: path.to_owned(),
        source,
    })
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.save("n.json", &7u32).unwrap();
        drop(state);
        assert_eq!(
            StateDir::open(dir.path())
                .unwrap()
                .load::<u32>("n.json")
                .unwrap(),
            Some(7)
        );
    }

    #[test]
    fn a_folder_serves_one_rehearsal_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        assert!(matches!(
            StateDir::open(dir.path()),
            Err(StateDirError::InUse { .. })
        ));
        assert!(matches!(
            StateDir::reset(dir.path()),
            Err(StateDirError::InUse { .. })
        ));
        drop(state);
        StateDir::open(dir.path()).unwrap();
    }

    #[test]
    fn a_copy_that_a_starting_program_has_for_a_moment_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path()).unwrap();
        let _copy = first.0.try_clone().unwrap();
        drop(first);
        lock(dir.path()).unwrap();
    }

    #[test]
    fn reset_empties_our_folder_and_leaves_others_alone() {
        let dir = tempfile::tempdir().unwrap();
        let ours = dir.path().join("ours");
        let state = StateDir::open(&ours).unwrap();
        state.save("n.json", &7u32).unwrap();
        drop(state);
        StateDir::reset(&ours).unwrap();
        assert_eq!(fs::read_dir(&ours).unwrap().count(), 0);

        let other = dir.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("letter.txt"), "dear").unwrap();
        assert!(matches!(
            StateDir::reset(&other),
            Err(StateDirError::NotOurs { .. })
        ));
        assert!(other.join("letter.txt").exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let state = StateDir::open(&path).unwrap();
        state.save("n.json", &7u32).unwrap();
        assert_eq!(
            fs::metadata(path.join("n.json"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_damaged_file_is_told_apart_from_a_missing_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        assert_eq!(state.load::<u32>("n.json").unwrap(), None);
        fs::write(dir.path().join("n.json"), "{").unwrap();
        assert!(matches!(
            state.load::<u32>("n.json"),
            Err(StateDirError::Damaged { .. })
        ));
    }
}
