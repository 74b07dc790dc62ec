//! Against Cyrus as the tests start it, without an index of words.

use mail_model::MessageId;
use mail_model::remote::SourceError;
use mail_model::search::parse;
use mail_testkit::corpus::CorpusMessage;
use serde_json::json;

use super::{LETTERS, SEARCHES, Searched, asks_for_words};
use crate::cyrus::Account;

async fn fill(ana: &Account) -> Vec<(&'static str, MessageId)> {
    let mut ids = Vec::new();
    for letter in &LETTERS {
        let message = CorpusMessage {
            name: letter.name.into(),
            bytes: letter.bytes(),
            received_at: letter.received.parse().unwrap(),
        };
        let id = ana.other.fill(&[message], letter.mailbox).await.remove(0);
        for keyword in letter.keywords {
            let patch = json!({ format!("keywords/{keyword}"): true });
            ana.other.patch(&id, patch).await;
        }
        ids.push((letter.name, MessageId::new(id).unwrap()));
    }
    ids
}

#[tokio::test]
async fn cyrus_without_an_index_fails_on_words_and_finds_everything_else() {
    let Some(ana) = Account::of("ana.searching") else {
        return;
    };
    let searched = Searched {
        ids: fill(&ana).await,
        source: &ana.source,
    };
    let differences = searched.differences_of(|query| !asks_for_words(query));
    assert_eq!(differences.await, Vec::<String>::new());
    searched.what_cannot_be_asked_is_refused().await;
    for (typed, _) in SEARCHES {
        if asks_for_words(&parse(typed).query) {
            let error = searched.ask(typed).await.unwrap_err();
            assert!(
                matches!(error, SourceError::Busy { .. }),
                "{typed}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn cyrus_counts_what_lies_on_a_border_to_both_sides() {
    let Some(ana) = Account::of("ana.borders") else {
        return;
    };
    let searched = Searched {
        ids: fill(&ana).await,
        source: &ana.source,
    };
    let may = "draft large summary report evening";
    assert_eq!(searched.found("after:2024-05").await, may);
    assert_eq!(searched.found("before:2024-05").await, "evening garden");
    let size = searched.large().await;
    let smaller = format!("is:starred smaller:{size}");
    assert_eq!(searched.found(&smaller).await, "large evening");
    assert_eq!(searched.found(&format!("larger:{size}")).await, "");
    let larger = format!("larger:{}", size - 1);
    assert_eq!(searched.found(&larger).await, "large");
}
