//! The sessions page against the rehearsal: what it says, what it can do, what is not in it.

use mail_app::{App, Fix, SessionView, SignInView};
use mail_rehearsal::faults::{Server, Switch};
use serde_json::{Value, json};

use crate::world::{World, until};

async fn call(app: &App, name: &str, payload: Value) -> Value {
    let reply = app.call(name, payload).await;
    reply.unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn sessions(app: &App) -> Vec<SessionView> {
    app.sessions_now().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_account_says_who_is_signed_in_how_since_when_and_whom_it_speaks_to() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let listed = call(&app, "sessions.list", json!({})).await;
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
    let people = &world.rehearsal.description().people;
    for (session, view) in sessions(&app).await.iter().zip([&work, &personal]) {
        let person = people.iter().find(|p| p.account == view.name).unwrap();
        assert_eq!(session.account, view.id);
        assert_eq!(session.person.as_deref(), Some(person.name.as_str()));
        assert_eq!(
            (&session.email, &session.user),
            (&person.email, &person.user)
        );
        assert_eq!(session.issuer, "127.0.0.1");
        assert!(session.connection.is_some());
        let (signed_in, ends) = (
            session.signed_in_at.unwrap(),
            session.token_ends_at.unwrap(),
        );
        assert!(signed_in < ends, "{session:?}");
        assert!(session.session_ends_at.is_some_and(|end| end > ends));
        assert!(session.renewed_at.is_none() && session.synced_at.is_some());
        assert!(session.octets > 0 && session.queued == 0);
        // Login service and mail server are on one machine here.
        assert_eq!(session.hosts.len(), 1, "{:?}", session.hosts);
        assert!(session.hosts[0].requests > 4);
        assert_eq!(session.fix, Fix::Nothing);
    }

    // A renewal is told, and hosts outlive the app.
    world.rehearsal.faults().expire_tokens();
    call(&app, "account.sync", json!({ "account": work.id })).await;
    until(&app, "a renewal", async |_| {
        sessions(&app).await[0].renewed_at.is_some()
    })
    .await;
    let before = sessions(&app).await[0].hosts[0].clone();
    app.stop().await;
    drop(app);
    let app = world.start().await;
    let after = sessions(&app).await[0].hosts[0].clone();
    assert_eq!(after.first_at, before.first_at);
    assert!(after.requests >= before.requests, "{after:?} {before:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_asks_for_a_sign_in_and_the_other_account_for_nothing() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let person = world.rehearsal.description().people.iter();
    let user = person
        .clone()
        .find(|p| p.account == "Work")
        .unwrap()
        .user
        .clone();
    world.rehearsal.tenant().end_sessions_of(&user);
    world.rehearsal.faults().expire_tokens();
    call(&app, "account.sync", json!({ "account": work.id })).await;
    until(&app, "a needed sign-in", async |_| {
        sessions(&app).await[0].fix == Fix::SignIn
    })
    .await;
    let found = sessions(&app).await;
    // Who it was stays known.
    assert!(found[0].person.is_some() && found[0].token_ends_at.is_none());
    assert_ne!(found[1].fix, Fix::SignIn);
    let again = world.sign_in(&app, "Work", Some(&work.id)).await;
    assert!(matches!(again, SignInView::Renewed { .. }), "{again:?}");
    until(&app, "a mended account", async |_| {
        sessions(&app).await[0].fix == Fix::Nothing
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_for_support_has_no_mail_no_name_no_address_and_no_secret() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let reply = call(&app, "session.support", json!({ "account": work.id })).await;
    let text = reply["text"].as_str().unwrap();
    for needed in [
        "Braid ",
        "State: current",
        "Hosts:\n  127.0.0.1: ",
        "New mail: ",
    ] {
        assert!(text.contains(needed), "{needed} in {text}");
    }
    let people = &world.rehearsal.description().people;
    let person = people.iter().find(|p| p.account == "Work").unwrap();
    let folder = world.folder.path().to_string_lossy().into_owned();
    for hidden in [
        person.name.as_str(),
        &person.email,
        &person.user,
        &person.connection_user_id,
        &work.id,
        &work.name,
        &folder,
        "@",
        "eyJ",
        "Cutover plan",
    ] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    let foreign = app
        .call("session.support", json!({ "account": "nobody" }))
        .await;
    assert!(foreign.is_err());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_factors_are_listed_and_removed_and_where_there_are_none_that_is_said() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let account = json!({ "account": work.id });
    let none = call(&app, "session.devices", account.clone()).await;
    assert_eq!(none["devices"], json!([]));

    // Registering is the browser's business: the person's own page does it with their session.
    let token = world.access_token(&work.id).await;
    let login = &world.rehearsal.description().login_url;
    let code = json!({ "credentialId": "c1", "type": "public-key" });
    let device = json!({ "name": "Ana's key", "type": "WebAuthN", "code": code });
    let registered = reqwest::Client::builder().no_proxy().build().unwrap();
    let registered = registered
        .post(format!("{login}/api/session/devices"))
        .bearer_auth(token)
        .header("origin", "http://127.0.0.1:1")
        .json(&device)
        .send();
    let registered = registered.await.unwrap();
    let status = registered.status();
    let said = registered.text().await.unwrap();
    assert!(status.is_success(), "{status}: {said}");
    let one = call(&app, "session.devices", account.clone()).await;
    assert_eq!(one["devices"][0]["name"], "Ana's key");
    let device = one["devices"][0]["id"].clone();
    let remove = json!({ "account": work.id, "device": device });
    let left = call(&app, "session.remove_device", remove).await;
    assert_eq!(left["devices"], json!([]));

    world.rehearsal.faults().switch(Switch::NoDevices, true);
    let not_offered = call(&app, "session.devices", account).await;
    assert_eq!(not_offered["devices"], Value::Null);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_own_settings_page_opens_in_the_browser_without_any_secret_in_its_address() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    *world.browser.person.lock().unwrap() = None;
    call(&app, "session.settings_page", json!({ "account": work.id })).await;
    let opened = world
        .browser
        .opened
        .lock()
        .unwrap()
        .last()
        .cloned()
        .unwrap();
    assert_eq!(opened.path(), "/settings");
    let token = world.access_token(&work.id).await;
    assert!(!opened.as_str().contains(&token));
    let names: Vec<_> = opened
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(names, ["client_id", "start_page", "redirect_uri"]);
    let asked = world
        .rehearsal
        .faults()
        .requests(Server::Login, "GET", "/settings");
    assert_eq!(asked, 0, "the browser asks, not the app");
    app.stop().await;
}
