//! A receipt that a server tells anew: the message moves where it belongs, and keys go on telling
//! the order of time.

use mail_model::UnixTime;
use mail_model::search::{Criterion, Query};
use mail_store::{IndexCheck, NewIntent};

use crate::fixture::Home;
use crate::life::star;
use crate::search::{titled, words};

async fn filled() -> Home {
    let home = Home::new().await;
    let messages = (0..40).map(|n| titled(&format!("m{n}"), n, "plan"));
    home.upsert(messages.collect()).await;
    home
}

async fn assert_whole(home: &Home, messages: usize) {
    home.index().await;
    let check = home.store.check_index().await.unwrap();
    assert_eq!(check, IndexCheck::default());
    assert_eq!(home.find(&plan(), 1_000).await.len(), messages);
}

fn plan() -> Query {
    Query::Is(Criterion::Text(words("plan")))
}

#[tokio::test]
async fn a_receipt_that_was_wrong_by_years_costs_later_searches_nothing() {
    const YEARS: i64 = 10 * 365 * 24 * 3600;
    let home = filled().await;
    home.index().await;
    let before = home.message_key("m3").await;
    let edit = NewIntent {
        messages: vec![before],
        keywords: star(),
        ..NewIntent::default()
    };
    home.store.queue_edit(edit).await.unwrap();
    let mut moved = titled("m3", 3, "plan");
    moved.received_at = UnixTime::from_seconds(moved.received_at.seconds() + YEARS);
    home.upsert(vec![moved.clone(), titled("m4", 4, "plan")])
        .await;
    // It lies where it belongs, so keys tell as much of the order as before.
    let after = home.message_key("m3").await;
    let slots = (after.get() - before.get()).abs_diff(YEARS / 8);
    assert!(slots < 10, "{slots} slots beside it");
    home.assert_counts().await;
    assert_whole(&home, 40).await;
    let found = home.find(&plan(), 100).await;
    assert_eq!(found.len(), 40);
    assert_eq!(found[0].message, after);
    // What the person did to it lies on it still.
    let row = home.store.message(after).await.unwrap().unwrap();
    assert!(row.message.keywords.is_flagged());
    // A little is no reason to move it.
    moved.received_at = UnixTime::from_seconds(moved.received_at.seconds() - 3600);
    home.upsert(vec![moved]).await;
    assert_eq!(home.message_key("m3").await, after);
    assert_whole(&home, 40).await;
}
