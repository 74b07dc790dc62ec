//! The engine against Cyrus IMAPd with 2,403 real messages: everything fetched while the server is
//! killed, then what another client and another server did, mailboxes renamed and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mail_engine::backoff::FixedJitter;
use mail_engine::clock::{ManualClock, Moment};
use mail_engine::{AccountEngine, EngineOptions, Health};
use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_model::{Filter, ListMode, RowKey};
use mail_store::{AccountStore, ListScope};
use mail_testkit::{Cyrus, Front, RawJmap, corpus};
use serde_json::{Value, json};

use super::{START, Tokens, in_memory, open};
use crate::world::{Running, soon};

const PERSON: &str = "ana.engine@northwind.example";

/// Mailboxes and keywords of each message, and the mailboxes by name.
#[derive(Debug, Default, PartialEq)]
struct Picture {
    messages: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
    mailboxes: BTreeMap<String, (String, u64)>,
}

fn names(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

async fn there(other: &RawJmap) -> Picture {
    let mut picture = Picture::default();
    loop {
        let position = picture.messages.len();
        let page =
            json!({ "position": position, "limit": 500, "sort": [{ "property": "receivedAt" }] });
        let page = other.call("Email/query", page).await;
        let ids = page["ids"].as_array().unwrap().clone();
        if ids.is_empty() {
            break;
        }
        let wanted = json!({ "ids": ids, "properties": ["mailboxIds", "keywords"] });
        let answer = other.call("Email/get", wanted).await;
        for email in answer["list"].as_array().unwrap() {
            let value = (names(&email["mailboxIds"]), names(&email["keywords"]));
            let id = email["id"].as_str().unwrap().to_owned();
            picture.messages.insert(id, value);
        }
    }
    let answer = other.call("Mailbox/get", json!({ "ids": null })).await;
    for mailbox in answer["list"].as_array().unwrap() {
        let text = |key: &str| mailbox[key].as_str().unwrap().to_owned();
        let total = mailbox["totalEmails"].as_u64().unwrap();
        picture.mailboxes.insert(text("id"), (text("name"), total));
    }
    picture
}

async fn here(store: &AccountStore) -> Picture {
    let mut picture = Picture::default();
    for (mailbox, counts) in store.mailboxes().await.unwrap() {
        let id = mailbox.id.as_str().to_owned();
        let scope = ListScope {
            mailbox: mailbox.id,
            mode: ListMode::Messages,
            filter: Filter::All,
        };
        for row in store.page(&scope, None, 100_000).await.unwrap() {
            let RowKey::Message(key) = row.key else {
                panic!("a list of messages has a conversation")
            };
            let message = store.message(key).await.unwrap().unwrap().message;
            let entry = picture.messages.entry(message.id.as_str().to_owned());
            let (mailboxes, keywords) = entry.or_default();
            mailboxes.insert(id.clone());
            keywords.extend(message.keywords.iter().map(ToString::to_string));
        }
        picture
            .mailboxes
            .insert(id, (mailbox.name, counts.messages));
    }
    picture
}

async fn assert_equal(store: &AccountStore, other: &RawJmap) {
    let (here, there) = (here(store).await, there(other).await);
    assert_eq!(here.mailboxes, there.mailboxes);
    assert_eq!(here.messages.len(), there.messages.len());
    for (id, value) in &there.messages {
        assert_eq!(here.messages.get(id), Some(value), "{id}");
    }
    assert_eq!(store.recount().await.unwrap(), []);
}

async fn until_current(running: &Running) {
    for _ in 0..100 {
        let status = soon("a look", running.engine.sync()).await;
        if status.health == Health::Current {
            return;
        }
    }
    panic!("{:?}", *running.status.borrow());
}

#[tokio::test]
async fn a_real_server_with_real_mail_ends_equal_whatever_happened_to_both() {
    let Some(cyrus) = Cyrus::start() else {
        return;
    };
    cyrus.add_person(PERSON);
    let other = cyrus.client(PERSON);
    let ids = other.fill(&corpus::mailing_lists(), "inbox").await;
    let front = Front::start(&cyrus, |_| Some(PERSON.to_owned()));
    let config = JmapConfig::new(ServerAddress::of(front.url()));
    let source = JmapSource::new(config, Arc::new(Tokens::default())).unwrap();
    let folder = in_memory();
    let store = open(&folder).await;
    let options = EngineOptions {
        clock: Arc::new(ManualClock::at(Moment::from_millis(START))),
        jitter: Arc::new(FixedJitter(1.0)),
        bodies_ahead: 0,
        ..EngineOptions::default()
    };
    let engine = AccountEngine::start(store.clone(), Arc::new(source), options)
        .await
        .unwrap();
    let mut running = Running {
        status: engine.status(),
        engine,
    };
    // Killed while everything is fetched for the first time.
    running
        .until_status("some of it", |status| {
            status.progress.is_some_and(|progress| progress.done > 300)
        })
        .await;
    cyrus.kill_http();
    until_current(&running).await;
    assert_eq!(store.message_count().await.unwrap(), 2_403);
    assert_equal(&store, &other).await;

    // Another client, and another server.
    let made = json!({ "create": { "a": { "name": "Lists" }, "b": { "name": "Short-lived" } } });
    let made = other.call("Mailbox/set", made).await;
    let id_of = |key: &str| made["created"][key]["id"].as_str().unwrap().to_owned();
    let (lists, gone) = (id_of("a"), id_of("b"));
    for (number, id) in ids.iter().enumerate().take(300) {
        let patch = match number % 3 {
            0 => json!({ "mailboxIds": { lists.as_str(): true } }),
            1 => json!({ "mailboxIds": { gone.as_str(): true } }),
            _ => json!({ "keywords/$seen": true, "keywords/$flagged": true }),
        };
        other.patch(id, patch).await;
    }
    other.destroy(&ids[300..350]).await;
    cyrus.deliver(
        PERSON,
        b"From: ben@mail.example\r\nSubject: News\r\nMessage-ID: <n@mail.example>\r\n\r\nHello\r\n",
    );
    until_current(&running).await;
    assert_equal(&store, &other).await;

    let rename = json!({ "update": { lists.as_str(): { "name": "Mailing lists" } } });
    other.call("Mailbox/set", rename).await;
    let removal = json!({ "destroy": [gone], "onDestroyRemoveEmails": true });
    other.call("Mailbox/set", removal).await;
    // Killed again, in the middle of what has changed.
    running.engine.sync_now();
    cyrus.kill_http();
    until_current(&running).await;
    assert_equal(&store, &other).await;
    assert_eq!(store.message_count().await.unwrap(), 2_403 - 50 - 100 + 1);
    running.engine.stop().await;
}
