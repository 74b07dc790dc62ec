//! Adding a way in through the browser: its own attempt, the same person, and a session that no
//! failure touches.

use mail_auth::{
    AuthressError, LinkReturn, LoginRequest, Session, SessionState, SignIn, SignInError,
};
use mail_model::remote::TokenSource as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::browser;
use crate::tenant::Fault;
use crate::world::{DAY, World, now};

fn google() -> LoginRequest {
    LoginRequest {
        connection: Some("google".to_owned()),
        ..LoginRequest::default()
    }
}

async fn link(world: &World, session: &Session) -> Result<LinkReturn, SignInError> {
    let attempt = SignIn::begin_linking(world.parts.clone(), session, google()).await?;
    let url = attempt.url().clone();
    let cancel = CancellationToken::new();
    let (linked, _page) = tokio::join!(attempt.wait_link(&cancel), browser::sign_in(&url));
    linked
}

fn error(result: Result<LinkReturn, SignInError>) -> SignInError {
    match result {
        Ok(_) => panic!("linked"),
        Err(error) => error,
    }
}

/// The session gives the token it gave before, without a renewal.
async fn is_untouched(world: &World, session: &Session, token: &str) {
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    assert_eq!(session.token().await.unwrap().expose(), token);
    assert_eq!(world.tenant.count("renew"), 0);
}

#[tokio::test]
async fn the_first_request_of_a_link_is_what_the_contract_says() {
    let world = World::new().await;
    let session = world.ana().await;
    let token = session.token().await.unwrap();
    let attempt = SignIn::begin_linking(world.parts.clone(), &session, google())
        .await
        .unwrap();
    // The tenant has checked the proof of work over connection and application, in this order.
    let (headers, body) = world.tenant.last("authentication");
    assert_eq!(
        headers["authorization"],
        format!("Bearer {}", token.expose())
    );
    assert!(!headers.contains_key("cookie"), "the jar is a fresh one");
    assert_eq!(body["linkIdentity"], true);
    assert_eq!(body["connectionId"], "google");
    assert_eq!(body["applicationId"], "app_mail");
    assert_eq!(body["codeChallengeMethod"], "S256");
    assert_eq!(body["flowType"], "code");
    assert_eq!(body["responseLocation"], "query");
    assert_eq!(body["connectionProperties"]["prompt"], "select_account");
    assert_eq!(body["codeChallenge"].as_str().unwrap().len(), 43);
    assert!(body.get("multiAccount").is_none());
    drop(attempt);

    let by_address = LoginRequest {
        tenant_lookup: Some("ana@choir.example".to_owned()),
        ..LoginRequest::default()
    };
    SignIn::begin_linking(world.parts.clone(), &session, by_address)
        .await
        .unwrap();
    let (_, body) = world.tenant.last("authentication");
    assert_eq!(body["tenantLookupIdentifier"], "ana@choir.example");
    assert!(body.get("connectionId").is_none());
}

