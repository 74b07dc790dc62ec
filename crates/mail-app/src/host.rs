//! What the app asks of whatever it runs in: a window, a terminal, a test.
//!
//! Deliberately small. Nothing of the page's world crosses it except the two names a person
//! has to see (an address to open, a file name to save under).

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use url::Url;

/// Why the host could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// There is no program for it, or it did not start.
    #[error("the system could not open it")]
    CannotOpen(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

/// The world around the app.
#[async_trait]
pub trait Host: Send + Sync {
    /// Opens an address in the person's browser.
    ///
    /// # Errors
    /// [`HostError::CannotOpen`].
    async fn open_url(&self, url: &Url) -> Result<(), HostError>;

    /// Opens a file with the system's program for it.
    ///
    /// # Errors
    /// [`HostError::CannotOpen`].
    async fn open_file(&self, path: &Path) -> Result<(), HostError>;

    /// Asks the person where to save a file; `None` when they changed their mind.
    ///
    /// # Errors
    /// [`HostError::CannotOpen`] when the question cannot be asked.
    async fn ask_save_path(&self, suggested_name: &str) -> Result<Option<PathBuf>, HostError>;

    /// Asks the person for a picture to use, of those kinds (file name endings without a dot);
    /// `None` when they changed their mind.
    ///
    /// # Errors
    /// [`HostError::CannotOpen`] when the question cannot be asked.
    async fn ask_open_path(&self, endings: &[&str]) -> Result<Option<PathBuf>, HostError>;

    /// Where mail frames are served, without a trailing slash: `mail://localhost` in the
    /// window, a loopback address in the test bridge.
    fn frame_origin(&self) -> &str;

    /// The origins that may hold a mail frame, for `frame-ancestors`.
    fn page_origins(&self) -> &str;
}
