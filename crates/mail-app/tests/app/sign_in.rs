//! Signing in, again, as somebody else, and not at all.

use std::sync::atomic::Ordering;

use mail_app::{
    App, AttemptRequest, BeginSignInRequest, ErrorCode, HealthView, SignInView, Vault as _,
};
use serde_json::json;

use crate::world::{LIMIT, World, finish, until};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_sign_in_and_each_has_an_account_of_their_own() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    assert_ne!(work.id, personal.id);
    assert_ne!(work.color, personal.color);
    assert_eq!(
        (work.email.as_str(), personal.email.as_str()),
        ("ana@northwind.example", "ana.m@mail.example")
    );
    assert!(
        matches!(work.health, HealthView::Current)
            && matches!(personal.health, HealthView::Current)
    );
    assert_eq!(world.vault.names().await.unwrap().len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_is_here_already_and_nothing_changes() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let epoch = epoch_of(&world, &work.id);
    let ended = world.sign_in(&app, "Work", None).await;
    assert_eq!(
        ended,
        SignInView::AlreadyHere {
            account: work.id.clone()
        }
    );
    assert_eq!(
        epoch_of(&world, &work.id),
        epoch,
        "the session is the old one"
    );
    assert_eq!(app.accounts_now().await.len(), 2);
    assert_eq!(world.vault.names().await.unwrap().len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_than_asked_for_changes_nothing() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let ended = world.sign_in(&app, "Choir", Some(&work.id)).await;
    let SignInView::OtherPerson { expected, found } = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(
        (expected.as_str(), found.as_str()),
        ("ana@northwind.example", "ana@choir.example")
    );
    assert_eq!(app.accounts_now().await.len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_given_up_changes_nothing() {
    let world = World::new().await;
    let app = world.start().await;
    // Nobody clicks.
    let request = BeginSignInRequest {
        connection: None,
        account: None,
    };
    let attempt = app.begin_sign_in(request).await.unwrap().attempt;
    let mut phases = app.sign_in_phases(&attempt).unwrap();
    phases
        .wait_for(|phase| *phase == SignInView::Waiting)
        .await
        .unwrap();
    app.cancel_sign_in(AttemptRequest {
        attempt: attempt.clone(),
    })
    .await
    .unwrap();
    assert_eq!(finish(&app, attempt, "Work").await, SignInView::Cancelled);
    assert!(app.accounts_now().await.is_empty());
    assert!(world.vault.names().await.unwrap().is_empty());
    assert_eq!(
        std::fs::read_dir(world.paths().accounts()).unwrap().count(),
        0
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_named_is_not_added_before_it_is_confirmed() {
    let world = World::new().await;
    let app = world.start().await;
    let connection = world.at_the_browser("Work");
    let request = BeginSignInRequest {
        connection: Some(connection),
        account: None,
    };
    let attempt = app.begin_sign_in(request).await.unwrap().attempt;
    let mut phases = app.sign_in_phases(&attempt).unwrap();
    let named = phases
        .wait_for(|phase| matches!(phase, SignInView::Confirm { .. }))
        .await
        .unwrap()
        .clone();
    let SignInView::Confirm { email, name, .. } = named else {
        unreachable!()
    };
    assert_eq!(
        (email.as_str(), name.as_str()),
        ("ana@northwind.example", "Northwind")
    );
    assert!(app.accounts_now().await.is_empty());
    app.cancel_sign_in(AttemptRequest {
        attempt: attempt.clone(),
    })
    .await
    .unwrap();
    let ended = phases
        .wait_for(|phase| !matches!(phase, SignInView::Confirm { .. }))
        .await
        .unwrap()
        .clone();
    assert_eq!(ended, SignInView::Cancelled);
    assert!(app.accounts_now().await.is_empty());
    assert!(world.vault.names().await.unwrap().is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_there_again_after_a_restart_without_a_sign_in() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    let opened = world.browser.opened.lock().unwrap().len();
    let app = world.start().await;
    let again = tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    assert_eq!(
        again.iter().map(|account| &account.id).collect::<Vec<_>>(),
        [&work.id, &personal.id]
    );
    assert!(
        again
            .iter()
            .all(|account| matches!(account.health, HealthView::Current)),
        "{again:?}"
    );
    assert_eq!(world.browser.opened.lock().unwrap().len(), opened);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_asks_for_a_sign_in_and_deletes_nothing() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    let lost = world
        .vault
        .names()
        .await
        .unwrap()
        .into_iter()
        .find(|name| name.as_str() == work.id);
    world.vault.delete_key(&lost.unwrap()).await.unwrap();
    let app = world.start().await;
    until(&app, "a question to sign in", async |accounts| {
        matches!(accounts[0].health, HealthView::SignInNeeded)
            && matches!(accounts[1].health, HealthView::Current)
    })
    .await;
    let ended = world.sign_in(&app, "Work", Some(&work.id)).await;
    assert_eq!(
        ended,
        SignInView::Renewed {
            account: work.id.clone()
        }
    );
    let again = tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    assert!(
        again
            .iter()
            .all(|account| matches!(account.health, HealthView::Current)),
        "{again:?}"
    );
    assert_eq!(again[0].unread, work.unread);
    assert_eq!(again[1].id, personal.id);
    let copies = app.sealed_now().await.unwrap();
    assert_eq!(copies.len(), 1, "the unreadable files are kept");
    assert_eq!(copies[0].why, mail_app::SealedWhy::KeyLost);
    assert!(copies[0].octets > 0 && copies[0].keep_until.is_none());
    app.stop().await;
}

/// What the sealed session looks like: anew after each sign-in.
fn epoch_of(world: &World, account: &str) -> Vec<u8> {
    let id = mail_model::AccountId::new(account.to_owned()).unwrap();
    std::fs::read(world.paths().session(&id)).unwrap()
}

/// Begins a sign-in and waits until it stands where `there` says.
async fn begun(
    app: &App,
    connection: Option<String>,
    there: impl FnMut(&SignInView) -> bool,
) -> String {
    let request = BeginSignInRequest {
        connection,
        account: None,
    };
    let attempt = app.begin_sign_in(request).await.unwrap().attempt;
    let mut phases = app.sign_in_phases(&attempt).unwrap();
    tokio::time::timeout(LIMIT, phases.wait_for(there))
        .await
        .unwrap()
        .unwrap();
    attempt
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_in_two_sign_ins_at_once_has_one_account() {
    let world = World::new().await;
    let app = world.start().await;
    let connection = world.at_the_browser("Work");
    let named = |phase: &SignInView| matches!(phase, SignInView::Confirm { .. });
    let first = begun(&app, Some(connection.clone()), named).await;
    let second = begun(&app, Some(connection), named).await;
    let SignInView::Added { account } = finish(&app, first, "Work").await else {
        panic!("the first one adds the account")
    };
    assert_eq!(
        finish(&app, second, "Work again").await,
        SignInView::AlreadyHere { account }
    );
    assert_eq!(app.accounts_now().await.len(), 1);
    assert_eq!(world.vault.names().await.unwrap().len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_cannot_be_opened_ends_the_sign_in_at_once() {
    let world = World::new().await;
    world.browser.missing.store(true, Ordering::Relaxed);
    let app = world.start().await;
    let ended = world.sign_in(&app, "Work", None).await;
    let failed = SignInView::Failed {
        code: ErrorCode::Browser,
        detail: None,
    };
    assert_eq!(ended, failed);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_with_the_tenant_it_belongs_to() {
    let world = World::new().await;
    let app = world.start().await;
    let waiting = |phase: &SignInView| *phase == SignInView::Waiting;
    let attempt = begun(&app, None, waiting).await;
    app.call("tenant.forget", json!({})).await.unwrap();
    assert_eq!(finish(&app, attempt, "Work").await, SignInView::Cancelled);
    app.stop().await;
}
