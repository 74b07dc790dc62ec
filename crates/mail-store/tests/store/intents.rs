//! The person's changes: shown at once, kept through everything, taken back when refused.

use mail_model::{Filter, Keyword, KeywordEdit, ListMode, Message};
use mail_store::{IntentOutcome, NewIntent};

use crate::fixture::{Home, ids, message, update};

fn keyword(keyword: Keyword, set: bool) -> Vec<KeywordEdit> {
    vec![KeywordEdit { keyword, set }]
}

async fn read(home: &Home, id: &str) -> mail_store::IntentId {
    let edit = NewIntent {
        messages: vec![home.message_key(id).await],
        keywords: keyword(Keyword::seen(), true),
        ..NewIntent::default()
    };
    home.store.queue_edit(edit).await.unwrap().0
}

async fn archive(home: &Home, id: &str) -> mail_store::IntentId {
    let edit = NewIntent {
        messages: vec![home.message_key(id).await],
        add_to: ids(&["archive"]),
        remove_from: ids(&["inbox"]),
        ..NewIntent::default()
    };
    home.store.queue_edit(edit).await.unwrap().0
}

async fn shown(home: &Home, id: &str) -> Message {
    let key = home.message_key(id).await;
    home.store.message(key).await.unwrap().unwrap().message
}

#[tokio::test]
async fn an_edit_shows_at_once_and_waits_in_order() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1), message("b", "b", 2)])
        .await;
    let first = read(&home, "a").await;
    let second = archive(&home, "b").await;
    assert!(shown(&home, "a").await.keywords.is_seen());
    assert_eq!(home.subjects("inbox").await, ["About a"]);
    assert_eq!(home.subjects("archive").await, ["About b"]);
    let open = home.store.intents(10).await.unwrap();
    assert_eq!(
        open.iter().map(|i| i.id).collect::<Vec<_>>(),
        [first, second]
    );
    assert_eq!(open[1].messages[0].as_str(), "b");
    assert_eq!(open[1].add_to, ids(&["archive"]));
    home.assert_counts().await;
}

#[tokio::test]
async fn server_values_that_arrive_meanwhile_do_not_undo_an_edit() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let intent = read(&home, "a").await;
    home.update(vec![update("a", &["inbox"], &[Keyword::flagged()])])
        .await;
    let message = shown(&home, "a").await;
    assert!(message.keywords.is_seen() && message.keywords.is_flagged());
    // Refused: what the server last said shows again, not what was here before the edit.
    home.store
        .finish_intent(intent, IntentOutcome::Refused)
        .await
        .unwrap();
    let message = shown(&home, "a").await;
    assert!(!message.keywords.is_seen() && message.keywords.is_flagged());
    assert!(home.store.intents(10).await.unwrap().is_empty());
    home.assert_counts().await;
}

#[tokio::test]
async fn a_done_edit_stays_until_the_server_says_otherwise() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let intent = archive(&home, "a").await;
    let change = home
        .store
        .finish_intent(intent, IntentOutcome::Done)
        .await
        .unwrap();
    assert_eq!(change, None);
    assert_eq!(shown(&home, "a").await.mailboxes, ids(&["archive"]));
    home.update(vec![update("a", &["inbox"], &[])]).await;
    assert_eq!(shown(&home, "a").await.mailboxes, ids(&["inbox"]));
    home.assert_counts().await;
}

#[tokio::test]
async fn refusing_one_of_two_edits_keeps_the_other() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let first = archive(&home, "a").await;
    let second = read(&home, "a").await;
    home.store
        .finish_intent(first, IntentOutcome::Refused)
        .await
        .unwrap();
    let message = shown(&home, "a").await;
    assert_eq!(message.mailboxes, ids(&["inbox"]));
    assert!(message.keywords.is_seen());
    home.store
        .finish_intent(second, IntentOutcome::Done)
        .await
        .unwrap();
    home.store
        .finish_intent(second, IntentOutcome::Done)
        .await
        .unwrap();
    assert!(shown(&home, "a").await.keywords.is_seen());
    home.assert_counts().await;
}

