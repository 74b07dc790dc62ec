//! A mail server in memory: with state, switches for its faults, and counters.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use jiff::tz::TimeZone;
use mail_model::remote::{
    ByteStream, CancelOutcome, EditOutcome, MailSource, MailboxSnapshot, MessageDelta, MessagePage,
    MessageUpdate, PendingSubmission, PushEvent, PushStream, RawEntry, RawPage, RemoteEdit,
    SearchPage, SourceError, TokenError,
};
use mail_model::search::Query;
use mail_model::{
    Address, Attachment, BlobId, Body, Disposition, HostLog, Identity, Keyword, KeywordEdit,
    Keywords, Mailbox, MailboxId, MailboxRole, Message, MessageId, StateString, SubmissionId,
    ThreadId, UnixTime,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::server_search::Known;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Call {
    Mailboxes,
    MailboxesSince,
    Newest,
    OlderThan,
    Search,
    Changes,
    Inventory,
    Messages,
    Bodies,
    Blob,
    Edit,
    Push,
    RawInventory,
    AttachmentOctets,
    Submissions,
}

/// How a request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Unreachable,
    Busy(Option<Duration>),
    SignIn,
    Vault,
    Refused,
    Garbage,
    NoService,
    Lost,
    Hang,
    Panic,
}

#[derive(Debug, Clone)]
struct Entry {
    message: Message,
    created: u64,
    changed: u64,
}

#[derive(Default)]
struct Inner {
    mailboxes: Vec<Mailbox>,
    mailbox_state: u64,
    messages: BTreeMap<MessageId, Entry>,
    destroyed: Vec<(u64, MessageId)>,
    state: u64,
    /// Changes since states before this one cannot be told.
    forgotten: u64,
    delta: usize,
    stalls: bool,
    faults: HashMap<Call, (Fault, u32)>,
    faults_all: Option<Fault>,
    hang_from: Option<u64>,
    edits: HashMap<MessageId, EditFault>,
    log: Vec<Call>,
    edited: Vec<RemoteEdit>,
    edit_calls: Vec<usize>,
    bodies: HashMap<MessageId, Body>,
    has_push: bool,
    pushes: Vec<mpsc::UnboundedSender<Result<PushEvent, SourceError>>>,
    destroy_at_inventory: Option<MessageId>,
    raw: HashMap<BlobId, Bytes>,
    blob_faults: HashMap<BlobId, Fault>,
    /// Octets given of these, instead of all.
    blob_cuts: HashMap<BlobId, usize>,
    at_second_raw_inventory: Option<Happening>,
    raw_inventories: u32,
    /// Answers that are ready and leave one by one, as they are let.
    held: HashMap<Call, Held>,
    /// Messages of one page of older mail at most.
    older_page: usize,
    is_another: bool,
}

/// Answers that are held back.
#[derive(Clone)]
pub(crate) struct Held {
    /// Lets one go each.
    pub(crate) permits: Arc<Semaphore>,
    /// How many were made.
    pub(crate) made: watch::Sender<usize>,
}

/// Something that happens on the server.
type Happening = Box<dyn FnOnce(&Server) + Send>;

/// What the server says to an edit of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EditFault {
    Refused,
    Later,
}

/// One account's server.
pub(crate) struct Server {
    inner: Mutex<Inner>,
    calls: watch::Sender<u64>,
    channels: watch::Sender<usize>,
    hosts: HostLog,
}

pub(crate) fn mailbox(name: &str) -> MailboxId {
    MailboxId::new(name).unwrap()
}

pub(crate) fn message_id(number: u64) -> MessageId {
    MessageId::new(format!("M{number}")).unwrap()
}

fn state(number: u64) -> StateString {
    StateString::new(format!("s{number}")).unwrap()
}

/// A message with an id, a conversation and a time; everything else follows from them.
pub(crate) fn message(number: u64, thread: u64, received_at: i64) -> Message {
    Message {
        id: message_id(number),
        blob: BlobId::new(format!("B{number}")).unwrap(),
        thread: ThreadId::new(format!("T{thread}")).unwrap(),
        mailboxes: vec![mailbox("inbox")],
        keywords: Keywords::default(),
        received_at: UnixTime::from_seconds(received_at),
        size: 1_000,
        from: vec![Address {
            name: "Bo Larsen".into(),
            email: "bo@northwind.example".into(),
        }],
        to: vec![Address {
            name: "Ana Moreau".into(),
            email: "ana@northwind.example".into(),
        }],
        cc: vec![],
        bcc: vec![],
        reply_to: vec![],
        subject: format!("Figures {thread}"),
        preview: format!("Here are the numbers of {number}"),
        message_ids: vec![format!("{number}@northwind.example")],
        in_reply_to: vec![],
        references: vec![],
        has_attachment: number.is_multiple_of(5),
    }
}

