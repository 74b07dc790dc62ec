//! Bodies.

use mail_model::{Attachment, BlobId, Body, Disposition};

use crate::fixture::{Home, message};

fn body(text: &str) -> Body {
    Body {
        text: Some(text.into()),
        html: Some(format!("<p>{text}</p>")),
        attachments: vec![Attachment {
            blob: BlobId::new("b1").unwrap(),
            name: "score.pdf".into(),
            media_type: "application/pdf".into(),
            size: 12,
            content_id: None,
            disposition: Disposition::Attachment,
        }],
        truncated: false,
    }
}

#[tokio::test]
async fn a_body_comes_back_as_it_was_and_is_announced() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let key = home.message_key("a").await;
    assert_eq!(home.store.body(key).await.unwrap(), None);
    let long = "Kyrie eleison. ".repeat(10_000);
    let change = home
        .store
        .store_bodies(vec![(key, body(&long))])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(change.bodies, [key]);
    assert!(change.threads.is_empty());
    let home = home.reopen().await;
    assert_eq!(home.store.body(key).await.unwrap(), Some(body(&long)));
    assert!(home.store.sizes().body < 100_000);
}

#[tokio::test]
async fn missing_bodies_are_named_newest_first() {
    let home = Home::new().await;
    home.upsert((0..6).map(|n| message(&format!("m{n}"), "t", n)).collect())
        .await;
    let key = home.message_key("m4").await;
    home.store
        .store_bodies(vec![(key, body("here"))])
        .await
        .unwrap();
    let other = home.message_key("m3").await;
    assert_eq!(home.store.bodies_here(&[other, key]).await.unwrap(), [key]);
    let names = |list: Vec<(_, mail_model::MessageId)>| {
        list.into_iter()
            .map(|(_, id)| id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(home.store.missing_bodies(4, 10).await.unwrap()),
        ["m5", "m3", "m2"]
    );
    assert_eq!(
        names(home.store.missing_bodies(100, 2).await.unwrap()),
        ["m5", "m3"]
    );
}

#[tokio::test]
async fn a_body_goes_with_its_message() {
    let home = Home::new().await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let key = home.message_key("a").await;
    home.store
        .store_bodies(vec![(key, body("gone"))])
        .await
        .unwrap();
    home.remove(&["a"]).await;
    home.upsert(vec![message("a", "a", 1)]).await;
    let key = home.message_key("a").await;
    assert_eq!(home.store.body(key).await.unwrap(), None);
    // Of a message that is not here, nothing is kept.
    let nobody = mail_model::MessageKey::new(1);
    assert_eq!(
        home.store
            .store_bodies(vec![(nobody, body("x"))])
            .await
            .unwrap(),
        None
    );
}