#[tokio::test]
async fn edits_survive_a_lost_mail_file() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let intent = read(&home, "a").await;
    let folder = home.folder;
    home.store.close().await.unwrap();
    std::fs::remove_file(folder.path().join("account/mail.sqlite")).unwrap();
    let store = crate::fixture::open(&folder, 1).await.unwrap();
    assert_eq!(store.report().intents_applied, 1);
    let home = Home { folder, store };
    home.upsert(vec![message("a", "a", 1)]).await;
    assert!(shown(&home, "a").await.keywords.is_seen());
    home.store
        .finish_intent(intent, IntentOutcome::Refused)
        .await
        .unwrap();
    assert!(!shown(&home, "a").await.keywords.is_seen());
    assert_eq!(
        home.page("inbox", ListMode::Messages, Filter::Unread)
            .await
            .len(),
        1
    );
    home.assert_counts().await;
}

#[tokio::test]
async fn a_message_that_goes_takes_no_intent_with_it() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let intent = read(&home, "a").await;
    home.remove(&["a"]).await;
    assert_eq!(home.store.intents(10).await.unwrap().len(), 1);
    home.store
        .finish_intent(intent, IntentOutcome::Done)
        .await
        .unwrap();
    assert!(home.store.intents(10).await.unwrap().is_empty());
    home.assert_counts().await;
}

#[tokio::test]
async fn marking_a_long_list_read_goes_in_steps_and_publishes_each() {
    let home = Home::new().await;
    let messages: Vec<_> = (0..1200)
        .map(|n| message(&format!("m{n}"), &format!("t{n}"), n))
        .collect();
    for batch in messages.chunks(400) {
        home.upsert(batch.to_vec()).await;
    }
    let rows = home.page("inbox", ListMode::Messages, Filter::All).await;
    let scope = crate::fixture::scope("inbox", ListMode::Messages, Filter::All);
    let after = rows.last().map(|row| row.cursor());
    let more = home.store.page(&scope, after, 1000).await.unwrap();
    let keys = rows.iter().chain(&more).map(|row| row.latest).collect();
    let mut changes = home.store.changes();
    let edit = NewIntent {
        messages: keys,
        keywords: keyword(Keyword::seen(), true),
        ..NewIntent::default()
    };
    let (_, last) = home.store.queue_edit(edit).await.unwrap();
    let mut numbers = Vec::new();
    while numbers.last() != last.as_ref().map(|change| &change.number) {
        numbers.push(changes.recv().await.unwrap().number);
    }
    assert_eq!(numbers.len(), 3);
    assert!(numbers.is_sorted());
    assert!(
        home.page("inbox", ListMode::Messages, Filter::Unread)
            .await
            .is_empty()
    );
    home.assert_counts().await;
}

/// Whoever sends changes looks for them all the time, and may see one the moment it is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_that_is_sent_before_it_is_shown_leaves_nothing_behind() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let key = home.message_key("a").await;
    // Others keep the threads busy, so that any step may come late.
    for n in 0..8 {
        tokio::spawn(async move {
            loop {
                (0..n * 50_000).for_each(|turn| _ = std::hint::black_box(turn));
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..100 {
        let edit = NewIntent {
            messages: vec![key],
            keywords: keyword(Keyword::flagged(), true),
            ..NewIntent::default()
        };
        let store = home.store.clone();
        let sender = tokio::spawn(async move {
            loop {
                if let Some(intent) = store.intents(1).await.unwrap().first() {
                    let done = store.finish_intent(intent.id, IntentOutcome::Done);
                    return done.await.unwrap();
                }
            }
        });
        home.store.queue_edit(edit).await.unwrap();
        sender.await.unwrap();
        home.update(vec![update("a", &["inbox"], &[])]).await;
        assert!(!shown(&home, "a").await.keywords.is_flagged());
    }
}
