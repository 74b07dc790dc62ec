//! Discovery, and everything a first synchronisation reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::TryStreamExt as _;
use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_model::remote::{MailSource, SourceError};
use mail_model::{MailboxRole, Message, MessageId};
use mail_testkit::{Front, corpus};
use serde_json::json;

use super::Account;
use crate::tokens::Tokens;

#[tokio::test]
async fn a_bare_origin_leads_to_the_session_and_its_relative_addresses() {
    let Some(ana) = Account::of("ana.discovery") else {
        return;
    };
    let snapshot = ana.source.mailboxes().await.unwrap();
    let roles: BTreeMap<_, _> = snapshot
        .mailboxes
        .iter()
        .filter_map(|mailbox| Some((mailbox.role?, mailbox.name.as_str())))
        .collect();
    assert_eq!(
        roles,
        BTreeMap::from([
            (MailboxRole::Inbox, "Inbox"),
            (MailboxRole::Archive, "Archive"),
            (MailboxRole::Drafts, "Drafts"),
            (MailboxRole::Sent, "Sent"),
            (MailboxRole::Junk, "Junk"),
            (MailboxRole::Trash, "Trash"),
        ])
    );
    assert_eq!(ana.source.hosts().names(), ["127.0.0.1"]);
    let paths: Vec<_> = ana.front.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/.well-known/jmap", "/jmap", "/jmap/"]);
}

