use serde_json::json;

use super::*;
use crate::tenant::TokenVerifier;

#[tokio::test]
async fn a_person_signs_in_by_code_and_the_token_is_theirs() {
    let world = World::new().await;
    let mut client = world.client();
    for person in people() {
        let tokens = client.sign_in(&person).await;
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(world.tenant.person_of(access), Ok(person.clone()));
        let shown = claims(access);
        let issuer = world.url.origin().ascii_serialization();
        assert_eq!(shown["iss"], issuer.as_str());
        assert_eq!(shown["sub"], person.user.as_str());
        assert_eq!(shown["azp"], person.connection.as_str());
        assert_eq!(shown["client_id"], "app_braid");
        assert_eq!(
            shown["exp"].as_i64().unwrap() - shown["iat"].as_i64().unwrap(),
            86_400
        );
        assert!(shown["aud"].is_array());
        let id = claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(id["email"], person.email.as_str());
        assert_eq!(id["sub"], person.user.as_str());
    }
}

#[tokio::test]
async fn another_implementation_verifies_the_token_by_the_published_key() {
    let world = World::new().await;
    let mut client = world.client();
    let tokens = client.sign_in(&ana_at_work()).await;
    let access = tokens["access_token"].as_str().unwrap();
    let header = jsonwebtoken::decode_header(access).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let kid = header.kid.unwrap();
    let keys = client
        .get(&format!("/.well-known/openid-configuration/jwks?kid={kid}"))
        .await;
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&keys.text).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let read = jsonwebtoken::decode::<Value>(access, &key, &validation).unwrap();
    assert_eq!(read.claims["sub"], "northwind|ana.moreau");
}

#[tokio::test]
async fn the_redirect_keeps_its_query_and_carries_nonce_issuer_and_code_only() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, url) = client.begun(&json!({})).await;
    let answer = client.choose(&url, &ana_at_work()).await;
    assert_eq!(answer.status, 302);
    let back = answer.location();
    let names: Vec<String> = back
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(names, ["keep", "nonce", "iss", "code"]);
    assert_eq!(query(&back, "nonce"), Some(id));
    assert_eq!(
        query(&back, "iss"),
        Some(world.url.origin().ascii_serialization())
    );
    assert!(
        answer
            .cookie_line("authress-session")
            .unwrap()
            .contains("HttpOnly")
    );
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn the_page_offers_every_connection_and_then_its_people() {
    let world = World::new().await;
    let mut client = world.client();
    let (_, url) = client.begun(&json!({})).await;
    let page = client.get(url.as_str()).await;
    assert_eq!(page.status, 200);
    for name in ["Northwind", "Google", "GitHub"] {
        assert!(
            page.text.contains(&format!("Continue with {name}")),
            "{name}"
        );
    }
    assert!(!page.text.contains("<script") && !page.text.contains("<form"));
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let page = client.get(&format!("{url}&connection=google")).await;
    assert!(page.text.contains("ana.m@mail.example") && !page.text.contains("ana@choir.example"));
}

#[tokio::test]
async fn a_connection_asked_for_by_id_or_address_is_the_only_one_offered() {
    let world = World::new().await;
    let mut client = world.client();
    for changes in [
        json!({ "connectionId": "github" }),
        json!({ "tenantLookupIdentifier": "ana@choir.example" }),
    ] {
        let (_, url) = client.begun(&changes).await;
        let page = client.get(url.as_str()).await;
        assert!(page.text.contains("ana@choir.example") && !page.text.contains("Northwind"));
        assert_eq!(client.choose(&url, &ana_at_work()).await.status, 400);
    }
}

#[tokio::test]
async fn a_signed_in_browser_answers_at_once_unless_it_must_ask() {
    let world = World::new().await;
    let mut browser = world.client();
    let (_, url) = browser.begun(&json!({})).await;
    browser.choose(&url, &ana_at_work()).await;

    let (_, url) = browser.begun(&json!({})).await;
    assert_eq!(browser.get(url.as_str()).await.status, 302);
    let (_, url) = browser
        .begun(&json!({ "connectionId": "northwind-sso" }))
        .await;
    assert_eq!(browser.get(url.as_str()).await.status, 302);
    for asking in [
        json!({ "multiAccount": true }),
        json!({ "connectionProperties": { "prompt": "consent select_account" } }),
        json!({ "connectionId": "google" }),
    ] {
        let (_, url) = browser.begun(&asking).await;
        assert_eq!(browser.get(url.as_str()).await.status, 200, "{asking}");
    }
}

