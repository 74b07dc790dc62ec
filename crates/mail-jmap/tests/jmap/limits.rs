//! What a server says it takes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_model::remote::{EditOutcome, MailSource, MailSubmitter, RemoteEdit, SourceError};
use mail_model::{KeywordEdit, Keywords, MailboxId, MessageId, Reaction};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::scripted::{Recorded, Reply};
use crate::tokens::Tokens;
use crate::world::{TOKEN, World, state};

fn ids(count: usize) -> Vec<MessageId> {
    (0..count)
        .map(|number| MessageId::new(format!("M{number}")).unwrap())
        .collect()
}

fn edits(count: usize) -> Vec<RemoteEdit> {
    ids(count)
        .into_iter()
        .map(|message| RemoteEdit {
            message,
            keywords: vec![KeywordEdit {
                keyword: "$seen".into(),
                set: true,
            }],
            add_to: Vec::new(),
            remove_from: Vec::new(),
        })
        .collect()
}

/// The most ids any `Email/get` of the requests named or was referred to.
fn most_ids(requests: &[Recorded]) -> usize {
    let calls = requests
        .iter()
        .filter(|request| request.path() == "/api")
        .flat_map(Recorded::calls);
    let counts = calls.filter_map(|(_, arguments, _)| match &arguments["ids"] {
        Value::Array(ids) => Some(ids.len()),
        _ => arguments["limit"]
            .as_u64()
            .or(arguments["maxChanges"].as_u64())
            .map(|limit| limit as usize),
    });
    counts.max().unwrap()
}

#[tokio::test]
async fn no_request_asks_for_more_objects_than_the_server_gives() {
    let world = World::new(10).limit("maxObjectsInGet", 3);
    let (server, source) = world.serve().await;
    let page = source.newest(0, 8).await.unwrap();
    assert_eq!((page.messages.len(), page.queried), (8, 8));
    assert_eq!(page.total, Some(10));
    let messages: Vec<_> = page
        .messages
        .into_iter()
        .map(|message| message.id)
        .collect();
    assert_eq!(messages, ids(8));
    assert_eq!(source.messages(&ids(10)).await.unwrap().len(), 10);
    assert_eq!(source.bodies(&ids(10)).await.unwrap().len(), 10);
    let state = state("e0");
    let error = source.message_changes(&state, 100).await.unwrap_err();
    assert!(
        matches!(error, SourceError::BadAnswer { .. }),
        "it told six"
    );
    assert_eq!(most_ids(&server.seen()), 3);
    assert_eq!(server.methods().len(), 3 + 4 + 4 + 1);
}

#[tokio::test]
async fn an_inventory_with_small_pages_is_whole() {
    for most in [1, 2, 3, 500] {
        let world = World::new(10).limit("maxObjectsInGet", most);
        let (server, source) = world.serve().await;
        let mut all = Vec::new();
        loop {
            let (_, page) = source.inventory(all.len() as u64, 4).await.unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page.into_iter().map(|update| update.id));
        }
        assert_eq!(all, ids(10), "{most}");
        assert!(most_ids(&server.seen()) <= most as usize);
    }
}

#[tokio::test]
async fn a_server_that_takes_one_call_at_a_time_is_asked_without_references() {
    let world = World::new(5).limit("maxCallsInRequest", 1);
    let (server, source) = world.serve().await;
    let page = source.newest(0, 5).await.unwrap();
    assert_eq!(page.messages.len(), 5);
    assert_eq!(
        server.methods(),
        [["Email/get"], ["Email/query"], ["Email/get"]]
    );
    let asked = server.seen().pop().unwrap().calls();
    assert_eq!(asked[0].1["ids"], json!(["M0", "M1", "M2", "M3", "M4"]));
    let state = state("e0");
    let delta = source.message_changes(&state, 100).await.unwrap();
    assert_eq!((delta.created.len(), delta.updated.len()), (2, 2));
}

#[tokio::test]
async fn a_page_is_one_request_where_the_server_allows_it() {
    let (server, source) = World::new(5).serve().await;
    source.newest(0, 5).await.unwrap();
    assert_eq!(
        server.methods(),
        [["Email/get", "Email/query", "Email/get"]]
    );
}

#[tokio::test]
async fn a_request_is_never_longer_than_the_server_takes() {
    let world = World::new(400).limit("maxSizeRequest", 1500);
    let (server, source) = world.serve().await;
    assert_eq!(source.messages(&ids(400)).await.unwrap().len(), 400);
    let outcomes = source.edit(&edits(100)).await.unwrap();
    assert_eq!(outcomes.len(), 100);
    assert!(outcomes.iter().all(|o| matches!(o, EditOutcome::Done)));
    let longest = server.seen().iter().map(|request| request.body.len()).max();
    assert!(longest <= Some(1500), "{longest:?}");
}

#[tokio::test]
async fn no_request_changes_more_objects_than_the_server_takes() {
    let world = World::new(10).limit("maxObjectsInSet", 3);
    let (server, source) = world.serve().await;
    assert_eq!(source.edit(&edits(10)).await.unwrap().len(), 10);
    let sizes: Vec<usize> = server
        .seen()
        .iter()
        .filter(|request| request.path() == "/api")
        .map(|request| request.calls()[0].1["update"].as_object().unwrap().len())
        .collect();
    assert_eq!(sizes, [3, 3, 3, 1]);
}