impl Server {
    /// A server with an inbox and an archive, and no mail.
    pub(crate) fn new() -> Arc<Self> {
        let folder = |id: &str, role| Mailbox {
            id: mailbox(id),
            name: id.into(),
            parent: None,
            role: Some(role),
            sort_order: 0,
            server_total: 0,
        };
        Arc::new(Self {
            inner: Mutex::new(Inner {
                mailboxes: vec![
                    folder("inbox", MailboxRole::Inbox),
                    folder("archive", MailboxRole::Archive),
                ],
                delta: usize::MAX,
                older_page: usize::MAX,
                is_another: false,
                ..Inner::default()
            }),
            calls: watch::Sender::new(0),
            channels: watch::Sender::new(0),
            hosts: HostLog::new(),
        })
    }

    /// A server with messages 0 to `count`, the oldest first, a minute apart.
    pub(crate) fn with_messages(count: u64) -> Arc<Self> {
        let server = Self::new();
        for number in 0..count {
            server.deliver(message(number, number / 3, 1_000 + 60 * number as i64));
        }
        server
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    // --- what happens on the server

    pub(crate) fn deliver(&self, message: Message) {
        let mut inner = self.lock();
        inner.state += 1;
        let state = inner.state;
        let entry = Entry {
            message,
            created: state,
            changed: state,
        };
        inner.messages.insert(entry.message.id.clone(), entry);
    }

    pub(crate) fn change(&self, id: &MessageId, change: impl FnOnce(&mut Message)) {
        let mut inner = self.lock();
        inner.state += 1;
        let state = inner.state;
        let entry = inner.messages.get_mut(id).unwrap();
        change(&mut entry.message);
        entry.changed = state;
    }

    pub(crate) fn flag(&self, id: &MessageId, keyword: Keyword, set: bool) {
        self.change(id, |message| {
            message.keywords.apply(&KeywordEdit { keyword, set });
        });
    }

    pub(crate) fn destroy(&self, id: &MessageId) {
        let mut inner = self.lock();
        inner.destroy(id);
    }

    pub(crate) fn add_mailbox(&self, name: &str) {
        let mut inner = self.lock();
        inner.mailbox_state += 1;
        inner.mailboxes.push(Mailbox {
            id: mailbox(name),
            name: name.into(),
            parent: None,
            role: None,
            sort_order: 1,
            server_total: 0,
        });
    }

    pub(crate) fn name_mailbox(&self, id: &str, name: &str) {
        let mut inner = self.lock();
        inner.mailbox_state += 1;
        let named = inner.mailboxes.iter_mut().find(|one| one.id.as_str() == id);
        named.unwrap().name = name.into();
    }

    pub(crate) fn add_mailbox_with_role(&self, name: &str, role: MailboxRole) {
        self.add_mailbox(name);
        if let Some(added) = self.lock().mailboxes.last_mut() {
            added.role = Some(role);
        }
    }

    /// The server forgets its change log up to now.
    pub(crate) fn forget_changes(&self) {
        let mut inner = self.lock();
        inner.state += 1;
        inner.forgotten = inner.state;
    }

    /// A message goes just before the second page of the next inventory is read.
    pub(crate) fn destroy_during_inventory(&self, id: MessageId) {
        self.lock().destroy_at_inventory = Some(id);
    }

    // --- switches

    pub(crate) fn set_delta(&self, rows: usize) {
        self.lock().delta = rows;
    }

    /// Deltas say that there is more and go nowhere.
    pub(crate) fn set_stalls(&self, stalls: bool) {
        self.lock().stalls = stalls;
    }

    pub(crate) fn fail(&self, call: Call, fault: Fault) {
        self.fail_times(call, fault, u32::MAX);
    }

    pub(crate) fn fail_times(&self, call: Call, fault: Fault, times: u32) {
        self.lock().faults.insert(call, (fault, times));
    }

    pub(crate) fn fail_everything(&self, fault: Fault) {
        self.lock().faults_all = Some(fault);
    }

    pub(crate) fn heal(&self) {
        let mut inner = self.lock();
        inner.faults.clear();
        inner.faults_all = None;
        inner.hang_from = None;
        inner.stalls = false;
    }

    /// From the `number`th request on (counted from 0), nothing is answered any more.
    pub(crate) fn hang_from(&self, number: u64) {
        self.lock().hang_from = Some(number);
    }

    /// The request from which on nothing is answered.
    pub(crate) fn hangs_at(&self) -> u64 {
        self.lock().hang_from.unwrap_or(u64::MAX)
    }

    pub(crate) fn edit_fault(&self, id: &MessageId, fault: Option<EditFault>) {
        let mut inner = self.lock();
        match fault {
            Some(fault) => inner.edits.insert(id.clone(), fault),
            None => inner.edits.remove(id),
        };
    }

    /// The bytes of a message, or of a file.
    pub(crate) fn set_raw(&self, blob: &str, bytes: impl Into<Bytes>) {
        let blob = BlobId::new(blob).unwrap();
        self.lock().raw.insert(blob, bytes.into());
    }

    pub(crate) fn blob_fault(&self, blob: &str, fault: Option<Fault>) {
        let blob = BlobId::new(blob).unwrap();
        let mut inner = self.lock();
        match fault {
            Some(fault) => inner.blob_faults.insert(blob, fault),
            None => inner.blob_faults.remove(&blob),
        };
    }

    /// A blob is given without its last octets.
    pub(crate) fn cut_blob(&self, blob: &str, octets: usize) {
        let blob = BlobId::new(blob).unwrap();
        let left = self.lock().raw(&blob).len() - octets;
        self.lock().blob_cuts.insert(blob, left);
    }

    /// Happens just before the second walk over everything begins.
    pub(crate) fn at_second_raw_inventory(&self, happening: impl FnOnce(&Self) + Send + 'static) {
        self.lock().at_second_raw_inventory = Some(Box::new(happening));
    }

    /// Answers to such a request are made and then held back, until a permit lets one go.
    pub(crate) fn hold_answers(&self, call: Call) -> Held {
        let held = Held {
            permits: Arc::new(Semaphore::new(0)),
            made: watch::Sender::new(0),
        };
        self.lock().held.insert(call, held.clone());
        held
    }

    /// Answers that are made from now on leave at once; those that are held stay so.
    pub(crate) fn hold_no_more(&self, call: Call) {
        self.lock().held.remove(&call);
    }

    /// From now on it says to be another account than the one that is stored.
    pub(crate) fn become_another_account(&self) {
        self.lock().is_another = true;
    }

    /// So many messages come with a page of older mail, at most.
    pub(crate) fn set_older_page(&self, messages: usize) {
        self.lock().older_page = messages;
    }

    pub(crate) fn set_body(&self, id: &MessageId, body: Body) {
        self.lock().bodies.insert(id.clone(), body);
    }

    // --- push

    pub(crate) fn enable_push(&self) {
        self.lock().has_push = true;
    }

    pub(crate) fn push(&self, event: &PushEvent) {
        self.lock()
            .pushes
            .retain(|channel| channel.send(Ok(event.clone())).is_ok());
    }

    /// Cuts every push channel.
    pub(crate) fn cut_push(&self) {
        self.lock().pushes.clear();
    }

    /// Channels opened so far.
    pub(crate) fn channels(&self) -> watch::Receiver<usize> {
        self.channels.subscribe()
    }

    // --- counters

    /// Requests so far.
    pub(crate) fn calls(&self) -> watch::Receiver<u64> {
        self.calls.subscribe()
    }

    pub(crate) fn count(&self, call: Call) -> usize {
        self.lock().log.iter().filter(|c| **c == call).count()
    }

    pub(crate) fn log(&self) -> Vec<Call> {
        self.lock().log.clone()
    }

    pub(crate) fn edited(&self) -> Vec<RemoteEdit> {
        self.lock().edited.clone()
    }

    /// How many edits each edit request had.
    pub(crate) fn edit_calls(&self) -> Vec<usize> {
        self.lock().edit_calls.clone()
    }

    pub(crate) fn messages(&self) -> BTreeMap<MessageId, Message> {
        self.lock()
            .messages
            .iter()
            .map(|(id, entry)| (id.clone(), entry.message.clone()))
            .collect()
    }

    async fn leave(&self, call: Call) {
        let held = self.lock().held.get(&call).cloned();
        if let Some(held) = held {
            held.made.send_modify(|made| *made += 1);
            held.permits.acquire().await.unwrap().forget();
        }
    }

    async fn enter(&self, call: Call) -> Result<(), SourceError> {
        let fault = {
            let mut inner = self.lock();
            let number = inner.log.len() as u64;
            inner.log.push(call);
            let hangs = inner.hang_from.is_some_and(|from| number >= from);
            let own = inner.faults.get_mut(&call).and_then(|(fault, times)| {
                let strikes = *times > 0;
                *times = times.saturating_sub(1);
                strikes.then_some(*fault)
            });
            if hangs {
                Some(Fault::Hang)
            } else {
                own.or(inner.faults_all)
            }
        };
        self.hosts
            .note("mail.northwind.example", UnixTime::from_seconds(1));
        self.calls.send_modify(|calls| *calls += 1);
        tokio::task::yield_now().await;
        match fault {
            None => Ok(()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Panic) => panic!("a fault of ours, on purpose"),
            Some(fault) => Err(fault.error()),
        }
    }
}

impl Fault {
    fn error(self) -> SourceError {
        let reason = String::from("on purpose");
        match self {
            Self::Unreachable | Self::Hang | Self::Panic => SourceError::Unreachable(None),
            Self::Busy(retry_after) => SourceError::Busy {
                retry_after,
                reason,
            },
            Self::SignIn => TokenError::SignInAgain.into(),
            Self::Vault => TokenError::VaultUnavailable.into(),
            Self::Refused => SourceError::Refused { reason },
            Self::Garbage => SourceError::BadAnswer { reason },
            Self::NoService => SourceError::NoService { reason },
            Self::Lost => SourceError::CannotCalculateChanges,
        }
    }
}

impl Inner {
    fn raw(&self, blob: &BlobId) -> Bytes {
        let set = self.raw.get(blob).cloned();
        set.unwrap_or_else(|| Bytes::from(format!("bytes of {blob}")))
    }

