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
    running.until_arrival(Arrival::Push).await;
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
    running.until_arrival(Arrival::Push).await;
    world.server.fail(Call::Push, Fault::Unreachable);
    world.server.cut_push();
    running.until_arrival(Arrival::Polling).await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.clock.advance(Duration::from_secs(60));
    world
        .until("the new message", || async {
            world.local().await.len() == 6
        })
        .await;
    world.server.heal();
    world.clock.advance(Duration::from_secs(300));
    running.until_arrival(Arrival::Push).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_channel_that_only_says_it_lives_keeps_nobody_from_asking() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running.until_arrival(Arrival::Push).await;
    settle().await;
    // The server sends pings, and never a word of what has changed.
    let minutes_until = async |messages: usize| {
        for _ in 0..60 {
            if world.local().await.len() == messages {
                return;
            }
            world.server.push(&PushEvent::Ping);
            settle().await;
            world.clock.advance(Duration::from_secs(60));
            settle().await;
        }
        panic!("{messages} messages do not come");
    };
    world.server.deliver(message(100, 100, 1_000_000));
    minutes_until(6).await;
    running.until_arrival(Arrival::Polling).await;
    // A channel that is opened anew is not believed either.
    let mut channels = world.server.channels();
    world.server.cut_push();
    settle().await;
    world.clock.advance(Duration::from_secs(10));
    let second = channels.wait_for(|channels| *channels == 2);
    soon("a second channel", second).await.unwrap();
    world.server.deliver(message(101, 101, 1_000_060));
    minutes_until(7).await;
    assert_eq!(running.status.borrow().push, Arrival::Polling);
    // One that tells something is.
    world.server.push(&PushEvent::Changed);
    running.until_arrival(Arrival::Push).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn what_happened_while_the_channel_was_cut_is_asked_for_when_it_stands_again() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running.until_arrival(Arrival::Push).await;
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
    running.until_arrival(Arrival::Push).await;
    let mut channels = world.server.channels();
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(6 * 60));
    running.until_arrival(Arrival::Polling).await;
    world.clock.advance(Duration::from_secs(1));
    soon(
        "a second channel",
        channels.wait_for(|channels| *channels >= 2),
    )
    .await
    .unwrap();
    running.engine.stop().await;
}

/// Lets the tasks do what they can without time passing.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_cut_channel_stands_again_within_ten_seconds() {
    let world = with_push().await;
    let mut running = world.synced().await;
    let mut channels = world.server.channels();
    for cut in 1..=4 {
        running.until_arrival(Arrival::Push).await;
        settle().await;
        world.server.cut_push();
        running.until_arrival(Arrival::Polling).await;
        settle().await;
        world.clock.advance(Duration::from_secs(10));
        soon(
            "the next channel",
            channels.wait_for(|channels| *channels > cut),
        )
        .await
        .unwrap();
    }
    running.engine.stop().await;
}

#[tokio::test]
async fn after_a_sleep_the_account_looks_at_once_and_opens_its_channel_anew() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running.until_arrival(Arrival::Push).await;
    let mut channels = world.server.channels();
    // The machine slept: the old channel looks open and says nothing.
    world.server.deliver(message(100, 100, 1_000_000));
    running.engine.reconnect();
    world
        .until("the new message", || async {
            world.local().await.len() == 6
        })
        .await;
    soon(
        "a second channel",
        channels.wait_for(|channels| *channels == 2),
    )
    .await
    .unwrap();
    running.until_arrival(Arrival::Push).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_request_from_before_a_sleep_is_not_waited_for() {
    let world = with_push().await;
    let mut running = world.synced().await;
    world.server.fail(Call::Changes, Fault::Hang);
    // Counted before it is made: it may be there as soon as the look has begun.
    let mut calls = world.server.calls();
    let before = world.server.count(Call::Changes);
    running.engine.sync_now();
    running.until(Health::Working).await;
    soon("the request that hangs", async {
        while world.server.count(Call::Changes) == before {
            calls.changed().await.unwrap();
        }
    })
    .await;
    world.server.heal();
    running.engine.reconnect();
    running.until(Health::Current).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_server_without_a_channel_is_asked_for_one_on_another_network() {
    let world = World::with_messages(5).await;
    let mut running = world.synced().await;
    soon("the first try", async {
        while world.server.count(Call::Push) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    settle().await;
    world.server.enable_push();
    running.engine.reconnect();
    running.until_arrival(Arrival::Push).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_thousand_flaps_leave_no_tasks_behind() {
    let world = with_push().await;
    let mut running = world.synced().await;
    running.until_arrival(Arrival::Push).await;
    settle().await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let tasks = metrics.num_alive_tasks();
    let mut channels = world.server.channels();
    for flap in 1..=1_000 {
        if flap % 2 == 0 {
            running.engine.reconnect();
        } else {
            world.server.cut_push();
            settle().await;
            // Long enough to count as steady, and for the next try.
            world.clock.advance(Duration::from_secs(400));
        }
        soon("a channel", channels.wait_for(|channels| *channels > flap))
            .await
            .unwrap();
    }
    running.until(Health::Current).await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.server.push(&PushEvent::Changed);
    world
        .until("the new message", || async {
            world.local().await.len() == 6
        })
        .await;
    settle().await;
    let now = metrics.num_alive_tasks();
    assert!(now.abs_diff(tasks) <= 5, "{tasks} tasks, now {now}");
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
