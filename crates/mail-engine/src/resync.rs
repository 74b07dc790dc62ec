//! What replaces the server's change log when a state was lost: a look at everything.
//!
//! Mark and sweep. Nothing leaves the list before the whole inventory was seen, and then only
//! what the server, asked for it by name, does not have: positions shift when messages go while
//! an inventory is read, so not being named in it proves nothing. The person's open marks stay on
//! top all the time.

use mail_model::StateString;
use mail_model::remote::MessagePage;
use mail_store::{FillState, ProgressUpdate, Sweep, SyncBatch};

use crate::account_loop::AccountLoop;
use crate::plan;
use crate::shared::{StepError, WakeSet};
use crate::sync_state::Event;

impl AccountLoop {
    /// Looks at everything; gives the state from which changes can be asked for again.
    pub(crate) async fn resynchronise(&mut self) -> Result<StateString, StepError> {
        let sweep = {
            let _writing = self.shared.gate.writing().await?;
            // What is written from now on counts as seen by the sweep.
            let _moving = self.shared.writes.moving().await;
            self.shared.store.begin_sweep().await?
        };
        // The newest page first, so that new mail shows while the rest is compared. Its state is
        // the oldest one met here, so changes asked for from it miss nothing.
        let page = self.newest(sweep).await?;
        let state = page.state;
        self.inventory(sweep, page.total).await?;
        self.ask_for_unmarked(sweep).await?;
        {
            let _writing = self.shared.gate.writing().await?;
            let _moving = self.shared.writes.moving().await;
            self.shared.store.finish_sweep(sweep).await?;
        }
        let progress = ProgressUpdate {
            message_state: Some(state.clone()),
            fill: Some(FillState::Complete),
            ..ProgressUpdate::default()
        };
        let batch = SyncBatch {
            progress,
            ..SyncBatch::default()
        };
        self.apply(vec![batch]).await?;
        Ok(state)
    }

    async fn newest(&mut self, sweep: Sweep) -> Result<MessagePage, StepError> {
        let mut page = self
            .ask(|shared| async move { shared.source.newest(0, plan::FIRST_PAGE).await })
            .await?;
        let messages = std::mem::take(&mut page.messages);
        self.apply(plan::upserts(messages, Some(sweep))).await?;
        Ok(page)
    }

    /// Reads the inventory once, from its beginning to its end.
    async fn inventory(&mut self, sweep: Sweep, of: Option<u64>) -> Result<(), StepError> {
        let mut walk = plan::InventoryWalk::default();
        let mut early = WakeSet::default();
        loop {
            self.check_stop()?;
            let reasons = self.shared.wakes.take();
            if reasons.any() {
                early.merge(reasons);
                self.replay().await?;
                self.newest(sweep).await?;
            }
            let position = walk.position();
            let (state, updates) = self
                .ask(|shared| async move { shared.source.inventory(position, plan::BATCH).await })
                .await?;
            if !walk.advance(state, &updates)? {
                // The newest page has answered them in part; the changes still have to be asked for.
                self.shared.wakes.put_back(early);
                return Ok(());
            }
            let ids: Vec<_> = updates.iter().map(|update| update.id.clone()).collect();
            let unknown = self.shared.store.unknown_ids(&ids).await?;
            let whole = if unknown.is_empty() {
                Vec::new()
            } else {
                self.ask(|shared| async move { shared.source.messages(&unknown).await })
                    .await?
            };
            self.apply(plan::inventory_batches(updates, whole, sweep))
                .await?;
            self.happen(Event::Advanced {
                done: walk.position(),
                of,
                lasting: false,
            });
        }
    }

    /// Asks for the messages the inventory did not name; those that exist stay, the others go.
    async fn ask_for_unmarked(&mut self, sweep: Sweep) -> Result<(), StepError> {
        loop {
            self.check_stop()?;
            let unmarked = self.shared.store.unmarked(sweep, plan::BATCH).await?;
            if unmarked.is_empty() {
                return Ok(());
            }
            let ids = unmarked.clone();
            let found = self
                .ask(|shared| async move { shared.source.messages(&ids).await })
                .await?;
            self.apply(plan::sweep_batches(unmarked, found, sweep))
                .await?;
        }
    }
}