    fn destroy(&mut self, id: &MessageId) {
        self.state += 1;
        self.messages.remove(id).unwrap();
        self.destroyed.push((self.state, id.clone()));
    }

    fn newest_first(&self) -> Vec<&Message> {
        let mut all: Vec<_> = self.messages.values().map(|entry| &entry.message).collect();
        all.sort_by_key(|message| std::cmp::Reverse((message.received_at, message.id.clone())));
        all
    }

    fn page<'a>(
        &self,
        messages: impl Iterator<Item = &'a Message>,
        position: u64,
        limit: usize,
    ) -> MessagePage {
        let messages: Vec<Message> = messages
            .skip(position as usize)
            .take(limit)
            .cloned()
            .collect();
        MessagePage {
            state: state(self.state),
            queried: messages.len(),
            messages,
            total: Some(self.messages.len() as u64),
        }
    }

    fn body(&self, id: &MessageId) -> Body {
        self.bodies.get(id).cloned().unwrap_or_else(|| Body {
            text: Some(format!("The body of {id}")),
            ..Body::default()
        })
    }

    fn snapshot(&self) -> MailboxSnapshot {
        MailboxSnapshot {
            state: state(self.mailbox_state),
            mailboxes: self.mailboxes.clone(),
        }
    }

    fn update(message: &Message) -> MessageUpdate {
        MessageUpdate {
            id: message.id.clone(),
            mailboxes: message.mailboxes.clone(),
            keywords: message.keywords.clone(),
        }
    }

