//! The identity provider's tokens: one account's, one connection's, in memory, until refused.

use mail_auth::SealedFile;
use mail_auth::Vault as _;
use mail_model::AccountId;
use mail_model::remote::{BearerToken, TokenError, TokenSource as _};
use serde_json::json;

use crate::tenant::Fault;
use crate::world::{DAY, World, in_time};

const OWN: &str = "con_northwind";

fn differs(a: &BearerToken, b: &BearerToken) -> bool {
    a.expose() != b.expose()
}

#[tokio::test]
async fn a_providers_token_is_kept_until_it_is_refused() {
    let world = World::new().await;
    let session = world.ana().await;
    let source = session.connection_tokens(OWN);
    assert!(source.is_current());
    assert_eq!(world.tenant.count("credentials"), 0, "nobody is asked yet");
    let first = source.token().await.unwrap();
    assert!(!differs(&first, &source.token().await.unwrap()));
    // A second getter of the same account and connection shares it.
    let again = session.connection_tokens(OWN).token().await.unwrap();
    assert!(!differs(&first, &again));
    assert_eq!(world.tenant.count("credentials"), 1);
    let second = source.replace(&first).await.unwrap();
    assert!(differs(&first, &second));
    // Latecomers with the old one get the new one.
    assert!(!differs(&second, &source.replace(&first).await.unwrap()));
    assert!(!differs(&second, &source.token().await.unwrap()));
    assert_eq!(world.tenant.count("credentials"), 2);
    // A renewal of the session changes nothing for the provider.
    world.clock.advance(DAY);
    assert!(!differs(&second, &source.token().await.unwrap()));
    assert_eq!(world.tenant.count("credentials"), 2);
}

#[tokio::test]
async fn fifty_callers_make_one_request() {
    let world = World::new().await;
    let session = world.ana().await;
    let tokens = futures::future::join_all((0..50).map(|_| {
        let source = session.connection_tokens(OWN);
        async move { source.token().await.unwrap() }
    }));
    let tokens = in_time(tokens).await;
    assert!(tokens.iter().all(|token| !differs(token, &tokens[0])));
    assert_eq!(world.tenant.count("credentials"), 1);
    let replaced = futures::future::join_all((0..50).map(|_| {
        let (source, refused) = (session.connection_tokens(OWN), tokens[0].clone());
        async move { source.replace(&refused).await.unwrap() }
    }));
    let replaced = in_time(replaced).await;
    assert!(replaced.iter().all(|token| !differs(token, &replaced[0])));
    assert_eq!(world.tenant.count("credentials"), 2);
}

#[tokio::test]
async fn the_same_token_again_means_sign_in_and_is_not_asked_for_at_every_call() {
    let world = World::new().await;
    let session = world.ana().await;
    world
        .tenant
        .with(|t| t.switches.provider_token = Some("the only one"));
    let source = session.connection_tokens(OWN);
    let only = source.token().await.unwrap();
    for _ in 0..3 {
        assert!(matches!(
            source.replace(&only).await,
            Err(TokenError::SignInAgain)
        ));
        assert!(matches!(source.token().await, Err(TokenError::SignInAgain)));
    }
    assert_eq!(world.tenant.count("credentials"), 2);
    // Much later the service may have a new one.
    world.clock.advance(10 * 60);
    assert!(source.token().await.is_err());
    assert_eq!(world.tenant.count("credentials"), 3);
    world.tenant.with(|t| t.switches.provider_token = None);
    world.clock.advance(10 * 60);
    assert!(differs(&only, &source.token().await.unwrap()));
}

#[tokio::test]
async fn a_new_sign_in_brings_a_new_token_of_the_provider() {
    let world = World::new().await;
    let session = world.ana().await;
    world
        .tenant
        .with(|t| t.switches.provider_token = Some("the only one"));
    let source = session.connection_tokens(OWN);
    let only = source.token().await.unwrap();
    assert!(source.replace(&only).await.is_err());
    world.tenant.with(|t| t.switches.provider_token = None);
    let fresh = world.sign_in("user|ana").await.unwrap();
    session.replace_credentials(fresh).await.unwrap();
    assert!(differs(&only, &source.token().await.unwrap()));
}

