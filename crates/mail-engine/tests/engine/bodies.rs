use std::time::Duration;

use futures::StreamExt as _;
use mail_engine::clock::Clock as _;
use mail_engine::{EngineOptions, FetchError};
use mail_store::Retention;

use crate::server::{Call, Fault, body_with_file, message, message_id};
use crate::world::{World, soon};

#[tokio::test]
async fn a_body_is_fetched_once_however_many_ask_for_it() {
    let world = World::with_messages(10).await;
    let running = world.synced().await;
    let key = world.key(&message_id(3)).await;
    let engine = &running.engine;
    let (first, second, third) = tokio::join!(
        engine.fetch_body(key),
        engine.fetch_body(key),
        engine.fetch_body(key)
    );
    assert_eq!(first.unwrap().text.as_deref(), Some("The body of M3"));
    assert!(second.is_ok() && third.is_ok());
    assert_eq!(world.server.count(Call::Bodies), 1);
    engine.fetch_body(key).await.unwrap();
    assert_eq!(world.server.count(Call::Bodies), 1, "kept");
    running.engine.stop().await;
}

#[tokio::test]
async fn a_body_of_another_account_is_not_taken_for_one_of_a_message_that_is_here() {
    let world = World::with_messages(10).await;
    let running = world.synced().await;
    let key = world.key(&message_id(3)).await;
    // Everything is to be compared with the other account, which takes its time.
    let held = world.server.hold_answers(Call::Newest);
    world.server.become_another_account();
    running.engine.sync_now();
    let mut made = held.made.subscribe();
    soon("the comparison", made.wait_for(|made| *made > 0))
        .await
        .unwrap();
    let refused = soon("an answer", running.engine.fetch_body(key)).await;
    assert!(matches!(refused, Err(FetchError::Source(_))), "{refused:?}");
    assert!(world.store.body(key).await.unwrap().is_none());
    running.engine.stop().await;
}

#[tokio::test]
async fn bodies_of_the_newest_messages_come_ahead() {
    let world = World::with_messages(60).await;
    let options = EngineOptions {
        bodies_ahead: 25,
        ..world.options()
    };
    let running = world.start_with(options).await;
    world
        .until("the newest bodies", || async {
            let key = world.store.message_key(&message_id(59)).await.unwrap();
            key.is_some() && world.store.missing_bodies(25, 25).await.unwrap().is_empty()
        })
        .await;
    let old = world.store.missing_bodies(60, 60).await.unwrap().len();
    assert!(
        old >= 35 - 25,
        "older bodies wait until somebody asks: {old}"
    );
    running.engine.stop().await;
}

#[tokio::test]
async fn the_bodies_of_an_opened_conversation_come_without_being_asked_for() {
    let world = World::with_messages(60).await;
    let running = world.synced().await;
    let key = world.key(&message_id(3)).await;
    let thread = world.store.message(key).await.unwrap().unwrap().thread;
    let all = world.store.thread(thread).await.unwrap();
    assert!(all.len() > 1, "a conversation of several messages");
    running.engine.open_thread(thread).await.unwrap();
    let keys: Vec<_> = all.iter().map(|message| message.key).collect();
    world
        .until("its bodies", || async {
            world.store.bodies_here(&keys).await.unwrap().len() == keys.len()
        })
        .await;
    assert_eq!(world.server.count(Call::Bodies), 1, "in one request");
    let others = world.store.missing_bodies(60, 60).await.unwrap().len();
    assert_eq!(others, 60 - keys.len());
    running.engine.stop().await;
}

fn all_ahead(world: &World) -> EngineOptions {
    EngineOptions {
        bodies_ahead: 1_000,
        ..world.options()
    }
}

/// The newest arrived half a day ago.
async fn a_message_a_day_for_thirty_days() -> World {
    const DAY: i64 = 24 * 60 * 60;
    let world = World::with_messages(0).await;
    let now = world.clock.now().millis() / 1000;
    for number in 0..30_u64 {
        let age = 30 - i64::try_from(number).unwrap();
        let at = now - age * DAY + DAY / 2;
        world.server.deliver(message(number, number, at));
    }
    world
}

#[tokio::test]
async fn bodies_ahead_leave_out_what_would_not_stay() {
    let world = a_message_a_day_for_thirty_days().await;
    let retention = Retention {
        days: Some(10),
        octets: None,
    };
    world.store.set_retention(retention).await.unwrap();
    let mut running = world.start_with(all_ahead(&world)).await;
    running.until(mail_engine::Health::Current).await;
    let oldest = world.key(&message_id(20)).await;
    world
        .until("the oldest that stays", || async {
            world.store.body(oldest).await.unwrap().is_some()
        })
        .await;
    running.sync().await;
    let missing = world.store.missing_bodies(30, 30).await.unwrap();
    assert_eq!(missing.len(), 20);
    running.engine.stop().await;
}

