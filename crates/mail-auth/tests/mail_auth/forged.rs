//! Tokens that are not good, and how often the key set is asked for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mail_auth::{Flaw, VerifyError};
use serde_json::{Value, json};

use crate::tenant::Fault;
use crate::world::World;

fn flaw(result: Result<mail_auth::AccessClaims, VerifyError>) -> Flaw {
    match result {
        Err(VerifyError::Rejected(flaw)) => flaw,
        Err(error) => panic!("not judged: {error}"),
        Ok(_) => panic!("accepted"),
    }
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[name] = value;
    changed
}

fn without(base: &Value, name: &str) -> Value {
    let mut changed = base.clone();
    changed.as_object_mut().unwrap().remove(name);
    changed
}

#[tokio::test]
async fn a_good_token_names_its_person() {
    let world = World::new().await;
    let token = world
        .tenant
        .sign(&world.tenant.good_header(), &world.tenant.good_claims());
    let claims = world.parts.verifier.access(&token).await.unwrap();
    assert_eq!(claims.subject, "user|ana");
    assert_eq!(claims.connection.as_deref(), Some("con_northwind"));
}

#[tokio::test]
async fn no_forged_token_is_accepted() {
    let world = World::new().await;
    let (tenant, verifier) = (&world.tenant, &world.parts.verifier);
    let (header, claims) = (tenant.good_header(), tenant.good_claims());
    let good = tenant.sign(&header, &claims);
    let now = claims["iat"].as_i64().unwrap();
    let mut cases: Vec<(String, Flaw)> = Vec::new();

    for (name, value, expected) in [
        ("iss", json!("https://evil.example"), Flaw::Issuer),
        ("iss", json!(format!("{}/", tenant.url)), Flaw::Issuer),
        (
            "iss",
            json!(format!("{}/v1/clients/sc_1", tenant.url)),
            Flaw::Issuer,
        ),
        ("iss", json!([tenant.url]), Flaw::Malformed),
        ("client_id", json!("app_other"), Flaw::Application),
        ("client_id", json!(null), Flaw::Malformed),
        ("exp", json!(now - 61), Flaw::Expired),
        ("exp", json!(0), Flaw::Expired),
        ("exp", json!("tomorrow"), Flaw::Malformed),
        ("exp", json!(-1), Flaw::Expired),
        ("iat", json!(now + 61), Flaw::Early),
        ("nbf", json!(now + 61), Flaw::Early),
        ("sub", json!(""), Flaw::Subject),
        ("sub", json!("   "), Flaw::Subject),
        ("sub", json!("a\nb"), Flaw::Subject),
        ("sub", json!("x".repeat(129)), Flaw::Subject),
        ("sub", json!(7), Flaw::Malformed),
    ] {
        cases.push((tenant.sign(&header, &with(&claims, name, value)), expected));
    }
    for name in ["iss", "sub", "client_id", "exp", "iat"] {
        cases.push((
            tenant.sign(&header, &without(&claims, name)),
            Flaw::Malformed,
        ));
    }
    for (name, value, expected) in [
        ("alg", json!("none"), Flaw::Malformed),
        ("alg", json!("None"), Flaw::Malformed),
        ("alg", json!("HS256"), Flaw::Algorithm),
        ("alg", json!("RS256"), Flaw::Algorithm),
        ("alg", json!("ES256"), Flaw::Algorithm),
        ("typ", json!("JWT"), Flaw::Type),
        ("typ", json!("id+jwt"), Flaw::Type),
        ("kid", json!("key-of-nobody"), Flaw::UnknownKey),
        ("kid", json!(""), Flaw::UnknownKey),
        ("jku", json!("https://evil.example/jwks"), Flaw::Header),
        ("x5u", json!("https://evil.example/x5u"), Flaw::Header),
        ("x5c", json!(["AAAA"]), Flaw::Header),
        ("crit", json!(["exp"]), Flaw::Header),
    ] {
        cases.push((tenant.sign(&with(&header, name, value), &claims), expected));
    }
    cases.push((tenant.sign(&without(&header, "typ"), &claims), Flaw::Type));
    cases.push((
        tenant.sign(&without(&header, "kid"), &claims),
        Flaw::UnknownKey,
    ));
    cases.push((
        hs256_with_the_public_key(tenant, &header, &claims),
        Flaw::Algorithm,
    ));
    let own_key = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode([9; 32])});
    cases.push((
        tenant.sign(&with(&header, "jwk", own_key), &claims),
        Flaw::Header,
    ));

    let parts: Vec<_> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let other = URL_SAFE_NO_PAD.encode(with(&claims, "sub", json!("user|eve")).to_string());
    cases.extend([
        (String::new(), Flaw::Malformed),
        ("..".into(), Flaw::Malformed),
        (format!("{head}.{body}"), Flaw::Malformed),
        (format!("{good}.x"), Flaw::Malformed),
        (format!("{head}.{body}."), Flaw::Signature),
        (format!("{head}.{other}.{signature}"), Flaw::Signature),
        (good[..good.len() - 4].to_owned(), Flaw::Signature),
        (
            format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            Flaw::Signature,
        ),
        (format!("{good}{}", "A".repeat(40_000)), Flaw::Malformed),
    ]);

    // The published key's name over another key's signature.
    tenant.sign_with_unpublished("key-of-eve");
    cases.push((tenant.sign(&header, &claims), Flaw::Signature));
    tenant.rotate_key("key-1");

    assert!(cases.len() >= 25);
    eprintln!("\n{} forged tokens: 0 accepted", cases.len());
    for (token, expected) in cases {
        let found = flaw(verifier.access(&token).await);
        // A broken signature may also be a malformed one, depending on where it broke.
        let alike = expected == Flaw::Signature && found == Flaw::Malformed;
        assert!(
            found == expected || alike,
            "{found:?}, not {expected:?}: {token:.200}"
        );
        assert!(verifier.access(&good).await.is_ok());
    }
}

