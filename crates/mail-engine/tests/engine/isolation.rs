use std::time::Duration;

use mail_engine::Health;

use crate::server::{Call, Fault, message};
use crate::world::{World, soon};

/// One account fails in every way; the other fetches everything meanwhile.
async fn fails_alone(fault: Fault, expected: Health) {
    let failing = World::with_messages(40).await;
    let sound = World::with_messages(300).await;
    failing.server.fail_everything(fault);
    let mut failing_engine = failing.start().await;
    let mut sound_engine = sound.start().await;
    sound_engine.until(Health::Current).await;
    sound.assert_converged().await;
    if fault == Fault::Hang {
        let mut calls = failing.server.calls();
        soon("a request", calls.wait_for(|calls| *calls > 0))
            .await
            .unwrap();
        assert_eq!(failing_engine.status.borrow().health, Health::Working);
        failing.clock.advance(Duration::from_secs(90));
    }
    failing_engine.until(expected).await;
    sound.server.deliver(message(900, 900, 1_000_000));
    sound_engine.sync().await;
    sound.assert_converged().await;

    failing.server.heal();
    failing_engine.engine.sync_now();
    failing_engine.until(Health::Current).await;
    failing.assert_converged().await;
    soon("stopping", failing_engine.engine.stop()).await;
    soon("stopping", sound_engine.engine.stop()).await;
}

#[tokio::test]
async fn an_ended_session_stays_in_its_account() {
    fails_alone(Fault::SignIn, Health::SignInNeeded).await;
}

#[tokio::test]
async fn a_locked_keyring_stays_in_its_account() {
    fails_alone(Fault::Vault, Health::VaultLocked).await;
}

#[tokio::test]
async fn a_server_that_never_answers_stays_in_its_account() {
    fails_alone(Fault::Hang, Health::Offline).await;
}

#[tokio::test]
async fn answers_that_make_no_sense_stay_in_their_account() {
    fails_alone(Fault::Garbage, Health::Offline).await;
}

#[tokio::test]
async fn a_panic_stays_in_its_account_and_is_shown_as_a_fault() {
    fails_alone(Fault::Panic, Health::Fault).await;
}

#[tokio::test]
async fn a_refusal_stays_in_its_account_with_the_servers_words() {
    let detail = String::from("on purpose");
    fails_alone(Fault::NoService, Health::Refused { detail }).await;
}

#[tokio::test]
async fn a_task_that_panicked_starts_again_by_itself() {
    let world = World::with_messages(10).await;
    world.server.fail_times(Call::Newest, Fault::Panic, 1);
    let mut running = world.start().await;
    running.until(Health::Fault).await;
    world.clock.advance(Duration::from_secs(1));
    running.until(Health::Current).await;
    world.assert_converged().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_look_that_panics_is_over_for_who_waits_for_it() {
    let world = World::with_messages(10).await;
    let running = world.synced().await;
    world.server.fail(Call::Changes, Fault::Panic);
    for _ in 0..2 {
        let asked = world.server.count(Call::Changes);
        let status = soon("a look", running.engine.sync()).await;
        assert_eq!(status.health, Health::Fault);
        assert_eq!(world.server.count(Call::Changes), asked + 1);
    }
    running.engine.stop().await;
}

#[tokio::test]
async fn who_asks_in_the_moment_of_a_panic_waits_for_no_second_try() {
    let world = World::with_messages(10).await;
    let running = world.synced().await;
    world.server.fail_times(Call::Changes, Fault::Panic, 1);
    let asked = world.server.count(Call::Changes);
    running.engine.sync_now();
    let mut calls = world.server.calls();
    let more = calls.wait_for(|_| world.server.count(Call::Changes) > asked);
    soon("the request", more).await.unwrap();
    running.sync().await;
    running.engine.stop().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_server_that_hangs() {
    let world = World::with_messages(10).await;
    world.server.fail_everything(Fault::Hang);
    let running = world.start().await;
    let mut calls = world.server.calls();
    soon("a request", calls.wait_for(|calls| *calls > 0))
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    running.engine.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "a task was aborted"
    );
}
