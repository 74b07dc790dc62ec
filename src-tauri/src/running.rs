//! The app behind the window. The window appears while the app is still starting; whoever
//! asks early waits here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mail_app::{App, OpenFeed};
use tokio::sync::watch;

/// Which page the window shows: counts the loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page(u64);

/// The app and the feeds of the page that is shown.
pub(crate) struct Running<F = OpenFeed> {
    app: watch::Receiver<Option<App>>,
    feeds: Mutex<Feeds<F>>,
}

struct Feeds<F> {
    open: HashMap<u32, F>,
    next: u32,
    page: u64,
}

impl<F> Running<F> {
    pub(crate) fn new(app: watch::Receiver<Option<App>>) -> Self {
        let feeds = Feeds {
            open: HashMap::new(),
            next: 1,
            page: 0,
        };
        Self {
            app,
            feeds: Mutex::new(feeds),
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Feeds<F>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The page that asks at this moment.
    pub(crate) fn page(&self) -> Page {
        Page(self.feeds().page)
    }

    /// Keeps a feed that a page has asked for; gives it back if that page is gone.
    pub(crate) fn keep(&self, page: Page, feed: F) -> Result<u32, F> {
        let mut feeds = self.feeds();
        if feeds.page != page.0 {
            return Err(feed);
        }
        let id = feeds.next;
        feeds.next = feeds.next.wrapping_add(1);
        feeds.open.insert(id, feed);
        Ok(id)
    }

    pub(crate) fn close(&self, id: u32) {
        let closed = self.feeds().open.remove(&id);
        drop(closed);
    }

    /// The page is gone, and with it everybody who listened; what it has asked for and not got
    /// yet will not be kept.
    pub(crate) fn close_all(&self) {
        let mut feeds = self.feeds();
        feeds.page = feeds.page.wrapping_add(1);
        let closed = std::mem::take(&mut feeds.open);
        drop(feeds);
        drop(closed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use super::*;

    fn running() -> Running<Arc<()>> {
        Running::new(watch::channel(None).1)
    }

    #[test]
    fn a_feed_that_was_asked_for_before_a_reload_does_not_outlive_it() {
        let running = running();
        let before = running.page();
        running.close_all();
        assert!(running.keep(before, Arc::new(())).is_err());
        let now = running.page();
        assert!(running.keep(now, Arc::new(())).is_ok());
    }

    #[test]
    fn a_reload_closes_what_is_open_and_a_number_is_not_used_again() {
        let running = running();
        let feed = Arc::new(());
        let held: Weak<()> = Arc::downgrade(&feed);
        let first = running.keep(running.page(), feed).unwrap();
        running.close_all();
        assert!(held.upgrade().is_none());
        let second = running.keep(running.page(), Arc::new(())).unwrap();
        assert_ne!(first, second);
    }
}
