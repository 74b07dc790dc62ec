//! What an account holds, counted rather than kept: for saying what would be put aside.

use mail_model::UnixTime;
use sqlx::{Row as _, SqliteConnection};

use super::mailbox::from_stored;
use super::value::{FILE, UNREAD};
use crate::error::StoreError;

/// What the local copy of an account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Conversations.
    pub conversations: u64,
    /// Conversations with an unread message.
    pub unread_conversations: u64,
    /// Messages.
    pub messages: u64,
    /// Unread messages.
    pub unread_messages: u64,
    /// Octets of the messages together, files included, as the server says.
    pub octets: u64,
    /// Messages that are still being written: marked so, or in the mailbox for drafts.
    pub drafts: u64,
    /// Messages that have files.
    pub with_files: u64,
    /// Changes the server does not have yet.
    pub queued: u64,
    /// Receipt of the oldest message.
    pub oldest: Option<UnixTime>,
    /// Receipt of the newest message.
    pub newest: Option<UnixTime>,
    /// Whether everything the server told of is here. If not, every figure is "at least".
    pub complete: bool,
}

const COUNT: &str = "SELECT count(*), count(DISTINCT thread), \
    coalesce(sum(flags & ?1 > 0), 0), count(DISTINCT CASE WHEN flags & ?1 THEN thread END), \
    coalesce(sum(flags & ?2 > 0), 0), coalesce(sum(size), 0), min(received_at), max(received_at) \
    FROM message";

const DRAFTS: &str = "SELECT count(*) FROM message m \
    WHERE EXISTS (SELECT 1 FROM json_each(m.keywords) k WHERE k.value = '$draft') \
    OR EXISTS (SELECT 1 FROM placement p JOIN mailbox b ON b.key = p.mailbox \
               WHERE p.message = m.key AND b.role = 'drafts')";

const COMPLETE: &str = "SELECT fill = 'complete' AND NOT sweeping FROM progress WHERE id = 1";

/// Counts; `queued` is left at zero. The caller has a transaction, so the figures agree.
pub(crate) async fn count(connection: &mut SqliteConnection) -> Result<Holdings, StoreError> {
    let row = sqlx::query(COUNT)
        .bind(UNREAD)
        .bind(FILE)
        .fetch_one(&mut *connection)
        .await?;
    let drafts: i64 = sqlx::query_scalar(DRAFTS)
        .fetch_one(&mut *connection)
        .await?;
    let complete: bool = sqlx::query_scalar(COMPLETE).fetch_one(connection).await?;
    let figure = |column| row.try_get(column).map(from_stored);
    let time = |column| -> Result<Option<UnixTime>, sqlx::Error> {
        let seconds: Option<i64> = row.try_get(column)?;
        Ok(seconds.map(UnixTime::from_seconds))
    };
    Ok(Holdings {
        messages: figure(0)?,
        conversations: figure(1)?,
        unread_messages: figure(2)?,
        unread_conversations: figure(3)?,
        with_files: figure(4)?,
        octets: figure(5)?,
        oldest: time(6)?,
        newest: time(7)?,
        drafts: from_stored(drafts),
        queued: 0,
        complete,
    })
}
