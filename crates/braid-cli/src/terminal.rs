//! A terminal as the app's host.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use mail_app::{Host, HostError};
use tokio::process::Command;
use url::Url;

/// Opens addresses with the system's opener, and says them as well: on a machine without a
/// browser a person can carry them to one.
pub(crate) struct Terminal;

async fn open(what: &str) -> Result<(), HostError> {
    let status = Command::new("xdg-open")
        .arg(what)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .map_err(|error| HostError::CannotOpen(Some(Box::new(error))))?;
    if status.success() {
        Ok(())
    } else {
        Err(HostError::CannotOpen(None))
    }
}

#[mail_app::async_trait]
impl Host for Terminal {
    async fn open_url(&self, url: &Url) -> Result<(), HostError> {
        crate::output::Output::new(false).note(&format!("Sign in here: {url}"));
        // Without an opener the address above is enough.
        if let Err(error) = open(url.as_str()).await {
            tracing::debug!(%error, "no browser");
        }
        Ok(())
    }

    async fn open_file(&self, path: &Path) -> Result<(), HostError> {
        open(&path.to_string_lossy()).await
    }

    async fn ask_save_path(&self, suggested_name: &str) -> Result<Option<PathBuf>, HostError> {
        Ok(Some(PathBuf::from(suggested_name)))
    }

    async fn ask_open_path(&self, _: &[&str]) -> Result<Option<PathBuf>, HostError> {
        Ok(None)
    }

    fn frame_origin(&self) -> &str {
        "mail://localhost"
    }

    fn page_origins(&self) -> &str {
        "tauri://localhost"
    }
}
