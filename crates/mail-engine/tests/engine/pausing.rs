//! No traffic because the person wants none, and files that do not change any more.

use std::time::Duration;

use futures::StreamExt as _;
use mail_engine::{Arrival, FetchError, Health};
use mail_model::{Keyword, KeywordEdit, MessageId};
use mail_store::{NewIntent, StoreError};

use crate::server::{Call, EditFault, Fault, Server, body_with_file, message, message_id};
use crate::world::{Running, World, soon};

async fn star(world: &World, running: &Running, id: &MessageId) -> Result<(), StoreError> {
    let edit = NewIntent {
        messages: vec![world.key(id).await],
        keywords: vec![KeywordEdit {
            keyword: Keyword::flagged(),
            set: true,
        }],
        ..NewIntent::default()
    };
    running.engine.edit(edit).await.map(|_| ())
}

#[tokio::test]
async fn an_account_that_starts_paused_makes_no_request_until_it_is_resumed() {
    let world = World::with_messages(20).await;
    let mut running = world.start_paused().await;
    assert_eq!(running.status.borrow().health, Health::Paused);
    running.engine.sync_now();
    let status = soon("a look", running.engine.sync()).await;
    assert_eq!(status.health, Health::Paused);
    world.clock.advance(Duration::from_secs(3600));
    running.engine.pause().await;
    assert_eq!(world.server.log(), []);
    running.engine.resume().await;
    running.until(Health::Current).await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_paused_account_is_read_and_changed_and_sends_the_changes_afterwards() {
    let server = Server::with_messages(20);
    server.enable_push();
    let world = World::new(server).await;
    let mut running = world.synced().await;
    running.until_arrival(Arrival::Push).await;
    let fetched = world.key(&message_id(3)).await;
    running.engine.fetch_body(fetched).await.unwrap();

    soon("the pause", running.engine.pause()).await;
    running
        .until_status("rest", |status| {
            status.health == Health::Paused && status.push == Arrival::Polling
        })
        .await;
    let requests = world.server.log().len();
    star(&world, &running, &message_id(3)).await.unwrap();
    assert!(world.keywords(&message_id(3)).await.is_flagged());
    assert_eq!(running.status.borrow().queued, 1);
    assert_eq!(world.rows("inbox").await.len(), 20);
    running.engine.fetch_body(fetched).await.unwrap();
    let other = world.key(&message_id(4)).await;
    let error = running.engine.fetch_body(other).await.unwrap_err();
    assert!(matches!(error, FetchError::Paused), "{error:?}");
    let settled = running.engine.settle_queue().await.unwrap();
    assert_eq!((settled.left, settled.health), (1, Health::Paused));
    world.server.deliver(message(100, 100, 1_000_000));
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.server.log().len(), requests);

    running.engine.resume().await;
    running
        .until_status("everything sent", |status| {
            status.health == Health::Current && status.queued == 0
        })
        .await;
    let starred = &world.server.messages()[&message_id(3)];
    assert!(starred.keywords.is_flagged());
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_pause_drops_a_request_that_hangs() {
    let world = World::with_messages(20).await;
    world.server.fail_everything(Fault::Hang);
    let mut running = world.start().await;
    let mut calls = world.server.calls();
    soon("a request", calls.wait_for(|calls| *calls > 0))
        .await
        .unwrap();
    soon("the pause", running.engine.pause()).await;
    running.until(Health::Paused).await;
    world.server.heal();
    running.engine.resume().await;
    running.until(Health::Current).await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_file_on_its_way_ends_with_the_pause() {
    let world = World::with_messages(20).await;
    world.server.set_body(&message_id(1), body_with_file(1));
    let running = world.synced().await;
    let key = world.key(&message_id(1)).await;
    let (_, mut bytes) = running.engine.open_blob(key, 0).await.unwrap();
    running.engine.pause().await;
    assert!(bytes.next().await.unwrap().is_err());
    assert!(bytes.next().await.is_none());
    running.engine.stop().await;
}

#[tokio::test]
async fn a_pause_after_a_fault_does_not_wait_for_the_next_try() {
    let world = World::with_messages(5).await;
    world.server.fail(Call::Newest, Fault::Panic);
    let mut running = world.start().await;
    running.until(Health::Fault).await;
    soon("the pause", running.engine.pause()).await;
    running.until(Health::Paused).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_frozen_account_refuses_changes_and_drops_late_answers() {
    let world = World::with_messages(20).await;
    let mut running = world.synced().await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.server.fail(Call::Changes, Fault::Hang);
    running.engine.sync_now();
    let asked = world.server.count(Call::Changes);
    let mut calls = world.server.calls();
    soon(
        "the request",
        calls.wait_for(|_| world.server.count(Call::Changes) > asked),
    )
    .await
    .unwrap();
    soon("the freeze", running.engine.freeze()).await;
    let before = world.local().await;
    let change = world.store.progress().await.unwrap();
    let error = star(&world, &running, &message_id(3)).await.unwrap_err();
    assert!(matches!(error, StoreError::Frozen), "{error:?}");
    let error = running.engine.drop_queued().await.unwrap_err();
    assert!(matches!(error, StoreError::Frozen), "{error:?}");
    world.server.heal();
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.local().await, before);
    assert_eq!(world.store.progress().await.unwrap(), change);
    assert_eq!(world.store.queued(), 0);

    running.engine.resume().await;
    running.until(Health::Current).await;
    star(&world, &running, &message_id(3)).await.unwrap();
    let settled = soon("the queue", running.engine.settle_queue()).await;
    assert_eq!(settled.unwrap().left, 0);
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn settling_says_what_the_server_does_not_take_just_now() {
    let world = World::with_messages(20).await;
    let running = world.synced().await;
    let stubborn = message_id(4);
    world.server.edit_fault(&stubborn, Some(EditFault::Later));
    star(&world, &running, &message_id(3)).await.unwrap();
    star(&world, &running, &stubborn).await.unwrap();
    let settled = soon("the queue", running.engine.settle_queue()).await;
    assert_eq!(settled.unwrap().left, 1);
    world.server.edit_fault(&stubborn, None);
    world.clock.advance(Duration::from_secs(600));
    let settled = soon("the queue", running.engine.settle_queue()).await;
    assert_eq!(settled.unwrap().left, 0);
    running.engine.stop().await;
}

#[tokio::test]
async fn dropped_changes_show_the_servers_values_again_and_are_never_sent() {
    let world = World::with_messages(20).await;
    let mut running = world.synced().await;
    running.engine.pause().await;
    for number in [3, 4, 5] {
        star(&world, &running, &message_id(number)).await.unwrap();
    }
    assert_eq!(running.engine.drop_queued().await.unwrap(), 3);
    assert!(running.engine.is_paused());
    assert!(!world.keywords(&message_id(3)).await.is_flagged());
    assert_eq!(running.status.borrow().queued, 0);
    running.engine.resume().await;
    running.until(Health::Current).await;
    assert_eq!(world.server.edited(), []);
    // While a change hangs on its way, dropping does not wait for it either.
    world.server.fail(Call::Edit, Fault::Hang);
    star(&world, &running, &message_id(3)).await.unwrap();
    let mut calls = world.server.calls();
    soon(
        "the edit",
        calls.wait_for(|_| world.server.count(Call::Edit) > 0),
    )
    .await
    .unwrap();
    let dropped = soon("dropping", running.engine.drop_queued()).await;
    assert_eq!(dropped.unwrap(), 1);
    world.server.heal();
    running.until(Health::Current).await;
    running.sync().await;
    world.assert_converged().await;
    assert!(!running.engine.is_paused());
    running.engine.stop().await;
}

#[tokio::test]
async fn the_size_of_all_files_is_asked_for_and_none_is_fetched() {
    let world = World::with_messages(1_200).await;
    for number in 0..1_200 {
        world
            .server
            .set_body(&message_id(number), body_with_file(number));
    }
    let running = world.synced().await;
    // Every fifth message has a file; each is 11 octets.
    let octets = running.engine.attachment_octets().await.unwrap();
    assert_eq!(octets, 240 * 11);
    assert_eq!(world.server.count(Call::Blob), 0);
    running.engine.pause().await;
    let error = running.engine.attachment_octets().await.unwrap_err();
    assert!(matches!(error, FetchError::Paused), "{error:?}");
    running.engine.stop().await;
}

#[tokio::test]
async fn hosts_that_were_spoken_to_are_known_after_the_account_was_closed() {
    let world = World::with_messages(3).await;
    let running = world.synced().await;
    let seen = running.engine.hosts().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].host, "mail.northwind.example");
    let before = seen[0].requests;
    running.sync().await;
    running.engine.stop().await;
    let kept = world.store.hosts().await.unwrap();
    assert!(kept[0].requests > before);
    assert_eq!(kept[0].requests, world.server.log().len() as u64);
}
