//! Why an export did not go through. Everything written so far is kept for the next try.

use std::path::{Path, PathBuf};

use mail_model::remote::SourceError;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The folder holds something that is no unfinished export. Nothing was changed.
    #[error("there is something at {path} already")]
    NotEmpty {
        /// Where.
        path: PathBuf,
    },
    /// The folder holds the unfinished export of another account, or of other options.
    #[error("another export was begun there")]
    OtherExport,
    /// Another run is writing there.
    #[error("an export is being written there just now")]
    InUse,
    /// There is not enough room on the disk.
    #[error("{needed} octets are needed and {free} are free")]
    Space {
        /// Octets still needed.
        needed: u64,
        /// Octets free.
        free: u64,
    },
    /// The caller wanted it to end.
    #[error("the export was stopped")]
    Cancelled,
    /// The server, or the way to it; single messages that fail are in the report instead.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The disk.
    #[error("cannot use {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What was packed is not what comes out again. The plain files are kept.
    #[error("the packed copy is not whole")]
    PackUnsound,
    /// A fault of ours.
    #[error("a part of the export failed")]
    Fault,
}

impl ExportError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether there is no room left on the disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Space { .. } => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }
}

/// Names the path in an error of the system.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T, ExportError>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, ExportError> {
        self.map_err(|error| ExportError::io(path, error))
    }
}
