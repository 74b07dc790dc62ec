//! Opening an account's folder: whose key it is, what is damaged, what a kill left half done.

use std::path::{Path, PathBuf};

use crate::error::{FileKind, StoreError};
use crate::file::{SqliteFile, create_private, suffixed};
use crate::key::StoreKey;

/// How an account's files are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreOptions {
    unencrypted: bool,
}

impl StoreOptions {
    /// Leaves the files readable to anyone: only for measuring what encryption costs.
    #[doc(hidden)]
    #[must_use]
    pub const fn unencrypted_for_measuring() -> Self {
        Self { unencrypted: true }
    }
}

/// A damaged file that was moved away; a new one took its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Which file.
    pub file: FileKind,
    /// Where it is now. Nothing deletes it but the person.
    pub path: PathBuf,
}

/// What opening had to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// Damaged files that were replaced by empty ones, to be filled again from the server.
    pub set_aside: Vec<SetAside>,
    /// Intents whose effect a kill had kept from showing.
    pub intents_applied: usize,
}

/// The files of one account.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) mail: SqliteFile,
    pub(crate) body: SqliteFile,
    pub(crate) search: SqliteFile,
    pub(crate) local: SqliteFile,
}

impl Files {
    pub(crate) fn new(folder: &Path, key: &StoreKey, options: StoreOptions) -> Self {
        let file = |kind| {
            let key = (!options.unencrypted).then(|| key.clone());
            SqliteFile::new(kind, folder, key)
        };
        Self {
            mail: file(FileKind::Mail),
            body: file(FileKind::Body),
            search: file(FileKind::Search),
            local: file(FileKind::Local),
        }
    }

    fn all(&self) -> [&SqliteFile; 4] {
        [&self.mail, &self.body, &self.search, &self.local]
    }

    /// Moves a damaged file away, unless it is one that cannot be filled again.
    pub(crate) fn put_aside(&self, file: FileKind) -> Result<Option<SetAside>, StoreError> {
        match file {
            FileKind::Mail => put_aside(&self.mail).map(Some),
            FileKind::Body => put_aside(&self.body).map(Some),
            FileKind::Search => put_aside(&self.search).map(Some),
            FileKind::Local | FileKind::Registry => Ok(None),
        }
    }

    /// Checks the key and moves damaged files away.
    ///
    /// A wrong key and a damaged first page look alike to SQLCipher. The key is right if it opens
    /// any of the files; if it opens none, nothing is touched.
    pub(crate) async fn examine(&self) -> Result<Vec<SetAside>, StoreError> {
        let mut opened = false;
        let mut damaged = Vec::new();
        for file in self.all() {
            if !file.has_content() {
                continue;
            }
            match file.probe().await {
                Ok(()) => opened = true,
                Err(StoreError::Damaged { source, .. }) => damaged.push((file, source)),
                Err(error) => return Err(error),
            }
        }
        if !opened && !damaged.is_empty() {
            return Err(StoreError::WrongKey);
        }
        let mut set_aside = Vec::new();
        for (file, source) in damaged {
            if file.kind() == FileKind::Local {
                return Err(StoreError::LocalDamaged(Some(source)));
            }
            set_aside.push(put_aside(file)?);
        }
        for file in [&self.mail, &self.body, &self.search] {
            if let Some(found) = examine_suspect(file).await? {
                set_aside.push(found);
            }
        }
        Ok(set_aside)
    }
}

/// Moves one damaged file away.
fn put_aside(file: &SqliteFile) -> Result<SetAside, StoreError> {
    let path = file.set_aside()?;
    tracing::warn!(file = %file.kind(), "a damaged file was set aside");
    Ok(SetAside {
        file: file.kind(),
        path,
    })
}

fn suspicion(file: &SqliteFile) -> PathBuf {
    suffixed(file.path(), ".suspect")
}

/// Notes that a file was found damaged in use, so that the next opening examines it.
pub(crate) fn suspect(file: &SqliteFile) {
    if let Err(error) = create_private(&suspicion(file)) {
        tracing::warn!(file = %file.kind(), %error, "the damage could not be noted");
    }
}

async fn examine_suspect(file: &SqliteFile) -> Result<Option<SetAside>, StoreError> {
    let note = suspicion(file);
    if !note.exists() {
        return Ok(None);
    }
    let found = if file.has_content() && !file.is_sound().await? {
        Some(put_aside(file)?)
    } else {
        None
    };
    std::fs::remove_file(&note).map_err(|error| StoreError::io(&note, error))?;
    Ok(found)
}
