//! Writing one page of what the server said.
//!
//! Read what is known, plan in memory, then one statement a table. The person's open intents lie
//! on top of every value that arrives, so synchronisation never undoes what they just did.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::remote::MessageUpdate;
use mail_model::{Message, MessageId, MessageKey, ThreadId};
use sqlx::{Row as _, SqliteConnection};

use super::known::{Known, KnownSet};
use super::mailbox::{self, MailboxKeys, stored_id};
use super::message::{self, NewRow};
use super::pending::write_server_values;
use super::revision::{Revision, Touched};
use super::value::Value;
use super::{progress, slot, sweep};
use crate::error::StoreError;
use crate::sync::{ProgressUpdate, SyncBatch};

/// How many new messages a change names.
const ARRIVED: usize = 100;
/// Slots between a key and its receipt that are no crowd any more: a day.
const FAR: u64 = 24 * 60 * 60 / 8;

/// What a batch changed.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) touched: Touched,
    pub(crate) mailbox_tree: bool,
    pub(crate) arrived: Vec<MessageKey>,
}

impl Applied {
    /// A change of lists and nothing else.
    pub(crate) fn of(touched: Touched) -> Self {
        Self {
            touched,
            ..Self::default()
        }
    }

    /// Whether anything that is shown changed.
    pub(crate) fn is_change(&self) -> bool {
        self.mailbox_tree || !self.touched.threads.is_empty() || !self.touched.mailboxes.is_empty()
    }
}

/// What a batch says of one message.
#[derive(Debug, Default)]
struct Said<'a> {
    message: Option<&'a Message>,
    update: Option<&'a MessageUpdate>,
    removed: bool,
}

type SaidOf<'a> = BTreeMap<&'a MessageId, Said<'a>>;

fn gather(batch: &SyncBatch) -> SaidOf<'_> {
    let mut said = SaidOf::new();
    for message in &batch.upsert {
        said.entry(&message.id).or_default().message = Some(message);
    }
    for update in &batch.update {
        said.entry(&update.id).or_default().update = Some(update);
    }
    for id in &batch.remove {
        said.entry(id).or_default().removed = true;
    }
    said
}

/// Everything one batch writes to `message` and its companions.
#[derive(Default)]
struct Plan<'a> {
    rows: Vec<(Known, &'a Message)>,
    values: Vec<(i64, i64, mail_model::Keywords)>,
    server_values: Vec<(i64, Option<Value>)>,
    gone: Vec<(i64, &'a MessageId)>,
    arrived: Vec<(i64, i64)>,
    marked: Vec<i64>,
    revision: Revision,
}

/// Writes a batch inside the caller's transaction.
pub(crate) async fn apply(
    connection: &mut SqliteConnection,
    batch: &SyncBatch,
) -> Result<Applied, StoreError> {
    let mut keys = MailboxKeys::load(connection).await?;
    let described = match &batch.mailboxes {
        Some(snapshot) => mailbox::apply_snapshot(connection, &mut keys, snapshot).await?,
        None => Vec::new(),
    };
    let said = gather(batch);
    let ids: BTreeSet<&MessageId> = said.keys().copied().collect();
    let mut known = KnownSet::load(connection, &ids).await?;
    let moved = moved_far(&said, &known);
    let mut left = Touched::default();
    if !moved.is_empty() {
        let plan = plan(connection, &mut keys, &moved, &known, false).await?;
        left = write(connection, &keys, plan).await?.touched;
        known = KnownSet::load(connection, &ids).await?;
    }
    let plan = plan(connection, &mut keys, &said, &known, batch.mark.is_some()).await?;
    let mut applied = write(connection, &keys, plan).await?;
    applied.touched.add(left);
    applied.mailbox_tree = !described.is_empty();
    for id in described {
        if !applied.touched.mailboxes.contains(&id) {
            applied.touched.mailboxes.push(id);
        }
    }
    progress::update(connection, &progress_of(batch)).await?;
    Ok(applied)
}

/// Messages that were received at quite another time than was told before: they go, and come anew
/// where they belong. A receipt never changes (RFC 8621 section 4.1.1), so this is a server's
/// mistake put right; a key far from its slot would make every search look further.
fn moved_far<'a>(said: &SaidOf<'a>, known: &KnownSet) -> SaidOf<'a> {
    let is_far = |id: &MessageId, said: &Said<'_>| {
        let (Some(message), Some(before)) = (said.message, known.messages.get(id)) else {
            return false;
        };
        let slot = slot::slot_of(message.received_at);
        before.received_at != message.received_at.seconds() && before.key.abs_diff(slot) > FAR
    };
    let moved = said.iter().filter(|(id, said)| is_far(id, said));
    let gone = || Said {
        removed: true,
        ..Said::default()
    };
    moved.map(|(id, _)| (*id, gone())).collect()
}