#[tokio::test]
async fn there_is_no_push_channel_and_that_is_no_error() {
    let Some(ana) = Account::of("ana.push") else {
        return;
    };
    assert!(ana.source.push().await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_that_is_refused_everywhere_ends_the_session() {
    let Some(ana) = Account::of("ana.refused") else {
        return;
    };
    let front = Front::start(ana.cyrus, |_| None);
    let tokens = Arc::new(Tokens::renewable("old", "new"));
    let config = JmapConfig::new(ServerAddress::of(front.url()));
    let source = JmapSource::new(config, tokens.clone()).unwrap();
    let error = source.mailboxes().await.unwrap_err();
    assert!(
        matches!(
            error,
            SourceError::Token(mail_model::remote::TokenError::SignInAgain)
        ),
        "{error:?}"
    );
    assert_eq!(tokens.renewals(), 1);
    assert_eq!(front.seen().len(), 2);
}

#[tokio::test]
async fn all_messages_of_a_full_mailbox_are_read_exactly_once_by_every_way() {
    let Some(ana) = Account::of("ana.corpus") else {
        return;
    };
    let empty = ana.source.newest(0, 50).await.unwrap();
    assert_eq!((empty.queried, empty.total), (0, Some(0)));
    let messages = corpus::mailing_lists();
    assert_eq!(messages.len(), 2403);
    let ids = ana.other.fill(&messages, "inbox").await;
    let expected: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(expected.len(), 2403);

    let filled = fill_backwards(&ana.source).await;
    same_ids(&filled, &expected);
    threads_are_the_servers(&ana, &filled).await;
    changes_tell_all(&ana.source, &empty.state, &expected).await;
    inventory_tells_all(&ana.source, &filled).await;
    copies_are_whole(&ana, &filled).await;
    bodies_can_be_read(&ana.source, &filled).await;
}

/// What a copy asks for is what the lists say, and as many octets come as were promised.
async fn copies_are_whole(ana: &Account, filled: &[Message]) {
    let source = &ana.source;
    let mut all = Vec::new();
    loop {
        let page = source.raw_inventory(all.len() as u64, 500).await.unwrap();
        if page.entries.is_empty() {
            break;
        }
        all.extend(page.entries);
    }
    assert_eq!(all.len(), filled.len());
    let known: BTreeMap<&MessageId, &Message> = filled.iter().map(|m| (&m.id, m)).collect();
    for entry in &all {
        let message = known[&entry.id];
        assert_eq!(entry.blob, message.blob);
        assert_eq!(entry.size, message.size);
        assert_eq!(entry.received_at, message.received_at);
        assert_eq!(entry.has_attachment, message.has_attachment);
    }
    for entry in all.iter().step_by(97) {
        let bytes: Vec<_> = source
            .blob(&entry.blob)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        let octets: usize = bytes.iter().map(bytes::Bytes::len).sum();
        assert_eq!(octets as u64, entry.size);
    }
    let with_files: Vec<&Message> = filled.iter().filter(|m| m.has_attachment).collect();
    let ids: Vec<MessageId> = with_files.iter().map(|m| m.id.clone()).collect();
    let octets = source.attachment_octets(&ids).await.unwrap();
    let arguments = json!({ "ids": ids, "properties": ["attachments"] });
    let answer = ana.other.call("Email/get", arguments).await;
    let files = answer["list"].as_array().unwrap().iter();
    let sizes = files
        .flat_map(|email| email["attachments"].as_array().unwrap())
        .map(|file| file["size"].as_u64().unwrap());
    assert_eq!(octets, sizes.sum::<u64>());
    assert!(octets > 0);
}

fn same_ids(messages: &[Message], expected: &BTreeSet<&str>) {
    let given: BTreeSet<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(given.len(), messages.len(), "some came twice");
    assert_eq!(&given, expected);
}

/// As the engine fills: the newest page first, then ever older ones by time.
async fn fill_backwards(source: &JmapSource) -> Vec<Message> {
    let first = source.newest(0, 60).await.unwrap();
    assert_eq!(first.messages.len(), 60);
    assert_eq!(first.total, Some(2403));
    let mut all = first.messages;
    let mut known: BTreeSet<MessageId> = all.iter().map(|message| message.id.clone()).collect();
    let (mut oldest, mut position) = (all.last().unwrap().received_at, 0);
    loop {
        let page = source.older_than(oldest, position, 300).await.unwrap();
        if page.queried == 0 {
            break;
        }
        position += page.queried as u64;
        for message in page.messages {
            assert!(message.received_at <= oldest);
            if known.insert(message.id.clone()) {
                all.push(message);
            }
        }
        let reached = all.last().unwrap().received_at;
        if reached < oldest {
            (oldest, position) = (reached, 0);
        }
    }
    assert!(all.is_sorted_by(|newer, older| newer.received_at >= older.received_at));
    all
}

async fn threads_are_the_servers(ana: &Account, filled: &[Message]) {
    let ids: Vec<&str> = filled.iter().map(|message| message.id.as_str()).collect();
    let answer = ana
        .other
        .call(
            "Email/get",
            json!({ "ids": ids, "properties": ["threadId", "blobId", "size"] }),
        )
        .await;
    let servers: BTreeMap<&str, (&str, &str, u64)> = answer["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|email| {
            let text = |name: &str| email[name].as_str().unwrap();
            let size = email["size"].as_u64().unwrap();
            (text("id"), (text("threadId"), text("blobId"), size))
        })
        .collect();
    let mut threads: BTreeMap<&str, usize> = BTreeMap::new();
    for message in filled {
        let ours = (message.thread.as_str(), message.blob.as_str(), message.size);
        assert_eq!(ours, servers[message.id.as_str()]);
        *threads.entry(message.thread.as_str()).or_default() += 1;
    }
    assert!(threads.values().filter(|count| **count > 1).count() > 200);
}

/// From the state of the empty account, in many steps.
async fn changes_tell_all(
    source: &JmapSource,
    since: &mail_model::StateString,
    expected: &BTreeSet<&str>,
) {
    let mut state = since.clone();
    let mut created: Vec<Message> = Vec::new();
    let mut steps = 0;
    loop {
        let delta = source.message_changes(&state, 400).await.unwrap();
        assert!(delta.updated.is_empty() && delta.destroyed.is_empty());
        created.extend(delta.created);
        state = delta.new_state;
        steps += 1;
        if !delta.has_more {
            break;
        }
    }
    assert!(steps >= 6, "{steps}");
    same_ids(&created, expected);
}

async fn inventory_tells_all(source: &JmapSource, filled: &[Message]) {
    let mut updates = Vec::new();
    loop {
        let (_, page) = source.inventory(updates.len() as u64, 350).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 350);
        updates.extend(page);
    }
    let ids: Vec<_> = updates.iter().map(|update| &update.id).collect();
    let expected: Vec<_> = filled.iter().map(|message| &message.id).collect();
    assert_eq!(ids, expected);
}

