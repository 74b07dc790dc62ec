//! Nothing secret reaches the log, however talkative it is set.

use std::io::Write;
use std::sync::{Arc, Mutex};

use mail_auth::{ConnectionIdentity, LoginRequest, Session, SignIn, SignInError};
use mail_model::remote::TokenSource as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::LevelFilter;

use crate::browser;
use crate::tenant::{Fault, Place};
use crate::world::{DAY, World};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_whole_sign_in_and_renewal_leaves_no_secret_in_the_log() {
    let captured = Captured::default();
    let writer = captured.clone();
    // For the whole process: what the libraries log in their own threads counts too.
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let world = World::new().await;
    for place in [Place::Body, Place::Cookies] {
        world.tenant.with(|t| t.switches.place = place);
        let account = if place == Place::Body {
            "work"
        } else {
            "choir"
        };
        let session = world.session(account, "user|ana").await;
        session.profile().await.unwrap();
        let source = session.connection_tokens("con_northwind");
        let provider = source.token().await.unwrap();
        assert!(!provider.expose().is_empty());
        source.replace(&provider).await.unwrap();
        everything_about_linking(&world, &session).await;
        session.lock().await.unwrap();
        session.unlock_key().await;
        world.tenant.fault("renew", Fault::FailAfter(500));
        world.clock.advance(DAY);
        let token = session.token().await.unwrap();
        session.replace(&token).await.unwrap();
        world
            .tenant
            .fault("renew", Fault::Status(404, json!({"title": "No session"})));
        world.clock.advance(DAY);
        assert!(session.token().await.is_err());
        session.sign_out().await.unwrap();
    }
    let extra = "&access_token=CANARY-TOKEN-IN-THE-QUERY";
    world
        .tenant
        .with(|t| t.switches.redirect_extra = extra.into());
    let refused = world.sign_in("user|ana").await;
    assert!(matches!(refused, Err(SignInError::TokensInAddress)));
    world.tenant.with(|t| t.switches.redirect_extra.clear());
    let attempt = world.begin().await.unwrap();
    let mut foreign = browser::redirect_of(attempt.url()).await;
    foreign.set_query(Some("nonce=other&code=CANARY-CODE-OF-NOBODY"));
    browser::get(&foreign).await;
    drop(attempt);

    let log = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    for line in [
        "a sign-in has succeeded",
        "the session was renewed",
        "hyper",
        "refused",
        "adding a way in has begun",
        "the account is locked",
        "what a person is told",
    ] {
        assert!(log.contains(line), "the log was not captured: {line}");
    }
    let mut secrets = world.tenant.with(|t| t.secrets.clone());
    secrets.push("CANARY".to_owned());
    assert!(secrets.len() > 30);
    for secret in secrets {
        if let Some(at) = log.find(&secret) {
            let line = log[..at].lines().last().unwrap_or_default();
            panic!("a secret is in the log: {line:.300}");
        }
    }
}

async fn everything_about_linking(world: &World, session: &Session) {
    let google = LoginRequest {
        connection: Some("google".to_owned()),
        ..LoginRequest::default()
    };
    let attempt = SignIn::begin_linking(world.parts.clone(), session, google)
        .await
        .unwrap();
    let url = attempt.url().clone();
    let cancel = CancellationToken::new();
    let (linked, _) = tokio::join!(attempt.wait_link(&cancel), browser::sign_in(&url));
    linked.unwrap().signed_in.unwrap().discard().await;
    let identity = ConnectionIdentity {
        connection_id: "con_choir".to_owned(),
        user_id: "choir|7".to_owned(),
    };
    session.link_identity(&identity).await;
    session.unlink_identity("choir|7").await;
    for status in [401, 409, 500] {
        let said = json!({"title": "No"});
        world.tenant.fault("link", Fault::Status(status, said));
        session.link_identity(&identity).await;
    }
    session.devices().await.unwrap();
    tracing::info!(details = ?session.details(), "what a person is told");
}

/// Does not compile once the type has the trait.
macro_rules! assert_lacks {
    ($type:ty, $trait:path) => {{
        trait TwoWays<Way> {
            fn lacks() {}
        }
        struct AlsoHere;
        impl<T> TwoWays<()> for T {}
        impl<T: $trait> TwoWays<AlsoHere> for T {}
        <$type as TwoWays<_>>::lacks();
    }};
}

#[test]
fn secrets_cannot_be_printed_or_serialised() {
    assert_lacks!(mail_auth::AccountKey, std::fmt::Debug);
    assert_lacks!(mail_auth::AccountKey, serde::Serialize);
    assert_lacks!(mail_auth::Credentials, std::fmt::Debug);
    assert_lacks!(mail_auth::Credentials, serde::Serialize);
    assert_lacks!(mail_auth::SignedIn, std::fmt::Debug);
    assert_lacks!(mail_auth::SignedIn, serde::Serialize);
    assert_lacks!(mail_auth::Session, std::fmt::Debug);
    assert_lacks!(mail_auth::ConnectionTokenSource, std::fmt::Debug);
    assert_lacks!(mail_auth::LinkReturn, std::fmt::Debug);
    assert_lacks!(mail_auth::AuthressClient, std::fmt::Debug);
    assert_lacks!(mail_auth::SealedFile, std::fmt::Debug);
    assert_lacks!(mail_auth::callback::Accepted, std::fmt::Debug);
    assert_lacks!(mail_model::remote::BearerToken, serde::Serialize);
}
