//! What replaces the server's change log when a state was lost: a look at everything.
//!
//! Mark and sweep. Nothing leaves the list before the whole inventory was seen, and then only
//! what the server, asked for it by name, does not have: positions shift when messages go while
//! an inventory is read, so not being named in it proves nothing. The person's open marks stay on
//! top all the time.

use std::collections::BTreeSet;

use mail_model::StateString;
use mail_model::remote::MessagePage;
use mail_store::{FillState, ProgressUpdate, Sweep, SyncBatch};

use crate::account_loop::AccountLoop;
use crate::plan;
use crate::shared::{StepError, TakenEarly, WakeSet};
use crate::sync_state::Event;

/// What the ids of stored messages stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// The server's messages of the same id.
    OfServer,
    /// Messages of another account (see `moved`): every message is read whole, and nothing of
    /// the person's is sent before all of them have been.
    OfAnother,
}

impl AccountLoop {
    /// Looks at everything; gives the state from which changes can be asked for again.
    pub(crate) async fn resynchronise(&mut self, ids: Ids) -> Result<StateString, StepError> {
        let sweep = {
            let _writing = self.shared.gate.writing().await?;
            // What is written from now on counts as seen by the sweep.
            let _moving = self.shared.writes.moving().await;
            self.shared.store.begin_sweep().await?
        };
        // The newest page first, so that new mail shows while the rest is compared. Its state is
        // the oldest one met here, so changes asked for from it miss nothing.
        let page = self.newest(sweep, ids).await?;
        let state = page.state;
        self.inventory(sweep, page.total, ids).await?;
        self.ask_for_unmarked(sweep, ids).await?;
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

    async fn newest(&mut self, sweep: Sweep, ids: Ids) -> Result<MessagePage, StepError> {
        let mut page = self
            .ask(|shared| async move { shared.source.newest(0, plan::FIRST_PAGE).await })
            .await?;
        let messages = std::mem::take(&mut page.messages);
        if ids == Ids::OfAnother {
            self.part_with_others(&messages).await?;
        }
        self.apply(plan::upserts(messages, Some(sweep))).await?;
        Ok(page)
    }

    /// Reads the inventory once, from its beginning to its end.
    async fn inventory(
        &mut self,
        sweep: Sweep,
        of: Option<u64>,
        of_whom: Ids,
    ) -> Result<(), StepError> {
        // The newest page answers them in part, if at all; the changes still have to be asked for.
        let mut early = TakenEarly::none_yet(&self.shared);
        self.read_inventory(sweep, of, of_whom, &mut early.set)
            .await
    }

    async fn read_inventory(
        &mut self,
        sweep: Sweep,
        of: Option<u64>,
        of_whom: Ids,
        early: &mut WakeSet,
    ) -> Result<(), StepError> {
        let mut walk = plan::InventoryWalk::default();
        loop {
            self.check_stop()?;
            let reasons = self.shared.wakes.take();
            if reasons.any() {
                early.merge(reasons);
                if of_whom == Ids::OfServer {
                    self.replay().await?;
                }
                self.newest(sweep, of_whom).await?;
            }
            let position = walk.position();
            let (state, updates) = self
                .ask(|shared| async move { shared.source.inventory(position, plan::BATCH).await })
                .await?;
            if !walk.advance(state, &updates)? {
                return Ok(());
            }
            let ids: Vec<_> = updates.iter().map(|update| update.id.clone()).collect();
            let unknown = match of_whom {
                Ids::OfServer => self.shared.store.unknown_ids(&ids).await?,
                Ids::OfAnother => ids,
            };
            let whole = self.whole(unknown).await?;
            if of_whom == Ids::OfAnother {
                self.part_with_others(&whole).await?;
            }
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
    async fn ask_for_unmarked(&mut self, sweep: Sweep, ids: Ids) -> Result<(), StepError> {
        loop {
            self.check_stop()?;
            let unmarked = self.shared.store.unmarked(sweep, plan::BATCH).await?;
            if unmarked.is_empty() {
                return Ok(());
            }
            let found = self.whole(unmarked.clone()).await?;
            if ids == Ids::OfAnother {
                self.part_with_others(&found).await?;
                let found: BTreeSet<_> = found.iter().map(|message| &message.id).collect();
                let gone = unmarked.iter().filter(|id| !found.contains(id));
                self.give_up_marks(&gone.cloned().collect()).await?;
            }
            self.apply(plan::sweep_batches(unmarked, found, sweep))
                .await?;
        }
    }
}
