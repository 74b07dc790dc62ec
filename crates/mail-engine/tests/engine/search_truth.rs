//! What a search shows is what is there: moves, marks, removals and texts that are not here.

use jiff::tz::TimeZone;
use mail_engine::{Health, ServerSearch, Wanted};
use mail_model::search::parse;

use crate::searching::{Looking, indexed, synced, titled, world_of};
use crate::server::{Fault, mailbox, message_id};
use crate::world::World;

#[tokio::test]
async fn what_the_server_has_found_goes_with_a_move_and_comes_back_with_one() {
    let world = world_of(&["One", "Two", "Three"], 1_000, 60).await;
    let running = synced(&world).await;
    let accounts = [("work", &running)];
    // The word is in a text that is not here.
    let mut looking = Looking::over(&accounts, "in:inbox M1").await;
    looking.until(&["Two"]).await;
    looking.until_server(ServerSearch::Asked).await;
    world.server.change(&message_id(1), |message| {
        message.mailboxes = vec![mailbox("archive")];
    });
    running.sync().await;
    looking.until(&[]).await;
    world.server.change(&message_id(1), |message| {
        message.mailboxes = vec![mailbox("inbox")];
    });
    running.sync().await;
    looking.until(&["Two"]).await;
    running.engine.stop().await;
}

/// A removed message's key is free, and the next message of that moment takes it.
#[tokio::test]
async fn a_key_that_is_given_again_shows_the_message_that_has_it_now() {
    let world = world_of(&["Budget 1", "Budget 2", "Lunch"], 1_000, 600).await;
    let running = synced(&world).await;
    let accounts = [("work", &running)];
    let mut looking = Looking::over(&accounts, "subject:budget").await;
    looking.until(&["Budget 2", "Budget 1"]).await;
    let key = world.key(&message_id(1)).await;
    for (number, subject) in [(11, "Budget again"), (12, "Supper"), (13, "Budget, last")] {
        let before = if number == 11 { 1 } else { number - 1 };
        world.server.destroy(&message_id(before));
        running.sync().await;
        let mut next = titled(number, 1_600, subject);
        // Even its conversation is the same.
        next.thread = titled(1, 0, "").thread;
        world.server.deliver(next);
        running.sync().await;
        assert_eq!(world.key(&message_id(number)).await, key);
        match subject {
            "Supper" => looking.until(&["Budget 1"]).await,
            budget => looking.until(&[budget, "Budget 1"]).await,
        }
    }
    running.engine.stop().await;
}

#[tokio::test]
async fn a_key_that_is_given_again_at_once_shows_the_message_that_has_it_now() {
    let world = world_of(&["Budget 1", "Budget 2", "Lunch"], 1_000, 600).await;
    let running = synced(&world).await;
    let accounts = [("work", &running)];
    let mut looking = Looking::over(&accounts, "subject:budget").await;
    looking.until(&["Budget 2", "Budget 1"]).await;
    // Both are told in one answer.
    let mut next = titled(11, 1_600, "Budget again");
    next.thread = titled(1, 0, "").thread;
    world.server.destroy(&message_id(1));
    world.server.deliver(next);
    running.sync().await;
    looking.until(&["Budget again", "Budget 1"]).await;
    running.engine.stop().await;
}

#[tokio::test]
async fn a_word_that_must_not_be_there_is_judged_by_texts_that_are_here_or_by_the_server() {
    let world = world_of(&["One", "Two", "Three"], 1_000, 60).await;
    let mut running = synced(&world).await;
    let accounts = [("work", &running)];
    // Of no text is here: the server knows in which the word is.
    let mut asked = Looking::over(&accounts, "-M1 ").await;
    asked.until(&["Three", "One"]).await;
    asked.until_server(ServerSearch::Asked).await;
    asked
        .until_state("what is left out", |state| state.left_out)
        .await;
    world.server.fail_everything(Fault::Unreachable);
    running.engine.sync_now();
    running.until(Health::Offline).await;
    let accounts = [("work", &running)];
    let mut alone = Looking::over(&accounts, "-M1 ").await;
    alone.until_server(ServerSearch::Unreachable).await;
    alone
        .until_state("what is left out", |state| {
            state.left_out && !state.searching
        })
        .await;
    alone.until(&[]).await;
    world.server.heal();
    running.engine.sync_now();
    running.until(Health::Current).await;
    for number in 0..3 {
        let key = world.key(&message_id(number)).await;
        running.engine.fetch_body(key).await.unwrap();
    }
    indexed(&running).await;
    let accounts = [("work", &running)];
    let mut here = Looking::over(&accounts, "-M1 ").await;
    here.until(&["Three", "One"]).await;
    here.until_server(ServerSearch::NotNeeded).await;
    here.until_state("nothing left out", |state| !state.left_out)
        .await;
    running.engine.stop().await;
}

async fn two_of_one_name() -> World {
    let world = world_of(&["Budget 0", "Budget 1", "Budget 2"], 1_000, 60).await;
    for (number, id) in [(1, "x1"), (2, "x2")] {
        world.server.add_mailbox(id);
        world.server.name_mailbox(id, "Choir");
        world.server.change(&message_id(number), |message| {
            message.mailboxes = vec![mailbox(id)];
        });
    }
    world
}

#[tokio::test]
async fn two_mailboxes_with_one_name_are_not_mixed_here_nor_at_the_server() {
    let world = two_of_one_name().await;
    let running = synced(&world).await;
    for (id, subject) in [("x1", "Budget 1"), ("x2", "Budget 2")] {
        // By what is here, and by a word of texts that only the server has.
        for text in ["subject:budget", "body"] {
            let wanted = Wanted {
                query: parse(text).query,
                within: Some(mailbox(id)),
            };
            let search = running.engine.search(wanted, TimeZone::UTC);
            let mut looking = Looking::of(vec![("work", search)]).await;
            looking.until(&[subject]).await;
            looking
                .until_state("an answer", |state| {
                    matches!(state.server, ServerSearch::Asked | ServerSearch::NotNeeded)
                })
                .await;
            assert_eq!(looking.subjects(), [subject]);
        }
    }
    running.engine.stop().await;
}
