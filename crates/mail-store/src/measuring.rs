//! Made-up accounts of any size, written by the store's own writer. Only for measuring.
//!
//! The same number always gives the same mail: about three messages a conversation, one in eight
//! unread, one in twenty starred, one in ten with a file, nine in ten in the inbox.

use std::path::Path;

use mail_model::remote::MailboxSnapshot;
use mail_model::{
    Address, BlobId, IdError, Keyword, Mailbox, MailboxId, MailboxRole, Message, MessageId,
    StateString, ThreadId, UnixTime,
};

use crate::{
    AccountStore, FileKind, FillState, ProgressUpdate, StoreError, StoreKey, StoreOptions,
    SyncBatch,
};

/// Rows in one transaction.
const BATCH: u64 = 2000;
/// 2026-01-01T00:00:00Z: the newest message.
const NEWEST: i64 = 1_767_225_600;
/// Seconds between two messages.
const APART: i64 = 90;

/// The key of all made-up accounts.
#[must_use]
pub const fn key() -> StoreKey {
    StoreKey::new([0x42; 32])
}

/// The server's id of the made-up inbox.
///
/// # Errors
/// Never; the id is fixed.
pub fn inbox() -> Result<MailboxId, IdError> {
    MailboxId::new("inbox")
}

/// Makes sure that a folder holds a made-up account of that many messages, and opens it. One that
/// is there and complete is taken as it is.
///
/// # Errors
/// See [`StoreError`].
pub async fn account(
    folder: &Path,
    messages: u64,
    options: StoreOptions,
) -> Result<AccountStore, StoreError> {
    let store = AccountStore::open(folder, key(), options).await?;
    if store.progress().await?.fill != FillState::Complete {
        fill(&store, messages).await?;
    }
    Ok(store)
}

/// Copies a closed account's files into another folder: the same mail under the same key, for
/// measuring many accounts without making each. A folder that is there is taken as it is.
///
/// # Errors
/// See [`StoreError`].
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Ok(());
    }
    let io = |error| StoreError::io(to, error);
    std::fs::create_dir_all(to).map_err(io)?;
    for file in FileKind::ACCOUNT {
        let name = file.file_name();
        std::fs::copy(from.join(name), to.join(name)).map_err(io)?;
    }
    Ok(())
}

/// Fills an empty account, newest batch first, as a first synchronisation does.
///
/// # Errors
/// See [`StoreError`].
pub async fn fill(store: &AccountStore, messages: u64) -> Result<(), StoreError> {
    let bad = |_| StoreError::BadValue(None);
    let list = SyncBatch {
        mailboxes: Some(mailboxes().map_err(bad)?),
        ..SyncBatch::default()
    };
    store.apply(list).await?;
    let mut done = 0;
    while done < messages {
        let step = BATCH.min(messages - done);
        let upsert = (done..done + step)
            .map(message)
            .collect::<Result<Vec<_>, IdError>>()
            .map_err(bad)?;
        done += step;
        let fill = if done == messages {
            FillState::Complete
        } else {
            FillState::Filling {
                oldest: received_at(done),
                done,
                total: Some(messages),
            }
        };
        let batch = SyncBatch {
            upsert,
            progress: ProgressUpdate {
                fill: Some(fill),
                ..ProgressUpdate::default()
            },
            ..SyncBatch::default()
        };
        store.apply(batch).await?;
    }
    Ok(())
}

fn mailboxes() -> Result<MailboxSnapshot, IdError> {
    let mailbox = |id: &str, role| {
        Ok(Mailbox {
            id: MailboxId::new(id)?,
            name: id.into(),
            parent: None,
            role: Some(role),
            sort_order: 0,
            server_total: 0,
        })
    };
    Ok(MailboxSnapshot {
        state: StateString::new("1")?,
        mailboxes: vec![
            mailbox("inbox", MailboxRole::Inbox)?,
            mailbox("archive", MailboxRole::Archive)?,
        ],
    })
}

fn received_at(n: u64) -> UnixTime {
    let n = i64::try_from(n).unwrap_or(i64::MAX / APART);
    UnixTime::from_seconds(NEWEST.saturating_sub(n.saturating_mul(APART)))
}

/// Spreads neighbouring numbers (splitmix64).
const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

/// The n-th newest message.
///
/// # Errors
/// Never; ids are made of numbers.
pub fn message(n: u64) -> Result<Message, IdError> {
    let random = mix(n);
    let person = random % 500;
    // Conversations reach back over the last sixty messages.
    let thread = (n / 60) * 20 + random % 20;
    let chance = |bit: u32, of: u64| (random >> bit).is_multiple_of(of);
    let mut keywords = Vec::new();
    if !chance(8, 8) {
        keywords.push(Keyword::seen());
    }
    if chance(16, 20) {
        keywords.push(Keyword::flagged());
    }
    let mailbox = if chance(24, 10) { "archive" } else { "inbox" };
    let address = |person: u64| Address {
        name: format!("Person {person}"),
        email: format!("person{person}@northwind.example"),
    };
    Ok(Message {
        id: MessageId::new(format!("M{random:016x}"))?,
        blob: BlobId::new(format!("B{random:016x}"))?,
        thread: ThreadId::new(format!("T{thread}"))?,
        mailboxes: vec![MailboxId::new(mailbox)?],
        keywords: keywords.into_iter().collect(),
        received_at: received_at(n),
        size: 2000 + random % 50_000,
        from: vec![address(person)],
        to: vec![Address {
            name: "Ana Moreau".into(),
            email: "ana@northwind.example".into(),
        }],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: Vec::new(),
        subject: format!("Plan {} for the week of {}", random % 1000, n % 53),
        preview: format!(
            "Hello Ana, here is what we said about point {person}: the hall is free on day {}, \
             the scores are in the folder, and the train leaves at a quarter past nine.",
            random % 31
        ),
        message_ids: vec![format!("{random:016x}@northwind.example")],
        in_reply_to: vec![format!("{:016x}@northwind.example", mix(n + 60))],
        references: vec![format!("{:016x}@northwind.example", mix(n + 60))],
        has_attachment: chance(32, 10),
    })
}