    fn changes(&self, since: u64, max: usize) -> MessageDelta {
        let mut delta = MessageDelta {
            new_state: state(self.state),
            has_more: false,
            created: vec![],
            updated: vec![],
            destroyed: vec![],
        };
        if self.stalls {
            delta.new_state = state(since);
            delta.has_more = true;
            return delta;
        }
        let mut touched: Vec<(u64, Result<&Entry, &MessageId>)> = self
            .messages
            .values()
            .filter(|entry| entry.changed > since)
            .map(|entry| (entry.changed, Ok(entry)))
            .chain(
                self.destroyed
                    .iter()
                    .filter(|(at, _)| *at > since)
                    .map(|(at, id)| (*at, Err(id))),
            )
            .collect();
        touched.sort_by_key(|(at, _)| *at);
        let max = max.min(self.delta);
        if touched.len() > max {
            touched.truncate(max);
            delta.new_state = state(touched.last().unwrap().0);
            delta.has_more = true;
        }
        for (_, what) in touched {
            match what {
                Ok(entry) if entry.created > since => delta.created.push(entry.message.clone()),
                Ok(entry) => delta.updated.push(Self::update(&entry.message)),
                Err(id) => delta.destroyed.push(id.clone()),
            }
        }
        delta
    }
}

#[async_trait]
impl MailSource for Server {
    async fn fits(&self, state: Option<&StateString>) -> Result<bool, SourceError> {
        Ok(state.is_none() || !self.lock().is_another)
    }

