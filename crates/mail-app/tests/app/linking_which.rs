//! Which sign-in it is: one of several of a connection, or one that opens a third mailbox by now.

use std::sync::Arc;

use mail_app::{
    AccountRequest, AddIdentityRequest, App, LinkRequest, LinkSide, LinkStageView, LinkTrouble,
    SignInView,
};
use mail_rehearsal::RehearsalConfig;
use mail_rehearsal::faults::Switch;

use crate::flow::{Two, clicks, go_on, prove, until_stage, until_view, why};
use crate::vaults::Stiff;
use crate::world::{World, finish};

const CHOIR: &str = "4417208";
const SKETCHBOOK: &str = "9913046";

/// Gives Choir a second sign-in of the connection it has one of.
async fn with_a_second_sign_in(two: &Two) {
    let connection = clicks(&two.world, "Sketchbook");
    let request = AddIdentityRequest {
        account: two.aside.id.clone(),
        connection,
    };
    let attempt = two.app.add_identity(request).await.unwrap().attempt;
    let ended = finish(&two.app, attempt, "").await;
    assert!(
        matches!(ended, SignInView::IdentityAdded { .. }),
        "{ended:?}"
    );
}

/// The sign-ins that are shown as the one in use.
async fn used(app: &App, account: &str) -> Vec<String> {
    let account = account.to_owned();
    let shown = app.identities(AccountRequest { account }).await.unwrap();
    let current = shown.identities.into_iter().filter(|it| it.current);
    current.map(|identity| identity.id).collect()
}

async fn cancel(app: &App, flow: &str) {
    let flow = flow.to_owned();
    app.cancel_link(LinkRequest { flow }).await.unwrap();
}

/// What the only record of a change says that the service is asked about.
fn asked_about(two: &Two) -> String {
    let links = two.world.paths().data().join("links");
    let record = std::fs::read_dir(links).unwrap().next().unwrap().unwrap();
    let record = std::fs::read(record.path()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record["sign_in"]["user"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sign_ins_of_one_connection_the_one_it_was_proved_with_is_asked_about() {
    let two = Two::new().await;
    let app = &two.app;
    with_a_second_sign_in(&two).await;
    assert_eq!(used(app, &two.aside.id).await, [CHOIR]);
    let flow = two.begin().await;
    clicks(&two.world, "Sketchbook");
    prove(app, &flow, LinkSide::SetAside).await;
    assert_eq!(used(app, &two.aside.id).await, [SKETCHBOOK]);
    go_on(app, &flow, false).await;
    until_stage(app, &flow, |stage| *stage == LinkStageView::Preview).await;
    // All of its sign-ins are affected, and no copy is taken along.
    go_on(app, &flow, true).await;
    go_on(app, &flow, true).await;
    let view = two.commit(&flow).await;
    assert_eq!((two.asked(), asked_about(&two)), (1, SKETCHBOOK.to_owned()));
    // This service sets no mailbox aside that others still lead to.
    assert_eq!(view.stage, LinkStageView::NotChanged);
    assert_eq!(why(&view), Some(LinkTrouble::BothAffected));
    let told = view.trouble.unwrap();
    assert_eq!(told.number, Some(2));
    assert!(told.detail.unwrap().contains("another user"));
    two.assert_as_before(app).await;
    // It is known after a restart, too.
    let Two {
        world, app, aside, ..
    } = two;
    app.stop().await;
    drop(app);
    let app = world.start().await;
    assert_eq!(used(&app, &aside.id).await, [SKETCHBOOK]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_says_which_of_them_was_used_that_is_said_and_the_service_is_not_asked() {
    let two = Two::new().await;
    let app = &two.app;
    with_a_second_sign_in(&two).await;
    let faults = two.world.rehearsal.faults();
    faults.switch(Switch::NoProviderClaims, true);
    let flow = two.begin().await;
    clicks(&two.world, "Choir");
    let ended = prove(app, &flow, LinkSide::SetAside).await;
    assert!(matches!(ended, SignInView::Proved { .. }), "{ended:?}");
    let view = until_view(app, &flow, |view| view.stage == LinkStageView::Blocked).await;
    assert_eq!(why(&view), Some(LinkTrouble::SignInUnclear));
    let told = view.trouble.unwrap();
    assert_eq!(
        (told.detail.as_deref(), told.number),
        (Some("GitHub"), Some(2))
    );
    cancel(app, &flow).await;
    assert!(used(app, &two.aside.id).await.is_empty());
    assert_eq!(two.asked(), 0);
    two.assert_as_before(app).await;

    // With one of them removed there is nothing to tell apart.
    let remove = mail_app::RemoveIdentityRequest {
        account: two.aside.id.clone(),
        identity: SKETCHBOOK.to_owned(),
        connection: "github".to_owned(),
    };
    app.remove_identity(remove).await.unwrap();
    let flow = two.confirm().await;
    let view = two.commit(&flow).await;
    assert!(matches!(view.stage, LinkStageView::Done { .. }), "{view:?}");
    assert_eq!(asked_about(&two), CHOIR);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_opens_a_third_mailbox_by_now_stays_there() {
    let world = World::of(RehearsalConfig {
        size: 40,
        extra_people: 1,
        ..RehearsalConfig::default()
    })
    .await;
    let vault = Arc::new(Stiff::over(&world));
    let two = Two::over(world, vault.clone()).await;
    let app = &two.app;
    let flow = two.confirm().await;
    // On another device, while this one seals.
    let tenant = two.world.rehearsal.tenant().clone();
    let third = "google|200000000004";
    vault.meanwhile(move || assert!(tenant.join(third, "github", CHOIR)));
    let view = two.commit(&flow).await;
    assert_eq!(view.stage, LinkStageView::NotChanged);
    assert_eq!(why(&view), Some(LinkTrouble::BelongsElsewhere));
    let said = view.trouble.unwrap().detail.unwrap();
    assert_eq!(
        said,
        "This identity belongs to another user (IdentityConflict)"
    );
    let tenant = two.world.rehearsal.tenant();
    assert_eq!(tenant.user_of("github", CHOIR).as_deref(), Some(third));
    assert_eq!(two.asked(), 1);
    // Here both are as before; that the other mailbox was set aside there is for its own session
    // to find out.
    let accounts = app.accounts_now().await;
    assert_eq!(accounts.len(), 2);
    assert!(accounts.iter().all(|account| !account.read_only));
    assert!(app.message_count(&two.aside.id).await.unwrap() >= 40);
    assert!(app.sealed_now().await.unwrap().is_empty());
    app.stop().await;
}
