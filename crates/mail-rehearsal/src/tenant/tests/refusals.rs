use std::time::Duration;

use serde_json::json;

use super::*;
use crate::faults::{Rule, Server, Switch};
use crate::tenant::{TokenRefused, TokenVerifier};

async fn refused(client: &mut Client, changes: &Value) -> (u16, String) {
    let answer = client.begin(changes).await;
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn a_sign_in_needs_the_proof_of_work() {
    let world = World::new().await;
    let mut client = world.client();
    let wrong = (400, "AntiAbuseHashInvalid".to_owned());
    assert_eq!(
        refused(&mut client, &json!({ "antiAbuseHash": null })).await,
        wrong
    );
    let other = prove("google|app_braid", THEN);
    assert_eq!(
        refused(&mut client, &json!({ "antiAbuseHash": other })).await,
        wrong
    );
    let old = prove("app_braid", THEN - 300_001);
    assert_eq!(
        refused(&mut client, &json!({ "antiAbuseHash": old })).await,
        wrong
    );
    world.faults.switch(Switch::RelaxedHash, true);
    assert_eq!(
        client.begin(&json!({ "antiAbuseHash": null })).await.status,
        200
    );
}

#[tokio::test]
async fn a_sign_in_needs_a_challenge_of_s256() {
    let world = World::new().await;
    let mut client = world.client();
    for changes in [
        json!({ "codeChallenge": null }),
        json!({ "codeChallenge": "short" }),
        json!({ "codeChallengeMethod": "plain" }),
        json!({ "codeChallengeMethod": null }),
    ] {
        assert_eq!(
            refused(&mut client, &changes).await,
            (400, "CodeChallengeInvalid".to_owned()),
            "{changes}"
        );
    }
}

#[tokio::test]
async fn a_sign_in_goes_back_to_the_application_only() {
    let world = World::new().await;
    let mut client = world.client();
    for url in [
        "https://evil.example/",
        "javascript:alert(1)",
        "no url",
        "braid://auth/callback",
    ] {
        let answer = refused(&mut client, &json!({ "redirectUrl": url })).await;
        assert_eq!(answer, (400, "RedirectUrlNotAllowed".to_owned()), "{url}");
    }
    assert_eq!(
        refused(&mut client, &json!({ "applicationId": "app_other" })).await,
        (400, "UnknownApplication".to_owned())
    );
    assert_eq!(
        refused(&mut client, &json!({ "connectionId": "nowhere" })).await,
        (404, "NotFound".to_owned())
    );
    assert_eq!(
        refused(&mut client, &json!({ "flowType": "device" })).await,
        (400, "InvalidRequest".to_owned())
    );
}

#[tokio::test]
async fn a_request_has_to_say_which_application_it_comes_from() {
    let world = World::new().await;
    let mut client = world.client();
    let body = client.begin_body(&json!({}));
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
    ] {
        let answer = client
            .send(Method::POST, "/api/authentication", Some(&body), headers)
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (403, "OriginNotAllowed".to_owned()),
            "{headers:?}"
        );
        assert!(
            !answer
                .headers
                .contains_key("access-control-allow-credentials")
        );
    }
    let answer = client
        .send(Method::GET, "/settings", None, &[("host", "evil.example")])
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (421, "MisdirectedRequest".to_owned())
    );
}

#[tokio::test]
async fn a_code_is_good_once() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, code) = client.code_for(&ana_at_work()).await;
    assert_eq!(client.exchange(&id, &code).await.status, 200);
    let again = client.exchange(&id, &code).await;
    assert_eq!(again.status, 400);
    assert_eq!(again.json()["error"], "invalid_request");
}

#[tokio::test]
async fn a_forged_code_is_refused_and_the_true_one_still_good() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, code) = client.code_for(&ana_at_work()).await;
    assert_eq!(
        client.exchange(&id, "forged").await.json()["error"],
        "invalid_request"
    );
    assert_eq!(
        client.exchange("another-request", &code).await.json()["error"],
        "invalid_request"
    );
    assert_eq!(client.exchange(&id, &code).await.status, 200);
}

#[tokio::test]
async fn a_code_of_one_request_is_worthless_for_another() {
    let world = World::new().await;
    let mut client = world.client();
    let (first, code) = client.code_for(&ana_at_work()).await;
    let (second, _) = client.code_for(&ana_at_home()).await;
    assert_eq!(client.exchange(&second, &code).await.status, 400);
    assert_eq!(client.exchange(&first, &code).await.status, 200);
}

#[tokio::test]
async fn a_code_ends_after_five_minutes() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, code) = client.code_for(&ana_at_work()).await;
    world.clock.advance(Duration::from_secs(299));
    let (late_id, late_code) = client.code_for(&ana_at_work()).await;
    assert_eq!(client.exchange(&id, &code).await.status, 200);
    world.clock.advance(Duration::from_secs(300));
    let late = client.exchange(&late_id, &late_code).await;
    assert_eq!(
        (late.status.as_u16(), late.json()["error"].clone()),
        (400, json!("invalid_request"))
    );
}