    async fn mailboxes(&self) -> Result<MailboxSnapshot, SourceError> {
        self.enter(Call::Mailboxes).await?;
        Ok(self.lock().snapshot())
    }

    async fn mailboxes_since(
        &self,
        since: &StateString,
    ) -> Result<Option<MailboxSnapshot>, SourceError> {
        self.enter(Call::MailboxesSince).await?;
        let snapshot = self.lock().snapshot();
        Ok((snapshot.state != *since).then_some(snapshot))
    }

    async fn newest(&self, position: u64, limit: usize) -> Result<MessagePage, SourceError> {
        self.enter(Call::Newest).await?;
        let page = {
            let inner = self.lock();
            inner.page(inner.newest_first().into_iter(), position, limit)
        };
        self.leave(Call::Newest).await;
        Ok(page)
    }

    async fn older_than(
        &self,
        before: UnixTime,
        position: u64,
        limit: usize,
    ) -> Result<MessagePage, SourceError> {
        self.enter(Call::OlderThan).await?;
        let page = {
            let inner = self.lock();
            let older = inner
                .newest_first()
                .into_iter()
                .filter(|message| message.received_at <= before);
            inner.page(older, position, limit.min(inner.older_page))
        };
        self.leave(Call::OlderThan).await;
        Ok(page)
    }

