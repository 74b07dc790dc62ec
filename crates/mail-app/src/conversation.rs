//! One conversation as the page sees it.
//!
//! Bodies are shown only when the page asks for them. A body on its way, a body that cannot be
//! had and a body that is here are states of the feed, not answers of a call, so that a page
//! that was reloaded sees the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use mail_model::remote::{ByteStream, MailSource};
use mail_model::{AccountId, Address, Body, Keyword, MessageKey, ThreadKey};
use mail_store::StoredMessage;
use tokio::sync::{broadcast, watch};

use crate::account::{Account, OpenAccount};
use crate::app::App;
use crate::attachments::attachment_views;
use crate::contract::{
    AddressView, BodyView, ConversationEvent, ConversationRequest, ConversationView, Empty,
    ErrorCode, MessageRequest, MessageView, UiError,
};
use crate::feed::{FeedSink, OpenFeed};
use crate::frames::{Frame, PartSource};

type Wanted = (AccountId, MessageKey);

/// Bodies the page has asked for, and how that went.
pub(crate) struct Loads {
    wanted: Mutex<HashMap<Wanted, Load>>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Loading,
    Here,
    Failed(ErrorCode),
}

impl Default for Loads {
    fn default() -> Self {
        Self {
            wanted: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }
}

impl Loads {
    fn get(&self, wanted: &Wanted) -> Option<Load> {
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(wanted)
            .copied()
    }

    fn set(&self, wanted: Wanted, load: Load) {
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(wanted, load);
        self.version
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    fn forget(&self, account: &AccountId, messages: impl Iterator<Item = MessageKey>) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        for message in messages {
            wanted.remove(&(account.clone(), message));
        }
    }
}

/// Fetches a message's parts from its own account's server.
struct Parts {
    source: Arc<dyn MailSource>,
    body: Body,
}

impl PartSource for Parts {
    fn part(&self, index: usize) -> futures::future::BoxFuture<'_, Option<ByteStream>> {
        async move {
            self.source
                .blob(&self.body.attachments.get(index)?.blob)
                .await
                .ok()
        }
        .boxed()
    }
}

impl App {
    /// Asks for a message's body.
    pub(crate) async fn load_message(&self, request: MessageRequest) -> Result<Empty, UiError> {
        let account = self.account(&request.account)?;
        let open = account
            .open()
            .ok_or_else(|| UiError::new(ErrorCode::VaultLocked))?;
        let key = MessageKey::new(request.message);
        if open.store.message(key).await?.is_none() {
            return Err(UiError::new(ErrorCode::NotFound));
        }
        let wanted = (account.id.clone(), key);
        if matches!(self.0.loads.get(&wanted), Some(Load::Loading | Load::Here)) {
            return Ok(Empty {});
        }
        if open.store.body(key).await?.is_some() {
            self.0.loads.set(wanted, Load::Here);
            return Ok(Empty {});
        }
        self.0.loads.set(wanted.clone(), Load::Loading);
        let app = self.clone();
        tokio::spawn(async move {
            let load = match open.engine.fetch_body(key).await {
                Ok(_) => Load::Here,
                Err(error) => {
                    tracing::info!(%error, "a body was not fetched");
                    Load::Failed(crate::error::fetch_error(&error))
                }
            };
            app.0.loads.set(wanted, load);
        });
        Ok(Empty {})
    }

    #[allow(clippy::unused_async, reason = "one shape for all feeds")]
    pub(crate) async fn open_conversation_feed(
        &self,
        request: ConversationRequest,
        sink: FeedSink,
    ) -> Result<OpenFeed, UiError> {
        let account = self.account(&request.account)?;
        let open = account
            .open()
            .ok_or_else(|| UiError::new(ErrorCode::VaultLocked))?;
        let shown = Shown {
            app: self.clone(),
            account,
            open,
            thread: ThreadKey::new(request.thread),
            frames: HashMap::new(),
        };
        Ok(OpenFeed::spawn(move |_| shown.run(sink)))
    }
}

/// A body that is shown.
struct ShownBody {
    frame: Frame,
    body: Body,
}

struct Shown {
    app: App,
    account: Arc<Account>,
    open: Arc<OpenAccount>,
    thread: ThreadKey,
    frames: HashMap<MessageKey, ShownBody>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.app
            .0
            .loads
            .forget(&self.account.id, self.frames.keys().copied());
    }
}

