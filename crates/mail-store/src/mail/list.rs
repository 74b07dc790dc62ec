//! Reading lists: pages after a place, places of a long list, totals, single rows.
//!
//! Every statement walks one index of one mailbox from a place on: the cost of a page depends on
//! neither the length of the list nor the place. A page is one JSON row, because handing rows
//! from SQLite's thread to the caller costs more than reading them.

use mail_model::{
    Filter, Keywords, ListCursor, ListMode, ListRow, MailboxId, MessageKey, RowKey, ThreadKey,
    UnixTime,
};
use serde::Deserialize;
use sqlx::{Row as _, SqliteConnection};

use super::mailbox::from_stored;
use crate::error::StoreError;

/// Which list of the account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListScope {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Conversations or messages.
    pub mode: ListMode,
    /// Which rows.
    pub filter: Filter,
}

/// Every n-th place of a list, for jumping into its middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// Distance of the rungs in rows.
    pub every: u64,
    /// The places just after row `every`, `2 * every`, … while there are that many rows.
    pub rungs: Vec<ListCursor>,
    /// How many rows the list has.
    pub total: u64,
}

impl Ladder {
    /// The rungs with the number of rows above and including each.
    pub fn places(&self) -> impl Iterator<Item = (u64, ListCursor)> {
        let every = self.every;
        (1..)
            .zip(&self.rungs)
            .map(move |(n, cursor)| (n * every, *cursor))
    }
}

/// The statements of one kind of list.
pub(crate) struct ListSql {
    /// A page: mailbox id, place (2), limit.
    pub(crate) page: &'static str,
    /// The place some rows after a place: mailbox id, place (2), rows to skip.
    pub(crate) rung: &'static str,
    /// Rows strictly between two places: mailbox id, lower place (2), upper place (2).
    pub(crate) between: &'static str,
    /// Given rows: mailbox id, keys (JSON).
    pub(crate) rows: &'static str,
    /// The places of rows after a place: mailbox id, place (2), limit.
    pub(crate) places: &'static str,
    /// The kept total and the unread rows among it: mailbox id.
    pub(crate) total: &'static str,
}

macro_rules! mailbox {
    () => {
        "(SELECT key FROM mailbox WHERE id = ?1)"
    };
}

macro_rules! thread_row {
    () => {
        "SELECT json_group_array(json_array(thread, thread, latest, latest_at, json(senders), \
         subject, preview, message_count, unread_count, starred_count > 0, file_count > 0, \
         json(keywords))) FROM (SELECT t.thread, t.latest, t.latest_at, t.senders, m.subject, \
         m.preview, t.message_count, t.unread_count, t.starred_count, t.file_count, m.keywords "
    };
}

macro_rules! thread_sql {
    ($index:literal, $filter:literal, $total:literal, $unread:literal) => {
        ListSql {
            page: concat!(
                thread_row!(),
                "FROM thread_mailbox t INDEXED BY ",
                $index,
                " CROSS JOIN message m ON m.key = t.latest WHERE t.mailbox = ",
                mailbox!(),
                $filter,
                " AND (t.latest_at, t.thread) < (?2, ?3) \
                 ORDER BY t.latest_at DESC, t.thread DESC LIMIT ?4)"
            ),
            rung: concat!(
                "SELECT t.latest_at, t.thread FROM thread_mailbox t INDEXED BY ",
                $index,
                " WHERE t.mailbox = ",
                mailbox!(),
                $filter,
                " AND (t.latest_at, t.thread) < (?2, ?3) \
                 ORDER BY t.latest_at DESC, t.thread DESC LIMIT 1 OFFSET ?4"
            ),
            between: concat!(
                "SELECT count(*) FROM thread_mailbox t INDEXED BY ",
                $index,
                " WHERE t.mailbox = ",
                mailbox!(),
                $filter,
                " AND (t.latest_at, t.thread) > (?2, ?3) AND (t.latest_at, t.thread) < (?4, ?5)"
            ),
            rows: concat!(
                thread_row!(),
                "FROM json_each(?2) j CROSS JOIN thread_mailbox t ON t.thread = j.value \
                 CROSS JOIN message m ON m.key = t.latest WHERE t.mailbox = ",
                mailbox!(),
                $filter,
                ")"
            ),
            places: concat!(
                "SELECT json_group_array(json_array(latest_at, thread)) FROM (\
                 SELECT t.latest_at, t.thread FROM thread_mailbox t INDEXED BY ",
                $index,
                " WHERE t.mailbox = ",
                mailbox!(),
                $filter,
                " AND (t.latest_at, t.thread) < (?2, ?3) \
                 ORDER BY t.latest_at DESC, t.thread DESC LIMIT ?4)"
            ),
            total: concat!(
                "SELECT ",
                $total,
                ", ",
                $unread,
                " FROM mailbox WHERE id = ?1"
            ),
        }
    };
}