#[tokio::test]
async fn a_new_limit_holds_at_once_and_a_wider_one_brings_back_what_went() {
    let world = a_message_a_day_for_thirty_days().await;
    let mut running = world.start_with(all_ahead(&world)).await;
    running.until(mail_engine::Health::Current).await;
    let missing = async || world.store.missing_bodies(30, 30).await.unwrap().len();
    world.until("all", || async { missing().await == 0 }).await;
    let ten_days = Retention {
        days: Some(10),
        octets: None,
    };
    running.engine.set_retention(ten_days).await.unwrap();
    // Nobody is told of a text that goes.
    soon("the last ten days", async {
        while missing().await != 20 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let everything = Retention {
        days: None,
        octets: None,
    };
    running.engine.set_retention(everything).await.unwrap();
    world
        .until("all again", || async { missing().await == 0 })
        .await;
    running.engine.stop().await;
}

/// A text that no compression makes small, and another one for each number.
fn incompressible(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(33 + u8::try_from(state % 94).unwrap())
    };
    (0..20_000).map(|_| next()).collect()
}

#[tokio::test]
async fn the_oldest_bodies_go_when_they_are_too_much_together_and_opened_ones_stay() {
    let world = World::with_messages(60).await;
    let running = world.synced().await;
    for number in 0..60 {
        let key = world.key(&message_id(number)).await;
        let body = mail_model::Body {
            text: Some(incompressible(number)),
            html: None,
            attachments: Vec::new(),
            truncated: false,
        };
        world.store.store_bodies(vec![(key, body)]).await.unwrap();
    }
    let opened = world.key(&message_id(2)).await;
    running.engine.fetch_body(opened).await.unwrap();
    let retention = Retention {
        days: None,
        octets: Some(world.store.body_octets().await.unwrap() / 2),
    };
    world.store.set_retention(retention).await.unwrap();
    world.clock.advance(Duration::from_secs(60 * 60));
    running.sync().await;
    soon("the drop", async {
        while world.store.body_octets().await.unwrap() > retention.octets.unwrap() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(world.store.body(opened).await.unwrap().is_some());
    let oldest = world.key(&message_id(0)).await;
    let newest = world.key(&message_id(59)).await;
    assert!(world.store.body(oldest).await.unwrap().is_none());
    assert!(world.store.body(newest).await.unwrap().is_some());
    assert_eq!(world.local().await.len(), 60);
    running.engine.stop().await;
}

#[tokio::test]
async fn a_large_account_does_not_keep_another_ones_first_page_waiting() {
    let large = World::with_messages(20_000).await;
    let small = World::with_messages(50).await;
    let mut large_running = large.start().await;
    large_running
        .until_status("its first page", |status| status.progress.is_some())
        .await;
    let mut small_running = small.start().await;
    small_running.until(mail_engine::Health::Current).await;
    assert_eq!(small.local().await.len(), 50);
    let progress = large_running.status.borrow().progress;
    assert!(
        progress.is_some_and(|progress| progress.done < 20_000),
        "the large one is still fetching: {progress:?}"
    );
    large_running.engine.stop().await;
    small_running.engine.stop().await;
}

#[tokio::test]
async fn a_body_that_cannot_be_had_says_why_and_can_be_asked_for_again() {
    let world = World::with_messages(10).await;
    let running = world.synced().await;
    let key = world.key(&message_id(3)).await;
    world.server.fail(Call::Bodies, Fault::Unreachable);
    let error = running.engine.fetch_body(key).await.unwrap_err();
    assert!(matches!(error, FetchError::Source(_)), "{error:?}");
    world.server.heal();
    running.engine.fetch_body(key).await.unwrap();
    world.server.destroy(&message_id(4));
    let gone = world.key(&message_id(4)).await;
    let error = running.engine.fetch_body(gone).await.unwrap_err();
    assert!(matches!(error, FetchError::Gone), "{error:?}");
    running.engine.stop().await;
}

#[tokio::test]
async fn a_person_is_served_while_older_mail_is_still_being_fetched() {
    let world = World::with_messages(200).await;
    world.server.fail(Call::OlderThan, Fault::Hang);
    let mut running = world.start().await;
    running
        .until_status("the first page", |status| status.progress.is_some())
        .await;
    let key = world.key(&message_id(199)).await;
    soon("the body", running.engine.fetch_body(key))
        .await
        .unwrap();
    running.engine.stop().await;
}

#[tokio::test]
async fn a_file_comes_as_its_bytes() {
    let world = World::with_messages(10).await;
    world.server.set_body(&message_id(5), body_with_file(5));
    let running = world.synced().await;
    let key = world.key(&message_id(5)).await;
    let (attachment, mut bytes) = running.engine.open_blob(key, 0).await.unwrap();
    assert_eq!(attachment.name, "figures.pdf");
    let mut all = Vec::new();
    while let Some(piece) = bytes.next().await {
        all.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(all, b"bytes of F5");
    let error = running.engine.open_blob(key, 1).await.err().unwrap();
    assert!(matches!(error, FetchError::Gone), "{error:?}");
    running.engine.stop().await;
}

#[tokio::test]
async fn a_panic_while_fetching_is_survived() {
    let world = World::with_messages(10).await;
    let mut running = world.synced().await;
    let key = world.key(&message_id(3)).await;
    world.server.fail_times(Call::Bodies, Fault::Panic, 1);
    let error = running.engine.fetch_body(key).await.unwrap_err();
    assert!(matches!(error, FetchError::Stopped), "{error:?}");
    running.until(mail_engine::Health::Fault).await;
    running.engine.sync_now();
    running.engine.fetch_body(key).await.unwrap();
    running.engine.stop().await;
}