impl Shown {
    async fn run(mut self, sink: FeedSink) {
        let mut changes = self.open.store.changes();
        let mut loads = self.app.0.loads.version.subscribe();
        let mut seq = 0;
        let mut sent: Option<Option<ConversationView>> = None;
        loop {
            loads.mark_unchanged();
            let conversation = match self.look().await {
                Ok(conversation) => conversation,
                Err(error) => {
                    tracing::warn!(%error, "a conversation cannot be read");
                    return;
                }
            };
            if sent.as_ref() != Some(&conversation) {
                sent = Some(conversation.clone());
                if !sink.send(&ConversationEvent { seq, conversation }) {
                    return;
                }
                seq += 1;
            }
            if !self.wait(&mut changes, &mut loads).await {
                return;
            }
        }
    }

    /// Waits until something of the conversation may have changed; false at the end.
    async fn wait(
        &self,
        changes: &mut broadcast::Receiver<mail_model::StoreChange>,
        loads: &mut watch::Receiver<u64>,
    ) -> bool {
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Ok(change) if change.threads.contains(&self.thread) || change.mailbox_tree => return true,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(broadcast::error::RecvError::Closed) => return false,
                },
                changed = loads.changed() => return changed.is_ok(),
            }
        }
    }

    async fn look(&mut self) -> Result<Option<ConversationView>, UiError> {
        let thread = self.open.store.thread(self.thread).await?;
        let Some(newest) = thread.last() else {
            return Ok(None);
        };
        let subject = newest.message.subject.clone();
        let names: HashMap<_, _> = self
            .open
            .store
            .mailboxes()
            .await?
            .into_iter()
            .map(|(mailbox, _)| (mailbox.id, mailbox.name))
            .collect();
        let mut messages = Vec::with_capacity(thread.len());
        for stored in thread {
            let body = self.body(stored.key).await?;
            let attachments = self
                .frames
                .get(&stored.key)
                .map(|shown| attachment_views(&shown.body));
            let mailboxes = stored
                .message
                .mailboxes
                .iter()
                .filter_map(|id| names.get(id).cloned());
            let mailboxes = mailboxes.collect();
            messages.push(message_view(
                stored,
                mailboxes,
                body,
                attachments.unwrap_or_default(),
            ));
        }
        Ok(Some(ConversationView {
            account: self.account.id.to_string(),
            thread: self.thread.get(),
            subject,
            messages,
        }))
    }

    async fn body(&mut self, key: MessageKey) -> Result<BodyView, UiError> {
        match self.app.0.loads.get(&(self.account.id.clone(), key)) {
            None => return Ok(BodyView::Folded),
            Some(Load::Loading) => return Ok(BodyView::Loading),
            Some(Load::Failed(ErrorCode::Offline)) => return Ok(BodyView::Offline),
            Some(Load::Failed(code)) => return Ok(BodyView::Failed { code }),
            Some(Load::Here) => {}
        }
        if !self.frames.contains_key(&key) {
            let Some(body) = self.open.store.body(key).await? else {
                return Ok(BodyView::Loading);
            };
            let shown = self.show(body).await?;
            self.frames.insert(key, shown);
        }
        let Some(ShownBody { frame, .. }) = self.frames.get(&key) else {
            return Ok(BodyView::Loading);
        };
        Ok(BodyView::Ready {
            url: frame.url(self.app.host()),
            blocked_images: frame.blocked_images(),
            trackers: frame.trackers(),
            truncated: frame.is_cut(),
        })
    }

    /// Cleaning takes processor time in proportion to the message, so it has a thread of its own.
    async fn show(&self, body: Body) -> Result<ShownBody, UiError> {
        let app = self.app.clone();
        let parts = Arc::new(Parts {
            source: Arc::clone(&self.open.source),
            body: body.clone(),
        });
        tokio::task::spawn_blocking(move || {
            let frame = app.0.frames.show(body.clone(), parts);
            ShownBody { frame, body }
        })
        .await
        .map_err(UiError::bug)
    }
}

fn address_view(address: &Address) -> AddressView {
    AddressView {
        name: address.name.clone(),
        email: address.email.clone(),
    }
}

fn message_view(
    stored: StoredMessage,
    mailboxes: Vec<String>,
    body: BodyView,
    attachments: Vec<crate::contract::AttachmentView>,
) -> MessageView {
    let message = stored.message;
    MessageView {
        key: stored.key.get(),
        from: message.from.iter().map(address_view).collect(),
        to: message.to.iter().map(address_view).collect(),
        cc: message.cc.iter().map(address_view).collect(),
        received_at: message.received_at.seconds(),
        preview: message.preview,
        seen: message.keywords.is_seen(),
        flagged: message.keywords.is_flagged(),
        draft: message.keywords.contains(&Keyword::draft()),
        mailboxes,
        body,
        attachments,
    }
}
