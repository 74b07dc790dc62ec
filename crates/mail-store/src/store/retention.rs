//! How much of the bodies stays here. What is dropped is only the text, which the server still
//! has: rows, lists and counts are never touched.
//!
//! [`plan`] decides and is pure; the steps around it read what it needs and delete what it names.
//! Room that becomes free is given back to the disk, in files that are able to; older files keep
//! it for the next bodies.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::{MessageId, MessageKey, UnixTime};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, SqliteConnection};

use super::AccountStore;
use crate::body;
use crate::error::{FileKind, StoreError};
use crate::mail::mailbox::{from_stored, stored_id};
use crate::mail::value::STARRED;
use crate::writer::Priority;

/// The setting's name.
const SETTING: &str = "retention";
/// Messages looked at in one step.
const STEP: i64 = 500;
/// Of the size that may stay, this much is left after a drop, so that not every new body causes
/// the next one: four fifths.
const KEPT: (u64, u64) = (4, 5);
/// From this much on bodies are dropped, and none is fetched ahead until they have been: nine
/// tenths. So there is always room for new mail, and for what the person opens.
const AHEAD: (u64, u64) = (9, 10);

/// How much of an account's bodies stays on this machine. By default everything, up to 2 GB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Bodies of messages received longer ago are dropped; none keeps them whatever their age.
    pub days: Option<u32>,
    /// All bodies together take at most so many octets, compressed as they are; none for any
    /// number.
    pub octets: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: None,
            octets: Some(2_000_000_000),
        }
    }
}

impl Retention {
    /// Messages received before this have no body here, except those that never lose it.
    #[must_use]
    pub fn cutoff(self, now: UnixTime) -> Option<UnixTime> {
        let days = i64::from(self.days?);
        let span = days.saturating_mul(24 * 60 * 60);
        Some(UnixTime::from_seconds(now.seconds().saturating_sub(span)))
    }

    /// Octets that have to go where so many are here.
    #[must_use]
    pub fn excess(self, used: u64) -> u64 {
        match self.octets {
            Some(most) if used >= share(most, AHEAD) => used - share(most, KEPT),
            _ => 0,
        }
    }

    /// Whether there is room to fetch bodies that nobody has asked for yet.
    #[must_use]
    pub fn has_room(self, used: u64) -> bool {
        self.octets.is_none_or(|most| used < share(most, AHEAD))
    }
}

const fn share(most: u64, (part, of): (u64, u64)) -> u64 {
    (most / of).saturating_mul(part)
}

/// A body that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBody {
    /// Whose.
    pub id: MessageId,
    /// The same message here.
    pub key: MessageKey,
    /// When the message was received.
    pub received_at: UnixTime,
    /// Its octets, compressed.
    pub octets: u64,
    /// It stays, whatever its age: starred, a draft, with a change that was not sent, or opened
    /// since the app was started.
    pub stays: bool,
}

/// What goes: of bodies in the order of their receipt, those that are too old, and the oldest
/// until `excess` octets have gone.
#[must_use]
pub fn plan(bodies: &[HeldBody], cutoff: Option<UnixTime>, excess: u64) -> Vec<&HeldBody> {
    let mut left = excess;
    let mut going = Vec::new();
    for body in bodies.iter().filter(|body| !body.stays) {
        let is_old = cutoff.is_some_and(|cutoff| body.received_at < cutoff);
        if is_old || left > 0 {
            left = left.saturating_sub(body.octets);
            going.push(body);
        }
    }
    going
}

/// What one walk over the bodies did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DroppedBodies {
    /// How many bodies went.
    pub bodies: u64,
    /// How many octets they had.
    pub octets: u64,
    /// Where the next walk may begin: before it, only bodies that stay are left.
    pub reached: Option<MessageKey>,
    /// The newest message whose body went: to fetch one up to here ahead would be to no purpose.
    pub newest: Option<MessageKey>,
}

