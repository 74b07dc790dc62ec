//! Whether an account may speak to its server, and whether anything may still be written to its
//! local copy.
//!
//! Closing it drops requests and streams that are under way: nothing is stored before it was
//! answered, and every change of the person can be sent again.

use futures::StreamExt as _;
use futures::stream;
use mail_model::remote::{ByteStream, SourceError, TokenError};
use tokio::sync::{Mutex, RwLock, RwLockReadGuard, watch};

use crate::shared::StepError;

/// How far the gate is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// The account is synchronised.
    Open,
    /// No traffic. The person's changes are kept.
    Paused,
    /// No traffic, and nothing is written: late answers are dropped, changes are refused.
    Frozen,
}

/// One account's gate.
pub(crate) struct Gate {
    passage: watch::Sender<Passage>,
    /// Held for reading by whoever writes to the local copy.
    writes: RwLock<()>,
    /// Held while changes of the person are on their way to the server.
    pub(crate) sending: Mutex<()>,
    /// Held by whoever moves the gate, to the end of what that asks for.
    pub(crate) control: Mutex<()>,
    /// Whether the account's loop has come to rest behind a closed gate.
    at_rest: watch::Sender<bool>,
}

impl Gate {
    pub(crate) fn new(passage: Passage) -> Self {
        Self {
            passage: watch::Sender::new(passage),
            writes: RwLock::new(()),
            sending: Mutex::new(()),
            control: Mutex::new(()),
            at_rest: watch::Sender::new(false),
        }
    }

    pub(crate) fn passage(&self) -> Passage {
        *self.passage.borrow()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.passage() == Passage::Open
    }

    pub(crate) fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }

    /// Returns once the gate is closed. The sender lives as long as `self`.
    pub(crate) async fn closed(&self) {
        let mut passage = self.passage.subscribe();
        let _seen = passage.wait_for(|p| *p != Passage::Open).await.is_ok();
    }

    /// Returns once the gate is open.
    pub(crate) async fn opened(&self) {
        let mut passage = self.passage.subscribe();
        let _seen = passage.wait_for(|p| *p == Passage::Open).await.is_ok();
    }

    /// Returns once something may be written.
    pub(crate) async fn writable(&self) {
        let mut passage = self.passage.subscribe();
        let _seen = passage.wait_for(|p| *p != Passage::Frozen).await.is_ok();
    }

    /// Held while something is written. Never taken twice by one task.
    ///
    /// # Errors
    /// [`StepError::Paused`] when the account is frozen.
    pub(crate) async fn writing(&self) -> Result<RwLockReadGuard<'_, ()>, StepError> {
        let guard = self.writes.read().await;
        if self.passage() == Passage::Frozen {
            Err(StepError::Paused)
        } else {
            Ok(guard)
        }
    }

    /// Returns once no write that began before is under way.
    pub(crate) async fn written(&self) {
        drop(self.writes.write().await);
    }

    pub(crate) fn rest(&self, at_rest: bool) {
        self.at_rest.send_replace(at_rest);
    }

    /// Returns once the account's loop rests.
    pub(crate) async fn rested(&self) {
        let mut at_rest = self.at_rest.subscribe();
        let _seen = at_rest.wait_for(|rests| *rests).await.is_ok();
    }
}

/// Ends a stream of bytes with an error once the gate is closed.
pub(crate) fn guarded(
    shared: std::sync::Arc<crate::shared::Shared>,
    bytes: ByteStream,
) -> ByteStream {
    stream::unfold(Some((shared, bytes)), |open| async move {
        let (shared, mut bytes) = open?;
        tokio::select! {
            biased;
            () = shared.gate.closed() => Some((Err(paused()), None)),
            () = shared.stop.cancelled() => Some((Err(SourceError::Unreachable(None)), None)),
            piece = bytes.next() => {
                let piece = piece?;
                Some((piece, Some((shared, bytes))))
            }
        }
    })
    .boxed()
}

/// What a request to a paused account comes back with.
pub(crate) fn paused() -> SourceError {
    TokenError::Paused.into()
}
