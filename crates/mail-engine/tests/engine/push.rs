use std::time::Duration;

use mail_engine::{Arrival, Health};
use mail_model::remote::PushEvent;

use crate::server::{Call, Fault, Server, message};
use crate::world::{World, soon};

async fn with_push() -> World {
    let server = Server::with_messages(5);
    server.enable_push();
    World::new(server).await
}

#[tokio::test]
async fn mail_appears_when_the_server_hints_at_it() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running
        .until_status("push", |status| status.push == Arrival::Push)
        .await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.server.push(&PushEvent::Changed);
    world
        .until("the new message", || async {
            world.local().await.len() == 6
        })
        .await;
    running.engine.stop().await;
}

#[tokio::test]
async fn without_a_channel_the_account_polls_until_there_is_one_again() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running
        .until_status("push", |status| status.push == Arrival::Push)
        .await;
    world.server.fail(Call::Push, Fault::Unreachable);
    world.server.cut_push();
    running
        .until_status("polling", |status| status.push == Arrival::Polling)
        .await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.clock.advance(Duration::from_secs(60));
    world
        .until("the new message", || async {
            world.local().await.len() == 6
        })
        .await;
    world.server.heal();
    world.clock.advance(Duration::from_secs(300));
    running
        .until_status("push", |status| status.push == Arrival::Push)
        .await;
    running.engine.stop().await;
}

#[tokio::test]
async fn what_happened_while_the_channel_was_cut_is_asked_for_when_it_stands_again() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running
        .until_status("push", |status| status.push == Arrival::Push)
        .await;
    world.server.fail(Call::Changes, Fault::Unreachable);
    world.server.cut_push();
    running.until(Health::Offline).await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.server.heal();
    running.engine.sync_now();
    world
        .until("the new message", || async {
            world.local().await.len() == 6
        })
        .await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_silent_channel_is_opened_anew() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running
        .until_status("push", |status| status.push == Arrival::Push)
        .await;
    let mut channels = world.server.channels();
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(6 * 60));
    running
        .until_status("polling", |status| status.push == Arrival::Polling)
        .await;
    world.clock.advance(Duration::from_secs(1));
    soon(
        "a second channel",
        channels.wait_for(|channels| *channels >= 2),
    )
    .await
    .unwrap();
    running.engine.stop().await;
}

#[tokio::test]
async fn a_channel_that_breaks_at_once_is_not_opened_without_pause() {
    let world = with_push().await;
    let mut running = world.synced().await;
    for _ in 0..600 {
        world.server.cut_push();
        world.clock.advance(Duration::from_secs(1));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let channels = *world.server.channels().borrow();
    assert!((3..=20).contains(&channels), "{channels}");
    running.until(Health::Current).await;
    running.engine.stop().await;
}
