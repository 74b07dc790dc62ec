//! The rail: groups with a view of their own, order, tiles.

use mail_app::{ErrorCode, Filter, ListMode, MailboxRole, Scope};
use serde_json::json;

use crate::life::first;
use crate::world::World;

/// One pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_its_own_merged_view_and_counts_and_its_accounts_stay_when_it_goes() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let make = json!({ "name": " Office ", "accounts": [work.id] });
    let group = app.call("group.create", make).await.unwrap()["group"].clone();
    let event = first(&app, "accounts", json!({})).await;
    assert_eq!(event["groups"][0]["name"], "Office");
    assert_eq!(event["groups"][0]["unread"], event["accounts"][0]["unread"]);
    assert_eq!(event["accounts"][0]["group"], group);
    let rows = async || {
        let scope = Scope::Merged {
            role: MailboxRole::Inbox,
            group: group.as_str().map(ToOwned::to_owned),
        };
        app.rows_now(scope, ListMode::Messages, Filter::All, 1_000)
            .await
            .unwrap()
    };
    let of_work = rows().await;
    assert!(!of_work.is_empty() && of_work.iter().all(|row| row.account == work.id));
    // An account is in one group at most.
    let other = json!({ "name": "All", "accounts": [work.id, personal.id] });
    app.call("group.create", other).await.unwrap();
    assert!(rows().await.is_empty());
    let foreign = json!({ "group": group, "name": "Office", "accounts": ["nobody"] });
    let refused = app.call("group.update", foreign).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    app.stop().await;
    drop(app);
    let app = world.start().await;
    let event = first(&app, "accounts", json!({})).await;
    assert_eq!(event["groups"].as_array().unwrap().len(), 2);
    let gone = json!({ "group": event["groups"][1]["id"] });
    app.call("group.delete", gone.clone()).await.unwrap();
    let event = first(&app, "accounts", json!({})).await;
    assert_eq!(event["groups"].as_array().unwrap().len(), 1);
    assert_eq!(event["accounts"].as_array().unwrap().len(), 2);
    assert!(event["accounts"][0]["group"].is_null());
    let refused = app.call("group.delete", gone).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_the_persons_also_after_a_restart() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let half = json!({ "groups": [], "accounts": [personal.id] });
    let refused = app.call("rail.reorder", half).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let turned = json!({ "groups": [], "accounts": [personal.id, work.id] });
    app.call("rail.reorder", turned).await.unwrap();
    let ids = async |app: &mail_app::App| -> Vec<String> {
        let accounts = app.accounts_now().await;
        accounts.into_iter().map(|account| account.id).collect()
    };
    let wanted = [personal.id.clone(), work.id.clone()];
    assert_eq!(ids(&app).await, wanted);
    app.stop().await;
    drop(app);
    let app = world.start().await;
    assert_eq!(ids(&app).await, wanted);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_shows_letters_or_a_picture_that_lies_with_the_account() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let update = json!({
        "account": work.id, "name": "Work", "color": "teal", "letter": "nw ", "unread_mark": "dot",
    });
    app.call("account.update", update).await.unwrap();
    let tile = app.accounts_now().await.swap_remove(0);
    assert_eq!((tile.letter.as_str(), tile.picture), ("NW", None));
    assert_eq!(tile.unread_mark, mail_app::UnreadMark::Dot);
    let file = world.folder.path().join("tile");
    let choose = json!({ "account": work.id });
    *world.browser.opens_from.lock().unwrap() = Some(file.clone());
    for not_one in [
        b"GIF89a\x01\0\x01\0".to_vec(),
        vec![0; 10],
        vec![0xff; 2 << 20],
    ] {
        std::fs::write(&file, not_one).unwrap();
        let refused = app.call("account.choose_picture", choose.clone()).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Picture);
    }
    std::fs::write(&file, PNG).unwrap();
    app.call("account.choose_picture", choose.clone())
        .await
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let shown = async |app: &mail_app::App| {
        let url = app.accounts_now().await.swap_remove(0).picture.unwrap();
        let path = url.strip_prefix("mail://localhost").unwrap().to_owned();
        let reply = app.frame(&path).await;
        (path, reply)
    };
    let (path, reply) = shown(&app).await;
    assert_eq!((reply.status, reply.body.as_slice()), (200, PNG));
    assert!(
        reply
            .headers
            .contains(&("Content-Type", "image/png".into()))
    );
    app.stop().await;
    drop(app);
    // It lies encrypted with the account's mail, and has another name in another run.
    let app = world.start().await;
    let (again, reply) = shown(&app).await;
    assert_eq!((reply.status, reply.body.as_slice()), (200, PNG));
    assert_ne!(again, path);
    assert_eq!(app.frame(&path).await.status, 404);
    app.call("account.lock", choose.clone()).await.unwrap();
    assert_eq!(app.frame(&again).await.status, 404);
    assert_eq!(app.accounts_now().await[0].picture, None);
    app.call("account.unlock", choose.clone()).await.unwrap();
    let (again, _) = shown(&app).await;
    app.call("account.remove_picture", choose).await.unwrap();
    assert_eq!(app.frame(&again).await.status, 404);
    app.stop().await;
}