const CANDIDATES: &str = "SELECT m.key, m.id, m.received_at, m.flags & ?3 > 0 \
    OR EXISTS (SELECT 1 FROM json_each(m.keywords) k WHERE k.value = '$draft') \
    OR EXISTS (SELECT 1 FROM placement p JOIN mailbox b ON b.key = p.mailbox \
               WHERE p.message = m.key AND b.role = 'drafts') \
    OR EXISTS (SELECT 1 FROM pending_message q WHERE q.message_id = m.id) \
    FROM message m WHERE m.key > ?1 ORDER BY m.key LIMIT ?2";

impl AccountStore {
    /// How much of the bodies stays here.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn retention(&self) -> Result<Retention, StoreError> {
        let kept = self.settings_get(SETTING).await?;
        Ok(kept
            .and_then(|kept| serde_json::from_str(&kept).ok())
            .unwrap_or_default())
    }

    /// Keeps how much of the bodies stays here; on the disk when this returns. The account's
    /// engine acts on it the next time it looks.
    ///
    /// # Errors
    /// The old choice is kept.
    pub async fn set_retention(&self, retention: Retention) -> Result<(), StoreError> {
        let value = serde_json::to_string(&retention)?;
        self.settings_put(SETTING, &value).await
    }

    /// Octets the bodies take, without room that is free inside their file. Reads no body.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn body_octets(&self) -> Result<u64, StoreError> {
        let mut reader = self.inner.body_reader().await?;
        let used = octets_used(&mut reader).await;
        used.map_err(|error| self.inner.noted(FileKind::Body, error))
    }

    /// Of these messages, those received at or after a time, in the same order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn received_since(
        &self,
        keys: &[MessageKey],
        since: UnixTime,
    ) -> Result<Vec<MessageKey>, StoreError> {
        let keys: Vec<i64> = keys.iter().map(|key| key.get()).collect();
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query(
            "SELECT m.key FROM json_each(?1) j JOIN message m ON m.key = j.value
             WHERE m.received_at >= ?2 ORDER BY j.key",
        )
        .bind(serde_json::to_string(&keys)?)
        .bind(since.seconds())
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        rows.iter()
            .map(|row| Ok(MessageKey::new(row.try_get(0)?)))
            .collect()
    }

    /// Drops the oldest bodies until what is left is what `retention` lets stay. `opened` were
    /// opened since the app was started and stay; `after` is where an earlier walk of this run
    /// has come to ([`DroppedBodies::reached`]). Does nothing where nothing is too much.
    ///
    /// # Errors
    /// Steps that were done stay done.
    ///
    /// # Cancellation
    /// Dropping the future ends the walk after the step under way.
    pub async fn drop_old_bodies(
        &self,
        retention: Retention,
        now: UnixTime,
        opened: &BTreeSet<MessageKey>,
        after: Option<MessageKey>,
    ) -> Result<DroppedBodies, StoreError> {
        let cutoff = retention.cutoff(now);
        let mut excess = retention.excess(self.body_octets().await?);
        let mut done = DroppedBodies {
            reached: after,
            ..DroppedBodies::default()
        };
        let mut place = after.map_or(i64::MIN, MessageKey::get);
        loop {
            let Some(step) = self.held_after(place, opened).await? else {
                break;
            };
            let is_over = excess == 0 && cutoff.is_none_or(|cutoff| step.first >= cutoff);
            if is_over {
                break;
            }
            let going = plan(&step.bodies, cutoff, excess);
            let (count, octets) = (going.len(), going.iter().map(|body| body.octets).sum());
            let newest = going.last().map(|body| body.key);
            let ids: Vec<MessageId> = going.iter().map(|body| body.id.clone()).collect();
            let all_went = step.bodies.iter().filter(|body| !body.stays).count() == count;
            if !ids.is_empty() {
                self.inner
                    .write(
                        FileKind::Body,
                        Priority::Synchronisation,
                        move |connection| {
                            Box::pin(async move { body::delete(connection, &ids).await })
                        },
                    )
                    .await?;
            }
            done.newest = newest.or(done.newest);
            done.bodies += count as u64;
            done.octets += octets;
            excess = excess.saturating_sub(octets);
            // Beyond, a body may come yet that a later walk has to look at.
            let is_passed = excess > 0 || cutoff.is_some_and(|cutoff| step.until < cutoff);
            if !all_went || !is_passed {
                break;
            }
            place = step.last;
            done.reached = Some(MessageKey::new(place));
        }
        if done.bodies > 0 {
            self.give_back().await?;
        }
        Ok(done)
    }

    /// The next messages in the order of receipt, and which of them have a body here.
    async fn held_after(
        &self,
        place: i64,
        opened: &BTreeSet<MessageKey>,
    ) -> Result<Option<Held>, StoreError> {
        let mut reader = self.inner.mail_reader().await?;
        let rows = sqlx::query(CANDIDATES)
            .bind(place)
            .bind(STEP)
            .bind(STARRED)
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| self.inner.noted(FileKind::Mail, error.into()))?;
        drop(reader);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(None);
        };
        let until = UnixTime::from_seconds(last.try_get(2)?);
        let (first, last) = (first.try_get(2)?, last.try_get(0)?);
        let mut known = Vec::with_capacity(rows.len());
        for row in &rows {
            let key = MessageKey::new(row.try_get(0)?);
            let stays: bool = row.try_get(3)?;
            known.push((
                stored_id(row, 1)?,
                key,
                UnixTime::from_seconds(row.try_get(2)?),
                stays || opened.contains(&key),
            ));
        }
        let mut reader = self.inner.body_reader().await?;
        let ids: Vec<&MessageId> = known.iter().map(|(id, ..)| id).collect();
        let sizes = sizes(&mut reader, &ids).await;
        let sizes = sizes.map_err(|error| self.inner.noted(FileKind::Body, error))?;
        let bodies = known
            .into_iter()
            .filter_map(|(id, key, received_at, stays)| {
                let octets = *sizes.get(&id)?;
                Some(HeldBody {
                    id,
                    key,
                    received_at,
                    octets,
                    stays,
                })
            })
            .collect();
        Ok(Some(Held {
            first: UnixTime::from_seconds(first),
            until,
            last,
            bodies,
        }))
    }

    /// Gives free pages back to the disk, in writes between which others get their turn.
    async fn give_back(&self) -> Result<(), StoreError> {
        loop {
            let left: (u64, u64) = self
                .inner
                .write(FileKind::Body, Priority::Synchronisation, |connection| {
                    Box::pin(async move {
                        let before = pragma(connection, "PRAGMA freelist_count").await?;
                        sqlx::query("PRAGMA incremental_vacuum(2000)")
                            .fetch_all(&mut *connection)
                            .await?;
                        let after = pragma(connection, "PRAGMA freelist_count").await?;
                        Ok((before, after))
                    })
                })
                .await?;
            // A file that was made before it could give back keeps its free pages.
            if left.1 == 0 || left.1 >= left.0 {
                return Ok(());
            }
        }
    }
}

