use mail_engine::open_conversation;
use mail_model::Keyword;

use crate::server::{message, message_id};
use crate::world::{World, soon};

#[tokio::test]
async fn an_open_conversation_follows_what_happens_to_it() {
    let world = World::with_messages(9).await;
    let running = world.synced().await;
    let key = world.key(&message_id(3)).await;
    let thread = world.store.message(key).await.unwrap().unwrap().thread;
    let mut open = open_conversation(world.store.clone(), thread)
        .await
        .unwrap();
    let now = open.now.clone().unwrap();
    let ids: Vec<_> = now
        .messages
        .iter()
        .map(|m| m.stored.message.id.clone())
        .collect();
    assert_eq!(ids, [message_id(3), message_id(4), message_id(5)]);
    assert!(now.messages.iter().all(|message| message.body.is_none()));

    running.engine.fetch_body(key).await.unwrap();
    let with_body = soon("the body", open.changes.recv())
        .await
        .unwrap()
        .unwrap();
    assert!(with_body.unwrap().messages[0].body.is_some());

    // Another conversation is of no interest.
    world.server.flag(&message_id(8), Keyword::flagged(), true);
    running.sync().await;
    world.server.deliver(message(50, 1, 1_000_000));
    running.sync().await;
    let longer = soon("the reply", open.changes.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(longer.unwrap().messages.len(), 4);

    for number in [3, 4, 5, 50] {
        world.server.destroy(&message_id(number));
    }
    running.sync().await;
    let gone = soon("its end", open.changes.recv()).await.unwrap().unwrap();
    assert!(gone.is_none());
    running.engine.stop().await;
}
