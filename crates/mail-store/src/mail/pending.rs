//! Open intents inside the mail file: a mirror of `local.sqlite`, so that one transaction sees
//! both what the server says and what the person wants.

use std::collections::{BTreeMap, BTreeSet};

use mail_model::MessageId;
use sqlx::{Row as _, SqliteConnection};

use super::known::KnownSet;
use super::mailbox::{MailboxKeys, stored_id};
use super::message;
use super::revision::{Revision, Touched};
use super::value::{Edit, Value};
use crate::error::StoreError;
use crate::intent::{Intent, IntentOutcome};

/// Open intents by a JSON list of server ids.
pub(crate) const OPEN: &str = "SELECT m.message_id, m.intent, p.keywords, p.add_to, p.remove_from
    FROM json_each(?1) j
    CROSS JOIN pending_message m ON m.message_id = j.value
    CROSS JOIN pending p ON p.intent = m.intent";

/// Open intents of these messages (a JSON list of ids), oldest first.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    ids: &str,
) -> Result<BTreeMap<MessageId, Vec<(i64, Edit)>>, StoreError> {
    let rows = sqlx::query(OPEN).bind(ids).fetch_all(connection).await?;
    let mut edits: BTreeMap<MessageId, Vec<(i64, Edit)>> = BTreeMap::new();
    for row in rows {
        let edit = Edit {
            keywords: serde_json::from_str(row.try_get(2)?)?,
            add_to: serde_json::from_str(row.try_get(3)?)?,
            remove_from: serde_json::from_str(row.try_get(4)?)?,
        };
        let of_message = edits.entry(stored_id(&row, 0)?).or_default();
        of_message.push((row.try_get(1)?, edit));
    }
    for of_message in edits.values_mut() {
        of_message.sort_by_key(|(intent, _)| *intent);
    }
    Ok(edits)
}

/// Mirrors an intent for these of its messages and shows its result. Doing it twice is the same
/// as once.
pub(crate) async fn open(
    connection: &mut SqliteConnection,
    intent: &Intent,
    messages: &[MessageId],
) -> Result<Touched, StoreError> {
    let mut keys = MailboxKeys::load(connection).await?;
    let add_to = keys.keys(connection, &intent.add_to).await?;
    let remove_from = keys.keys(connection, &intent.remove_from).await?;
    sqlx::query(
        "INSERT INTO pending (intent, keywords, add_to, remove_from) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (intent) DO NOTHING",
    )
    .bind(intent.id.get())
    .bind(serde_json::to_string(&intent.keywords)?)
    .bind(serde_json::to_string(&add_to)?)
    .bind(serde_json::to_string(&remove_from)?)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO pending_message (message_id, intent)
         SELECT value, ?2 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(serde_json::to_string(messages)?)
    .bind(intent.id.get())
    .execute(&mut *connection)
    .await?;
    settle(connection, &keys, messages, |_, _| ()).await
}

/// Ends an intent for these of its messages: its result becomes the server's value, or goes.
pub(crate) async fn close(
    connection: &mut SqliteConnection,
    intent: i64,
    messages: &[MessageId],
    outcome: IntentOutcome,
) -> Result<Touched, StoreError> {
    let keys = MailboxKeys::load(connection).await?;
    let ids = serde_json::to_string(messages)?;
    let ending: BTreeMap<MessageId, Edit> = load(connection, &ids)
        .await?
        .into_iter()
        .filter_map(|(id, edits)| {
            let (_, edit) = edits.into_iter().find(|(number, _)| *number == intent)?;
            Some((id, edit))
        })
        .collect();
    sqlx::query(
        "DELETE FROM pending_message WHERE intent = ?2
         AND message_id IN (SELECT value FROM json_each(?1))",
    )
    .bind(&ids)
    .bind(intent)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM pending WHERE intent = ?1
         AND NOT EXISTS (SELECT 1 FROM pending_message WHERE intent = ?1)",
    )
    .bind(intent)
    .execute(&mut *connection)
    .await?;
    settle(connection, &keys, messages, |id, server| {
        if outcome == IntentOutcome::Done
            && let Some(edit) = ending.get(id)
        {
            edit.apply(server);
        }
    })
    .await
}

/// Computes what these messages show from the server's values and the open intents.
async fn settle(
    connection: &mut SqliteConnection,
    keys: &MailboxKeys,
    messages: &[MessageId],
    revise_server: impl Fn(&MessageId, &mut Value),
) -> Result<Touched, StoreError> {
    let ids: BTreeSet<&MessageId> = messages.iter().collect();
    let known = KnownSet::load(connection, &ids).await?;
    let mut revision = Revision::default();
    let mut values = Vec::new();
    let mut server_values = Vec::new();
    for (id, before) in &known.messages {
        let mut server = before.server_value().clone();
        revise_server(id, &mut server);
        let edits = known.edits_of(id);
        let mut after = before.clone();
        after.shown = server.clone().with(&edits);
        revision.change(
            before.key,
            Some(&before.standing()),
            Some(&after.standing()),
        );
        if after.shown.keywords != before.shown.keywords {
            revision.refresh(&after.standing());
            values.push((before.key, after.standing().flags, after.shown.keywords));
        }
        server_values.push((before.key, (!edits.is_empty()).then_some(server)));
    }
    message::write_values(connection, &values).await?;
    write_server_values(connection, &server_values).await?;
    revision.clear_placements(connection).await?;
    revision.write(connection, keys).await
}

/// Keeps the server's value of messages with open intents, drops it for the others.
pub(crate) async fn write_server_values(
    connection: &mut SqliteConnection,
    values: &[(i64, Option<Value>)],
) -> Result<(), StoreError> {
    let mut kept = Vec::new();
    let mut dropped = Vec::new();
    for (key, value) in values {
        match value {
            Some(value) => kept.push((
                key,
                serde_json::to_string(&value.keywords)?,
                serde_json::to_string(&value.mailboxes)?,
            )),
            None => dropped.push(key),
        }
    }
    if !kept.is_empty() {
        sqlx::query(
            "INSERT INTO server_value (message, keywords, mailboxes)
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
             ON CONFLICT (message) DO UPDATE SET keywords = excluded.keywords,
                 mailboxes = excluded.mailboxes",
        )
        .bind(serde_json::to_string(&kept)?)
        .execute(&mut *connection)
        .await?;
    }
    if !dropped.is_empty() {
        sqlx::query("DELETE FROM server_value WHERE message IN (SELECT value FROM json_each(?1))")
            .bind(serde_json::to_string(&dropped)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Every mirrored intent with its messages.
pub(crate) async fn mirrored(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<i64, BTreeSet<MessageId>>, StoreError> {
    let rows = sqlx::query("SELECT intent, message_id FROM pending_message")
        .fetch_all(connection)
        .await?;
    let mut intents: BTreeMap<i64, BTreeSet<MessageId>> = BTreeMap::new();
    for row in rows {
        let messages = intents.entry(row.try_get(0)?).or_default();
        messages.insert(stored_id(&row, 1)?);
    }
    Ok(intents)
}
