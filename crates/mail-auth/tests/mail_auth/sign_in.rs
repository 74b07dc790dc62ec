//! One attempt to sign in, from the first request to verified tokens.

use mail_auth::{LoginRequest, SignIn, SignInError, TenantConfig, TenantError};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::browser;
use crate::tenant::{Fault, Place};
use crate::world::{self, World, in_time};

fn error(result: Result<mail_auth::SignedIn, SignInError>) -> SignInError {
    match result {
        Ok(_) => panic!("signed in"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_sign_in_names_the_person() {
    let world = World::new().await;
    let signed_in = world.sign_in("user|ana").await.unwrap();
    let identity = signed_in.identity;
    assert_eq!(identity.issuer, world.tenant.url);
    assert_eq!(identity.subject, "user|ana");
    assert_eq!(identity.connection.as_deref(), Some("con_northwind"));
    assert_eq!(identity.name.as_deref(), Some("Ana Moreau"));
    assert_eq!(identity.email.as_deref(), Some("ana@northwind.example"));
}

#[tokio::test]
async fn the_first_request_is_what_the_contract_says() {
    let world = World::new().await;
    let request = LoginRequest {
        connection: Some("con_northwind".into()),
        ..LoginRequest::default()
    };
    let attempt = SignIn::begin(world.parts.clone(), request).await.unwrap();
    let (headers, body) = world.tenant.last("authentication");
    assert_eq!(body["applicationId"], "app_mail");
    assert_eq!(body["connectionId"], "con_northwind");
    assert_eq!(body["codeChallengeMethod"], "S256");
    assert_eq!(body["codeChallenge"].as_str().unwrap().len(), 43);
    assert_eq!(body["flowType"], "code");
    assert_eq!(body["responseLocation"], "query");
    assert_eq!(body["multiAccount"], true);
    assert_eq!(
        body["connectionProperties"],
        json!({"prompt": "select_account"})
    );
    assert!(body.get("tenantLookupIdentifier").is_none() && body.get("inviteId").is_none());
    let redirect = Url::parse(body["redirectUrl"].as_str().unwrap()).unwrap();
    assert_eq!(redirect.host_str(), Some("127.0.0.1"));
    assert_eq!(redirect.path(), mail_auth::REDIRECT_PATH);
    assert_eq!(headers["origin"], redirect.origin().ascii_serialization());
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers.contains_key("x-powered-by"));
    assert!(!headers.contains_key("authorization") && !headers.contains_key("cookie"));
    drop(attempt);
}

#[tokio::test]
async fn a_configured_origin_is_sent_instead() {
    let world = World::new().await;
    let mut parts = world.parts.clone();
    let mut tenant = (*parts.tenant).clone();
    tenant.origin = Some("https://mail.northwind.example".into());
    parts.tenant = tenant.into();
    SignIn::begin(parts, LoginRequest::default()).await.unwrap();
    let (headers, _) = world.tenant.last("authentication");
    assert_eq!(headers["origin"], "https://mail.northwind.example");
}

#[tokio::test]
async fn tokens_are_taken_from_cookies_too() {
    let world = World::new().await;
    world.tenant.with(|t| t.switches.place = Place::Cookies);
    let signed_in = world.sign_in("user|ana").await.unwrap();
    assert_eq!(signed_in.identity.name.as_deref(), Some("Ana Moreau"));
}

#[tokio::test]
async fn the_older_name_of_the_nonce_is_accepted() {
    let world = World::new().await;
    world
        .tenant
        .with(|t| t.switches.nonce_name = "authenticationRequestId");
    world.sign_in("user|ana").await.unwrap();
}

#[tokio::test]
async fn every_attempt_begins_with_an_empty_jar() {
    let world = World::new().await;
    world.sign_in("user|ana").await.unwrap();
    world.sign_in("user|choir").await.unwrap();
    for endpoint in ["authentication", "tokens"] {
        let (headers, _) = world.tenant.last(endpoint);
        assert!(!headers.contains_key("cookie"), "{endpoint}");
    }
}

#[tokio::test]
async fn a_cancelled_attempt_closes_its_address() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let home = browser::redirect_of(attempt.url()).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(matches!(
        error(attempt.wait(&cancel).await),
        SignInError::Cancelled
    ));
    // The task that listens ends on its own turn.
    in_time(async {
        while tokio::net::TcpStream::connect(browser::address(&home))
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(world.tenant.count("tokens"), 0);
}

#[tokio::test]
async fn a_session_opened_for_a_cancelled_attempt_is_ended() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let url = attempt.url().clone();
    let cancel = CancellationToken::new();
    world.tenant.close_gate();
    let (result, ()) = in_time(async {
        tokio::join!(attempt.wait(&cancel), async {
            browser::sign_in(&url).await;
            world.tenant.somebody_arrived().await;
            cancel.cancel();
        })
    })
    .await;
    assert!(matches!(error(result), SignInError::Cancelled));
    world.tenant.open_gate();
    in_time(async {
        while world.tenant.count("end") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(world.tenant.count("tokens"), 1);
    assert_eq!(world.tenant.session_count(), 0);
}

#[tokio::test]
async fn a_sign_in_that_is_not_kept_is_ended_at_the_service() {
    let world = World::new().await;
    let signed_in = world.sign_in("user|ana").await.unwrap();
    assert!(signed_in.discard().await);
    assert_eq!(world.tenant.session_count(), 0);
    let signed_in = world.sign_in("user|ana").await.unwrap();
    world.tenant.fault("end", Fault::Status(500, json!({})));
    assert!(!signed_in.discard().await);
}

#[tokio::test]
async fn an_answer_after_five_minutes_ends_the_attempt() {
    let world = World::new().await;
    let attempt = world.begin().await.unwrap();
    let url = attempt.url().clone();
    world.clock.advance(301);
    let cancel = CancellationToken::new();
    let (result, page) = tokio::join!(attempt.wait(&cancel), browser::sign_in(&url));
    assert!(matches!(error(result), SignInError::Expired));
    assert_eq!(page.status, 400);
    assert_eq!(world.tenant.count("tokens"), 0);
}

#[tokio::test]
async fn tokens_in_the_address_are_refused_without_being_named() {
    let world = World::new().await;
    for extra in [
        "&access_token=eyJhbGciOi.CANARY.x&id_token=y&expires_in=86400",
        "&id_token=CANARY",
    ] {
        world
            .tenant
            .with(|t| t.switches.redirect_extra = extra.into());
        let attempt = world.begin().await.unwrap();
        let url = attempt.url().clone();
        let cancel = CancellationToken::new();
        let (result, page) = tokio::join!(attempt.wait(&cancel), browser::sign_in(&url));
        let error = error(result);
        assert!(matches!(error, SignInError::TokensInAddress));
        assert!(!format!("{error} {error:?} {} {}", page.head, page.body).contains("CANARY"));
        assert_eq!(world.tenant.count("tokens"), 0);
    }
}

#[tokio::test]
async fn a_no_of_the_service_ends_the_attempt() {
    let world = World::new().await;
    world.tenant.with(|t| {
        t.switches.redirect_without = "code";
        t.switches.redirect_extra = "&error=access_denied&error_description=CANARY".into();
    });
    let attempt = world.begin().await.unwrap();
    let url = attempt.url().clone();
    let cancel = CancellationToken::new();
    let (result, page) = tokio::join!(attempt.wait(&cancel), browser::sign_in(&url));
    assert!(matches!(error(result), SignInError::Declined { code } if code == "access_denied"));
    assert!(page.body.contains("not completed") && !page.body.contains("CANARY"));
}

#[tokio::test]
async fn a_used_or_expired_code_is_refused_in_the_services_words() {
    let world = World::new().await;
    let said = json!({"title": "Too late", "errorCode": "Expired", "errorId": "e-1"});
    world.tenant.fault("tokens", Fault::Status(400, said));
    match error(world.sign_in("user|ana").await) {
        SignInError::CodeRefused { refusal } => {
            assert_eq!(refusal.title, "Too late");
            assert_eq!(refusal.code.as_deref(), Some("Expired"));
            assert_eq!(refusal.incident.as_deref(), Some("e-1"));
        }
        other => panic!("{other:?}"),
    }
    world.tenant.fault("tokens", Fault::Status(409, json!({})));
    assert!(matches!(
        error(world.sign_in("user|ana").await),
        SignInError::CodeRefused { .. }
    ));
    assert_eq!(world.tenant.count("tokens"), 2);
}

#[tokio::test]
async fn a_passing_fault_of_the_service_is_tried_again() {
    let world = World::new().await;
    for endpoint in ["authentication", "tokens"] {
        for _ in 0..4 {
            world.tenant.fault(endpoint, Fault::Status(503, json!({})));
        }
    }
    world.sign_in("user|ana").await.unwrap();
    assert_eq!(world.tenant.count("authentication"), 5);
    assert_eq!(world.tenant.count("tokens"), 5);
}

#[tokio::test]
async fn a_lasting_fault_and_a_rate_limit_are_told_apart() {
    let world = World::new().await;
    for _ in 0..5 {
        world
            .tenant
            .fault("authentication", Fault::Status(500, json!({})));
    }
    let failed = world.begin().await.err().unwrap();
    assert!(matches!(
        failed,
        SignInError::Login(mail_auth::AuthressError::Busy { status: 500, .. })
    ));
    assert_eq!(world.tenant.count("authentication"), 5);

    world
        .tenant
        .fault("authentication", Fault::RetryAfter(429, 17));
    let limited = world.begin().await.err().unwrap();
    let wait = std::time::Duration::from_secs(17);
    assert_eq!(
        limited.reaction(),
        mail_model::Reaction::RetryLater(Some(wait))
    );
    assert_eq!(world.tenant.count("authentication"), 6);
}

#[tokio::test]
async fn a_token_that_does_not_verify_is_given_back() {
    let world = World::new().await;
    world
        .tenant
        .with(|t| t.switches.claims = json!({"client_id": "app_other"}));
    assert!(matches!(
        error(world.sign_in("user|ana").await),
        SignInError::Verify(mail_auth::VerifyError::Rejected(
            mail_auth::Flaw::Application
        ))
    ));
    assert_eq!(world.tenant.count("end"), 1);
    assert_eq!(world.tenant.session_count(), 0);
}

#[tokio::test]
async fn redirects_and_web_pages_are_not_followed_with_credentials() {
    let world = World::new().await;
    world.tenant.fault("tokens", Fault::Status(307, json!({})));
    assert!(matches!(
        error(world.sign_in("user|ana").await),
        SignInError::Login(mail_auth::AuthressError::BadAnswer { .. })
    ));
    for url in [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://login.example/",
        "mailto:a@b.example",
    ] {
        let body = json!({"authenticationRequestId": "r", "authenticationUrl": url});
        world
            .tenant
            .fault("authentication", Fault::Status(200, body));
        assert!(world.begin().await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let world = World::new().await;
    let huge = json!({"title": "x".repeat(300 * 1024)});
    world
        .tenant
        .fault("authentication", Fault::Status(200, huge));
    assert!(matches!(
        world.begin().await.err().unwrap(),
        SignInError::Login(mail_auth::AuthressError::Unreachable(
            mail_auth::NetworkError::TooLarge
        ))
    ));
}

#[tokio::test]
async fn a_tenant_is_checked_before_it_is_kept() {
    let world = World::new().await;
    let tenant = |url: &str| TenantConfig::new(url, "app_mail").unwrap();
    tenant(&world.tenant.url).check().await.unwrap();
    world
        .tenant
        .fault("jwks", Fault::Text("<h1>Welcome to our web site</h1>"));
    assert!(matches!(
        tenant(&world.tenant.url).check().await,
        Err(TenantError::NotALoginHost)
    ));
    world.tenant.fault("jwks", Fault::Status(404, json!({})));
    assert!(matches!(
        tenant(&world.tenant.url).check().await,
        Err(TenantError::NotALoginHost)
    ));
    world.tenant.fault("jwks", Fault::RetryAfter(503, 5));
    assert!(matches!(
        tenant(&world.tenant.url).check().await,
        Err(TenantError::Faulty {
            status: 503,
            retry_after: Some(_)
        })
    ));
    let (_held, address) = world::deaf_address();
    assert!(matches!(
        tenant(&address).check().await,
        Err(TenantError::Unreachable(_))
    ));
}
