//! What follows when the server names another account for the same person: a mailbox that was
//! moved or restored, or somebody else's altogether.
//!
//! Ids of the other account may be the same and mean other messages. So everything is fetched
//! whole and compared: what is the same message stays where it is in the list, with its body and
//! the person's marks; what is another one is replaced, and marks that were made on it are given
//! up and reported, because sending them would change a message nobody looked at. Killed in
//! between it begins anew, since the stored state still belongs to the account before.

use std::collections::BTreeSet;

use mail_model::remote::SourceError;
use mail_model::{Message, MessageId};
use mail_store::{Intent, IntentOutcome, SyncBatch};

use crate::account_loop::AccountLoop;
use crate::notice::Notice;
use crate::plan;
use crate::resync::Ids;
use crate::shared::StepError;

impl AccountLoop {
    /// Makes sure that what is stored and what the server is asked for are of one account.
    pub(crate) async fn settle_account(&mut self) -> Result<(), StepError> {
        let state = self.shared.store.progress().await?.message_state;
        let fits = self
            .shared
            .ask(self.shared.source.fits(state.as_ref()))
            .await?;
        if fits {
            return Ok(());
        }
        tracing::warn!("the server names another account; everything is compared with it");
        self.give_up_moves().await?;
        // The mailboxes follow: their state is of the account before, too, so all are read.
        self.resynchronise(Ids::OfAnother).await?;
        Ok(())
    }

    /// Removes what is here under the ids of these messages and is none of them.
    pub(crate) async fn part_with_others(&self, messages: &[Message]) -> Result<(), StepError> {
        let mut others = BTreeSet::new();
        for message in messages {
            let Some(key) = self.shared.store.message_key(&message.id).await? else {
                continue;
            };
            let here = self.shared.store.message(key).await?;
            if here.is_some_and(|here| !is_same(&here.message, message)) {
                others.insert(message.id.clone());
            }
        }
        if others.is_empty() {
            return Ok(());
        }
        self.give_up_marks(&others).await?;
        let others: Vec<MessageId> = others.into_iter().collect();
        let batches = others.chunks(plan::BATCH).map(|chunk| SyncBatch {
            remove: chunk.to_vec(),
            ..SyncBatch::default()
        });
        self.apply(batches.collect()).await
    }

    /// Ends the person's changes of these messages without sending them, and says so.
    pub(crate) async fn give_up_marks(
        &self,
        messages: &BTreeSet<MessageId>,
    ) -> Result<(), StepError> {
        self.give_up(|intent| intent.messages.iter().any(|id| messages.contains(id)))
            .await
    }

    /// The same for every move: mailboxes of the other account have other meanings, even under
    /// the same ids, and what is archived here could be deleted there.
    async fn give_up_moves(&self) -> Result<(), StepError> {
        self.give_up(|intent| !intent.add_to.is_empty() || !intent.remove_from.is_empty())
            .await
    }

    async fn give_up(&self, concerned: impl Fn(&Intent) -> bool) -> Result<(), StepError> {
        let open = self.shared.store.intents(usize::MAX).await?;
        self.shared.note_queue();
        for intent in open {
            if !concerned(&intent) {
                continue;
            }
            let _writing = self.shared.gate.writing().await?;
            self.shared
                .store
                .finish_intent(intent.id, IntentOutcome::Refused)
                .await?;
            self.shared.note_queue();
            let notice = Notice::EditRefused {
                intent: intent.id,
                reason: SourceError::AccountChanged.to_string(),
            };
            // Nobody may be listening; the row shows the server's value again.
            let _told = self.shared.notices.send(notice).is_ok();
        }
        Ok(())
    }
}

/// Whether two messages of different accounts have the same bytes, as far as can be told without
/// reading them.
fn is_same(here: &Message, there: &Message) -> bool {
    here.received_at == there.received_at
        && here.size == there.size
        && here.message_ids == there.message_ids
        && here.subject == there.subject
        && here.from == there.from
        && here.to == there.to
}
