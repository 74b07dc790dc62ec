//! One conversation as a feed: all of it, anew, whenever something of it changed.
//!
//! Conversations are short compared with lists, so a change sends the whole; bodies are read
//! once, since they never change. A conversation never reaches beyond its account.

use std::collections::HashMap;
use std::sync::Arc;

use mail_model::{Body, MessageKey, StoreChange, ThreadKey};
use mail_store::{AccountStore, StoreError, StoredMessage};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationMessage {
    /// The message.
    pub stored: StoredMessage,
    /// Its body, if it is here.
    pub body: Option<Arc<Body>>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its key.
    pub thread: ThreadKey,
    /// Its messages in every mailbox, oldest first; never empty.
    pub messages: Vec<ConversationMessage>,
}

/// A change of an open conversation: all of it, or none when it is gone.
pub type ConversationChange = Result<Option<Conversation>, StoreError>;

/// An open conversation. Dropping it closes the feed.
pub struct OpenConversation {
    /// What it holds now; none when it is not here.
    pub now: Option<Conversation>,
    /// What follows.
    pub changes: mpsc::Receiver<ConversationChange>,
    _closes: DropGuard,
}

/// Opens a conversation.
///
/// # Errors
/// The local copy cannot be read.
pub async fn open_conversation(
    store: AccountStore,
    thread: ThreadKey,
) -> Result<OpenConversation, StoreError> {
    // Subscribed to before it is read, so that no commit falls in between.
    let commits = store.changes();
    let mut reader = Reader {
        store,
        thread,
        bodies: HashMap::new(),
    };
    let now = reader.read().await?;
    let (out, changes) = mpsc::channel(1);
    let closed = CancellationToken::new();
    let task = reader.run(now.clone(), commits, out);
    tokio::spawn(closed.clone().run_until_cancelled_owned(task));
    Ok(OpenConversation {
        now,
        changes,
        _closes: closed.drop_guard(),
    })
}

struct Reader {
    store: AccountStore,
    thread: ThreadKey,
    bodies: HashMap<MessageKey, Arc<Body>>,
}

impl Reader {
    async fn read(&mut self) -> Result<Option<Conversation>, StoreError> {
        let stored = self.store.thread(self.thread).await?;
        let mut messages = Vec::with_capacity(stored.len());
        for stored in stored {
            let body = match self.bodies.get(&stored.key) {
                Some(body) => Some(Arc::clone(body)),
                None => self.store.body(stored.key).await?.map(Arc::new),
            };
            if let Some(body) = &body {
                self.bodies.insert(stored.key, Arc::clone(body));
            }
            messages.push(ConversationMessage { stored, body });
        }
        Ok((!messages.is_empty()).then_some(Conversation {
            thread: self.thread,
            messages,
        }))
    }

    fn concerns(&self, shown: Option<&Conversation>, change: &StoreChange) -> bool {
        change.threads.contains(&self.thread)
            || shown.is_some_and(|shown| {
                shown
                    .messages
                    .iter()
                    .any(|message| change.bodies.contains(&message.stored.key))
            })
    }

    async fn run(
        mut self,
        mut last: Option<Conversation>,
        mut commits: broadcast::Receiver<StoreChange>,
        out: mpsc::Sender<ConversationChange>,
    ) {
        loop {
            let mut again = match commits.recv().await {
                Ok(change) => self.concerns(last.as_ref(), &change),
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return,
            };
            loop {
                match commits.try_recv() {
                    Ok(change) => again |= self.concerns(last.as_ref(), &change),
                    Err(TryRecvError::Lagged(_)) => again = true,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            if !again {
                continue;
            }
            let change = match self.read().await {
                Ok(now) if now == last => continue,
                Ok(now) => {
                    last.clone_from(&now);
                    Ok(now)
                }
                Err(error) => Err(error),
            };
            if out.send(change).await.is_err() {
                return;
            }
        }
    }
}