#[tokio::test]
async fn a_sign_in_ends_after_five_minutes() {
    let world = World::new().await;
    let mut client = world.client();
    let (_, url) = client.begun(&json!({})).await;
    world.clock.advance(Duration::from_secs(300));
    let page = client.choose(&url, &ana_at_work()).await;
    assert_eq!(page.status, 404);
    assert!(page.text.contains("This sign-in has ended"));
}

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_uses_the_code_up() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, code) = client.code_for(&ana_at_work()).await;
    let path = format!("/api/authentication/{id}/tokens");
    let mut body = client.exchange_body(&id, &code);
    body["code_verifier"] = "another-verifier-that-is-just-as-long-as-it-must-be".into();
    assert_eq!(
        client.call(Method::POST, &path, &body).await.json()["error"],
        "invalid_request"
    );
    assert_eq!(client.exchange(&id, &code).await.status, 400);
}

#[tokio::test]
async fn an_exchange_has_to_repeat_what_the_sign_in_said() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, code) = client.code_for(&ana_at_work()).await;
    let path = format!("/api/authentication/{id}/tokens");
    for (field, value) in [
        (
            "redirect_uri",
            json!("http://127.0.0.1:8124/signed-in?keep=me"),
        ),
        ("redirect_uri", Value::Null),
        ("grant_type", json!("refresh_token")),
    ] {
        let mut body = client.exchange_body(&id, &code);
        body[field] = value;
        assert_eq!(
            client.call(Method::POST, &path, &body).await.json()["error"],
            "invalid_request",
            "{field}"
        );
    }
    let mut body = client.exchange_body(&id, &code);
    body["antiAbuseHash"] = prove("app_braid|other|code", THEN).into();
    assert_eq!(
        client.call(Method::POST, &path, &body).await.code(),
        "AntiAbuseHashInvalid"
    );
    let form = client
        .http
        .post(client.url.join(&path).unwrap())
        .header("origin", APP)
        .body("code=x")
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 415);
    assert_eq!(client.exchange(&id, &code).await.status, 200);
}

#[tokio::test]
async fn every_answer_can_be_read_by_the_page_that_asked() {
    let world = World::new().await;
    let mut client = world.client();
    world
        .faults
        .add(Rule::status("/api/session/devices", 500, 1));
    for (path, status) in [
        ("/api/session/profile", 401),
        ("/api/session/devices", 500),
        ("/nothing/here", 404),
        ("/api/authentication", 405),
        ("/.well-known/openid-configuration/jwks", 200),
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], APP, "{path}");
        assert_eq!(
            answer.headers["access-control-allow-credentials"], "true",
            "{path}"
        );
        if status >= 400 {
            let body = answer.json();
            assert!(
                body["title"].is_string()
                    && body["errorCode"].is_string()
                    && body["errorId"].is_string(),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_preflight_allows_what_the_official_client_sends() {
    let world = World::new().await;
    let mut client = world.client();
    let asked = [
        ("origin", APP),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "x-other"),
    ];
    let answer = client
        .send(Method::OPTIONS, "/api/session", None, &asked)
        .await;
    assert_eq!(answer.status, 204);
    let headers = answer.headers["access-control-allow-headers"]
        .to_str()
        .unwrap()
        .to_owned();
    for name in ["content-type", "authorization", "x-powered-by", "x-other"] {
        assert!(headers.contains(name), "{name}");
    }
    let methods = answer.headers["access-control-allow-methods"]
        .to_str()
        .unwrap()
        .to_owned();
    for name in ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"] {
        assert!(methods.contains(name), "{name}");
    }
}

#[tokio::test]
async fn tokens_of_others_and_none_are_not_accepted() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let tokens = elsewhere.client().sign_in(&ana_at_work()).await;
    let foreign = tokens["access_token"].as_str().unwrap();
    let id_token = world.client().sign_in(&ana_at_work()).await["id_token"]
        .as_str()
        .unwrap()
        .to_owned();
    for token in [foreign, "", "a.b.c", "null", id_token.as_str()] {
        assert_eq!(
            world.tenant.person_of(token),
            Err(TokenRefused::Unknown),
            "{token}"
        );
    }
}

#[tokio::test]
async fn the_nonce_can_be_left_out() {
    let world = World::new().await;
    world.faults.switch(Switch::NoNonce, true);
    let mut client = world.client();
    let (_, url) = client.begun(&json!({})).await;
    let back = client.choose(&url, &ana_at_work()).await.location();
    assert_eq!(query(&back, "nonce"), None);
    assert!(query(&back, "code").is_some());
    assert_eq!(world.faults.requests(Server::Login, "GET", "/login"), 1);
}
