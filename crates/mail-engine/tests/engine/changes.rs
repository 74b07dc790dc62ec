use std::time::Duration;

use mail_engine::Health;
use mail_model::{Keyword, KeywordEdit, UnixTime};
use mail_store::{FillState, NewIntent};

use crate::server::{Call, Fault, mailbox, message, message_id};
use crate::world::{World, soon};

#[tokio::test]
async fn new_changed_and_gone_messages_arrive_with_the_next_look() {
    let world = World::with_messages(60).await;
    let running = world.synced().await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.server.flag(&message_id(5), Keyword::seen(), true);
    world.server.change(&message_id(6), |message| {
        message.mailboxes = vec![mailbox("archive")];
    });
    world.server.destroy(&message_id(7));
    running.sync().await;
    world.assert_converged().await;
    assert_eq!(
        world.server.count(Call::Newest),
        1,
        "nothing is fetched anew"
    );
    running.engine.stop().await;
}

#[tokio::test]
async fn new_mail_is_found_by_polling() {
    let world = World::with_messages(5).await;
    let running = world.synced().await;
    world.server.deliver(message(100, 100, 1_000_000));
    world.clock.advance(Duration::from_secs(60));
    world
        .until("the new message", || async {
            world.local().await.len() == 6
        })
        .await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_long_chain_of_changes_is_followed_to_its_end() {
    let world = World::with_messages(30).await;
    let running = world.synced().await;
    world.server.set_delta(4);
    for number in 0..30 {
        world
            .server
            .flag(&message_id(number), Keyword::flagged(), true);
    }
    running.sync().await;
    world.assert_converged().await;
    assert!(world.server.count(Call::Changes) >= 8);
    running.engine.stop().await;
}

#[tokio::test]
async fn a_message_that_is_only_told_as_updated_is_fetched() {
    let world = World::with_messages(5).await;
    let running = world.synced().await;
    // Told in two answers, of which the first ends after the message was made: it is not in that
    // one, and older than the state the second one is asked with.
    world.server.set_delta(1);
    world.server.deliver(message(100, 100, 2_000));
    world.server.deliver(message(101, 101, 2_001));
    world.server.flag(&message_id(100), Keyword::seen(), true);
    running.sync().await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_new_mailbox_is_listed_with_the_mail_in_it() {
    let world = World::with_messages(5).await;
    let running = world.synced().await;
    world.server.add_mailbox("choir");
    world.server.change(&message_id(1), |message| {
        message.mailboxes.push(mailbox("choir"));
    });
    running.sync().await;
    world.assert_converged().await;
    assert_eq!(world.rows("choir").await.len(), 1);
    running.engine.stop().await;
}

#[tokio::test]
async fn a_lost_state_costs_neither_the_list_nor_a_mark() {
    let world = World::with_messages(1_100).await;
    let mut running = world.synced().await;
    // Offline: a mark waits while the server loses its change log and goes on changing.
    world.server.fail_everything(Fault::Unreachable);
    running.engine.sync_now();
    running.until(Health::Offline).await;
    let marked = message_id(1_050);
    running
        .engine
        .edit(NewIntent {
            messages: vec![world.key(&marked).await],
            keywords: vec![KeywordEdit {
                keyword: Keyword::flagged(),
                set: true,
            }],
            ..NewIntent::default()
        })
        .await
        .unwrap();
    for number in 0..40 {
        world.server.destroy(&message_id(number * 20));
    }
    world.server.deliver(message(5_000, 5_000, 2_000));
    world.server.flag(&message_id(33), Keyword::seen(), true);
    world.server.forget_changes();
    world.server.heal();
    // The edit cannot be sent yet: the mark has to survive the look at everything.
    world.server.fail(Call::Edit, Fault::Garbage);

    let mut changes = world.store.changes();
    running.engine.sync_now();
    running.until(Health::Current).await;
    let mut smallest = usize::MAX;
    while changes.try_recv().is_ok() {
        smallest = smallest.min(world.rows("inbox").await.len());
    }
    assert!(smallest >= 1_060, "the list was emptied: {smallest}");
    assert!(world.keywords(&marked).await.is_flagged());
    assert_eq!(world.local().await.len(), 1_061);

    world.server.heal();
    running.sync().await;
    world.clock.advance(Duration::from_secs(2));
    running
        .until_status("the mark was sent", |status| status.queued == 0)
        .await;
    running.sync().await;
    world.assert_converged().await;
    assert!(world.server.messages()[&marked].keywords.is_flagged());
    running.engine.stop().await;
}

#[tokio::test]
async fn a_state_lost_while_older_mail_is_fetched_ends_with_everything_here() {
    let world = World::with_messages(900).await;
    world
        .server
        .fail_times(Call::OlderThan, Fault::Unreachable, 1);
    let mut running = world.start().await;
    running.until(Health::Offline).await;
    world.server.destroy(&message_id(880));
    world.server.forget_changes();
    running.engine.sync_now();
    running.until(Health::Current).await;
    world.assert_converged().await;
    assert_eq!(
        world.store.progress().await.unwrap().fill,
        FillState::Complete
    );
    running.engine.stop().await;
}

#[tokio::test]
async fn a_message_that_goes_while_everything_is_looked_at_costs_no_other() {
    let world = World::with_messages(1_100).await;
    let running = world.synced().await;
    world.server.forget_changes();
    // Its going shifts every later position by one.
    world.server.destroy_during_inventory(message_id(1_099));
    running.sync().await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn who_asks_while_a_look_at_everything_fails_does_not_wait_for_the_next_try() {
    let world = World::with_messages(20).await;
    let running = world.synced().await;
    world.server.forget_changes();
    world
        .server
        .fail_times(Call::Inventory, Fault::Unreachable, 1);
    let mut calls = world.server.calls();
    calls.mark_unchanged();
    running.engine.sync_now();
    soon("a request", calls.changed()).await.unwrap();
    // Time stands still: only the person's asking leads to another look.
    let status = soon("a look", running.engine.sync()).await;
    assert_eq!(status.health, Health::Current);
    running.engine.stop().await;
}

#[tokio::test]
async fn a_lost_mailbox_state_is_answered_with_all_mailboxes() {
    let world = World::with_messages(3).await;
    let running = world.synced().await;
    world.server.add_mailbox("choir");
    world
        .server
        .fail_times(Call::MailboxesSince, Fault::Lost, 1);
    running.sync().await;
    assert_eq!(world.store.mailboxes().await.unwrap().len(), 3);
    running.engine.stop().await;
}

#[tokio::test]
async fn more_changes_without_progress_are_looked_through_three_times_at_most() {
    let world = World::with_messages(20).await;
    let mut running = world.synced().await;
    world.server.set_stalls(true);
    running.engine.sync_now();
    running.until(Health::Offline).await;
    let inventories = world.server.count(Call::Inventory);
    // Each look reads one page and one empty page.
    assert_eq!(inventories, 6);
    assert_eq!(world.local().await.len(), 20);
    world.server.heal();
    running.engine.sync_now();
    running.until(Health::Current).await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn ten_minutes_of_constant_failure_cost_few_requests() {
    let world = World::with_messages(5).await;
    let mut running = world.synced().await;
    let before = world.server.log().len();
    world.server.fail(Call::Changes, Fault::Busy(None));
    running.engine.sync_now();
    running
        .until_status("waiting", |status| {
            matches!(status.health, Health::Waiting { .. })
        })
        .await;
    for _ in 0..600 {
        world.clock.advance(Duration::from_secs(1));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let requests = world.server.log().len() - before;
    assert!((5..=20).contains(&requests), "{requests}");
    world.server.heal();
    running.engine.sync_now();
    running.until(Health::Current).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_wait_the_server_asked_for_is_kept() {
    let world = World::with_messages(5).await;
    let mut running = world.synced().await;
    let asked = Duration::from_secs(120);
    world
        .server
        .fail_times(Call::Changes, Fault::Busy(Some(asked)), 1);
    running.engine.sync_now();
    let until = UnixTime::from_seconds(1_700_000_120);
    running.until(Health::Waiting { until }).await;
    let calls = world.server.log().len();
    running.engine.sync_now();
    world.clock.advance(Duration::from_secs(119));
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.server.log().len(), calls, "asked too early");
    world.clock.advance(Duration::from_secs(1));
    running.until(Health::Current).await;
    running.engine.stop().await;
}
