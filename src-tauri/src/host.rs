//! The desktop as the app's host: browser, file programs, the save dialog.

use std::path::{Path, PathBuf};

use mail_app::{Host, HostError};
use tauri::AppHandle;
use tauri_plugin_dialog::DialogExt as _;
use tauri_plugin_opener::OpenerExt as _;
use tokio::sync::{oneshot, watch};
use url::Url;

/// The person's desktop. It is there before the window system is; who wants something of it
/// waits for that.
#[derive(Clone)]
pub(crate) struct Desktop {
    window_system: watch::Receiver<Option<AppHandle>>,
}

impl Desktop {
    pub(crate) const fn new(window_system: watch::Receiver<Option<AppHandle>>) -> Self {
        Self { window_system }
    }

    /// The window system's handle; none when there will be none.
    pub(crate) async fn handle(&self) -> Option<AppHandle> {
        let mut window_system = self.window_system.clone();
        let handle = window_system.wait_for(Option::is_some).await.ok()?;
        handle.clone()
    }

    async fn app(&self) -> Result<AppHandle, HostError> {
        self.handle().await.ok_or(HostError::CannotOpen(None))
    }
}

fn cannot_open(error: impl std::error::Error + Send + Sync + 'static) -> HostError {
    HostError::CannotOpen(Some(Box::new(error)))
}

#[mail_app::async_trait]
impl Host for Desktop {
    async fn open_url(&self, url: &Url) -> Result<(), HostError> {
        self.app()
            .await?
            .opener()
            .open_url(url.as_str(), None::<&str>)
            .map_err(cannot_open)
    }

    async fn open_file(&self, path: &Path) -> Result<(), HostError> {
        self.app()
            .await?
            .opener()
            .open_path(path.to_string_lossy(), None::<&str>)
            .map_err(cannot_open)
    }

    async fn ask_save_path(&self, suggested_name: &str) -> Result<Option<PathBuf>, HostError> {
        let (answer, answered) = oneshot::channel();
        self.app()
            .await?
            .dialog()
            .file()
            .set_file_name(suggested_name)
            .save_file(move |path| {
                // Nobody waits any more when the app is ending.
                drop(answer.send(path));
            });
        match answered.await {
            Ok(Some(path)) => path.into_path().map(Some).map_err(cannot_open),
            Ok(None) => Ok(None),
            Err(gone) => Err(cannot_open(gone)),
        }
    }

    async fn ask_open_path(&self, endings: &[&str]) -> Result<Option<PathBuf>, HostError> {
        let (answer, answered) = oneshot::channel();
        self.app()
            .await?
            .dialog()
            .file()
            .add_filter("Pictures", endings)
            .pick_file(move |path| {
                // Nobody waits any more when the app is ending.
                drop(answer.send(path));
            });
        match answered.await {
            Ok(Some(path)) => path.into_path().map(Some).map_err(cannot_open),
            Ok(None) => Ok(None),
            Err(gone) => Err(cannot_open(gone)),
        }
    }

    fn frame_origin(&self) -> &str {
        crate::message_frame::ORIGIN
    }

    fn page_origins(&self) -> &str {
        "tauri://localhost"
    }
}
