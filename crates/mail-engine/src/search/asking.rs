//! Drives one search of one account: the local index, the commits, the server, beside each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use mail_model::MessageId;
use mail_store::{SearchCoverage, StoreError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, watch};

use super::found::FoundList;
use super::local::look_through;
use super::matching::{Wanted, still_matching};
use super::{SearchState, ServerSearch};
use crate::shared::{Shared, StepError};

/// One search of one account.
pub(super) struct Search {
    pub(super) shared: Arc<Shared>,
    pub(super) list: Arc<FoundList>,
    pub(super) wanted: Wanted,
    pub(super) zone: TimeZone,
    pub(super) state: watch::Sender<SearchState>,
    /// What the server has named, whether it is here or not.
    pub(super) named: Mutex<Vec<MessageId>>,
    /// Whether the server has more than was taken from it.
    pub(super) server_has_more: AtomicBool,
}

impl Search {
    pub(super) fn new(
        shared: Arc<Shared>,
        list: Arc<FoundList>,
        wanted: Wanted,
        zone: TimeZone,
    ) -> (Self, watch::Receiver<SearchState>) {
        let (state, watched) = watch::channel(SearchState {
            searching: true,
            coverage: SearchCoverage::default(),
            server: ServerSearch::Asking,
            more: false,
            left_out: false,
        });
        let search = Self {
            shared,
            list,
            wanted,
            zone,
            state,
            named: Mutex::default(),
            server_has_more: AtomicBool::new(false),
        };
        (search, watched)
    }

    /// Runs until the engine stops.
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub(super) async fn run(self: Arc<Self>) -> Result<(), StepError> {
        let beside = async {
            tokio::try_join!(self.follow(), self.follow_rows(), self.ask_server()).map(drop)
        };
        tokio::select! {
            () = self.shared.stop.cancelled() => Ok(()),
            ended = beside => ended,
        }
    }

    /// Looks through the index, and again after commits and when the index has grown.
    async fn follow(&self) -> Result<(), StepError> {
        let mut changes = self.shared.store.changes();
        let mut indexed = self.shared.indexed.subscribe();
        loop {
            indexed.mark_unchanged();
            let begun = self.shared.options.clock.now();
            if let Err(error) = self.look().await {
                self.list.fail();
                return Err(error.into());
            }
            tokio::select! {
                change = changes.recv() => if matches!(change, Err(RecvError::Closed)) {
                    return Ok(());
                },
                changed = indexed.changed() => if changed.is_err() {
                    return Ok(());
                },
            }
            // Whatever else comes meanwhile is part of the same look.
            let next = begun + self.shared.options.search_spacing;
            self.shared.options.clock.sleep_until(next).await;
            changes = changes.resubscribe();
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        // Read first: what is then said of the list holds for all of it.
        let coverage = self.shared.store.search_coverage().await?;
        if self.state.borrow().searching {
            self.change(|state| state.coverage = coverage);
        }
        let looked = look_through(&self.list, &self.wanted, &self.zone).await?;
        self.show_named().await?;
        self.change(|state| {
            state.searching = false;
            state.coverage = coverage;
            state.more = looked.more || self.server_has_more.load(Ordering::Relaxed);
            state.left_out = looked.left_out;
        });
        Ok(())
    }

    /// Changes the state; whoever watches is only told of what differs.
    pub(super) fn change(&self, change: impl FnOnce(&mut SearchState)) {
        self.state.send_if_modified(|state| {
            let before = *state;
            change(state);
            *state != before
        });
    }

    /// Rows on the screen change with their conversations at once, before the index is looked
    /// through again.
    async fn follow_rows(&self) -> Result<(), StepError> {
        let mut changes = self.shared.store.changes();
        loop {
            match changes.recv().await {
                Ok(change) if !self.list.shows(&change.threads) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => self.list.touch(),
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }

    /// Puts what the server has named into the list, as far as it is here and may still match.
    pub(super) async fn show_named(&self) -> Result<(), StoreError> {
        let named = self.named.lock().await;
        if named.is_empty() {
            return Ok(());
        }
        let found = self.shared.store.found_by_id(&named).await?;
        let found = still_matching(self.list.index(), &self.wanted, found).await?;
        self.list.found_by_server(found);
        Ok(())
    }
}