#[tokio::test]
async fn a_session_of_another_connection_gives_none_and_asks_nobody() {
    let world = World::new().await;
    let session = world.ana().await;
    let own = session.connection_tokens(OWN);
    own.token().await.unwrap();
    let other = session.connection_tokens("google");
    assert!(!other.is_current());
    assert!(matches!(other.token().await, Err(TokenError::SignInAgain)));
    assert_eq!(world.tenant.count("credentials"), 1);
    // After a sign-in through the other connection it is the other way round.
    world
        .tenant
        .with(|t| t.switches.claims = json!({"azp": "google"}));
    let fresh = world.sign_in("user|ana").await.unwrap();
    session.replace_credentials(fresh).await.unwrap();
    other.token().await.unwrap();
    assert!(matches!(own.token().await, Err(TokenError::SignInAgain)));
}

#[tokio::test]
async fn two_accounts_share_nothing() {
    let world = World::new().await;
    let work = world.ana().await;
    let choir = world.session("choir", "user|choir").await;
    let (a, b) = (work.connection_tokens(OWN), choir.connection_tokens(OWN));
    let (token_a, token_b) = (a.token().await.unwrap(), b.token().await.unwrap());
    assert!(differs(&token_a, &token_b));
    // Each request was made with its own account's token.
    let bearers = world.tenant.with(|t| {
        t.seen
            .iter()
            .filter(|(name, ..)| *name == "credentials")
            .map(|(_, headers, _)| headers["authorization"].to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    });
    let own = [work.token().await.unwrap(), choir.token().await.unwrap()];
    let expected: Vec<_> = own
        .iter()
        .map(|t| format!("Bearer {}", t.expose()))
        .collect();
    assert_eq!(bearers, expected);
    // The other account's token is not known as one that could have been refused.
    assert!(!differs(&token_a, &a.replace(&token_b).await.unwrap()));
    assert_eq!(world.tenant.count("credentials"), 2);
}

#[tokio::test]
async fn a_providers_token_is_never_on_disk() {
    let world = World::new().await;
    let session = world.ana().await;
    let token = session.connection_tokens(OWN).token().await.unwrap();
    world.clock.advance(DAY);
    session.token().await.unwrap();
    let work = AccountId::new("work").unwrap();
    let key = world.vault.key(&work).await.unwrap().unwrap();
    let stored = SealedFile::new(&world.file("work"), &work, &key)
        .read()
        .unwrap()
        .unwrap();
    let stored = String::from_utf8_lossy(&stored).into_owned();
    assert!(stored.contains("access_token"));
    assert!(!stored.contains(token.expose()));
}

#[tokio::test]
async fn what_holds_the_account_holds_its_providers_token() {
    let world = World::new().await;
    let session = world.ana().await;
    let source = session.connection_tokens(OWN);
    let first = source.token().await.unwrap();
    session.pause();
    assert!(matches!(source.token().await, Err(TokenError::Paused)));
    session.resume();
    assert!(!differs(&first, &source.token().await.unwrap()));
    session.lock().await.unwrap();
    assert!(matches!(
        source.token().await,
        Err(TokenError::LockedByPerson)
    ));
    session.unlock_key().await;
    // It was forgotten with the lock.
    assert!(differs(&first, &source.token().await.unwrap()));
    assert_eq!(world.tenant.count("credentials"), 2);
    session.sign_out().await.unwrap();
    assert!(matches!(source.token().await, Err(TokenError::SignInAgain)));
    assert_eq!(world.tenant.count("credentials"), 2);
}

#[tokio::test]
async fn a_service_that_fails_or_has_none_is_told_apart() {
    let world = World::new().await;
    let session = world.ana().await;
    let source = session.connection_tokens(OWN);
    world.tenant.fault("credentials", Fault::RetryAfter(429, 9));
    let wait = Some(std::time::Duration::from_secs(9));
    assert!(matches!(
        source.token().await,
        Err(TokenError::Unreachable { retry_after }) if retry_after == wait
    ));
    for status in [403, 404] {
        world.tenant.fault(
            "credentials",
            Fault::Status(status, json!({"title": "None"})),
        );
        assert!(matches!(source.token().await, Err(TokenError::SignInAgain)));
    }
    let token = source.token().await.unwrap();
    // With the login service away, the one in hand is still the provider's.
    world.clock.advance(DAY);
    for _ in 0..5 {
        world.tenant.fault("renew", Fault::Status(503, json!({})));
    }
    assert!(!differs(&token, &source.token().await.unwrap()));
}
