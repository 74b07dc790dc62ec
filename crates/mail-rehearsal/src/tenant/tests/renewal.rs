use std::time::Duration;

use serde_json::json;

use super::*;
use crate::faults::Switch;
use crate::tenant::{TokenRefused, TokenVerifier};

const DAY: Duration = Duration::from_secs(86_400);

fn access(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_outlives_its_tokens() {
    let world = World::new().await;
    let mut client = world.client();
    let first = client.sign_in(&ana_at_work()).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    world.clock.advance(DAY);
    assert_eq!(world.tenant.person_of(&first), Err(TokenRefused::Expired));
    let next = access(&client.renew().await);
    assert_eq!(world.tenant.person_of(&next), Ok(ana_at_work()));
    world.clock.advance(DAY * 30);
    assert_eq!(client.renew().await.status, 404);
}

#[tokio::test]
async fn every_renewal_gives_a_new_cookie_and_the_old_one_dies_when_it_is_used() {
    let world = World::new().await;
    let mut client = world.client();
    client.sign_in(&ana_at_work()).await;
    let first = client.jar["authress-session"].clone();
    client.renew().await;
    let second = client.jar["authress-session"].clone();
    assert_ne!(first, second);

    client.jar.insert("authress-session".into(), first.clone());
    assert_eq!(
        client.renew().await.status,
        200,
        "the answer may have been lost"
    );
    client.renew().await;

    for spent in [first, second] {
        client.jar.insert("authress-session".into(), spent);
        let answer = client.renew().await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "NotFound".to_owned())
        );
    }
}

#[tokio::test]
async fn a_client_and_the_browser_hold_sessions_of_their_own() {
    let world = World::new().await;
    let (mut client, mut browser) = (world.client(), world.client());
    let (id, url) = client.begun(&json!({})).await;
    let code = query(
        &browser.choose(&url, &ana_at_work()).await.location(),
        "code",
    )
    .unwrap();
    client.exchange(&id, &code).await;
    assert_ne!(
        client.jar["authress-session"],
        browser.jar["authress-session"]
    );
    assert_eq!(
        browser
            .call(Method::DELETE, "/api/session", &json!({}))
            .await
            .status,
        200
    );
    assert_eq!(client.renew().await.status, 200);
}

#[tokio::test]
async fn two_accounts_of_one_program_are_two_sessions() {
    let world = World::new().await;
    let (mut work, mut home) = (world.client(), world.client());
    work.sign_in(&ana_at_work()).await;
    home.sign_in(&ana_at_home()).await;
    assert_eq!(
        work.call(Method::DELETE, "/api/session", &json!({}))
            .await
            .status,
        200
    );
    let token = access(&home.renew().await);
    assert_eq!(world.tenant.person_of(&token), Ok(ana_at_home()));
}

#[tokio::test]
async fn signing_out_takes_the_cookies_back_and_ends_the_session() {
    let world = World::new().await;
    let mut client = world.client();
    client.sign_in(&ana_at_work()).await;
    let kept = client.jar.clone();
    let answer = client
        .call(Method::DELETE, "/api/session", &json!({}))
        .await;
    assert_eq!(answer.status, 200);
    for name in ["authress-session", "authorization", "user", "auth-code"] {
        assert!(
            answer.cookie_line(name).unwrap().contains("Max-Age=0"),
            "{name}"
        );
    }
    client.jar = kept;
    assert_eq!(client.renew().await.status, 404);
    assert_eq!(
        client
            .call(Method::DELETE, "/api/session", &json!({}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_logout_page_goes_back_to_the_application_only() {
    let world = World::new().await;
    let mut browser = world.client();
    let (_, url) = browser.begun(&json!({})).await;
    browser.choose(&url, &ana_at_work()).await;
    let kept = browser.jar.clone();
    let foreign = browser
        .get("/logout?client_id=app_braid&redirect_uri=https%3A%2F%2Fevil.example%2F")
        .await;
    assert_eq!(foreign.status, 400);
    let answer = browser
        .get("/logout?client_id=app_braid&redirect_uri=http%3A%2F%2Flocalhost%3A5%2Fbye")
        .await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.location().as_str(), "http://localhost:5/bye");
    browser.jar = kept;
    assert_eq!(browser.renew().await.status, 404);
}

#[tokio::test]
async fn tokens_can_come_as_cookies_alone() {
    let world = World::new().await;
    world.faults.switch(Switch::CookieOnlyTokens, true);
    let mut client = world.client();
    let (id, code) = client.code_for(&ana_at_work()).await;
    let answer = client.exchange(&id, &code).await;
    assert_eq!(answer.json(), json!({}));
    assert_eq!(
        world.tenant.person_of(&client.jar["authorization"]),
        Ok(ana_at_work())
    );
    assert_eq!(
        claims(&client.jar["user"])["email"],
        "ana@northwind.example"
    );
    client.jar.remove("authorization");
    assert_eq!(client.renew().await.json(), json!({}));
    assert!(client.jar.contains_key("authorization"));
}

#[tokio::test]
async fn tokens_can_be_declared_expired_and_sessions_ended() {
    let world = World::new().await;
    let mut client = world.client();
    let first = client.sign_in(&ana_at_work()).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    world.faults.expire_tokens();
    assert_eq!(world.tenant.person_of(&first), Err(TokenRefused::Expired));
    let second = access(&client.renew().await);
    world.faults.end_sessions();
    assert_eq!(world.tenant.person_of(&second), Ok(ana_at_work()));
    assert_eq!(client.renew().await.status, 404);
}

#[tokio::test]
async fn rotated_keys_sign_new_tokens_and_old_tokens_stay_good() {
    let world = World::new().await;
    let mut client = world.client();
    let first = client.sign_in(&ana_at_work()).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    world.faults.rotate_keys();
    let second = access(&client.renew().await);
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_ne!(kid(&first), kid(&second));
    assert_eq!(world.tenant.person_of(&first), Ok(ana_at_work()));
    let published = client
        .get("/.well-known/openid-configuration/jwks")
        .await
        .json();
    let ids: Vec<&str> = published["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [kid(&first), kid(&second)]);
    world.clock.advance(DAY);
    let published = client
        .get("/.well-known/openid-configuration/jwks")
        .await
        .json();
    assert_eq!(published["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_restart_keeps_sessions_keys_and_sign_ins_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let before = World::with(StateDir::open(dir.path()).unwrap(), None, |_| {}).await;
    let mut client = before.client();
    let token = client.sign_in(&ana_at_work()).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let (id, code) = client.code_for(&ana_at_home()).await;

    // The first tenant still holds the folder, so what it wrote is looked at in a copy of it.
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(
        dir.path().join("tenant.json"),
        copy.path().join("tenant.json"),
    )
    .unwrap();
    let issuer = before.url.clone();
    let after = World::with(StateDir::open(copy.path()).unwrap(), None, |config| {
        config.issuer = issuer
    })
    .await;
    assert_eq!(after.tenant.person_of(&token), Ok(ana_at_work()));
    client.url = after.url.clone();
    assert_eq!(client.renew().await.status, 200);
    assert_eq!(after.client().exchange(&id, &code).await.status, 200);
}

#[tokio::test]
async fn what_is_remembered_cannot_be_used_to_sign_in() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::with(StateDir::open(dir.path()).unwrap(), None, |_| {}).await;
    let mut client = world.client();
    client.sign_in(&ana_at_work()).await;
    let (_, code) = client.code_for(&ana_at_work()).await;
    let kept = std::fs::read_to_string(dir.path().join("tenant.json")).unwrap();
    assert!(!kept.contains(&client.jar["authress-session"]) && !kept.contains(&code));
}
