//! What can stand in the way of a change and is seldom seen: no room, a record that cannot be
//! written, a wrong clock; and that nothing waits, counts or looks where it should not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mail_app::{App, LinkRequest, LinkSide, LinkStageView, LinkStep, LinkTrouble, SignInView};
use mail_rehearsal::faults::{Rule, Server};
use serde_json::json;
use sqlx::Connection as _;

use crate::flow::{
    Later, QUESTION, Two, clicks, ended, go_on, prove, start_of, type_address, until_stage,
    until_view, why,
};
use crate::world::{World, eventually};

const PROFILE: &str = "/api/session/profile";

async fn cancel(app: &App, flow: &str) {
    let flow = flow.to_owned();
    app.cancel_link(LinkRequest { flow }).await.unwrap();
}

/// Changes a name, which waits for whoever has the turn.
async fn rename(app: &App, account: &mail_app::AccountView, name: &str) {
    let update = json!({
        "account": account.id, "name": name, "color": account.color, "letter": null,
        "unread_mark": "number",
    });
    app.call("account.update", update).await.unwrap();
}

/// Octets free on the disk of the test below.
static FREE: AtomicU64 = AtomicU64::new(1_000);

#[tokio::test(flavor = "multi_thread")]
async fn too_little_room_for_the_copy_is_said_in_figures_and_another_try_may_succeed() {
    let world = World::with_messages(40).await;
    let clock = Arc::new(Later::default());
    let mut start = start_of(&world, world.vault.clone(), clock.clone());
    start.free_space = |_| Ok(FREE.load(Ordering::SeqCst));
    let two = Two::started(world, start, clock).await;
    let app = &two.app;
    let flow = two.preview().await;
    go_on(app, &flow, false).await;
    let copy = two.world.folder.path().join("copy");
    app.export_link_to(&flow, copy.clone(), false, None)
        .await
        .unwrap();
    let view = until_view(app, &flow, |view| view.trouble.is_some()).await;
    assert_eq!(view.stage, LinkStageView::Export);
    let told = view.trouble.unwrap();
    assert_eq!(told.kind, LinkTrouble::NoSpace);
    assert_eq!(told.other_number, Some(1_000));
    assert!(told.number.unwrap() > 1_000);
    FREE.store(u64::MAX, Ordering::SeqCst);
    app.export_link_to(&flow, copy, false, None).await.unwrap();
    until_stage(app, &flow, |stage| *stage == LinkStageView::Exported).await;
    cancel(app, &flow).await;
    two.assert_as_before(app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_on_the_disk_nothing_is_sealed_and_nobody_is_asked() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.confirm().await;
    // Where the records lie is no folder.
    let links = two.world.paths().data().join("links");
    std::fs::write(&links, "").unwrap();
    type_address(app, &flow, &two.aside.email).await;
    let view = until_view(app, &flow, |view| view.trouble.is_some()).await;
    assert_eq!(why(&view), Some(LinkTrouble::CannotSeal));
    assert!(matches!(view.stage, LinkStageView::Confirm { .. }));
    assert_eq!(two.asked(), 0);
    std::fs::remove_file(&links).unwrap();
    two.assert_as_before(app).await;
    // With a folder there it goes on from where it was.
    let view = two.commit(&flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_not_valid_yet_is_put_down_to_this_computers_clock() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.begin().await;
    let clock = two.world.rehearsal.clock();
    clock.advance(Duration::from_secs(3 * 60));
    clicks(&two.world, "Choir");
    let ended = prove(app, &flow, LinkSide::SetAside).await;
    assert!(
        matches!(
            ended,
            SignInView::Failed {
                code: mail_app::ErrorCode::Clock,
                ..
            }
        ),
        "{ended:?}"
    );
    let view = until_view(app, &flow, |view| view.trouble.is_some()).await;
    assert_eq!(why(&view), Some(LinkTrouble::Clock));
    let side = LinkSide::SetAside;
    assert_eq!(view.stage, LinkStageView::Prove { side });
    cancel(app, &flow).await;
    two.assert_as_before(app).await;
    app.stop().await;
}

/// Makes the list of accounts refuse sealed copies.
async fn refuse_seals(two: &Two, refuse: bool) {
    let change = if refuse {
        "CREATE TRIGGER no_seals BEFORE UPDATE ON account WHEN NEW.sealed_at IS NOT NULL \
         BEGIN SELECT RAISE(ABORT, 'not now'); END"
    } else {
        "DROP TRIGGER no_seals"
    };
    let mut list = list_of_accounts(two).await;
    sqlx::query(change).execute(&mut list).await.unwrap();
    list.close().await.unwrap();
}

async fn list_of_accounts(two: &Two) -> sqlx::SqliteConnection {
    let list = two.world.paths().registry();
    let url = format!("sqlite://{}", list.display());
    sqlx::SqliteConnection::connect(&url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_listed_now_is_listed_later_in_the_same_run() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.confirm().await;
    refuse_seals(&two, true).await;
    type_address(app, &flow, &two.aside.email).await;
    // Its record is named in the list before the list is asked to take the copy.
    let mut list = list_of_accounts(&two).await;
    let list = tokio::sync::Mutex::new(&mut list);
    eventually("the copy is being kept", async || {
        let mut list = list.lock().await;
        let named: i64 =
            sqlx::query_scalar("SELECT count(*) FROM account WHERE link_journal IS NOT NULL")
                .fetch_one(&mut **list)
                .await
                .unwrap();
        named > 0
    })
    .await;
    // Whoever has the turn is through with it once this is done.
    rename(app, &two.kept, "Personal").await;
    let view = app.link_views(&flow).unwrap().borrow().clone();
    let step = LinkStep::Closing;
    assert_eq!(view.stage, LinkStageView::Working { step });
    refuse_seals(&two, false).await;
    let view = ended(app, &flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    assert_eq!(two.asked(), 1);
    two.assert_set_aside(app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_do_not_wait_while_the_service_is_asked_before_the_record_is_written() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.confirm().await;
    let faults = two.world.rehearsal.faults();
    let reads = || faults.requests(Server::Login, "GET", PROFILE);
    let before = reads();
    // Answered long after everything else here is over.
    faults.add(Rule::delay(PROFILE, 30_000, 1));
    type_address(app, &flow, &two.aside.email).await;
    eventually("the last look is under way", async || reads() > before).await;
    rename(app, &two.kept, "At home").await;
    let view = app.link_views(&flow).unwrap().borrow().clone();
    let step = LinkStep::Sealing;
    assert_eq!(view.stage, LinkStageView::Working { step });
    assert_eq!(two.asked(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_stopped_looks_for_no_end_any_more() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.confirm().await;
    let faults = two.world.rehearsal.faults();
    faults.add(Rule::lose_request(QUESTION, 1).method("PATCH"));
    type_address(app, &flow, &two.aside.email).await;
    eventually("it was asked", async || two.asked() > 0).await;
    faults.add(Rule {
        times: None,
        ..Rule::status(PROFILE, 503, 1)
    });
    until_stage(app, &flow, |stage| {
        matches!(stage, LinkStageView::Unknown { .. })
    })
    .await;
    app.stop().await;
    let reads = || faults.requests(Server::Login, "GET", PROFILE);
    let after = reads();
    // Whoever went on by itself would have its turn here many times.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(reads(), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_that_come_late_are_not_taken_for_the_other_mailboxs() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.proved().await;
    two.world.deliver("u-personal", "One more", "Kept.");
    let faults = two.world.rehearsal.faults();
    let asked = || faults.requests(Server::Mail, "POST", "*");
    // Choir is counted slowly.
    let before = asked();
    faults.add(Rule::delay("*", 400, 40).on(Server::Mail).method("POST"));
    go_on(app, &flow, false).await;
    eventually("it is counted", async || asked() > before).await;
    app.call("link.back", json!({ "flow": flow }))
        .await
        .unwrap();
    app.call("link.swap", json!({ "flow": flow }))
        .await
        .unwrap();
    faults.clear();
    go_on(app, &flow, false).await;
    let view = until_stage(app, &flow, |stage| *stage == LinkStageView::Preview).await;
    assert_eq!(view.set_aside.account, two.kept.id);
    let messages = app.message_count(&two.kept.id).await.unwrap();
    assert_ne!(messages, app.message_count(&two.aside.id).await.unwrap());
    assert_eq!(view.counts.unwrap().messages, messages);
    // And they stay so when the late ones are through.
    rename(app, &two.kept, "Personal").await;
    let view = app.link_views(&flow).unwrap().borrow().clone();
    assert_eq!(view.counts.unwrap().messages, messages);
    cancel(app, &flow).await;
    app.stop().await;
}
