//! Fills signed-in accounts with made-up messages, each a conversation of its own: what a window does with
//! very long lists can be seen without fetching them.
//!
//! `fill DATA-FOLDER MESSAGES ACCOUNT…`, while no Braid uses the folder. The server knows nothing of these
//! messages, so the accounts have to be paused before.

use std::path::{Path, PathBuf};

use mail_auth::{KeyPurpose, KeyringVault, Vault};
use mail_model::ThreadId;
use mail_store::{
    AccountRecord, AccountState, AccountStore, Registry, StoreKey, StoreOptions, SyncBatch,
    measuring,
};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Rows in one transaction.
const BATCH: u64 = 4000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().ok_or("which data folder?")?);
    let messages = words.next().ok_or("how many messages?")?.parse()?;
    let names: Vec<String> = words.collect();
    let registry = Registry::open(&folder).await?;
    let mut records = registry.accounts().await?;
    registry.close().await;
    records.retain(|record| names.contains(&record.name));
    if records.len() != names.len() {
        return Err("not every account is here".into());
    }
    let mut fills = JoinSet::new();
    for (place, record) in records.into_iter().enumerate() {
        let accounts = folder.join("accounts");
        fills.spawn(async move { fill(&accounts, record, u64::try_from(place)?, messages).await });
    }
    while let Some(filled) = fills.join_next().await {
        filled??;
    }
    Ok(())
}

/// Adds to what is there, newest first. Numbers of `place` are no other place's.
async fn fill(
    accounts: &Path,
    record: AccountRecord,
    place: u64,
    messages: u64,
) -> Result<(), Failure> {
    if record.state != AccountState::Paused {
        return Err(format!("{} is not paused", record.name).into());
    }
    let vault = KeyringVault::new();
    let key = vault
        .key(&record.id)
        .await?
        .ok_or("the account has no key")?;
    let key = StoreKey::new(*key.derive(KeyPurpose::Database));
    let folder = accounts.join(record.id.as_str());
    let store = AccountStore::open(&folder, key, StoreOptions::default()).await?;
    let inbox = store
        .mailboxes()
        .await?
        .into_iter()
        .map(|(mailbox, _)| mailbox)
        .find(|mailbox| mailbox.role == Some(mail_model::MailboxRole::Inbox))
        .ok_or("the account has no inbox")?;
    let mut done = 0;
    while done < messages {
        let step = BATCH.min(messages - done);
        let upsert = (done..done + step)
            .map(|n| {
                let mut message = measuring::message(n)?;
                message.thread = ThreadId::new(format!("F{place}-{n}"))?;
                message.mailboxes = vec![inbox.id.clone()];
                message.subject = format!("{} message {} of {messages}", record.name, n + 1);
                Ok(message)
            })
            .collect::<Result<_, mail_model::IdError>>()?;
        done += step;
        let batch = SyncBatch {
            upsert,
            ..SyncBatch::default()
        };
        store.apply(batch).await?;
    }
    store.close().await?;
    Ok(())
}
