//! One account at a time.

use mail_app::{
    Config, ConfirmSignInRequest, DataChoice, ErrorCode, HealthView, SignInView, Vault as _,
};
use serde_json::json;

use crate::life::first;
use crate::world::{World, until};

async fn view(app: &mail_app::App) -> serde_json::Value {
    first(app, "app", json!({})).await["app"]["one_account"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_it_on_asks_which_account_stays_and_signs_the_others_out() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let on = json!({ "on": true, "keep": null, "data": null });
    let refused = app.call("one_account.set", on).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ChooseAccount);
    assert_eq!(app.accounts_now().await.len(), 2);
    let on = json!({ "on": true, "keep": personal.id, "data": "sealed" });
    app.call("one_account.set", on).await.unwrap();
    let left = app.accounts_now().await;
    assert_eq!((left.len(), left[0].id.as_str()), (1, personal.id.as_str()));
    assert_eq!(app.sealed_now().await.unwrap()[0].id, work.id);
    let told = json!({ "on": true, "managed": false, "choose": false });
    assert_eq!(view(&app).await, told);
    let back = json!({ "sealed": work.id });
    let refused = app.call("sealed.restore", back).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ChooseAccount);
    let off = json!({ "on": false, "keep": null, "data": null });
    app.call("one_account.set", off).await.unwrap();
    assert_eq!(view(&app).await["on"], false);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_to_another_signs_the_first_one_out_after_saying_so() {
    let world = World::new().await;
    let app = world.start().await;
    let on = json!({ "on": true, "keep": null, "data": null });
    app.call("one_account.set", on).await.unwrap();
    let SignInView::Added { account: work } = world.sign_in(&app, "Work", None).await else {
        panic!("Work is added")
    };
    let said = std::sync::Mutex::new(Vec::new());
    let wipe = |confirm: &SignInView, request: &mut ConfirmSignInRequest| {
        if let SignInView::Confirm { replaces, .. } = confirm {
            said.lock().unwrap().clone_from(replaces);
        }
        request.replaced_data = Some(DataChoice::Wiped);
    };
    let ended = world.sign_in_as(&app, "Personal", wipe).await;
    assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    let said = said.into_inner().unwrap();
    assert_eq!((said.len(), said[0].id.as_str()), (1, work.as_str()));
    let left = app.accounts_now().await;
    assert_eq!((left.len(), left[0].name.as_str()), (1, "Personal"));
    assert!(app.sealed_now().await.unwrap().is_empty());
    let keys = world.vault.names().await.unwrap();
    assert_eq!((keys.len(), keys[0].as_str()), (1, left[0].id.as_str()));
    assert_eq!(
        std::fs::read_dir(world.paths().accounts()).unwrap().count(),
        1
    );
    // Switching back is a new sign-in.
    let ended = world.sign_in(&app, "Work", None).await;
    assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    until(&app, "the one account", async |accounts| {
        accounts.len() == 1 && accounts[0].health == HealthView::Current
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_were_named_are_signed_out() {
    let world = World::new().await;
    let app = world.start().await;
    world.sign_in(&app, "Work", None).await;
    let connection = world.at_the_browser("Personal");
    let request = mail_app::BeginSignInRequest {
        connection: Some(connection),
        account: None,
    };
    let attempt = app.begin_sign_in(request).await.unwrap().attempt;
    let mut phases = app.sign_in_phases(&attempt).unwrap();
    let asked = phases
        .wait_for(|phase| matches!(phase, SignInView::Confirm { .. }))
        .await
        .unwrap()
        .clone();
    let SignInView::Confirm { replaces, .. } = asked else {
        unreachable!()
    };
    assert!(replaces.is_empty());
    // Turned on while the question stands: it named nobody.
    let on = json!({ "on": true, "keep": null, "data": null });
    app.call("one_account.set", on).await.unwrap();
    let ended = crate::world::finish(&app, attempt, "Personal").await;
    assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
    assert_eq!(app.accounts_now().await.len(), 2);
    assert!(app.sealed_now().await.unwrap().is_empty());
    assert_eq!(view(&app).await["choose"], true);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_confirmed_signs_nobody_out() {
    let world = World::new().await;
    let app = world.start().await;
    let on = json!({ "on": true, "keep": null, "data": null });
    app.call("one_account.set", on).await.unwrap();
    world.sign_in(&app, "Work", None).await;
    let connection = world.at_the_browser("Personal");
    let request = mail_app::BeginSignInRequest {
        connection: Some(connection),
        account: None,
    };
    let attempt = app.begin_sign_in(request).await.unwrap().attempt;
    let mut phases = app.sign_in_phases(&attempt).unwrap();
    phases
        .wait_for(|phase| matches!(phase, SignInView::Confirm { .. }))
        .await
        .unwrap();
    // The app ends while the question stands.
    app.stop().await;
    drop(app);
    let app = world.start().await;
    until(&app, "the first one", async |accounts| {
        accounts.len() == 1 && accounts[0].health == HealthView::Current
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_turns_it_on_lets_the_person_choose() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    let app = world
        .start_configured(|config| Config {
            one_account: Some(true),
            one_account_managed: true,
            ..config
        })
        .await;
    let told = json!({ "on": true, "managed": true, "choose": true });
    assert_eq!(view(&app).await, told);
    let off = json!({ "on": false, "keep": null, "data": null });
    let refused = app.call("one_account.set", off).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Managed);
    let keep = json!({ "on": true, "keep": work.id, "data": "wiped" });
    app.call("one_account.set", keep).await.unwrap();
    let told = json!({ "on": true, "managed": true, "choose": false });
    assert_eq!(view(&app).await, told);
    app.stop().await;
}
