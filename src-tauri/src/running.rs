//! The app behind the window. The window appears while the app is still starting; whoever
//! asks early waits here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use mail_app::{App, OpenFeed};
use tokio::sync::watch;

/// The app and its open feeds.
pub(crate) struct Running {
    app: watch::Receiver<Option<App>>,
    feeds: Mutex<HashMap<u32, OpenFeed>>,
    next: AtomicU32,
}

impl Running {
    pub(crate) fn new(app: watch::Receiver<Option<App>>) -> Self {
        Self {
            app,
            feeds: Mutex::default(),
            next: AtomicU32::new(1),
        }
    }

    /// The app, once it has started; none when it never will.
    pub(crate) async fn app(&self) -> Option<App> {
        self.app
            .clone()
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|app| app.clone())
    }

    /// The app, if it has started.
    pub(crate) fn started(&self) -> Option<App> {
        self.app.borrow().clone()
    }

    pub(crate) fn keep(&self, feed: OpenFeed) -> u32 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.feeds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, feed);
        id
    }

    pub(crate) fn close(&self, id: u32) {
        self.feeds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }

    /// The page is gone, and with it everybody who listened.
    pub(crate) fn close_all(&self) {
        self.feeds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