fn progress_of(batch: &SyncBatch) -> ProgressUpdate {
    let mut update = batch.progress.clone();
    if update.mailbox_state.is_none() {
        update.mailbox_state = batch.mailboxes.as_ref().map(|list| list.state.clone());
    }
    update
}

async fn plan<'a>(
    connection: &mut SqliteConnection,
    keys: &mut MailboxKeys,
    said: &SaidOf<'a>,
    known: &KnownSet,
    mark_updates: bool,
) -> Result<Plan<'a>, StoreError> {
    let mut plan = Plan::default();
    let mut whole: Vec<(&'a Message, Option<&'a MessageUpdate>)> = Vec::new();
    for (id, said) in said {
        let before = known.messages.get(*id);
        match (said.removed, said.message, before) {
            (true, _, Some(before)) => {
                plan.gone.push((before.key, *id));
                plan.revision
                    .change(before.key, Some(&before.standing()), None);
            }
            (true, _, None) => {}
            (false, Some(message), _) => whole.push((message, said.update)),
            (false, None, Some(before)) => {
                if let Some(update) = said.update {
                    let server = Value {
                        keywords: update.keywords.clone(),
                        mailboxes: keys
                            .keys(connection, &update.mailboxes)
                            .await?
                            .into_iter()
                            .collect(),
                    };
                    plan.revise(id, before, server, known);
                    if mark_updates {
                        plan.marked.push(before.key);
                    }
                }
            }
            (false, None, None) => {}
        }
    }
    // Ascending in time, so that keys, conversations and pages are filled in their order.
    whole.sort_by_key(|(message, _)| (message.received_at, &message.id));
    let threads = thread_keys(connection, &whole).await?;
    let new: Vec<_> = whole
        .iter()
        .filter(|(message, _)| !known.messages.contains_key(&message.id))
        .map(|(message, _)| message.received_at)
        .collect();
    let mut new_keys = slot::assign(connection, &new).await?.into_iter();
    for (message, update) in whole {
        let (keywords, mailboxes) = update.map_or((&message.keywords, &message.mailboxes), |u| {
            (&u.keywords, &u.mailboxes)
        });
        let server = Value {
            keywords: keywords.clone(),
            mailboxes: keys
                .keys(connection, mailboxes)
                .await?
                .into_iter()
                .collect(),
        };
        let before = known.messages.get(&message.id);
        let key = match before {
            Some(before) => before.key,
            None => new_keys.next().ok_or(StoreError::BadValue(None))?,
        };
        let thread = *threads
            .get(&message.thread)
            .ok_or(StoreError::BadValue(None))?;
        plan.take(message, key, thread, server, known);
    }
    Ok(plan)
}