#[tokio::test]
async fn a_way_in_is_added_and_the_same_person_comes_back() {
    let world = World::new().await;
    let session = world.ana().await;
    let token = session.token().await.unwrap();
    let before = session.profile().await.unwrap();
    let linked = link(&world, &session).await.unwrap();
    let after = session.profile().await.unwrap();
    assert_eq!(
        after.linked_identities.len(),
        before.linked_identities.len() + 1
    );
    is_untouched(&world, &session, token.expose()).await;
    // What came back is a session of its own, good for taking the old one's place.
    let fresh = linked.signed_in.unwrap();
    assert_eq!(fresh.identity.subject, "user|ana");
    session.replace_credentials(fresh).await.unwrap();
    world.clock.advance(DAY);
    world.reopened().await.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn a_way_in_is_added_without_a_code_too() {
    let world = World::new().await;
    let session = world.ana().await;
    world.tenant.with(|t| t.switches.redirect_without = "code");
    let linked = link(&world, &session).await.unwrap();
    assert!(linked.signed_in.is_none());
    assert_eq!(world.tenant.count("tokens"), 1, "only the sign-in's");
    assert_eq!(session.profile().await.unwrap().linked_identities.len(), 3);
}

#[tokio::test]
async fn somebody_else_who_comes_back_is_sent_away_and_the_session_stays() {
    let world = World::new().await;
    let session = world.ana().await;
    let token = session.token().await.unwrap();
    world
        .tenant
        .with(|t| t.switches.linked_person = Some("user|eve"));
    let sessions = world.tenant.session_count();
    assert!(matches!(
        error(link(&world, &session).await),
        SignInError::OtherPerson
    ));
    assert_eq!(world.tenant.count("end"), 1, "their session is ended");
    assert_eq!(world.tenant.session_count(), sessions);
    is_untouched(&world, &session, token.expose()).await;
}

#[tokio::test]
async fn conflicts_are_told_from_a_no_and_neither_touches_the_session() {
    let world = World::new().await;
    let session = world.ana().await;
    let token = session.token().await.unwrap();
    world.tenant.with(|t| t.switches.redirect_without = "code");
    for (word, is_conflict) in [
        ("identity_conflict", true),
        ("already_linked", true),
        ("identity_in_use", true),
        ("access_denied", false),
        ("linking_not_allowed", false),
        ("server_error", false),
    ] {
        world
            .tenant
            .with(|t| t.switches.redirect_extra = format!("&error={word}"));
        match error(link(&world, &session).await) {
            SignInError::Conflict { detail } => assert!(is_conflict && detail == word, "{word}"),
            SignInError::Declined { code } => assert!(!is_conflict && code == word, "{word}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    for status in [409, 422] {
        let said = json!({"title": "Opens another mailbox", "errorCode": "X"});
        world
            .tenant
            .fault("authentication", Fault::Status(status, said));
        assert!(matches!(
            error(link(&world, &session).await),
            SignInError::Conflict { detail } if detail == "Opens another mailbox"
        ));
    }
    let said = json!({"title": "Linking is off", "errorCode": "LinkingNotAllowed"});
    world
        .tenant
        .fault("authentication", Fault::Status(403, said));
    assert!(matches!(
        error(link(&world, &session).await),
        SignInError::Login(AuthressError::Refused { status: 403, refusal })
            if refusal.title == "Linking is off"
    ));
    is_untouched(&world, &session, token.expose()).await;
}

#[tokio::test]
async fn without_a_connection_or_with_another_tenant_nobody_is_asked() {
    let world = World::new().await;
    let session = world.ana().await;
    let begun = world.tenant.count("authentication");
    for request in [
        LoginRequest::default(),
        LoginRequest {
            connection: Some(String::new()),
            invite: Some("inv_1".to_owned()),
            ..LoginRequest::default()
        },
    ] {
        let refused = SignIn::begin_linking(world.parts.clone(), &session, request).await;
        assert!(matches!(refused.err(), Some(SignInError::NoConnection)));
    }
    // The bearer token would go to a host that is not its own.
    let other = World::new().await;
    let refused = SignIn::begin_linking(other.parts.clone(), &session, google()).await;
    assert!(matches!(refused.err(), Some(SignInError::OtherTenant)));
    assert_eq!(other.tenant.count("authentication"), 0);

    session.pause();
    let refused = SignIn::begin_linking(world.parts.clone(), &session, google()).await;
    assert!(matches!(refused.err(), Some(SignInError::Token(_))));
    assert_eq!(world.tenant.count("authentication"), begun);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_before_a_link() {
    let world = World::new().await;
    let session = world.ana().await;
    let refused = json!({"title": "Who?"});
    world
        .tenant
        .fault("authentication", Fault::Status(401, refused.clone()));
    link(&world, &session).await.unwrap();
    assert_eq!(world.tenant.count("renew"), 1);

    world.clock.advance(3600);
    for _ in 0..2 {
        world
            .tenant
            .fault("authentication", Fault::Status(401, refused.clone()));
    }
    let begun = world.tenant.count("authentication");
    assert!(matches!(
        error(link(&world, &session).await),
        SignInError::Login(AuthressError::Refused { status: 401, .. })
    ));
    assert_eq!(world.tenant.count("authentication"), begun + 2);
    assert_eq!(world.tenant.count("renew"), 2);
}

#[tokio::test]
async fn a_link_is_not_a_sign_in_and_a_sign_in_is_not_a_link() {
    let world = World::new().await;
    let session = world.ana().await;
    let cancel = CancellationToken::new();
    let login = world.begin().await.unwrap();
    let login_home = browser::redirect_of(login.url()).await;
    let link = SignIn::begin_linking(world.parts.clone(), &session, google())
        .await
        .unwrap();
    let link_home = browser::redirect_of(link.url()).await;
    let exchanged = world.tenant.count("tokens");

    // Each one's answer brought to the other's address counts for nothing.
    let mut crossed = login_home.clone();
    crossed.set_query(link_home.query());
    assert_eq!(browser::get(&crossed).await.status, 400);
    let mut crossed = link_home.clone();
    crossed.set_query(login_home.query());
    assert_eq!(browser::get(&crossed).await.status, 400);
    // Nor may one be waited for as the other; it is over then.
    assert!(matches!(
        login.wait_link(&cancel).await.err(),
        Some(SignInError::OtherPurpose)
    ));
    assert!(matches!(
        link.wait(&cancel).await.err(),
        Some(SignInError::OtherPurpose)
    ));
    assert_eq!(world.tenant.count("tokens"), exchanged);

    // The other way round both work.
    let login = world.begin().await.unwrap();
    let link = SignIn::begin_linking(world.parts.clone(), &session, google())
        .await
        .unwrap();
    let (login_url, link_url) = (login.url().clone(), link.url().clone());
    let (signed_in, linked, _, _) = tokio::join!(
        login.wait(&cancel),
        link.wait_link(&cancel),
        browser::sign_in(&login_url),
        browser::sign_in(&link_url)
    );
    signed_in.unwrap();
    linked.unwrap();
}

#[tokio::test]
async fn a_login_without_a_code_is_still_none() {
    let world = World::new().await;
    world.tenant.with(|t| t.switches.redirect_without = "code");
    assert!(matches!(
        world.sign_in("user|ana").await.err(),
        Some(SignInError::NoCode)
    ));
}

#[tokio::test]
async fn tokens_in_the_address_are_refused_of_a_link_too() {
    let world = World::new().await;
    let session = world.ana().await;
    world
        .tenant
        .with(|t| t.switches.redirect_extra = "&access_token=CANARY".into());
    assert!(matches!(
        error(link(&world, &session).await),
        SignInError::TokensInAddress
    ));
}
