//! Ends of a change that are not plain: two looks at once, somebody else in the browser, a list
//! that cannot be written, and what the person does in the last moment.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use mail_app::{
    App, Clock, ErrorCode, LinkBeginRequest, LinkRequest, LinkSide, LinkStageView, LinkTrouble,
    SignInView, SystemClock, Vault,
};
use mail_model::UnixTime;
use mail_rehearsal::faults::{Rule, Server, Switch};
use serde_json::json;

use crate::flow::{
    QUESTION, Two, clicks, ended, start, type_address, until_stage, until_view, why,
};
use crate::world::{finish, until};

async fn cancel(app: &App, flow: &str) {
    let flow = flow.to_owned();
    app.cancel_link(LinkRequest { flow }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_who_was_joined_in_the_browser_is_named() {
    let two = Two::new().await;
    let app = &two.app;
    two.world
        .rehearsal
        .faults()
        .switch(Switch::NoLinkEndpoint, true);
    let flow = two.confirm().await;
    clicks(&two.world, "Sketchbook");
    let view = two.commit(&flow).await;
    assert_eq!(view.stage, LinkStageView::NotChanged);
    assert_eq!(why(&view), Some(LinkTrouble::OtherJoined));
    let named = view.trouble.unwrap().detail.unwrap();
    let kept = mail_app::AccountRequest {
        account: two.kept.id.clone(),
    };
    let opens = app.identities(kept).await.unwrap().identities;
    assert!(opens.iter().any(|identity| identity.id == "9913046"));
    assert_eq!(named, "GitHub (9913046)");
    assert!(!two.is_linked());
    two.assert_as_before(app).await;
    app.stop().await;
}

/// Up to a question that was lost on its way while the list cannot be read.
async fn unknown(two: &Two) -> String {
    let faults = two.world.rehearsal.faults();
    let flow = two.confirm().await;
    faults.add(Rule::lose_request(QUESTION, 1).method("PATCH"));
    type_address(&two.app, &flow, &two.aside.email).await;
    while two.asked() == 0 {
        tokio::task::yield_now().await;
    }
    faults.add(Rule {
        times: None,
        ..Rule::status("/api/session/profile", 503, 1)
    });
    until_stage(&two.app, &flow, |stage| {
        matches!(stage, LinkStageView::Unknown { .. })
    })
    .await;
    flow
}

#[tokio::test(flavor = "multi_thread")]
async fn several_looks_at_once_bring_everything_back_once() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = unknown(&two).await;
    two.world.rehearsal.faults().clear();
    let look = || app.call("link.look_again", json!({ "flow": flow }));
    let looks = tokio::join!(look(), look(), look());
    assert!(looks.0.is_ok() && looks.1.is_ok() && looks.2.is_ok());
    let view = ended(app, &flow).await;
    assert_eq!(view.stage, LinkStageView::NotChanged);
    assert_eq!(why(&view), Some(LinkTrouble::NoAnswer));
    two.assert_as_before(app).await;
    assert_eq!(two.asked(), 1);
    // Nothing looks, undoes or closes any more: the next change is free to begin.
    cancel(app, &flow).await;
    let flow = two.begin().await;
    cancel(app, &flow).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_it_came_to_nothing_is_believed_only_with_a_proof() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = unknown(&two).await;
    // The other mailbox's own session says nothing any more.
    two.world
        .rehearsal
        .tenant()
        .end_sessions_of("github|4417208");
    two.world.rehearsal.faults().clear();
    let reads = || {
        let faults = two.world.rehearsal.faults();
        faults.requests(Server::Login, "GET", "/api/session/profile")
    };
    let before = reads();
    app.call("link.look_again", json!({ "flow": flow }))
        .await
        .unwrap();
    // Both looks at the kept mailbox's list, and one at the other's.
    let unknown = || {
        let view = app.link_views(&flow).unwrap().borrow().clone();
        matches!(view.stage, LinkStageView::Unknown { .. })
    };
    while reads() < before + 3 && unknown() {
        tokio::task::yield_now().await;
    }
    assert!(unknown());
    // A question that was lost an hour ago does not arrive any more.
    two.clock.0.fetch_add(61 * 60, Ordering::SeqCst);
    app.call("link.look_again", json!({ "flow": flow }))
        .await
        .unwrap();
    let view = ended(app, &flow).await;
    assert_eq!(view.stage, LinkStageView::NotChanged);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_under_way_ends_with_the_choice_of_the_other_mailbox() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.proved().await;
    *two.world.browser.person.lock().unwrap() = None;
    let request = mail_app::LinkProveRequest {
        flow: flow.clone(),
        side: LinkSide::Kept,
    };
    let attempt = app.prove_link(request).await.unwrap().attempt;
    app.call("link.swap", json!({ "flow": flow }))
        .await
        .unwrap();
    assert_eq!(finish(app, attempt, "").await, SignInView::Cancelled);
    let view = app.link_views(&flow).unwrap().borrow().clone();
    assert_eq!(view.stage, LinkStageView::Direction);
    assert_eq!(view.kept.account, two.aside.id);
    cancel(app, &flow).await;
    app.stop().await;
}

/// Makes the list of accounts refuse sealed copies.
async fn refuse_seals(two: &Two, refuse: bool) {
    use sqlx::Connection as _;

    let list = two.world.paths().registry();
    let url = format!("sqlite://{}", list.display());
    let mut list = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let change = if refuse {
        "CREATE TRIGGER no_seals BEFORE UPDATE ON account WHEN NEW.sealed_at IS NOT NULL \
         BEGIN SELECT RAISE(ABORT, 'not now'); END"
    } else {
        "DROP TRIGGER no_seals"
    };
    sqlx::query(change).execute(&mut list).await.unwrap();
    list.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_accounts_that_cannot_be_written_is_written_later() {
    let two = Two::new().await;
    let flow = two.confirm().await;
    refuse_seals(&two, true).await;
    type_address(&two.app, &flow, &two.aside.email).await;
    let links = two.world.paths().data().join("links");
    let stage = || {
        let record = std::fs::read_dir(&links).ok()?.next()?.ok()?;
        let record = std::fs::read(record.path()).ok()?;
        let record: serde_json::Value = serde_json::from_slice(&record).ok()?;
        record["stage"].as_str().map(str::to_owned)
    };
    until_stage(&two.app, &flow, |stage| {
        let step = mail_app::LinkStep::Closing;
        *stage == LinkStageView::Working { step }
    })
    .await;
    // Ends after whoever has the turn.
    two.app.stop().await;
    assert_eq!(stage().as_deref(), Some("committed"));
    refuse_seals(&two, false).await;
    let Two {
        world,
        app,
        kept,
        aside,
        clock,
    } = two;
    drop(app);
    let two = Two {
        app: start(&world, world.vault.clone(), Arc::clone(&clock)).await,
        world,
        kept,
        aside,
        clock,
    };
    until(&two.app, "the copy is in the list", async |accounts| {
        accounts.len() == 1
    })
    .await;
    while stage().as_deref() != Some("done") {
        tokio::task::yield_now().await;
    }
    two.assert_set_aside(&two.app).await;
    two.app.stop().await;
}

/// A clock that stops whoever reads it the n-th time, until it is told to go on.
struct Stopping {
    left: AtomicI64,
    reached: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Clock for Stopping {
    fn now(&self) -> UnixTime {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            tokio::task::block_in_place(|| {
                self.reached.lock().unwrap().send(()).unwrap();
                self.go_on.lock().unwrap().recv().unwrap();
            });
        }
        SystemClock.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_person_does_after_the_last_look_is_not_sealed_unsent() {
    let Two {
        world,
        app,
        kept,
        aside,
        clock,
    } = Two::new().await;
    app.stop().await;
    drop(app);
    let ((reached, is_reached), (let_go, go_on)) = (channel(), channel());
    let stopping = Arc::new(Stopping {
        left: AtomicI64::new(0),
        reached: Mutex::new(reached),
        go_on: Mutex::new(go_on),
    });
    let vault: Arc<dyn Vault> = world.vault.clone();
    let app = crate::flow::start_at(&world, vault, stopping.clone()).await;
    let two = Two {
        world,
        app,
        kept,
        aside,
        clock,
    };
    let app = &two.app;
    let flow = two.confirm().await;
    // The last look reads the clock once, and it is read once more when that is over.
    stopping.left.store(2, Ordering::SeqCst);
    type_address(app, &flow, &two.aside.email).await;
    tokio::task::spawn_blocking(move || is_reached.recv().unwrap())
        .await
        .unwrap();
    let down = Rule {
        times: None,
        ..Rule::status("*", 503, 1)
    };
    two.world
        .rehearsal
        .faults()
        .add(down.on(Server::Mail).method("POST"));
    let scope = mail_app::Scope::All {
        account: two.aside.id.clone(),
    };
    let (mode, all) = (mail_app::ListMode::Messages, mail_app::Filter::All);
    let rows = app.rows_now(scope, mode, all, 1).await.unwrap();
    let target = json!({ "kind": "message", "account": two.aside.id, "message": rows[0].message });
    let marks = json!({ "targets": [target], "mark": "flagged", "set": !rows[0].starred });
    app.call("message.mark", marks).await.unwrap();
    let_go.send(()).unwrap();
    let view = until_view(app, &flow, |view| {
        why(view) == Some(LinkTrouble::NotSettled)
    })
    .await;
    assert_eq!(view.stage, LinkStageView::Preview);
    assert_eq!(view.trouble.unwrap().other_number, Some(1));
    assert_eq!(two.asked(), 0);
    two.world.rehearsal.faults().clear();
    cancel(app, &flow).await;
    let accounts = app.accounts_now().await;
    assert_eq!(accounts.len(), 2);
    assert!(accounts.iter().all(|account| !account.read_only));
    assert!(app.message_count(&two.aside.id).await.unwrap() >= 40);
    // Nothing is left to do of it.
    let flow = two.begin().await;
    cancel(app, &flow).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_files_without_a_readable_record_are_neither_opened_nor_replaced() {
    let Two {
        world,
        app,
        kept,
        aside,
        clock,
    } = Two::new().await;
    app.stop().await;
    drop(app);
    let data = world.paths().data().to_owned();
    let (files, sealed) = (
        data.join("accounts").join(&aside.id),
        data.join("sealed").join(&aside.id),
    );
    std::fs::create_dir_all(data.join("sealed")).unwrap();
    std::fs::rename(&files, &sealed).unwrap();
    std::fs::create_dir_all(data.join("links")).unwrap();
    std::fs::write(data.join("links/half.json"), "{").unwrap();
    let app = start(&world, world.vault.clone(), Arc::clone(&clock)).await;
    let held = app.accounts_now().await;
    assert!(held.iter().any(|it| it.id == aside.id && it.read_only));
    let ended = world.sign_in(&app, "Choir", Some(&aside.id)).await;
    assert!(!matches!(ended, SignInView::Added { .. }), "{ended:?}");
    assert!(sealed.join("mail.sqlite").exists());
    assert!(
        !files.join("mail.sqlite").exists(),
        "nothing takes its place"
    );
    // Nobody acts as if there were no record.
    let request = LinkBeginRequest {
        kept: kept.id.clone(),
        set_aside: aside.id.clone(),
    };
    let refused = app.begin_link(request).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ChangeUnderWay);
    app.stop().await;
}
