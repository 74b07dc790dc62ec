use std::time::Duration;

use serde_json::json;

use super::*;
use crate::faults::Switch;
use crate::people::{Linking, newcomers};
use crate::tenant::{ProviderCredentials, TokenRefused, TokenVerifier as _};

async fn signed_in(world: &World) -> (Client, String) {
    let mut client = world.client();
    let token = client.sign_in(&ana_at_work()).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    (client, token)
}

#[tokio::test]
async fn a_profile_names_the_linked_identity_with_its_time() {
    let world = World::new().await;
    let (_, token) = signed_in(&world).await;
    let body = world
        .client()
        .get_as("/api/session/profile", &token)
        .await
        .json();
    assert_eq!(body["userId"], "northwind|ana.moreau");
    assert_eq!(
        body["linkedIdentities"][0]["connection"],
        json!({ "connectionId": "northwind-sso", "userId": "ana.moreau" })
    );
    assert_eq!(
        body["linkedIdentities"][0]["linkedTime"],
        "2023-11-14T22:13:20Z"
    );
}

#[tokio::test]
async fn the_cookie_counts_when_there_is_no_bearer_and_a_bad_bearer_is_not_saved_by_it() {
    let world = World::new().await;
    let (mut client, _) = signed_in(&world).await;
    for header in ["null", "Bearer null"] {
        let answer = client
            .send(
                Method::GET,
                "/api/session/profile",
                None,
                &[("authorization", header)],
            )
            .await;
        assert_eq!(answer.json()["userId"], "northwind|ana.moreau", "{header}");
    }
    assert_eq!(
        client
            .get_as("/api/session/profile", "forged.token.here")
            .await
            .status,
        401
    );
    let answer = world.client().get("/api/session/profile").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, "Unauthorized".to_owned())
    );
}

#[tokio::test]
async fn a_user_reads_themselves_and_nobody_else() {
    let world = World::new().await;
    let (mut client, token) = signed_in(&world).await;
    let own = client
        .get_as("/v1/users/northwind%7Cana.moreau", &token)
        .await;
    assert_eq!(own.json()["email"], "ana@northwind.example");
    let other = client.get_as("/v1/users/github%7C4417208", &token).await;
    assert_eq!(
        (other.status.as_u16(), other.code()),
        (403, "Forbidden".to_owned())
    );
}

#[tokio::test]
async fn credentials_are_the_providers_and_renewed_before_they_end() {
    let world = World::new().await;
    let (mut client, token) = signed_in(&world).await;
    let mut ask = async || {
        client
            .get_as("/api/session/credentials", &token)
            .await
            .json()["accessToken"]
            .clone()
    };
    let first = ask().await;
    assert!(first.as_str().unwrap().starts_with("northwind-sso."));
    assert_eq!(ask().await, first);
    world.clock.advance(Duration::from_secs(3300));
    assert_ne!(ask().await, first);
}

#[tokio::test]
async fn devices_come_and_go() {
    let world = World::new().await;
    let (mut client, token) = signed_in(&world).await;
    assert_eq!(
        client.get_as("/api/session/devices", &token).await.json(),
        json!({ "devices": [] })
    );
    let device = client
        .call(
            Method::POST,
            "/api/session/devices",
            &json!({ "name": "Key", "type": "TOTP" }),
        )
        .await
        .json();
    let id = device["deviceId"].as_str().unwrap();
    assert_eq!(
        client.get("/api/session/devices").await.json()["devices"][0]["name"],
        "Key"
    );
    let path = format!("/api/session/devices/{id}");
    assert_eq!(
        client.call(Method::DELETE, &path, &json!({})).await.status,
        200
    );
    assert_eq!(
        client.call(Method::DELETE, &path, &json!({})).await.status,
        404
    );
}

