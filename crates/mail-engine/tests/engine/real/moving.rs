//! The server names another account for the person, or none, or has an odd session.

use mail_engine::Health;
use mail_model::{Keyword, KeywordEdit, MessageId};
use mail_rehearsal::faults::Rule;
use mail_store::NewIntent;

use super::{Engine, Place};
use crate::world::soon;

async fn star(place: &Place, engine: &Engine, id: &str) {
    let id = MessageId::new(id).unwrap();
    let key = place.store.message_key(&id).await.unwrap().unwrap();
    let edit = NewIntent {
        messages: vec![key],
        keywords: vec![KeywordEdit {
            keyword: Keyword::flagged(),
            set: true,
        }],
        ..NewIntent::default()
    };
    engine.running.engine.edit(edit).await.unwrap();
}

async fn until_equal(place: &Place, engine: &Engine) {
    for _ in 0..3 {
        place.advance(std::time::Duration::from_secs(600));
        soon("a look", engine.running.engine.sync()).await;
    }
    assert_eq!(place.differences().await, Vec::<String>::new());
    // A hint may have asked for one more look.
    let mut status = engine.running.status.clone();
    let current = status.wait_for(|status| status.health == Health::Current && status.queued == 0);
    soon("rest", current).await.unwrap();
}

/// A mark of the person waits while nothing can be sent.
async fn marked_offline(place: &Place, engine: &mut Engine, id: &str) {
    place.faults.add(Rule::lose_request("*", u32::MAX));
    engine.running.engine.sync_now();
    engine.running.until(Health::Offline).await;
    star(place, engine, id).await;
}

#[tokio::test]
async fn an_account_that_was_moved_keeps_its_list_and_the_marks_that_wait() {
    let place = Place::new(60).await;
    let mut engine = place.start().await;
    soon("a look", engine.running.engine.sync()).await;
    until_equal(&place, &engine).await;
    let starred = place.remote().messages.keys().next().unwrap().clone();
    marked_offline(&place, &mut engine, &starred).await;
    place
        .mail
        .set_account_id(place.account(), Some("moved"))
        .unwrap();
    place
        .mail
        .destroy(
            place.account(),
            place.remote().messages.keys().last().unwrap(),
        )
        .unwrap();
    place.deliver("After the move");
    place.faults.clear();
    let mut changes = place.store.changes();
    until_equal(&place, &engine).await;
    let mut fewest = usize::MAX;
    while changes.try_recv().is_ok() {
        fewest = fewest.min(place.local().await.messages.len());
    }
    assert!(fewest >= 59, "the list was emptied: {fewest}");
    assert!(
        place.remote().messages[&starred]
            .keywords
            .contains("$flagged")
    );
    assert_eq!(engine.refused(), []);
    engine.stop().await;
}

/// Another account has other messages under the same ids: they come in the place of the old ones,
/// and a mark made on an old one is given up and told.
async fn another_account(after_a_restart: bool) {
    let mut place = Place::new(40).await;
    let mut engine = place.start().await;
    soon("a look", engine.running.engine.sync()).await;
    until_equal(&place, &engine).await;
    let ids: Vec<String> = place.remote().messages.into_keys().collect();
    marked_offline(&place, &mut engine, &ids[3]).await;
    if after_a_restart {
        engine.stop().await;
        place.reopen().await;
    }
    place.become_another_person();
    for number in 0..5 {
        place.deliver(&format!("Foreign {number}"));
    }
    place.faults.clear();
    if after_a_restart {
        engine = place.start().await;
    }
    until_equal(&place, &engine).await;
    assert_eq!(place.remote().messages.len(), 5);
    for id in place.remote().messages.into_keys() {
        let id = MessageId::new(id).unwrap();
        let key = place.store.message_key(&id).await.unwrap().unwrap();
        let here = place.store.message(key).await.unwrap().unwrap().message;
        assert!(here.subject.starts_with("Foreign"), "{}", here.subject);
        assert!(!here.keywords.is_flagged());
    }
    assert_eq!(engine.refused().len(), 1);
    engine.stop().await;
}

#[tokio::test]
async fn messages_of_another_account_never_mix_with_those_that_are_here() {
    another_account(false).await;
}

#[tokio::test]
async fn nor_do_they_when_the_account_changed_while_the_app_was_closed() {
    another_account(true).await;
}

#[tokio::test]
async fn an_account_that_is_not_there_is_said_so_and_comes_back_without_a_restart() {
    let place = Place::new(10).await;
    let mut engine = place.start().await;
    soon("a look", engine.running.engine.sync()).await;
    until_equal(&place, &engine).await;
    let id = place.person.mail_account.clone();
    place.mail.set_account_id(place.account(), None).unwrap();
    engine.running.engine.sync_now();
    let refused = |health: &Health| matches!(health, Health::Refused { .. });
    engine
        .running
        .until_status("refused", |status| refused(&status.health))
        .await;
    assert_eq!(place.local().await.messages.len(), 10);
    place
        .mail
        .set_account_id(place.account(), Some(&id))
        .unwrap();
    place.deliver("Here again");
    // Looked at by itself, without anybody asking.
    place.advance(std::time::Duration::from_secs(300));
    engine.running.until(Health::Current).await;
    until_equal(&place, &engine).await;
    engine.stop().await;
}

#[tokio::test]
async fn a_session_that_always_has_another_state_costs_one_look_at_it_each() {
    let place = Place::new(10).await;
    let engine = place.start().await;
    until_equal(&place, &engine).await;
    let before = place.requests();
    for _ in 0..20 {
        place.mail.renew_session(place.account()).unwrap();
        soon("a look", engine.running.engine.sync()).await;
    }
    // Changes, mailboxes, and the session with its well-known address.
    let requests = place.requests() - before;
    assert!(requests <= 20 * 5, "{requests}");
    until_equal(&place, &engine).await;
    engine.stop().await;
}