fn hs256_with_the_public_key(
    tenant: &crate::tenant::TestTenant,
    header: &Value,
    claims: &Value,
) -> String {
    let header = with(&with(header, "alg", json!("HS256")), "typ", json!("at+jwt"));
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let key = jsonwebtoken::EncodingKey::from_secret(&tenant.public_key());
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256)
            .unwrap();
    format!("{message}.{signature}")
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let world = World::new().await;
    let (tenant, verifier) = (&world.tenant, &world.parts.verifier);
    let (header, claims) = (tenant.good_header(), tenant.good_claims());
    let now = claims["iat"].as_i64().unwrap();
    let fast = tenant.sign(&header, &with(&claims, "iat", json!(now + 60)));
    assert!(verifier.access(&fast).await.is_ok());
    let mut late = with(&claims, "iat", json!(now - 100));
    late["exp"] = json!(now - 59);
    assert!(verifier.access(&tenant.sign(&header, &late)).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_fetched_once_and_kept_for_an_hour() {
    let world = World::new().await;
    let (tenant, verifier) = (&world.tenant, &world.parts.verifier);
    let token = |world: &World| {
        world
            .tenant
            .sign(&world.tenant.good_header(), &world.tenant.good_claims())
    };
    for _ in 0..5 {
        verifier.access(&token(&world)).await.unwrap();
    }
    assert_eq!(tenant.count("jwks"), 1);

    tenant.rotate_key("key-2");
    world.clock.advance(61);
    for _ in 0..5 {
        verifier.access(&token(&world)).await.unwrap();
    }
    assert_eq!(tenant.count("jwks"), 2);

    world.clock.advance(3_599);
    verifier.access(&token(&world)).await.unwrap();
    assert_eq!(tenant.count("jwks"), 2);
    world.clock.advance(1);
    verifier.access(&token(&world)).await.unwrap();
    assert_eq!(tenant.count("jwks"), 3);
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_at_most_once_a_minute() {
    let world = World::new().await;
    let (tenant, verifier) = (&world.tenant, &world.parts.verifier);
    let stranger = with(&tenant.good_header(), "kid", json!("key-of-nobody"));
    let token = tenant.sign(&stranger, &tenant.good_claims());
    for minute in 1..=3 {
        let tries = (0..10).map(|_| verifier.access(&token));
        for result in futures::future::join_all(tries).await {
            assert_eq!(flaw(result), Flaw::UnknownKey);
        }
        assert_eq!(tenant.count("jwks"), minute);
        world.clock.advance(60);
    }
}

#[tokio::test]
async fn a_key_set_that_cannot_be_had_judges_nobody() {
    let world = World::new().await;
    let (tenant, verifier) = (&world.tenant, &world.parts.verifier);
    let token = tenant.sign(&tenant.good_header(), &tenant.good_claims());
    for fault in [
        Fault::Status(500, json!({})),
        Fault::Status(404, json!({})),
        Fault::Text("<html>"),
        Fault::Status(200, json!({"keys": []})),
    ] {
        tenant.fault("jwks", fault);
        let result = verifier.access(&token).await;
        assert!(matches!(result, Err(VerifyError::KeysUnreadable { .. })));
    }
    verifier.access(&token).await.unwrap();
}
