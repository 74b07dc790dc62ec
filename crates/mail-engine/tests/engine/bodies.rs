use futures::StreamExt as _;
use mail_engine::{EngineOptions, FetchError};

use crate::server::{Call, Fault, body_with_file, message_id};
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