    async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        position: u64,
        limit: usize,
    ) -> Result<SearchPage, SourceError> {
        self.enter(Call::Search).await?;
        let inner = self.lock();
        let matches = |message: &&Message| {
            let known = Known {
                message,
                body: &inner.body(&message.id),
                mailboxes: &inner.mailboxes,
            };
            known.is(query, zone)
        };
        let ids: Vec<MessageId> = inner
            .newest_first()
            .into_iter()
            .filter(matches)
            .skip(position as usize)
            .take(limit)
            .map(|message| message.id.clone())
            .collect();
        Ok(SearchPage {
            queried: ids.len(),
            ids,
        })
    }

    async fn message_changes(
        &self,
        since: &StateString,
        max: usize,
    ) -> Result<MessageDelta, SourceError> {
        self.enter(Call::Changes).await?;
        let inner = self.lock();
        let since: u64 = since.as_str().trim_start_matches('s').parse().unwrap();
        if since < inner.forgotten {
            return Err(SourceError::CannotCalculateChanges);
        }
        Ok(inner.changes(since, max))
    }

    async fn inventory(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<(StateString, Vec<MessageUpdate>), SourceError> {
        self.enter(Call::Inventory).await?;
        let mut inner = self.lock();
        if position > 0
            && let Some(id) = inner.destroy_at_inventory.take()
        {
            inner.destroy(&id);
        }
        let page = inner.page(inner.newest_first().into_iter(), position, limit);
        Ok((
            page.state,
            page.messages.iter().map(Inner::update).collect(),
        ))
    }

    async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, SourceError> {
        self.enter(Call::Messages).await?;
        let found = {
            let inner = self.lock();
            let found = ids.iter().filter_map(|id| inner.messages.get(id));
            found.map(|entry| entry.message.clone()).collect()
        };
        self.leave(Call::Messages).await;
        Ok(found)
    }

    async fn bodies(&self, ids: &[MessageId]) -> Result<Vec<(MessageId, Body)>, SourceError> {
        self.enter(Call::Bodies).await?;
        let inner = self.lock();
        let found = ids.iter().filter(|id| inner.messages.contains_key(id));
        Ok(found.map(|id| (id.clone(), inner.body(id))).collect())
    }

    async fn blob(&self, blob: &BlobId) -> Result<ByteStream, SourceError> {
        self.enter(Call::Blob).await?;
        let inner = self.lock();
        if let Some(fault) = inner.blob_faults.get(blob) {
            return Err(fault.error());
        }
        let mut bytes = inner.raw(blob);
        bytes.truncate(inner.blob_cuts.get(blob).copied().unwrap_or(usize::MAX));
        // In pieces, as a connection gives them.
        let pieces: Vec<_> = std::iter::from_fn(|| {
            let piece = bytes.split_to(bytes.len().min(700));
            (!piece.is_empty()).then_some(Ok(piece))
        })
        .collect();
        Ok(futures::stream::iter(pieces).boxed())
    }

    async fn edit(&self, edits: &[RemoteEdit]) -> Result<Vec<EditOutcome>, SourceError> {
        self.enter(Call::Edit).await?;
        let mut inner = self.lock();
        inner.edit_calls.push(edits.len());
        let mut outcomes = Vec::new();
        for edit in edits {
            inner.edited.push(edit.clone());
            inner.state += 1;
            let state = inner.state;
            let fault = inner.edits.get(&edit.message).copied();
            let Some(entry) = inner.messages.get_mut(&edit.message) else {
                outcomes.push(EditOutcome::Gone);
                continue;
            };
            outcomes.push(match fault {
                Some(EditFault::Refused) => EditOutcome::Refused("not allowed".into()),
                Some(EditFault::Later) => EditOutcome::Later,
                None => {
                    for keyword in &edit.keywords {
                        entry.message.keywords.apply(keyword);
                    }
                    entry
                        .message
                        .mailboxes
                        .retain(|mailbox| !edit.remove_from.contains(mailbox));
                    entry.message.mailboxes.extend(edit.add_to.clone());
                    entry.message.mailboxes.sort();
                    entry.message.mailboxes.dedup();
                    entry.changed = state;
                    EditOutcome::Done
                }
            });
        }
        Ok(outcomes)
    }

    async fn push(&self) -> Result<Option<PushStream>, SourceError> {
        self.enter(Call::Push).await?;
        let mut inner = self.lock();
        if !inner.has_push {
            return Ok(None);
        }
        let (channel, events) = mpsc::unbounded_channel();
        channel.send(Ok(PushEvent::Connected)).unwrap();
        inner.pushes.push(channel);
        drop(inner);
        self.channels.send_modify(|channels| *channels += 1);
        Ok(Some(UnboundedReceiverStream::new(events).boxed()))
    }

    async fn identities(&self) -> Result<Vec<Identity>, SourceError> {
        Ok(vec![])
    }

    async fn raw_inventory(&self, position: u64, limit: usize) -> Result<RawPage, SourceError> {
        self.enter(Call::RawInventory).await?;
        let happening = {
            let mut inner = self.lock();
            inner.raw_inventories += u32::from(position == 0);
            let due = position == 0 && inner.raw_inventories == 2;
            due.then(|| inner.at_second_raw_inventory.take()).flatten()
        };
        if let Some(happening) = happening {
            happening(self);
        }
        let inner = self.lock();
        let page = inner.page(inner.newest_first().into_iter(), position, limit);
        let entries = page.messages.into_iter().map(|message| RawEntry {
            size: inner.raw(&message.blob).len() as u64,
            id: message.id,
            blob: message.blob,
            mailboxes: message.mailboxes,
            keywords: message.keywords,
            received_at: message.received_at,
            has_attachment: message.has_attachment,
        });
        Ok(RawPage {
            state: page.state,
            total: page.total,
            entries: entries.collect(),
        })
    }

    async fn attachment_octets(&self, ids: &[MessageId]) -> Result<u64, SourceError> {
        self.enter(Call::AttachmentOctets).await?;
        let inner = self.lock();
        let bodies = ids.iter().filter_map(|id| inner.bodies.get(id));
        Ok(bodies
            .flat_map(|body| &body.attachments)
            .map(|file| file.size)
            .sum())
    }

    async fn submissions_pending(&self) -> Result<Option<Vec<PendingSubmission>>, SourceError> {
        self.enter(Call::Submissions).await?;
        Ok(None)
    }

    async fn cancel_submission(&self, _: &SubmissionId) -> Result<CancelOutcome, SourceError> {
        self.enter(Call::Submissions).await?;
        Ok(CancelOutcome::Gone)
    }

    fn hosts(&self) -> &HostLog {
        &self.hosts
    }
}

/// A body with one file.
pub(crate) fn body_with_file(number: u64) -> Body {
    Body {
        text: Some(format!("The body of M{number}")),
        html: None,
        attachments: vec![Attachment {
            blob: BlobId::new(format!("F{number}")).unwrap(),
            name: "figures.pdf".into(),
            media_type: "application/pdf".into(),
            size: 11,
            content_id: None,
            disposition: Disposition::Attachment,
        }],
        truncated: false,
    }
}