macro_rules! message_row {
    () => {
        "SELECT json_group_array(json_array(key, thread, key, received_at, json_array(sender), \
         subject, preview, 1, flags & 1, flags & 2 > 0, flags & 4 > 0, json(keywords))) \
         FROM (SELECT m.key, m.thread, p.received_at, m.sender, m.subject, m.preview, m.flags, \
         m.keywords "
    };
}

macro_rules! message_sql {
    ($indexed:literal, $filter:literal, $total:literal, $unread:literal) => {
        ListSql {
            page: concat!(
                message_row!(),
                "FROM placement p ",
                $indexed,
                " CROSS JOIN message m ON m.key = p.message WHERE p.mailbox = ",
                mailbox!(),
                $filter,
                " AND (p.received_at, p.message) < (?2, ?3) \
                 ORDER BY p.received_at DESC, p.message DESC LIMIT ?4)"
            ),
            rung: concat!(
                "SELECT p.received_at, p.message FROM placement p ",
                $indexed,
                " WHERE p.mailbox = ",
                mailbox!(),
                $filter,
                " AND (p.received_at, p.message) < (?2, ?3) \
                 ORDER BY p.received_at DESC, p.message DESC LIMIT 1 OFFSET ?4"
            ),
            between: concat!(
                "SELECT count(*) FROM placement p ",
                $indexed,
                " WHERE p.mailbox = ",
                mailbox!(),
                $filter,
                " AND (p.received_at, p.message) > (?2, ?3) \
                 AND (p.received_at, p.message) < (?4, ?5)"
            ),
            rows: concat!(
                message_row!(),
                "FROM json_each(?2) j CROSS JOIN message m ON m.key = j.value \
                 CROSS JOIN placement p INDEXED BY placement_message ON p.message = m.key \
                 WHERE p.mailbox = ",
                mailbox!(),
                $filter,
                ")"
            ),
            places: concat!(
                "SELECT json_group_array(json_array(received_at, message)) FROM (\
                 SELECT p.received_at, p.message FROM placement p ",
                $indexed,
                " WHERE p.mailbox = ",
                mailbox!(),
                $filter,
                " AND (p.received_at, p.message) < (?2, ?3) \
                 ORDER BY p.received_at DESC, p.message DESC LIMIT ?4)"
            ),
            total: concat!(
                "SELECT ",
                $total,
                ", ",
                $unread,
                " FROM mailbox WHERE id = ?1"
            ),
        }
    };
}

static THREADS: ListSql = thread_sql!("thread_mailbox_latest", "", "threads", "unread_threads");
static UNREAD_THREADS: ListSql = thread_sql!(
    "thread_mailbox_unread",
    " AND t.unread_count > 0",
    "unread_threads",
    "unread_threads"
);
static STARRED_THREADS: ListSql = thread_sql!(
    "thread_mailbox_starred",
    " AND t.starred_count > 0",
    "starred_threads",
    "unread_starred_threads"
);
static FILE_THREADS: ListSql = thread_sql!(
    "thread_mailbox_file",
    " AND t.file_count > 0",
    "file_threads",
    "unread_file_threads"
);
static MESSAGES: ListSql = message_sql!("", "", "messages", "unread_messages");
static UNREAD_MESSAGES: ListSql = message_sql!(
    "INDEXED BY placement_unread",
    " AND p.flags & 1",
    "unread_messages",
    "unread_messages"
);
static STARRED_MESSAGES: ListSql = message_sql!(
    "INDEXED BY placement_starred",
    " AND p.flags & 2",
    "starred_messages",
    "unread_starred_messages"
);
static FILE_MESSAGES: ListSql = message_sql!(
    "INDEXED BY placement_file",
    " AND p.flags & 4",
    "file_messages",
    "unread_file_messages"
);

