use std::sync::Arc;
use std::time::Duration;

use mail_engine::Health;
use mail_store::FillState;

use crate::server::{Call, Fault, Server, message, message_id};
use crate::world::{World, soon};

#[tokio::test]
async fn the_newest_page_shows_after_the_first_round_trip() {
    let world = World::with_messages(120).await;
    world.server.fail(Call::OlderThan, Fault::Hang);
    let mut running = world.start().await;
    running
        .until_status("the first page", |status| {
            status.progress.is_some_and(|progress| progress.done > 0)
        })
        .await;
    assert_eq!(
        world.server.log()[..2]
            .iter()
            .collect::<std::collections::BTreeSet<_>>(),
        [Call::Mailboxes, Call::Newest].iter().collect()
    );
    let rows = world.rows("inbox").await;
    assert_eq!(rows.len(), 50);
    assert_eq!(rows[0].received_at.seconds(), 1_000 + 60 * 119);
    let progress = running.status.borrow().progress.unwrap();
    assert_eq!((progress.done, progress.total), (50, Some(120)));
    running.engine.stop().await;
}

#[tokio::test]
async fn everything_is_here_in_the_end_and_progress_is_over() {
    let world = World::with_messages(1_234).await;
    let running = world.synced().await;
    world.assert_converged().await;
    assert_eq!(running.status.borrow().progress, None);
    assert!(running.status.borrow().synced_at.is_some());
    let progress = world.store.progress().await.unwrap();
    assert_eq!(progress.fill, FillState::Complete);
    assert!(progress.last_success.is_some());
    running.engine.stop().await;
}

#[tokio::test]
async fn an_empty_account_is_current() {
    let world = World::with_messages(0).await;
    let running = world.synced().await;
    world.assert_converged().await;
    assert_eq!(world.store.mailboxes().await.unwrap().len(), 2);
    running.engine.stop().await;
}

#[tokio::test]
async fn more_messages_of_one_second_than_a_page_holds_are_all_fetched() {
    let server = Server::new();
    for number in 0..1_300 {
        server.deliver(message(number, number, 5_000));
    }
    server.deliver(message(2_000, 2_000, 4_000));
    let world = World::new(server).await;
    let running = world.synced().await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn mail_that_arrives_and_goes_while_older_mail_is_fetched_is_not_missed() {
    let world = World::with_messages(700).await;
    world
        .server
        .fail_times(Call::OlderThan, Fault::Unreachable, 1);
    let mut running = world.start().await;
    running.until(Health::Offline).await;
    world.server.deliver(message(9_000, 9_000, 1_000_000));
    world.server.destroy(&message_id(695));
    world.server.destroy(&message_id(3));
    world
        .server
        .flag(&message_id(694), mail_model::Keyword::seen(), true);
    running.engine.sync_now();
    running.until(Health::Current).await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_first_fetch_that_is_stopped_at_any_step_goes_on_from_there() {
    // Requests of an undisturbed first fetch, to know how many steps there are.
    let world = World::with_messages(420).await;
    let running = world.synced().await;
    running.engine.stop().await;
    let undisturbed = world.server.log().len() as u64;
    assert!(undisturbed >= 6, "{undisturbed}");

    for step in 0..undisturbed {
        let server = Server::with_messages(420);
        server.hang_from(step);
        let world = World::new(Arc::clone(&server)).await;
        let running = world.start().await;
        let mut calls = server.calls();
        soon("the hanging request", calls.wait_for(|calls| *calls > step))
            .await
            .unwrap();
        running.engine.stop().await;
        let fetched = world.rows("inbox").await.len();
        server.heal();
        let before = server.count(Call::OlderThan);
        let running = world.synced().await;
        world.assert_converged().await;
        if fetched == 420 {
            let again = server.count(Call::OlderThan) - before;
            assert!(again <= 2, "fetched everything anew after step {step}");
        }
        running.engine.stop().await;
    }
}

#[tokio::test]
async fn a_failed_first_page_is_tried_again_after_its_delay() {
    let world = World::with_messages(10).await;
    world.server.fail_times(Call::Newest, Fault::Unreachable, 2);
    let mut running = world.start().await;
    running.until(Health::Offline).await;
    world.clock.advance(Duration::from_millis(999));
    assert_eq!(world.server.count(Call::Newest), 1, "too early");
    let mut calls = world.server.calls();
    calls.mark_unchanged();
    world.clock.advance(Duration::from_millis(1));
    soon("the second try", calls.changed()).await.unwrap();
    running.until(Health::Offline).await;
    running.engine.sync_now();
    running.until(Health::Current).await;
    world.assert_converged().await;
    running.engine.stop().await;
}