#[tokio::test]
async fn a_cancelled_sign_in_comes_back_with_an_error_and_ends() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, url) = client.begun(&json!({})).await;
    let back = client
        .get(&format!("/login/cancel?state={id}"))
        .await
        .location();
    assert_eq!(query(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(query(&back, "nonce"), Some(id));
    assert_eq!(query(&back, "code"), None);
    assert_eq!(client.choose(&url, &ana_at_work()).await.status, 404);
}

#[tokio::test]
async fn a_loopback_page_gets_tokens_in_the_query_by_default() {
    let world = World::new().await;
    let mut client = world.client();
    let (_, url) = client
        .begun(&json!({ "flowType": null, "responseLocation": null }))
        .await;
    let back = client.choose(&url, &ana_at_home()).await.location();
    let access = query(&back, "access_token").unwrap();
    assert_eq!(world.tenant.person_of(&access), Ok(ana_at_home()));
    assert!(query(&back, "id_token").is_some());
    assert_eq!(query(&back, "expires_in").as_deref(), Some("86400"));
    assert_eq!(query(&back, "code"), None);
}

#[tokio::test]
async fn a_neighbouring_page_gets_its_tokens_in_cookies_of_their_domain() {
    let world = World::with(StateDir::in_memory(), None, |config| {
        config.issuer = Url::parse("https://login.northwind.example").unwrap();
        config.redirect_urls = vec![Url::parse("https://app.northwind.example").unwrap()];
    })
    .await;
    let mut client = world.client();
    let changes = json!({ "flowType": null, "responseLocation": "cookie", "redirectUrl": "https://app.northwind.example/" });
    let (id, url) = client.begun(&changes).await;
    assert_eq!(url.host_str(), Some("login.northwind.example"));
    let local = world
        .url
        .join(&format!("{}?{}", url.path(), url.query().unwrap()))
        .unwrap();
    let answer = client.choose(&local, &ana_at_work()).await;
    let names: Vec<String> = answer
        .location()
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(names, ["nonce", "iss"]);
    assert_eq!(query(&answer.location(), "nonce"), Some(id));
    for name in ["authorization", "user"] {
        let line = answer.cookie_line(name).unwrap();
        assert!(
            line.contains("Domain=northwind.example")
                && line.contains("Secure")
                && !line.contains("HttpOnly"),
            "{name}"
        );
        assert!(line.len() < 4096);
    }
    let session = answer.cookie_line("authress-session").unwrap();
    assert!(
        session.contains("HttpOnly") && session.contains("Secure") && !session.contains("Domain")
    );
}

#[tokio::test]
async fn a_code_can_come_as_a_cookie() {
    let world = World::with(StateDir::in_memory(), None, |config| {
        config.redirect_urls = vec![Url::parse("https://app.northwind.example").unwrap()];
    })
    .await;
    let mut client = world.client();
    let (_, url) = client
        .begun(&json!({ "responseLocation": "cookie", "redirectUrl": "https://app.northwind.example/" }))
        .await;
    let answer = client.choose(&url, &ana_at_work()).await;
    assert_eq!(query(&answer.location(), "code").as_deref(), Some("cookie"));
    assert!(answer.cookie_line("auth-code").is_some());
}

#[tokio::test]
async fn a_custom_login_page_can_choose_the_connection() {
    let world = World::new().await;
    let mut client = world.client();
    let (id, url) = client.begun(&json!({})).await;
    let proof = prove(&format!("google|{id}"), THEN);
    let answer = client
        .call(
            Method::PATCH,
            &format!("/api/authentication/{id}"),
            &json!({ "connectionId": "google", "antiAbuseHash": proof }),
        )
        .await;
    assert_eq!(answer.json()["authenticationUrl"], url.as_str());
    assert!(
        client
            .get(url.as_str())
            .await
            .text
            .contains("ana.m@mail.example")
    );
}

#[tokio::test]
async fn an_id_token_says_what_the_provider_calls_the_person_unless_it_is_told_not_to() {
    let world = World::new().await;
    for told in [true, false] {
        world
            .faults
            .switch(crate::faults::Switch::NoProviderClaims, !told);
        let reply = world.client().sign_in(&ana_at_home()).await;
        let shown = claims(reply["id_token"].as_str().unwrap());
        let expected = if told {
            json!({ "sub": "104822617305" })
        } else {
            json!({})
        };
        assert_eq!(shown["data"], expected);
    }
}