pub(crate) const fn sql(mode: ListMode, filter: Filter) -> &'static ListSql {
    match (mode, filter) {
        (ListMode::Conversations, Filter::All) => &THREADS,
        (ListMode::Conversations, Filter::Unread) => &UNREAD_THREADS,
        (ListMode::Conversations, Filter::Starred) => &STARRED_THREADS,
        (ListMode::Conversations, Filter::Files) => &FILE_THREADS,
        (ListMode::Messages, Filter::All) => &MESSAGES,
        (ListMode::Messages, Filter::Unread) => &UNREAD_MESSAGES,
        (ListMode::Messages, Filter::Starred) => &STARRED_MESSAGES,
        (ListMode::Messages, Filter::Files) => &FILE_MESSAGES,
    }
}

/// Before every row.
const TOP: (i64, i64) = (i64::MAX, i64::MAX);

fn place(cursor: Option<ListCursor>) -> (i64, i64) {
    cursor.map_or(TOP, |cursor| (cursor.received_at.seconds(), cursor.key))
}

/// A row as the statements give it.
#[derive(Deserialize)]
struct Raw(
    i64,
    i64,
    i64,
    i64,
    Vec<String>,
    String,
    String,
    u32,
    u32,
    u8,
    u8,
    Keywords,
);

impl Raw {
    fn row(self, mode: ListMode) -> ListRow {
        let Self(
            key,
            thread,
            latest,
            received_at,
            mut senders,
            subject,
            preview,
            message_count,
            unread_count,
            starred,
            has_attachment,
            keywords,
        ) = self;
        senders.retain(|sender| !sender.is_empty());
        ListRow {
            key: match mode {
                ListMode::Conversations => RowKey::Thread(ThreadKey::new(key)),
                ListMode::Messages => RowKey::Message(MessageKey::new(key)),
            },
            thread: ThreadKey::new(thread),
            latest: MessageKey::new(latest),
            received_at: UnixTime::from_seconds(received_at),
            senders,
            subject,
            preview,
            message_count,
            unread_count,
            starred: starred != 0,
            has_attachment: has_attachment != 0,
            keywords,
            found: None,
        }
    }
}

fn parse(json: &str, mode: ListMode) -> Result<Vec<ListRow>, StoreError> {
    let raw: Vec<Raw> = serde_json::from_str(json)?;
    let mut rows: Vec<ListRow> = raw.into_iter().map(|raw| raw.row(mode)).collect();
    // SQL leaves the order inside an aggregate open.
    rows.sort_by_key(|row| std::cmp::Reverse(row.cursor()));
    Ok(rows)
}

pub(crate) async fn page(
    connection: &mut SqliteConnection,
    scope: &ListScope,
    after: Option<ListCursor>,
    limit: usize,
) -> Result<Vec<ListRow>, StoreError> {
    let (received_at, key) = place(after);
    let json: String = sqlx::query_scalar(sql(scope.mode, scope.filter).page)
        .bind(scope.mailbox.as_str())
        .bind(received_at)
        .bind(key)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_one(connection)
        .await?;
    parse(&json, scope.mode)
}

pub(crate) async fn rows(
    connection: &mut SqliteConnection,
    scope: &ListScope,
    keys: &[RowKey],
) -> Result<Vec<ListRow>, StoreError> {
    let keys: Vec<i64> = keys
        .iter()
        .filter(|key| match key {
            RowKey::Thread(_) => scope.mode == ListMode::Conversations,
            RowKey::Message(_) => scope.mode == ListMode::Messages,
        })
        .map(|key| key.get())
        .collect();
    let json: String = sqlx::query_scalar(sql(scope.mode, scope.filter).rows)
        .bind(scope.mailbox.as_str())
        .bind(serde_json::to_string(&keys)?)
        .fetch_one(connection)
        .await?;
    parse(&json, scope.mode)
}

/// How many rows a list has, and how many of them are unread.
pub(crate) async fn totals(
    connection: &mut SqliteConnection,
    scope: &ListScope,
) -> Result<(u64, u64), StoreError> {
    let row = sqlx::query(sql(scope.mode, scope.filter).total)
        .bind(scope.mailbox.as_str())
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => Ok((from_stored(row.try_get(0)?), from_stored(row.try_get(1)?))),
        None => Ok((0, 0)),
    }
}

