use std::time::Duration;

use mail_engine::{Health, Notice};
use mail_model::{Keyword, KeywordEdit, MessageId};
use mail_store::NewIntent;

use crate::server::{Call, EditFault, Fault, message_id};
use crate::world::{Running, World, soon};

async fn mark(world: &World, running: &Running, id: &MessageId, keyword: Keyword, set: bool) {
    let edit = NewIntent {
        messages: vec![world.key(id).await],
        keywords: vec![KeywordEdit { keyword, set }],
        ..NewIntent::default()
    };
    running.engine.edit(edit).await.unwrap();
}

async fn offline(world: &World, running: &mut Running) {
    world.server.fail_everything(Fault::Unreachable);
    running.engine.sync_now();
    running.until(Health::Offline).await;
}

#[tokio::test]
async fn a_mark_shows_at_once_and_reaches_the_server() {
    let world = World::with_messages(10).await;
    let mut running = world.synced().await;
    let id = message_id(4);
    mark(&world, &running, &id, Keyword::seen(), true).await;
    assert!(
        world.keywords(&id).await.is_seen(),
        "shown before it is sent"
    );
    running
        .until_status("sent", |status| status.queued == 0)
        .await;
    assert!(world.server.messages()[&id].keywords.is_seen());
    running.sync().await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn marks_made_offline_are_sent_in_order_after_a_restart() {
    let world = World::with_messages(30).await;
    let mut running = world.synced().await;
    offline(&world, &mut running).await;
    let id = message_id(4);
    for set in [true, false, true] {
        mark(&world, &running, &id, Keyword::flagged(), set).await;
    }
    for number in 10..20 {
        mark(&world, &running, &message_id(number), Keyword::seen(), true).await;
    }
    assert_eq!(running.status.borrow().queued, 13);
    running.engine.stop().await;
    world.server.heal();

    let mut running = world.synced().await;
    running
        .until_status("sent", |status| status.queued == 0)
        .await;
    let order: Vec<bool> = world
        .server
        .edited()
        .iter()
        .filter(|edit| edit.message == id)
        .map(|edit| edit.keywords[0].set)
        .collect();
    assert_eq!(order, [true, false, true]);
    assert!(world.server.messages()[&id].keywords.is_flagged());
    assert_eq!(
        world.server.edit_calls()[2],
        11,
        "the rest travels together"
    );
    running.sync().await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_refused_mark_shows_the_servers_value_again_and_is_reported() {
    let world = World::with_messages(10).await;
    let mut running = world.synced().await;
    let mut notices = running.engine.notices();
    let id = message_id(4);
    world.server.edit_fault(&id, Some(EditFault::Refused));
    mark(&world, &running, &id, Keyword::flagged(), true).await;
    mark(&world, &running, &message_id(5), Keyword::flagged(), true).await;
    let Notice::EditRefused { reason, .. } = soon("a notice", notices.recv()).await.unwrap();
    assert_eq!(reason, "not allowed");
    running
        .until_status("sent", |status| status.queued == 0)
        .await;
    assert!(!world.keywords(&id).await.is_flagged());
    assert!(world.keywords(&message_id(5)).await.is_flagged());
    running.sync().await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn marks_refused_together_are_tried_one_by_one() {
    let world = World::with_messages(10).await;
    let mut running = world.synced().await;
    offline(&world, &mut running).await;
    for number in 0..3 {
        mark(&world, &running, &message_id(number), Keyword::seen(), true).await;
    }
    world.server.heal();
    world.server.fail_times(Call::Edit, Fault::Refused, 2);
    running.engine.sync_now();
    running
        .until_status("sent", |status| status.queued == 0)
        .await;
    let seen: Vec<bool> = (0..3)
        .map(|number| {
            world.server.messages()[&message_id(number)]
                .keywords
                .is_seen()
        })
        .collect();
    assert_eq!(
        seen,
        [false, true, true],
        "only the one that is refused alone"
    );
    running.until(Health::Current).await;
    running.sync().await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_mark_the_server_cannot_take_now_waits_and_reading_goes_on() {
    let world = World::with_messages(10).await;
    let mut running = world.synced().await;
    let id = message_id(4);
    world.server.edit_fault(&id, Some(EditFault::Later));
    mark(&world, &running, &id, Keyword::seen(), true).await;
    let mut calls = world.server.calls();
    soon(
        "the mark is tried",
        calls.wait_for(|_| world.server.count(Call::Edit) > 0),
    )
    .await
    .unwrap();
    world.server.flag(&message_id(5), Keyword::flagged(), true);
    running.sync().await;
    assert!(world.keywords(&message_id(5)).await.is_flagged());
    assert!(world.keywords(&id).await.is_seen(), "still shown");
    assert_eq!(running.status.borrow().queued, 1);
    world.server.edit_fault(&id, None);
    world.clock.advance(Duration::from_secs(2));
    running
        .until_status("sent", |status| status.queued == 0)
        .await;
    assert!(world.server.messages()[&id].keywords.is_seen());
    running.engine.stop().await;
}

#[tokio::test]
async fn a_mark_on_a_message_that_is_gone_is_over() {
    let world = World::with_messages(10).await;
    let mut running = world.synced().await;
    offline(&world, &mut running).await;
    let id = message_id(4);
    mark(&world, &running, &id, Keyword::seen(), true).await;
    world.server.destroy(&id);
    world.server.heal();
    running.engine.sync_now();
    running
        .until_status("over", |status| status.queued == 0)
        .await;
    running.until(Health::Current).await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_change_from_outside_does_not_undo_a_mark_that_waits() {
    let world = World::with_messages(10).await;
    let running = world.synced().await;
    let id = message_id(4);
    world.server.edit_fault(&id, Some(EditFault::Later));
    mark(&world, &running, &id, Keyword::seen(), true).await;
    world.server.flag(&id, Keyword::flagged(), true);
    running.sync().await;
    let keywords = world.keywords(&id).await;
    assert!(keywords.is_seen() && keywords.is_flagged());
    running.engine.stop().await;
}
