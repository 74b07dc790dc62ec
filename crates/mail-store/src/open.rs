//! Opening an account's folder: whose key it is, what is damaged, what a kill left half done.

mod rows;
mod salvage;

use std::path::{Path, PathBuf};

use crate::crash_points::crash_point;
use crate::error::{FileKind, StoreError};
use crate::file::{SqliteFile, create_private, remove_if_there, suffixed};
use crate::key::StoreKey;

pub use salvage::Salvaged;

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

/// A damaged file that was moved away; a new one took its place. That of `local.sqlite` holds what
/// could be saved, the others are filled from the server.
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
    /// Damaged files that were replaced.
    pub set_aside: Vec<SetAside>,
    /// What was saved of `local.sqlite`, if it was damaged or gone.
    pub salvaged: Option<Salvaged>,
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

    /// Replaces a file that was met damaged. Each is replaced once in an opening: a new one that
    /// is damaged is the disk's fault.
    ///
    /// # Errors
    /// The one that was met, if it has been replaced already or is not about damage.
    pub(crate) async fn replace(
        &self,
        met: StoreError,
        report: &mut OpenReport,
    ) -> Result<(), StoreError> {
        let file = match &met {
            StoreError::Damaged { file, .. } => *file,
            StoreError::LocalDamaged(_) => FileKind::Local,
            _ => return Err(met),
        };
        let again = report.set_aside.iter().any(|aside| aside.file == file);
        let cache = self.caches().into_iter().find(|cache| cache.kind() == file);
        match (again, cache) {
            (false, Some(cache)) => report.set_aside.push(put_aside(cache)?),
            // SQLCipher's word for damage is also that for want of memory.
            (false, None) if file == FileKind::Local && !self.local.is_sound().await? => {
                self.salvage_into(report).await?;
            }
            _ => return Err(met),
        }
        Ok(())
    }

    const fn caches(&self) -> [&SqliteFile; 3] {
        [&self.mail, &self.body, &self.search]
    }

    async fn salvage_into(&self, report: &mut OpenReport) -> Result<(), StoreError> {
        let (aside, salvaged) = self.salvage().await?;
        report.set_aside.extend(aside);
        report.salvaged = Some(salvaged);
        Ok(())
    }

    /// Checks the key and replaces damaged files.
    ///
    /// A wrong key and a damaged first page look alike to SQLCipher. The key is right if it opens
    /// any of the files; if it opens none, nothing is touched.
    pub(crate) async fn examine(&self) -> Result<OpenReport, StoreError> {
        let mut opened = false;
        let mut damaged = Vec::new();
        for file in self.all() {
            if !file.has_content() {
                continue;
            }
            match file.probe().await {
                Ok(()) => opened = true,
                Err(StoreError::Damaged { .. }) => damaged.push(file),
                Err(error) => return Err(error),
            }
        }
        if !opened && !damaged.is_empty() {
            return Err(StoreError::WrongKey);
        }
        self.settle_salvage()?;
        let mut report = OpenReport::default();
        // First what exists only here: it is saved with the help of the mail file.
        let unreadable = damaged.iter().any(|file| file.kind() == FileKind::Local);
        let lost = unreadable || is_unsound(&self.local).await?;
        if lost || damaged_means_yes(self.local_is_behind().await)? {
            self.salvage_into(&mut report).await?;
        }
        settle_suspicion(&self.local)?;
        for file in self.caches() {
            let unreadable = damaged.iter().any(|damaged| damaged.kind() == file.kind());
            if unreadable || is_unsound(file).await? {
                report.set_aside.push(put_aside(file)?);
            }
            settle_suspicion(file)?;
        }
        Ok(report)
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
    crash_point!("suspect.noted");
}

fn damaged_means_yes(answer: Result<bool, StoreError>) -> Result<bool, StoreError> {
    match answer {
        Err(StoreError::LocalDamaged(_)) => Ok(true),
        answer => answer,
    }
}

/// Whether a file that is suspected is damaged.
async fn is_unsound(file: &SqliteFile) -> Result<bool, StoreError> {
    Ok(suspicion(file).exists() && file.has_content() && !file.is_sound().await?)
}

fn settle_suspicion(file: &SqliteFile) -> Result<(), StoreError> {
    let note = suspicion(file);
    if note.exists() {
        remove_if_there(&note)?;
        crash_point!("suspect.settled");
    }
    Ok(())
}
