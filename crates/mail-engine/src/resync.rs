//! What replaces the server's change log when a state was lost: a look at everything.
//!
//! Mark and sweep. Nothing leaves the list before the whole inventory was seen. Positions shift
//! when messages go while it is read, so an inventory during which the server's state moved is
//! read once more; what any of the passes named stays. The person's open marks stay on top all
//! the time.

use mail_model::StateString;
use mail_model::remote::MessagePage;
use mail_store::{FillState, ProgressUpdate, Sweep, SyncBatch};

use crate::account_loop::AccountLoop;
use crate::plan;
use crate::shared::{StepError, WakeSet};
use crate::sync_state::Event;

/// How often an inventory is read because the server's state moved meanwhile.
const PASSES: u32 = 3;

/// Whether positions may have shifted while an inventory was read.
#[derive(PartialEq, Eq)]
enum Pass {
    Still,
    Moved,
}

impl AccountLoop {
    /// Looks at everything; gives the state from which changes can be asked for again.
    pub(crate) async fn resynchronise(&mut self) -> Result<StateString, StepError> {
        let sweep = self.shared.store.begin_sweep().await?;
        // The newest page first, so that new mail shows while the rest is compared. Its state is
        // the oldest one met here, so changes asked for from it miss nothing.
        let page = self.newest(sweep).await?;
        let state = page.state;
        for _ in 0..PASSES {
            if self.inventory(sweep, page.total).await? == Pass::Still {
                break;
            }
        }
        self.shared.store.finish_sweep(sweep).await?;
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
    async fn inventory(&mut self, sweep: Sweep, of: Option<u64>) -> Result<Pass, StepError> {
        let mut position = 0_u64;
        let mut last_first = None;
        let mut begun_at: Option<StateString> = None;
        let mut pass = Pass::Still;
        let mut early = WakeSet::default();
        loop {
            self.check_stop()?;
            let reasons = self.shared.wakes.take();
            if reasons.any() {
                early.merge(reasons);
                self.replay().await?;
                self.newest(sweep).await?;
            }
            let (state, updates) = self
                .ask(|shared| async move { shared.source.inventory(position, plan::BATCH).await })
                .await?;
            if begun_at.get_or_insert_with(|| state.clone()) != &state {
                pass = Pass::Moved;
            }
            let Some(first) = updates.first().map(|update| update.id.clone()) else {
                // The newest page has answered them in part; the changes still have to be asked for.
                self.shared.wakes.put_back(early);
                return Ok(pass);
            };
            if last_first.as_ref() == Some(&first) {
                return Err(plan::NoProgress.into());
            }
            last_first = Some(first);
            position += updates.len() as u64;
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
                done: position,
                of,
                lasting: false,
            });
        }
    }
}
