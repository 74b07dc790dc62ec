//! Opening one mailbox with two sign-ins: the whole way, and everything that can stand in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mail_app::{
    App, ErrorCode, LinkBeginRequest, LinkRequest, LinkSide, LinkStageView, LinkTrouble, SignInView,
};
use mail_rehearsal::RehearsalConfig;
use mail_rehearsal::faults::{Rule, Server, Switch};
use mail_rehearsal::people::Linking;
use serde_json::json;

use crate::flow::{
    QUESTION, Two, begin, clicks, ended, go_on, prove, type_address, until_stage, until_view, why,
};
use crate::vaults::Stiff;
use crate::world::{World, finish, until};

async fn cancel(app: &App, flow: &str) {
    let flow = flow.to_owned();
    app.cancel_link(LinkRequest { flow }).await.unwrap();
}

/// Answers of the mail server as if it were down.
fn mail_is_down(two: &Two) {
    let down = Rule {
        times: None,
        ..Rule::status("*", 503, 1)
    };
    two.world
        .rehearsal
        .faults()
        .add(down.on(Server::Mail).method("POST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mailbox_is_opened_with_two_sign_ins_and_the_other_is_set_aside() {
    let two = Two::new().await;
    let (app, faults) = (&two.app, two.world.rehearsal.faults());
    let flow = two.preview().await;
    let view = app.link_views(&flow).unwrap().borrow().clone();
    let counts = view.counts.unwrap();
    let messages = app.message_count(&two.aside.id).await.unwrap();
    assert_eq!((counts.messages, counts.at_least), (messages, false));
    assert!(counts.conversations > 0 && counts.attachment_bytes.is_some());

    go_on(app, &flow, false).await;
    let copy = two.world.folder.path().join("copy");
    app.export_link_to(&flow, copy.clone(), true, None)
        .await
        .unwrap();
    let view = until_stage(app, &flow, |stage| *stage == LinkStageView::Exported).await;
    let export = view.export.unwrap();
    assert_eq!((export.written, export.expected), (messages, messages));
    assert!(copy.join("manifest.json").exists() && export.digest.len() == 64);
    let settings = std::fs::read_to_string(copy.join("settings.json")).unwrap();
    assert!(settings.contains("\"Choir\"") && !settings.to_lowercase().contains("token"));

    go_on(app, &flow, false).await;
    type_address(app, &flow, "bo@home.example").await;
    let view = until_view(app, &flow, |view| view.trouble.is_some()).await;
    assert_eq!(why(&view), Some(LinkTrouble::TypedOther));
    let view = two.commit(&flow).await;
    let LinkStageView::Done {
        journal, sealed, ..
    } = view.stage
    else {
        panic!("{view:?}")
    };
    assert_eq!((view.trouble, sealed), (None, two.aside.id.clone()));
    assert!(two.is_linked());
    assert_eq!(two.asked(), 1);
    two.assert_set_aside(app).await;
    let kept = mail_app::AccountRequest {
        account: two.kept.id.clone(),
    };
    assert_eq!(app.identities(kept).await.unwrap().identities.len(), 2);

    let pack = two.world.folder.path().join("recovery.txt");
    app.write_recovery_pack(&journal, &pack).await.unwrap();
    let text = std::fs::read_to_string(&pack).unwrap();
    for fact in ["github|4417208", "google|104822617305", &export.digest] {
        assert!(text.contains(fact), "{fact} is in the pack");
    }
    // The same by the name of the sealed copy.
    app.write_recovery_pack(&two.aside.id, &pack).await.unwrap();
    let record = two
        .world
        .paths()
        .data()
        .join(format!("links/{journal}.json"));
    let record = std::fs::read_to_string(record).unwrap();
    let pack = std::fs::read_to_string(pack.with_extension("json")).unwrap();
    for text in [record, pack] {
        assert!(!text.contains("eyJ"), "no token is in it");
    }

    // An administrator brings the user back: the next sign-in offers the sealed copy.
    two.world
        .rehearsal
        .tenant()
        .bring_back("github|4417208")
        .unwrap();
    let offered = AtomicBool::new(false);
    let ended = two
        .world
        .sign_in_as(app, "Choir", |phase, request| {
            if let SignInView::Confirm { sealed, .. } = phase {
                offered.store(sealed.is_some(), Ordering::SeqCst);
                request.restore = sealed.is_some();
            }
        })
        .await;
    assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    assert!(offered.load(Ordering::SeqCst), "the sealed copy is offered");
    assert_eq!(faults.requests(Server::Login, "PATCH", QUESTION), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_given_up_on_every_page_and_leaves_nothing() {
    let two = Two::new().await;
    let app = &two.app;
    for page in 0..5 {
        let flow = match page {
            0 => two.begin().await,
            1 => two.proved().await,
            2 => two.preview().await,
            3 => {
                let flow = two.preview().await;
                go_on(app, &flow, false).await;
                flow
            }
            _ => two.confirm().await,
        };
        cancel(app, &flow).await;
        assert!(app.link_views(&flow).is_err());
    }
    assert_eq!(two.asked(), 0);
    assert!(!two.world.paths().data().join("links").exists());
    two.assert_as_before(app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_change_is_under_way() {
    let two = Two::new().await;
    let _flow = two.begin().await;
    let request = LinkBeginRequest {
        kept: two.aside.id.clone(),
        set_aside: two.kept.id.clone(),
    };
    let refused = two.app.begin_link(request).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ChangeUnderWay);
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_a_stranger_and_nobody_prove_nothing() {
    let world = World::of(RehearsalConfig {
        size: 40,
        extra_people: 2,
        ..RehearsalConfig::default()
    })
    .await;
    let app = &world.start().await;
    for account in ["Personal", "Account 4"] {
        let ended = world.sign_in(app, account, None).await;
        assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    }
    let accounts = app.settled().await;
    let flow = begin(app, &accounts[0].id, &accounts[1].id).await;
    for (who, trouble, found) in [
        ("Personal", LinkTrouble::SamePerson, None),
        (
            "Account 5",
            LinkTrouble::WrongPerson,
            Some("account-05@mail.example"),
        ),
    ] {
        clicks(&world, who);
        prove(app, &flow, LinkSide::SetAside).await;
        let view = until_view(app, &flow, |view| why(view) == Some(trouble)).await;
        let side = LinkSide::SetAside;
        assert_eq!(view.stage, LinkStageView::Prove { side });
        assert_eq!(view.trouble.unwrap().detail.as_deref(), found);
    }
    world.browser.missing.store(true, Ordering::Relaxed);
    prove(app, &flow, LinkSide::SetAside).await;
    until_view(app, &flow, |view| {
        why(view) == Some(LinkTrouble::NotFinished)
    })
    .await;
    assert_eq!(app.accounts_now().await.len(), 2);
    cancel(app, &flow).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_the_service_joined_by_itself_is_said_so_and_touches_nothing() {
    let two = Two::new().await;
    let app = &two.app;
    let kept = mail_app::AccountRequest {
        account: two.kept.id.clone(),
    };
    app.identities(kept).await.unwrap();
    let flow = two.begin().await;
    assert!(
        two.world
            .rehearsal
            .tenant()
            .set_linking("github", Linking::Automatic)
    );
    clicks(&two.world, "Sketchbook");
    let ended = prove(app, &flow, LinkSide::SetAside).await;
    assert!(
        matches!(ended, SignInView::LinkedByItself { .. }),
        "{ended:?}"
    );
    let view = until_view(app, &flow, |view| view.stage == LinkStageView::Blocked).await;
    assert_eq!(why(&view), Some(LinkTrouble::LinkedByItself));
    cancel(app, &flow).await;

    // The next time it is no news.
    let flow = two.begin().await;
    let ended = prove(app, &flow, LinkSide::SetAside).await;
    assert!(
        matches!(ended, SignInView::AlreadyOpens { .. }),
        "{ended:?}"
    );
    let view = until_view(app, &flow, |view| view.stage == LinkStageView::Blocked).await;
    assert_eq!(why(&view), Some(LinkTrouble::AlreadyOpens));
    cancel(app, &flow).await;
    two.assert_as_before(app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_has_run_out_is_asked_for_again_and_every_choice_is_kept() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.confirm().await;
    let counts = app.link_views(&flow).unwrap().borrow().counts.clone();
    for (minutes, side, who, trouble) in [
        (6, LinkSide::Kept, "Personal", LinkTrouble::KeptExpired),
        (5, LinkSide::SetAside, "Choir", LinkTrouble::ProofExpired),
    ] {
        two.clock.0.fetch_add(minutes * 60, Ordering::SeqCst);
        if side == LinkSide::SetAside {
            clicks(&two.world, "Personal");
            prove(app, &flow, LinkSide::Kept).await;
        }
        type_address(app, &flow, &two.aside.email).await;
        let view = until_view(app, &flow, |view| {
            view.stage == LinkStageView::Prove { side }
        })
        .await;
        assert_eq!(why(&view), Some(trouble));
        assert_eq!(two.asked(), 0);
        clicks(&two.world, who);
        prove(app, &flow, side).await;
        let view = until_stage(app, &flow, |stage| {
            matches!(stage, LinkStageView::Confirm { .. })
        })
        .await;
        assert_eq!(view.counts, counts);
    }
    let view = two.commit(&flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    assert_eq!(two.asked(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_changed_since_the_person_looked() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.confirm().await;
    two.world.deliver("u-choir", "One more", "Sing.");
    type_address(app, &flow, &two.aside.email).await;
    let view = until_view(app, &flow, |view| view.stage == LinkStageView::Preview).await;
    assert_eq!(why(&view), Some(LinkTrouble::Changed));
    assert_eq!(view.trouble.unwrap().number, Some(1));
    assert_eq!(two.asked(), 0);
    cancel(app, &flow).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_left_this_computer_is_settled_first_and_what_cannot_be_counted_is_said() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.proved().await;
    let scope = mail_app::Scope::All {
        account: two.aside.id.clone(),
    };
    let rows = app
        .rows_now(
            scope,
            mail_app::ListMode::Messages,
            mail_app::Filter::All,
            10,
        )
        .await
        .unwrap();
    mail_is_down(&two);
    let target = json!({ "kind": "message", "account": two.aside.id, "message": rows[0].message });
    let marks = json!({ "targets": [target], "mark": "flagged", "set": !rows[0].starred });
    app.call("message.mark", marks).await.unwrap();
    go_on(app, &flow, false).await;
    let view = until_stage(app, &flow, |stage| *stage == LinkStageView::Preview).await;
    assert_eq!(why(&view), Some(LinkTrouble::CannotCount));
    let counts = view.counts.unwrap();
    assert_eq!((counts.queued, counts.at_least), (1, true));
    go_on(app, &flow, true).await;
    let view = until_view(app, &flow, |view| {
        why(view) == Some(LinkTrouble::NotSettled)
    })
    .await;
    assert_eq!(view.trouble.unwrap().other_number, Some(1));
    two.world.rehearsal.faults().clear();
    let request = json!({ "flow": flow, "what": "queue", "how": "drop" });
    app.call("link.settle", request).await.unwrap();
    until_view(app, &flow, |view| {
        view.stage == LinkStageView::Preview
            && view
                .counts
                .as_ref()
                .is_some_and(|counts| counts.queued == 0)
    })
    .await;
    cancel(app, &flow).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_nothing_is_asked() {
    let two = Two::new().await;
    let app = &two.app;
    let flow = two.confirm().await;
    let lost = Rule {
        times: None,
        ..Rule::lose_request("/api/session/profile", 1)
    };
    two.world.rehearsal.faults().add(lost);
    type_address(app, &flow, &two.aside.email).await;
    let view = until_view(app, &flow, |view| view.trouble.is_some()).await;
    assert_eq!(why(&view), Some(LinkTrouble::Offline));
    assert!(matches!(view.stage, LinkStageView::Confirm { .. }));
    two.world.rehearsal.faults().clear();
    assert_eq!(two.asked(), 0);
    cancel(app, &flow).await;
    two.assert_as_before(app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_end_is_not_known_both_are_read_only_and_it_is_looked_for_again() {
    let two = Two::new().await;
    let (app, faults) = (&two.app, two.world.rehearsal.faults());
    let flow = two.confirm().await;
    faults.add(Rule::lose_answer(QUESTION, 1).method("PATCH"));
    type_address(app, &flow, &two.aside.email).await;
    until_view(app, &flow, |view| {
        matches!(view.stage, LinkStageView::Working { .. })
    })
    .await;
    // From the question on the list cannot be read.
    while two.asked() == 0 {
        tokio::task::yield_now().await;
    }
    faults.add(Rule {
        times: None,
        ..Rule::status("/api/session/profile", 503, 1)
    });
    let view = until_stage(app, &flow, |stage| {
        matches!(
            stage,
            LinkStageView::Unknown { .. } | LinkStageView::Done { .. }
        )
    })
    .await;
    if matches!(view.stage, LinkStageView::Unknown { .. }) {
        assert_eq!(why(&view), Some(LinkTrouble::NoAnswer));
        let accounts = app.accounts_now().await;
        assert!(accounts.iter().all(|account| account.read_only));
        let refused = app
            .cancel_link(LinkRequest { flow: flow.clone() })
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::ChangeUnderWay);
        faults.clear();
        app.call("link.look_again", json!({ "flow": flow }))
            .await
            .unwrap();
    }
    faults.clear();
    let view = ended(app, &flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    assert_eq!(two.asked(), 1);
    two.assert_set_aside(app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_the_request_is_asked_in_the_browser_under_the_same_guards() {
    let two = Two::new().await;
    let app = &two.app;
    two.world
        .rehearsal
        .faults()
        .switch(Switch::NoLinkEndpoint, true);
    let flow = two.confirm().await;
    clicks(&two.world, "Choir");
    let view = two.commit(&flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    assert_eq!(two.asked(), 1);
    assert!(two.is_linked());
    two.assert_set_aside(app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_that_cannot_be_ended_is_said_so() {
    let two = Two::new().await;
    let flow = two.confirm().await;
    two.world.rehearsal.faults().add(Rule {
        times: None,
        ..Rule::status("/api/session", 503, 1).method("DELETE")
    });
    let view = two.commit(&flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    assert_eq!(why(&view), Some(LinkTrouble::SessionLeft));
    two.assert_set_aside(&two.app).await;
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_with_several_sign_ins_says_that_all_are_affected() {
    let two = Two::new().await;
    let app = &two.app;
    let connection = clicks(&two.world, "Sketchbook");
    let request = mail_app::AddIdentityRequest {
        account: two.aside.id.clone(),
        connection,
    };
    let attempt = app.add_identity(request).await.unwrap().attempt;
    let ended = finish(app, attempt, "").await;
    assert!(
        matches!(ended, SignInView::IdentityAdded { .. }),
        "{ended:?}"
    );
    let flow = two.proved().await;
    go_on(app, &flow, false).await;
    let view = until_stage(app, &flow, |stage| *stage == LinkStageView::Preview).await;
    assert_eq!(why(&view), Some(LinkTrouble::BothAffected));
    assert_eq!(view.trouble.unwrap().number, Some(2));
    go_on(app, &flow, false).await;
    let view = app.link_views(&flow).unwrap().borrow().clone();
    assert_eq!(view.stage, LinkStageView::Preview);
    cancel(app, &flow).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_refuses_stops_it_and_everything_is_back_once_it_answers() {
    let world = World::with_messages(40).await;
    let vault = Arc::new(Stiff::over(&world));
    vault.refuses.store(true, Ordering::SeqCst);
    let two = Two::over(world, vault.clone()).await;
    let flow = two.confirm().await;
    type_address(&two.app, &flow, &two.aside.email).await;
    // The key may be anywhere: it is not said that nothing was changed.
    let view = until_view(&two.app, &flow, |view| view.trouble.is_some()).await;
    assert!(
        matches!(view.stage, LinkStageView::Unknown { .. }),
        "{view:?}"
    );
    assert_eq!(why(&view), Some(LinkTrouble::NotBack));
    assert_eq!(two.asked(), 0);
    let data = two.world.paths().data().to_owned();
    let files = format!("accounts/{}/mail.sqlite", two.aside.id);
    assert!(data.join(files).exists(), "the files do not wait for it");
    let accounts = two.app.accounts_now().await;
    assert!(accounts.iter().all(|account| account.read_only));
    vault.refuses.store(false, Ordering::SeqCst);
    two.app
        .call("link.look_again", json!({ "flow": flow }))
        .await
        .unwrap();
    let view = ended(&two.app, &flow).await;
    assert_eq!(view.stage, LinkStageView::NotChanged);
    assert_eq!(why(&view), Some(LinkTrouble::Keyring));
    two.assert_as_before(&two.app).await;
    // The same change goes on from there.
    two.app
        .call("link.look_again", json!({ "flow": flow }))
        .await
        .unwrap();
    until_stage(&two.app, &flow, |stage| *stage == LinkStageView::Preview).await;
    go_on(&two.app, &flow, false).await;
    go_on(&two.app, &flow, true).await;
    let view = two.commit(&flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    two.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_counts_and_changes_nothing() {
    let two = Two::new().await;
    let plan = two
        .app
        .link_plan(&two.kept.id, &two.aside.id)
        .await
        .unwrap();
    assert_eq!(plan.set_aside.email, "ana@choir.example");
    assert_eq!(
        plan.counts.messages,
        two.app.message_count(&two.aside.id).await.unwrap()
    );
    assert_eq!(two.asked(), 0);
    until(&two.app, "both as before", async |accounts| {
        accounts.iter().all(|account| !account.read_only)
    })
    .await;
    let twice = two.app.link_plan(&two.kept.id, &two.kept.id).await;
    assert_eq!(twice.unwrap_err().code, ErrorCode::BadRequest);
    let _ = begin(&two.app, &two.kept.id, &two.aside.id).await;
    two.app.stop().await;
}