pub(crate) async fn rank(
    connection: &mut SqliteConnection,
    scope: &ListScope,
    cursor: ListCursor,
    from: Option<ListCursor>,
) -> Result<u64, StoreError> {
    let (upper_at, upper_key) = place(from);
    let count: i64 = sqlx::query_scalar(sql(scope.mode, scope.filter).between)
        .bind(scope.mailbox.as_str())
        .bind(cursor.received_at.seconds())
        .bind(cursor.key)
        .bind(upper_at)
        .bind(upper_key)
        .fetch_one(connection)
        .await?;
    Ok(from_stored(count))
}

/// Given messages, in whatever mailboxes they lie: keys (JSON).
pub(crate) const BY_KEYS: &str = "SELECT json_group_array(json_array(m.key, m.thread, m.key, m.received_at, \
     json_array(m.sender), m.subject, m.preview, 1, m.flags & 1, m.flags & 2 > 0, \
     m.flags & 4 > 0, json(m.keywords))) \
     FROM json_each(?1) j CROSS JOIN message m ON m.key = j.value";

/// The rows of those of the given messages that are here, newest first.
pub(crate) async fn messages(
    connection: &mut SqliteConnection,
    keys: &[MessageKey],
) -> Result<Vec<ListRow>, StoreError> {
    let json: String = sqlx::query_scalar(BY_KEYS)
        .bind(serde_json::to_string(keys)?)
        .fetch_one(connection)
        .await?;
    parse(&json, ListMode::Messages)
}

/// From this distance on, skipping inside SQLite is cheaper than handing places over.
const SKIP: u64 = 256;
/// Places handed over at once.
const CHUNK: i64 = 4096;

pub(crate) async fn rungs(
    connection: &mut SqliteConnection,
    scope: &ListScope,
    every: u64,
) -> Result<Ladder, StoreError> {
    let every = every.max(1);
    let (total, _) = totals(connection, scope).await?;
    let rungs = if every < SKIP {
        close_rungs(connection, scope, every).await?
    } else {
        distant_rungs(connection, scope, every).await?
    };
    Ok(Ladder {
        every,
        rungs,
        total,
    })
}

async fn close_rungs(
    connection: &mut SqliteConnection,
    scope: &ListScope,
    every: u64,
) -> Result<Vec<ListCursor>, StoreError> {
    let every = usize::try_from(every).unwrap_or(usize::MAX);
    let mut rungs = Vec::new();
    let mut seen = 0_usize;
    let mut last = None;
    loop {
        let (received_at, key) = place(last);
        let json: String = sqlx::query_scalar(sql(scope.mode, scope.filter).places)
            .bind(scope.mailbox.as_str())
            .bind(received_at)
            .bind(key)
            .bind(CHUNK)
            .fetch_one(&mut *connection)
            .await?;
        let mut places: Vec<ListCursor> = serde_json::from_str::<Vec<(UnixTime, i64)>>(&json)?
            .into_iter()
            .map(|(received_at, key)| ListCursor { received_at, key })
            .collect();
        // SQL leaves the order inside an aggregate open.
        places.sort_unstable_by(|a, b| b.cmp(a));
        let Some(lowest) = places.last() else { break };
        last = Some(*lowest);
        for cursor in places {
            seen += 1;
            if seen.is_multiple_of(every) {
                rungs.push(cursor);
            }
        }
    }
    Ok(rungs)
}

async fn distant_rungs(
    connection: &mut SqliteConnection,
    scope: &ListScope,
    every: u64,
) -> Result<Vec<ListCursor>, StoreError> {
    let skip = i64::try_from(every - 1).unwrap_or(i64::MAX);
    let mut rungs = Vec::new();
    let mut last = None;
    loop {
        let (received_at, key) = place(last);
        let row = sqlx::query(sql(scope.mode, scope.filter).rung)
            .bind(scope.mailbox.as_str())
            .bind(received_at)
            .bind(key)
            .bind(skip)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { break };
        let cursor = ListCursor {
            received_at: UnixTime::from_seconds(row.try_get(0)?),
            key: row.try_get(1)?,
        };
        rungs.push(cursor);
        last = Some(cursor);
    }
    Ok(rungs)
}
