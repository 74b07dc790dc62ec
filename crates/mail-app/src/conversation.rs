//! One conversation as the page sees it.
//!
//! Bodies are shown only when the page asks for them. A body on its way, a body that cannot be
//! had and a body that is here are states of the feed, not answers of a call, so that a page
//! that was reloaded sees the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use mail_engine::{Conversation, ConversationMessage, OpenConversation};
use mail_model::remote::ByteStream;
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
    asked: Mutex<Asked>,
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct Asked {
    wanted: HashMap<Wanted, (ThreadKey, Load)>,
    /// How many feeds show a conversation: what was asked for is forgotten with the last one. A
    /// page that opens a conversation again does so before the old feed has ended.
    feeds: HashMap<(AccountId, ThreadKey), usize>,
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
            asked: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }
}

impl Loads {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, wanted: &Wanted) -> Option<Load> {
        self.asked().wanted.get(wanted).map(|(_, load)| *load)
    }

    fn set(&self, wanted: Wanted, thread: ThreadKey, load: Load) {
        self.asked().wanted.insert(wanted, (thread, load));
        self.tell();
    }

    /// How it went, if anybody still wants to know.
    fn settle(&self, wanted: &Wanted, result: Load) {
        if let Some((_, load)) = self.asked().wanted.get_mut(wanted) {
            *load = result;
        }
        self.tell();
    }

    fn tell(&self) {
        self.version
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    fn enter(&self, account: &AccountId, thread: ThreadKey) {
        let mut asked = self.asked();
        *asked.feeds.entry((account.clone(), thread)).or_default() += 1;
    }

    fn leave(&self, account: &AccountId, thread: ThreadKey) {
        let mut asked = self.asked();
        let shown = (account.clone(), thread);
        if let Some(feeds) = asked.feeds.get_mut(&shown) {
            *feeds -= 1;
            if *feeds > 0 {
                return;
            }
        }
        asked.feeds.remove(&shown);
        asked
            .wanted
            .retain(|(of, _), (inside, _)| of != account || *inside != thread);
    }
}

/// Fetches a message's parts from its own account's server.
struct Parts {
    open: Arc<OpenAccount>,
    message: MessageKey,
}

impl PartSource for Parts {
    fn part(&self, index: usize) -> futures::future::BoxFuture<'_, Option<ByteStream>> {
        async move {
            let opened = self.open.engine.open_blob(self.message, index).await;
            opened.ok().map(|(_, bytes)| bytes)
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
        let stored = open.store.message(key).await?;
        let thread = stored
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))?
            .thread;
        let wanted = (account.id.clone(), key);
        if matches!(self.0.loads.get(&wanted), Some(Load::Loading | Load::Here)) {
            return Ok(Empty {});
        }
        self.0.loads.set(wanted.clone(), thread, Load::Loading);
        let app = self.clone();
        tokio::spawn(async move {
            let load = match open.engine.fetch_body(key).await {
                Ok(_) => Load::Here,
                Err(error) => {
                    tracing::info!(%error, "a body was not fetched");
                    Load::Failed(crate::error::fetch_error(&error))
                }
            };
            app.0.loads.settle(&wanted, load);
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
        let thread = ThreadKey::new(request.thread);
        let conversation = mail_engine::open_conversation(open.store.clone(), thread).await?;
        open.engine.open_thread(thread).await?;
        self.0.loads.enter(&account.id, thread);
        let shown = Shown {
            app: self.clone(),
            account,
            open,
            thread,
            frames: HashMap::new(),
        };
        Ok(OpenFeed::spawn(move |_| shown.run(conversation, sink)))
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
        self.app.0.loads.leave(&self.account.id, self.thread);
    }
}