/// One step of the walk.
struct Held {
    /// When its first message was received.
    first: UnixTime,
    /// When its last message was received.
    until: UnixTime,
    /// The key of its last message.
    last: i64,
    bodies: Vec<HeldBody>,
}

async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> Result<u64, StoreError> {
    let row = sqlx::query(sql).fetch_one(connection).await?;
    // SQLCipher gives the size of a page as a text; SQLite makes a number of it.
    Ok(from_stored(row.try_get_unchecked(0)?))
}

async fn octets_used(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let pages = pragma(connection, "PRAGMA page_count").await?;
    let free = pragma(connection, "PRAGMA freelist_count").await?;
    let size = pragma(connection, "PRAGMA page_size").await?;
    Ok(pages.saturating_sub(free).saturating_mul(size))
}

/// Octets of the bodies of these messages, where there are some. SQLite tells the length of a
/// value without reading it.
async fn sizes(
    connection: &mut SqliteConnection,
    ids: &[&MessageId],
) -> Result<BTreeMap<MessageId, u64>, StoreError> {
    let rows = sqlx::query(
        "SELECT message_id, length(block) FROM body
         WHERE message_id IN (SELECT value FROM json_each(?1))",
    )
    .bind(serde_json::to_string(ids)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((stored_id(row, 0)?, from_stored(row.try_get(1)?))))
        .collect()
}
