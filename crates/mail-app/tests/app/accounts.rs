//! Signing out, removing, and what the page may ask of an account.

use mail_app::{
    AccountRequest, ErrorCode, Filter, ListMode, MailboxRole, Scope, SignInView, Vault as _,
};
use serde_json::json;

use crate::world::{World, until};

async fn inbox(app: &mail_app::App, limit: usize) -> Vec<mail_app::RowView> {
    let scope = Scope::Merged {
        role: MailboxRole::Inbox,
        group: None,
    };
    app.rows_now(scope, ListMode::Messages, Filter::All, limit)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_merged_inbox_has_both_accounts_newest_first() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let rows = inbox(&app, 1_000).await;
    for account in [&work, &personal] {
        assert!(
            rows.iter().any(|row| row.account == account.id),
            "{}",
            account.name
        );
    }
    assert!(rows.is_sorted_by(|a, b| a.received_at >= b.received_at));
    let mut keys: Vec<_> = rows.iter().map(|row| &row.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), rows.len());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_account_leaves_no_file_and_no_key_and_the_other_is_untouched() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let preview = app
        .removal(AccountRequest {
            account: work.id.clone(),
        })
        .await
        .unwrap();
    assert!(
        preview.messages >= 100 && preview.octets > 0 && preview.queued == 0,
        "{preview:?}"
    );
    let receipt = app
        .remove_account(AccountRequest {
            account: work.id.clone(),
        })
        .await
        .unwrap();
    assert!(
        receipt.files >= 4 && receipt.key_deleted && receipt.session_ended,
        "{receipt:?}"
    );
    let left: Vec<_> = std::fs::read_dir(world.paths().accounts())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, std::slice::from_ref(&personal.id));
    assert_eq!(world.vault.names().await.unwrap().len(), 1);
    let rows = inbox(&app, 1_000).await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row.account == personal.id));
    // The same person may come back, as a new account.
    assert!(matches!(
        world.sign_in(&app, "Work", None).await,
        SignInView::Added { .. }
    ));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_account_is_not_found() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let own = inbox(&app, 1_000)
        .await
        .into_iter()
        .find(|row| row.account == work.id)
        .unwrap();
    let calls = [
        (
            "message.load",
            json!({ "account": personal.id, "message": own.message + 1_000_000_007 }),
        ),
        (
            "message.load",
            json!({ "account": "nobody", "message": own.message }),
        ),
        ("account.remove", json!({ "account": "../x" })),
        (
            "list.window",
            json!({ "list": "never opened", "from": 0, "to": 10 }),
        ),
        (
            "attachment.save",
            json!({ "account": personal.id, "message": own.message + 1_000_000_007, "index": 0 }),
        ),
    ];
    for (call, payload) in calls {
        assert_eq!(
            app.call(call, payload).await.unwrap_err().code,
            ErrorCode::NotFound,
            "{call}"
        );
    }
    assert_eq!(
        app.call("no.such", json!({})).await.unwrap_err().code,
        ErrorCode::BadRequest
    );
    assert_eq!(
        app.call("message.load", json!({ "x": 1 }))
            .await
            .unwrap_err()
            .code,
        ErrorCode::BadRequest
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_is_here_at_once_and_at_the_server_soon() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let id = world.deliver(&person_of(&world, "Work"), "Please read", "Now.");
    let row = loop {
        let found = inbox(&app, 50)
            .await
            .into_iter()
            .find(|row| row.subject == "Please read");
        if let Some(row) = found {
            break row;
        }
        app.call("account.sync", json!({ "account": work.id }))
            .await
            .unwrap();
        tokio::task::yield_now().await;
    };
    assert_eq!((row.unread, row.account.as_str()), (1, work.id.as_str()));
    let target = json!({ "kind": "message", "account": work.id, "message": row.message });
    app.call(
        "message.mark",
        json!({ "targets": [target], "mark": "seen", "set": true }),
    )
    .await
    .unwrap();
    let now = inbox(&app, 50)
        .await
        .into_iter()
        .find(|row| row.subject == "Please read")
        .unwrap();
    assert_eq!(now.unread, 0);
    until(&app, "nothing queued", async |accounts| {
        accounts[0].queued == 0
    })
    .await;
    assert!(
        world
            .rehearsal
            .mail()
            .keywords_of(&person_of(&world, "Work"), &id)
            .unwrap()
            .contains(&"$seen".to_owned())
    );
    app.stop().await;
}

fn person_of(world: &World, account: &str) -> String {
    mail_rehearsal::people::people()
        .into_iter()
        .find(|person| person.account == account)
        .map_or_else(
            || panic!("{account} of {}", world.rehearsal.description().login_url),
            |person| person.mail_account,
        )
}