fn too_large_by_its_own_words() -> Reply {
    let problem = json!({
        "type": "urn:ietf:params:jmap:error:limit", "limit": "maxSizeRequest", "status": 400,
    });
    Reply::new(400, &[], problem.to_string())
}

#[tokio::test]
async fn too_large_a_request_is_asked_again_in_halves() {
    let world = World::new(400);
    let by_status = |_: &str| Reply::status(413);
    let by_limit = |_: &str| too_large_by_its_own_words();
    let by_method = |id: &str| {
        Reply::json(&json!({
            "methodResponses": [["error", { "type": "requestTooLarge" }, id]],
            "sessionState": "s1",
        }))
    };
    let refusals: [fn(&str) -> Reply; 3] = [by_status, by_limit, by_method];
    for refusal in refusals {
        let (server, source) = world.serve().await;
        let world = world.clone();
        server.set(move |request| {
            if request.path() != "/api" {
                return world.reply(request);
            }
            let (_, arguments, id) = request.calls().remove(0);
            let asked = arguments["ids"].as_array().map_or(0, Vec::len);
            if asked > 300 {
                refusal(&id)
            } else {
                world.reply(request)
            }
        });
        let messages = source.messages(&ids(400)).await.unwrap();
        assert_eq!(messages.len(), 400);
        // 400, then 200 twice.
        assert_eq!(server.methods().len(), 3);
    }
}

#[tokio::test]
async fn a_server_that_finds_a_small_request_too_large_is_asked_once_and_later_again() {
    let world = World::new(20);
    let (server, source) = world.serve().await;
    server.set(move |request| match request.path() {
        "/api" => Reply::status(413),
        _ => world.reply(request),
    });
    let error = source.messages(&ids(20)).await.unwrap_err();
    assert_eq!(error.reaction(), Reaction::RetryLater(None), "{error:?}");
    assert_eq!(server.methods().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_requests_run_at_once_than_the_server_takes() {
    let world = World::new(3).limit("maxConcurrentRequests", 2);
    let (server, source) = world.serve().await;
    source.mailboxes().await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    {
        let (world, gate) = (world.clone(), Arc::clone(&gate));
        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
        server.set(move |request| {
            let now = open.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            world.reply(request).through(&gate)
        });
    }
    let calls = join_all((0..10).map(|_| source.mailboxes()));
    let release = async {
        for done in 0..10 {
            // Wait until as many stand at the gate as may, then let one through.
            while open.load(Ordering::SeqCst) < 2.min(10 - done) {
                tokio::task::yield_now().await;
            }
            open.fetch_sub(1, Ordering::SeqCst);
            gate.add_permits(1);
        }
    };
    let (results, ()) = tokio::join!(calls, release);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn too_large_a_message_is_not_even_uploaded() {
    let world = World::new(1).limit("maxSizeUpload", 10);
    let (server, source) = world.serve().await;
    let mailbox = MailboxId::new("b1").unwrap();
    let message = "eleven octets".into();
    let error = source
        .import(message, &mailbox, &Keywords::default())
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error:?}");
    assert!(server.seen().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn what_was_done_before_a_failure_stays_done() {
    let world = World::new(10).limit("maxObjectsInSet", 4);
    let (server, source) = world.serve().await;
    server.set(move |request| {
        if request.path() == "/api" && String::from_utf8_lossy(&request.body).contains("M4") {
            Reply::status(503)
        } else {
            world.reply(request)
        }
    });
    let outcomes = source.edit(&edits(10)).await.unwrap();
    let done = outcomes
        .iter()
        .take_while(|outcome| matches!(outcome, EditOutcome::Done));
    assert_eq!(done.count(), 4);
    let later = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, EditOutcome::Later));
    assert_eq!(later.count(), 6);
    let error = source.edit(&edits(10)[4..]).await.unwrap_err();
    assert!(matches!(error, SourceError::Busy { .. }), "{error:?}");
}

#[tokio::test]
async fn a_page_that_takes_too_long_ends_with_what_has_come() {
    let world = World::new(300);
    let (server, _) = world.serve().await;
    let mut config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    config.timeouts.page = Duration::ZERO;
    let source = JmapSource::new(config, Arc::new(Tokens::only(TOKEN))).unwrap();
    let page = source.newest(0, 300).await.unwrap();
    assert_eq!((page.messages.len(), page.queried), (100, 100));
    assert_eq!(page.total, Some(300));
}

#[tokio::test]
async fn what_was_too_much_once_is_not_asked_for_again() {
    let world = World::new(60);
    let (server, source) = world.serve().await;
    server.set(move |request| {
        let asked = request.path() == "/api" && request.calls()[1].1["limit"].as_u64() > Some(20);
        if asked {
            too_large_by_its_own_words()
        } else {
            world.reply(request)
        }
    });
    assert_eq!(source.newest(0, 60).await.unwrap().messages.len(), 60);
    server.forget();
    assert_eq!(source.newest(0, 60).await.unwrap().messages.len(), 60);
    let seen = server.seen();
    let sizes = seen
        .iter()
        .map(|request| request.calls()[1].1["limit"].as_u64());
    assert!(sizes.max().unwrap() <= Some(20));
}