async fn bodies_can_be_read(source: &JmapSource, filled: &[Message]) {
    let ids: Vec<MessageId> = filled.iter().map(|message| message.id.clone()).collect();
    let bodies = source.bodies(&ids).await.unwrap();
    assert_eq!(bodies.len(), ids.len());
    let with =
        |test: fn(&mail_model::Body) -> bool| bodies.iter().filter(|(_, body)| test(body)).count();
    assert_eq!(with(|body| body.text.is_none() && body.html.is_none()), 0);
    assert!(with(|body| body.html.is_some()) >= 8);
    assert!(with(|body| body.text.is_some()) > 2300);
    assert_eq!(with(|body| body.truncated), 0);
}

#[tokio::test]
async fn unknown_ids_are_left_out() {
    let Some(ana) = Account::of("ana.unknown") else {
        return;
    };
    let known = ana.other.import(super::letter("known"), "inbox").await;
    let ids = [
        MessageId::new("M000000000000000000000000").unwrap(),
        MessageId::new(known.clone()).unwrap(),
        MessageId::new(known.clone()).unwrap(),
    ];
    let messages = ana.source.messages(&ids).await.unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].id.as_str(), known);
    assert_eq!(messages[0].subject, "known");
    assert_eq!(messages[0].from[0].name, "Ben Ortiz");
    assert_eq!(messages[0].message_ids, ["known@mail.example"]);
    let bodies = ana.source.bodies(&ids).await.unwrap();
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0].1.text.as_deref(), Some("Hello Ana\n"));
    assert_eq!(bodies[0].1.html, None);
}

#[tokio::test]
async fn messages_deleted_between_two_pages_hide_no_other() {
    let Some(ana) = Account::of("ana.inventory") else {
        return;
    };
    let mut ids = Vec::new();
    for number in 0..40 {
        let subject = format!("letter {number}");
        ids.push(ana.other.import(super::letter(&subject), "inbox").await);
    }
    let (_, first) = ana.source.inventory(0, 10).await.unwrap();
    let seen: Vec<String> = first.iter().map(|u| u.id.as_str().to_owned()).collect();
    // Five before the seam and the seam itself.
    let gone: Vec<String> = seen[..5].iter().chain(&seen[9..]).cloned().collect();
    ana.other.destroy(&gone).await;
    let mut known: BTreeSet<String> = seen.iter().cloned().collect();
    let mut position = first.len() as u64;
    loop {
        let (_, page) = ana.source.inventory(position, 10).await.unwrap();
        if page.is_empty() {
            break;
        }
        position += page.len() as u64;
        known.extend(page.iter().map(|update| update.id.as_str().to_owned()));
    }
    assert_eq!(known, ids.into_iter().collect());
}

#[tokio::test]
async fn an_inventory_whose_seam_is_gone_altogether_begins_anew() {
    let Some(ana) = Account::of("ana.seam") else {
        return;
    };
    for number in 0..6 {
        let subject = format!("letter {number}");
        ana.other.import(super::letter(&subject), "inbox").await;
    }
    let (_, first) = ana.source.inventory(0, 3).await.unwrap();
    let gone: Vec<String> = first.iter().map(|u| u.id.as_str().to_owned()).collect();
    ana.other.destroy(&gone).await;
    let error = ana.source.inventory(3, 3).await.unwrap_err();
    assert!(
        matches!(error, SourceError::CannotCalculateChanges),
        "{error:?}"
    );
}