impl Shown {
    async fn run(mut self, mut conversation: OpenConversation, sink: FeedSink) {
        let mut commits = self.open.store.changes();
        let mut loads = self.app.0.loads.version.subscribe();
        let mut seq = 0;
        let mut sent: Option<Option<ConversationView>> = None;
        loop {
            loads.mark_unchanged();
            match self.look(conversation.now.as_ref()).await {
                Ok(conversation) if sent.as_ref() != Some(&conversation) => {
                    sent = Some(conversation.clone());
                    if !sink.send(&ConversationEvent { seq, conversation }) {
                        return;
                    }
                    seq += 1;
                }
                Ok(_) => {}
                // What is shown stays, until something changes and it is read again.
                Err(error) => tracing::warn!(%error, "a conversation cannot be read"),
            }
            let goes_on = tokio::select! {
                biased;
                () = self.open.closing.cancelled() => {
                    // Locked, signed out or removed: nothing of it is shown any more.
                    let conversation = None;
                    sink.send(&ConversationEvent { seq, conversation });
                    return;
                }
                goes_on = wait(&mut conversation, &mut commits, &mut loads) => goes_on,
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn look(
        &mut self,
        conversation: Option<&Conversation>,
    ) -> Result<Option<ConversationView>, UiError> {
        let Some((conversation, newest)) =
            conversation.and_then(|now| Some((now, now.messages.last()?)))
        else {
            return Ok(None);
        };
        let subject = newest.stored.message.subject.clone();
        let names: HashMap<_, _> = self
            .open
            .store
            .mailboxes()
            .await?
            .into_iter()
            .map(|(mailbox, _)| (mailbox.id, mailbox.name))
            .collect();
        let mut messages = Vec::with_capacity(conversation.messages.len());
        for message in &conversation.messages {
            let body = self.body(message).await?;
            let stored = message.stored.clone();
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

    async fn body(&mut self, message: &ConversationMessage) -> Result<BodyView, UiError> {
        let key = message.stored.key;
        match self.app.0.loads.get(&(self.account.id.clone(), key)) {
            None => return Ok(BodyView::Folded),
            Some(Load::Loading) => return Ok(BodyView::Loading),
            Some(Load::Failed(ErrorCode::Offline)) => return Ok(BodyView::Offline),
            Some(Load::Failed(code)) => return Ok(BodyView::Failed { code }),
            Some(Load::Here) => {}
        }
        if !self.frames.contains_key(&key) {
            // Stored a moment ago, it may not have been told of yet.
            let body = match &message.body {
                Some(body) => Some(Body::clone(body)),
                None => self.open.store.body(key).await?,
            };
            let Some(body) = body else {
                // It was here and is not any more; asking again fetches it again.
                let code = ErrorCode::NotFound;
                let wanted = (self.account.id.clone(), key);
                self.app.0.loads.settle(&wanted, Load::Failed(code));
                return Ok(BodyView::Failed { code });
            };
            let shown = self.show(key, body).await?;
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
    async fn show(&self, message: MessageKey, body: Body) -> Result<ShownBody, UiError> {
        let app = self.app.clone();
        let parts = Arc::new(Parts {
            open: Arc::clone(&self.open),
            message,
        });
        tokio::task::spawn_blocking(move || {
            let frame = app.0.frames.show(body.clone(), parts);
            ShownBody { frame, body }
        })
        .await
        .map_err(UiError::bug)
    }
}

/// Waits until something of the conversation may have changed; false at the end.
async fn wait(
    conversation: &mut OpenConversation,
    commits: &mut broadcast::Receiver<mail_model::StoreChange>,
    loads: &mut watch::Receiver<u64>,
) -> bool {
    loop {
        tokio::select! {
            change = conversation.changes.recv() => match change {
                Some(Ok(now)) => {
                    conversation.now = now;
                    return true;
                }
                // What is shown stays, until something changes and it is read again.
                Some(Err(error)) => tracing::warn!(%error, "a conversation cannot be read"),
                None => return false,
            },
            // Mailboxes are shown by name.
            commit = commits.recv() => match commit {
                Ok(commit) if commit.mailbox_tree => return true,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return true,
                Err(broadcast::error::RecvError::Closed) => return false,
            },
            changed = loads.changed() => return changed.is_ok(),
        }
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
