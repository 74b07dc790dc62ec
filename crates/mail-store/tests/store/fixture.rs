//! Ana's mail, and a folder to keep it in.

use mail_model::remote::{MailboxSnapshot, MessageUpdate};
use mail_model::{
    Address, BlobId, Filter, Keyword, Keywords, ListMode, ListRow, Mailbox, MailboxId, MailboxRole,
    Message, MessageId, MessageKey, StateString, ThreadId, UnixTime,
};
use mail_store::{AccountStore, ListScope, StoreError, StoreKey, StoreOptions, SyncBatch};
use tempfile::TempDir;

/// 2026-03-02T08:00:00Z.
pub(crate) const MORNING: i64 = 1_772_438_400;

pub(crate) fn key(octet: u8) -> StoreKey {
    StoreKey::new([octet; 32])
}

/// A folder with an open store.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
    pub(crate) store: AccountStore,
}

impl Home {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = open(&folder, 1).await.unwrap();
        let list = SyncBatch {
            mailboxes: Some(mailboxes()),
            ..SyncBatch::default()
        };
        store.apply(list).await.unwrap();
        Self { folder, store }
    }

    /// Closes the files and opens them again.
    pub(crate) async fn reopen(self) -> Self {
        self.store.close().await.unwrap();
        let store = open(&self.folder, 1).await.unwrap();
        Self {
            folder: self.folder,
            store,
        }
    }

    pub(crate) async fn upsert(&self, messages: Vec<Message>) {
        let batch = SyncBatch {
            upsert: messages,
            ..SyncBatch::default()
        };
        self.store.apply(batch).await.unwrap();
    }

    pub(crate) async fn update(&self, updates: Vec<MessageUpdate>) {
        let batch = SyncBatch {
            update: updates,
            ..SyncBatch::default()
        };
        self.store.apply(batch).await.unwrap();
    }

    pub(crate) async fn remove(&self, ids: &[&str]) {
        let batch = SyncBatch {
            remove: ids.iter().map(|id| MessageId::new(*id).unwrap()).collect(),
            ..SyncBatch::default()
        };
        self.store.apply(batch).await.unwrap();
    }

    pub(crate) async fn message_key(&self, id: &str) -> MessageKey {
        let id = MessageId::new(id).unwrap();
        self.store.message_key(&id).await.unwrap().unwrap()
    }

    /// Subjects of the first rows of a mailbox's conversations.
    pub(crate) async fn subjects(&self, mailbox: &str) -> Vec<String> {
        let rows = self
            .page(mailbox, ListMode::Conversations, Filter::All)
            .await;
        rows.into_iter().map(|row| row.subject).collect()
    }

    pub(crate) async fn page(&self, mailbox: &str, mode: ListMode, filter: Filter) -> Vec<ListRow> {
        let scope = scope(mailbox, mode, filter);
        self.store.page(&scope, None, 1000).await.unwrap()
    }

    pub(crate) async fn assert_counts(&self) {
        assert_eq!(self.store.recount().await.unwrap(), []);
    }
}

pub(crate) async fn open(folder: &TempDir, octet: u8) -> Result<AccountStore, StoreError> {
    let account = folder.path().join("account");
    AccountStore::open(&account, key(octet), StoreOptions::default()).await
}

pub(crate) fn scope(mailbox: &str, mode: ListMode, filter: Filter) -> ListScope {
    ListScope {
        mailbox: MailboxId::new(mailbox).unwrap(),
        mode,
        filter,
    }
}

pub(crate) fn mailbox(id: &str, role: Option<MailboxRole>) -> Mailbox {
    Mailbox {
        id: MailboxId::new(id).unwrap(),
        name: id.into(),
        parent: None,
        role,
        sort_order: 0,
        server_total: 0,
    }
}

pub(crate) fn mailboxes() -> MailboxSnapshot {
    MailboxSnapshot {
        state: StateString::new("m1").unwrap(),
        mailboxes: vec![
            mailbox("archive", Some(MailboxRole::Archive)),
            mailbox("choir", None),
            mailbox("inbox", Some(MailboxRole::Inbox)),
        ],
    }
}

/// A message from Bo, unread, in the inbox, `minutes` after eight.
pub(crate) fn message(id: &str, thread: &str, minutes: i64) -> Message {
    Message {
        id: MessageId::new(id).unwrap(),
        blob: BlobId::new(format!("blob-{id}")).unwrap(),
        thread: ThreadId::new(thread).unwrap(),
        mailboxes: vec![MailboxId::new("inbox").unwrap()],
        keywords: Keywords::default(),
        received_at: UnixTime::from_seconds(MORNING + 60 * minutes),
        size: 2048,
        from: vec![Address {
            name: "Bo Lind".into(),
            email: "bo@northwind.example".into(),
        }],
        to: vec![Address {
            name: "Ana Moreau".into(),
            email: "ana@northwind.example".into(),
        }],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: Vec::new(),
        subject: format!("About {id}"),
        preview: "See you at ten".into(),
        message_ids: vec![format!("{id}@northwind.example")],
        in_reply_to: Vec::new(),
        references: Vec::new(),
        has_attachment: false,
    }
}

pub(crate) fn from(mut message: Message, name: &str) -> Message {
    message.from[0].name = name.into();
    message
}

pub(crate) fn marked(mut message: Message, keyword: Keyword) -> Message {
    let all = message.keywords.iter().cloned().chain([keyword]);
    message.keywords = all.collect();
    message
}

pub(crate) fn with_file(mut message: Message) -> Message {
    message.has_attachment = true;
    message
}

pub(crate) fn within(mut message: Message, mailboxes: &[&str]) -> Message {
    message.mailboxes = ids(mailboxes);
    message
}

pub(crate) fn ids(mailboxes: &[&str]) -> Vec<MailboxId> {
    mailboxes
        .iter()
        .map(|id| MailboxId::new(*id).unwrap())
        .collect()
}

pub(crate) fn update(id: &str, mailboxes: &[&str], keywords: &[Keyword]) -> MessageUpdate {
    MessageUpdate {
        id: MessageId::new(id).unwrap(),
        mailboxes: ids(mailboxes),
        keywords: keywords.iter().cloned().collect(),
    }
}
