//! Feeds: a snapshot, then numbered events, until closed.
//!
//! A feed is a task of its own. The receiving end goes away (window closed, page reloaded) and
//! the task ends at its next event; closing ends it at once.

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Where a feed's events go: one open view of the page.
#[derive(Clone)]
pub struct FeedSink(Arc<dyn Fn(serde_json::Value) -> bool + Send + Sync>);

impl FeedSink {
    /// A sink that hands events to `deliver`, which says whether anybody still listens.
    pub fn new(deliver: impl Fn(serde_json::Value) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(deliver))
    }

    /// Delivers one event; false when nobody listens any more.
    pub(crate) fn send(&self, event: &impl Serialize) -> bool {
        match serde_json::to_value(event) {
            Ok(value) => (self.0)(value),
            Err(error) => {
                tracing::error!(%error, "an event could not be written");
                false
            }
        }
    }
}

/// An open feed. Dropping it closes it.
#[derive(Debug)]
pub struct OpenFeed(CancellationToken);

impl OpenFeed {
    /// Runs a feed until it is closed or ends by itself.
    pub(crate) fn spawn<F>(feed: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let closed = CancellationToken::new();
        let task = feed(closed.clone());
        let stop = closed.clone();
        // Nothing a feed does is worth finishing: it only reads.
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
        Self(closed)
    }
}

impl Drop for OpenFeed {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
