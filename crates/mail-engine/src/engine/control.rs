//! Pausing, freezing, and emptying the queue of one account.

use mail_model::HostContact;
use mail_store::{IntentOutcome, StoreError};

use super::AccountEngine;
use crate::gate::Passage;
use crate::status::Health;

/// What became of waiting for the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Changes the server still does not have.
    pub left: u64,
    /// How the account was then; says why some are left.
    pub health: Health,
}

/// Changes taken back at once.
const STEP: usize = 100;

impl AccountEngine {
    /// Ends all traffic: requests under way are dropped, the push channel is closed. What is here
    /// can still be read and changed; changes wait. Returns once nothing is under way.
    pub async fn pause(&self) {
        let _control = self.shared.gate.control.lock().await;
        self.close(Passage::Paused).await;
    }

    /// Ends all traffic and every write: what is still on its way is dropped, and [`Self::edit`]
    /// is refused, so that the files are final. Returns once nothing is under way.
    pub async fn freeze(&self) {
        let _control = self.shared.gate.control.lock().await;
        self.close(Passage::Frozen).await;
        self.shared.gate.written().await;
    }

    /// Ends a pause or a freeze: changes that waited are sent, then new mail is looked for.
    pub async fn resume(&self) {
        let _control = self.shared.gate.control.lock().await;
        self.index();
        self.shared.gate.set(Passage::Open);
    }

    /// Whether there is no traffic because of [`Self::pause`] or [`Self::freeze`].
    #[must_use]
    pub fn is_paused(&self) -> bool {
        !self.shared.gate.is_open()
    }

    /// Sends what waits for the server and looks how much is left, again and again as long as it
    /// becomes less. Sends nothing while the account is paused.
    ///
    /// # Errors
    /// The local copy cannot be read.
    pub async fn settle_queue(&self) -> Result<Settled, StoreError> {
        let mut before = u64::MAX;
        loop {
            let left = self.shared.store.queued();
            let health = self.status().borrow().health.clone();
            if left == 0 || left >= before || self.is_paused() {
                return Ok(Settled { left, health });
            }
            before = left;
            self.sync().await;
            if self.shared.stop.is_cancelled() {
                return Err(StoreError::Closed);
            }
        }
    }

    /// Takes back every change the server does not have; its values show again. One that is on
    /// its way just now may have reached it all the same. Gives how many were taken back.
    ///
    /// # Errors
    /// [`StoreError::Frozen`] after [`Self::freeze`]; else those taken back so far stay so.
    pub async fn drop_queued(&self) -> Result<u64, StoreError> {
        let gate = &self.shared.gate;
        let _control = gate.control.lock().await;
        let before = gate.passage();
        if before == Passage::Frozen {
            return Err(StoreError::Frozen);
        }
        // Ends a request that sends some of them, instead of waiting for it.
        self.close(Passage::Paused).await;
        let dropped = self.drop_all().await;
        gate.set(before);
        dropped
    }

    async fn drop_all(&self) -> Result<u64, StoreError> {
        let shared = &self.shared;
        let _sending = shared.gate.sending.lock().await;
        let Ok(_writing) = shared.gate.writing().await else {
            return Err(StoreError::Frozen);
        };
        let mut dropped = 0;
        loop {
            let open = shared.store.intents(STEP).await?;
            shared.note_queue();
            if open.is_empty() {
                return Ok(dropped);
            }
            for intent in open {
                let refused = IntentOutcome::Refused;
                shared.store.finish_intent(intent.id, refused).await?;
                shared.note_queue();
                dropped += 1;
            }
        }
    }

    /// Hosts that were ever spoken to for this account, by name, up to this moment.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn hosts(&self) -> Result<Vec<HostContact>, StoreError> {
        self.shared.note_hosts().await?;
        self.shared.store.hosts().await
    }

    async fn close(&self, passage: Passage) {
        self.shared.gate.set(passage);
        // A task that waits after a failure starts again at once, and rests.
        self.shared.prod.notify_waiters();
        tokio::select! {
            () = self.shared.gate.rested() => (),
            () = self.shared.stop.cancelled() => (),
        }
    }
}