impl<'a> Plan<'a> {
    /// New keywords and mailboxes of a known message.
    fn revise(&mut self, id: &MessageId, before: &Known, server: Value, known: &KnownSet) {
        let edits = known.edits_of(id);
        let mut after = before.clone();
        after.shown = server.clone().with(&edits);
        let (old, new) = (before.standing(), after.standing());
        self.revision.change(before.key, Some(&old), Some(&new));
        if after.shown.keywords != before.shown.keywords {
            self.revision.refresh(&new);
            self.values
                .push((before.key, new.flags, after.shown.keywords));
        }
        if before.server.is_some() || !edits.is_empty() {
            self.server_values
                .push((before.key, (!edits.is_empty()).then_some(server)));
        }
    }

    /// A whole message, new or known.
    fn take(
        &mut self,
        message: &'a Message,
        key: i64,
        thread: i64,
        server: Value,
        known: &KnownSet,
    ) {
        let before = known.messages.get(&message.id);
        let edits = known.edits_of(&message.id);
        let after = Known {
            key,
            thread,
            received_at: message.received_at.seconds(),
            has_file: message.has_attachment,
            sender: message::sender_of(message),
            shown: server.clone().with(&edits),
            server: None,
        };
        let new = after.standing();
        self.revision
            .change(key, before.map(Known::standing).as_ref(), Some(&new));
        match before {
            None => self.arrived.push((new.received_at, key)),
            Some(before) => {
                if before.sender != after.sender || before.shown.keywords != after.shown.keywords {
                    self.revision.refresh(&new);
                }
            }
        }
        if before.is_some_and(|before| before.server.is_some()) || !edits.is_empty() {
            self.server_values
                .push((key, (!edits.is_empty()).then_some(server)));
        }
        self.marked.push(key);
        self.rows.push((after, message));
    }
}

async fn write(
    connection: &mut SqliteConnection,
    keys: &MailboxKeys,
    mut plan: Plan<'_>,
) -> Result<Applied, StoreError> {
    plan.rows.sort_by_key(|(known, _)| known.key);
    let new: BTreeSet<i64> = plan.arrived.iter().map(|(_, key)| *key).collect();
    let rows: Vec<NewRow<'_>> = plan
        .rows
        .iter()
        .map(|(known, message)| NewRow {
            key: known.key,
            is_new: new.contains(&known.key),
            thread: known.thread,
            flags: known.shown.flags(known.has_file),
            keywords: &known.shown.keywords,
            message,
        })
        .collect();
    message::write_rows(connection, &rows).await?;
    message::write_values(connection, &plan.values).await?;
    write_server_values(connection, &plan.server_values).await?;
    plan.revision.clear_placements(connection).await?;
    let (gone_keys, gone_ids): (Vec<i64>, Vec<&MessageId>) = plan.gone.into_iter().unzip();
    message::delete_rows(connection, &gone_keys, &gone_ids).await?;
    sweep::mark(connection, &plan.marked).await?;
    let touched = plan.revision.write(connection, keys).await?;
    plan.arrived.sort_unstable_by(|a, b| b.cmp(a));
    plan.arrived.truncate(ARRIVED);
    Ok(Applied {
        touched,
        mailbox_tree: false,
        arrived: plan
            .arrived
            .into_iter()
            .map(|(_, key)| MessageKey::new(key))
            .collect(),
    })
}

/// Keys of the conversations these messages belong to; new ones are made in the given order.
async fn thread_keys(
    connection: &mut SqliteConnection,
    messages: &[(&Message, Option<&MessageUpdate>)],
) -> Result<BTreeMap<ThreadId, i64>, StoreError> {
    if messages.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<&ThreadId> = messages
        .iter()
        .map(|(message, _)| &message.thread)
        .collect();
    let ids = serde_json::to_string(&ids)?;
    sqlx::query(
        "INSERT INTO thread (id) SELECT value FROM json_each(?1) WHERE true
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&ids)
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query(
        "SELECT t.id, t.key FROM json_each(?1) j CROSS JOIN thread t ON t.id = j.value",
    )
    .bind(&ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((stored_id(row, 0)?, row.try_get(1)?)))
        .collect()
}