#[tokio::test]
async fn second_factors_of_the_person_who_has_some_are_listed_and_removed_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::with(StateDir::open(dir.path()).unwrap(), None, |_| {}).await;
    let mut client = world.client();
    client.sign_in(&ana_at_home()).await;
    let listed = client.get("/api/session/devices").await.json();
    assert_eq!(
        listed,
        json!({ "devices": [
            { "deviceId": "device_phone", "name": "Ana's phone" },
            { "deviceId": "device_key", "name": "Security key" },
        ] })
    );
    let path = "/api/session/devices/device_phone";
    client.call(Method::DELETE, path, &json!({})).await;
    let kept = std::fs::read_to_string(dir.path().join("tenant.json")).unwrap();
    assert!(kept.contains("device_key") && !kept.contains("device_phone"));
}

#[tokio::test]
async fn second_factors_can_be_not_offered() {
    let world = World::new().await;
    let (mut client, _) = signed_in(&world).await;
    world.faults.switch(Switch::NoDevices, true);
    let device = json!({ "name": "Key", "type": "TOTP" });
    let path = "/api/session/devices";
    assert_eq!(client.get(path).await.status, 404);
    assert_eq!(client.call(Method::POST, path, &device).await.status, 404);
    let one = format!("{path}/1");
    assert_eq!(client.call(Method::DELETE, &one, &device).await.status, 404);
}

#[tokio::test]
async fn credentials_differ_by_user_and_connection_and_change_when_told() {
    let world = World::new().await;
    let mut tokens = Vec::new();
    for person in people() {
        let mut client = world.client();
        client.sign_in(&person).await;
        let token = client.get("/api/session/credentials").await.json()["accessToken"].clone();
        assert!(
            token
                .as_str()
                .unwrap()
                .starts_with(&format!("{}.", person.connection))
        );
        let verifier = ProviderCredentials::of(&world.tenant);
        assert_eq!(verifier.person_of(token.as_str().unwrap()), Ok(person));
        tokens.push((client, token));
    }
    let mut sketchbook = world.client();
    assert!(world.tenant.set_linking("github", Linking::Automatic));
    sketchbook.sign_in(&newcomers().remove(0)).await;
    let linked = sketchbook.get("/api/session/credentials").await.json()["accessToken"].clone();
    let verifier = ProviderCredentials::of(&world.tenant);
    assert_eq!(
        verifier.person_of(linked.as_str().unwrap()),
        Ok(ana_at_home())
    );
    assert!(tokens.iter().all(|(_, token)| *token != linked));

    world.faults.rotate_credentials();
    for (client, token) in &mut tokens {
        let text = token.as_str().unwrap();
        assert_eq!(verifier.person_of(text), Err(TokenRefused::Unknown));
        assert_ne!(
            client.get("/api/session/credentials").await.json()["accessToken"],
            *token
        );
    }
}

#[tokio::test]
async fn the_last_identity_stays() {
    let world = World::new().await;
    let (mut client, _) = signed_in(&world).await;
    for path in [
        "/api/session/identities/ana.moreau",
        "/api/identities/northwind-sso",
    ] {
        let answer = client.call(Method::DELETE, path, &json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (409, "LastIdentity".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        client
            .call(Method::DELETE, "/api/identities/google", &json!({}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_session_says_how_long_it_lives() {
    let world = World::with(StateDir::in_memory(), None, |config| {
        config.session_life = Duration::from_secs(90);
    })
    .await;
    let (mut client, _) = signed_in(&world).await;
    let renewed = client.renew().await;
    let line = renewed.cookie_line("authress-session").unwrap();
    assert!(line.contains("; Max-Age=90;"), "{line}");
    world.clock.advance(Duration::from_secs(90));
    assert_eq!(client.renew().await.status, 404);
}

#[tokio::test]
async fn the_settings_page_says_who_is_signed_in() {
    let world = World::new().await;
    let (mut client, _) = signed_in(&world).await;
    let page = client
        .get("/settings?client_id=app_braid&redirect_uri=http%3A%2F%2Flocalhost%3A5%2F")
        .await;
    assert!(
        page.text.contains("ana@northwind.example") && page.text.contains("http://localhost:5/")
    );
    let page = world
        .client()
        .get("/settings?client_id=app_braid&redirect_uri=javascript%3Aalert(1)")
        .await;
    assert!(page.text.contains("Nobody is signed in") && !page.text.contains("javascript"));
}
