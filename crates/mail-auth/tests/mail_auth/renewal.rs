//! Renewal: early, one at a time, stored before use, and never lost.

use std::time::Duration;

use mail_auth::{
    NeedsSignIn, SealedFile, Session, SessionParts, SessionState, TenantConfig, Vault as _,
    VaultProblem,
};
use mail_model::remote::{BearerToken, TokenError, TokenSource as _};
use serde_json::json;

use crate::tenant::{Fault, Place};
use crate::world::{self, DAY, World, in_time, now};

fn differs(a: &BearerToken, b: &BearerToken) -> bool {
    a.expose() != b.expose()
}

#[tokio::test]
async fn a_fresh_token_is_given_without_asking_anybody() {
    let world = World::new().await;
    let session = world.ana().await;
    let first = session.token().await.unwrap();
    let again = session.token().await.unwrap();
    assert!(!differs(&first, &again));
    assert_eq!(world.tenant.count("renew"), 0);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let world = World::new().await;
    let session = world.ana().await;
    let first = session.token().await.unwrap();
    world.clock.advance(DAY - 301);
    assert!(!differs(&first, &session.token().await.unwrap()));
    world.clock.advance(1);
    assert!(differs(&first, &session.token().await.unwrap()));
    assert_eq!(world.tenant.count("renew"), 1);
    let (headers, body) = world.tenant.last("renew");
    assert_eq!(body, json!({}));
    assert!(!headers.contains_key("authorization"));
    assert!(
        headers["cookie"]
            .to_str()
            .unwrap()
            .starts_with("authress-session=")
    );
    assert!(
        headers["origin"]
            .to_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
}

#[tokio::test]
async fn fifty_callers_with_one_spent_token_make_one_renewal() {
    let world = World::new().await;
    let session = world.ana().await;
    let first = session.token().await.unwrap();
    world.clock.advance(DAY);
    world.tenant.close_gate();
    // All fifty are asked once before the gate's future is: so all of them wait at once.
    let callers = futures::future::join_all((0..50).map(|i| {
        let (session, first) = (session.clone(), first.clone());
        async move {
            if i % 2 == 0 {
                session.token().await
            } else {
                session.replace(&first).await
            }
        }
    }));
    let gate = async {
        world.tenant.somebody_arrived().await;
        world.tenant.open_gate();
    };
    let (tokens, ()) = in_time(async { tokio::join!(biased; callers, gate) }).await;
    let tokens: Vec<_> = tokens.into_iter().map(Result::unwrap).collect();
    assert!(tokens.iter().all(|token| !differs(token, &tokens[0])));
    assert!(differs(&tokens[0], &first));
    assert_eq!(world.tenant.count("renew"), 1);
    // A latecomer with the old token gets the new one, without another renewal.
    assert!(!differs(
        &session.replace(&first).await.unwrap(),
        &tokens[0]
    ));
    assert_eq!(world.tenant.count("renew"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_on_threads_make_one_renewal_each_time_a_token_is_spent() {
    const ROUNDS: u32 = 20;
    let world = World::new().await;
    let session = world.ana().await;
    for round in 1..=ROUNDS {
        let old = session.token().await.unwrap();
        world.clock.advance(DAY);
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(50));
        let callers = (0..50).map(|i| {
            let (session, old, start) = (session.clone(), old.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                if i % 2 == 0 {
                    session.token().await.unwrap()
                } else {
                    session.replace(&old).await.unwrap()
                }
            })
        });
        let tokens = in_time(futures::future::try_join_all(callers))
            .await
            .unwrap();
        assert!(tokens.iter().all(|token| !differs(token, &tokens[0])));
        assert!(differs(&tokens[0], &old));
        assert_eq!(world.tenant.count("renew"), round);
    }
    assert_eq!(world.tenant.with(|t| t.reused), 0);
    eprintln!("\n{ROUNDS} tokens spent, 50 callers each: {ROUNDS} renewals");
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_lose_the_answer() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.close_gate();
    {
        let caller = session.token();
        tokio::select! {
            _ = caller => panic!("the gate is closed"),
            () = world.tenant.somebody_arrived() => {}
        }
    }
    world.tenant.open_gate();
    in_time(session.token()).await.unwrap();
    assert_eq!(world.tenant.count("renew"), 1);
    // What was stored works: the next renewal after a restart is not taken for a replay.
    world.clock.advance(DAY);
    world.reopened().await.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn sessions_live_on_through_many_rotations_and_restarts() {
    let world = World::new().await;
    drop(world.ana().await);
    for round in 1..=10 {
        if round == 5 {
            world.tenant.with(|t| t.switches.place = Place::Cookies);
        }
        if round == 7 {
            world.tenant.rotate_key("key-2");
        }
        world.clock.advance(DAY);
        let session = world.reopened().await;
        session.token().await.unwrap();
        assert_eq!(world.tenant.count("renew"), round);
    }
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn a_renewal_that_cannot_be_stored_is_not_used_and_not_lost() {
    let world = World::new().await;
    let session = world.ana().await;
    let before = std::fs::read(world.file("work")).unwrap();
    world.clock.advance(DAY);
    world.block_writes("work");
    assert!(matches!(
        session.token().await,
        Err(TokenError::VaultUnavailable)
    ));
    let state = session.state();
    let problem = VaultProblem::Disk;
    assert_eq!(now(&state), SessionState::VaultUnavailable { problem });
    assert_eq!(std::fs::read(world.file("work")).unwrap(), before);
    // Not tried again by itself at once, and never by a second renewal.
    assert!(matches!(
        session.token().await,
        Err(TokenError::VaultUnavailable)
    ));
    session.unlock().await;
    assert_eq!(now(&state), SessionState::VaultUnavailable { problem });

    world.allow_writes("work");
    session.unlock().await;
    assert!(matches!(now(&state), SessionState::SignedIn { .. }));
    session.token().await.unwrap();
    world.clock.advance(DAY);
    world.reopened().await.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn a_full_disk_that_has_space_again_mends_itself_after_a_minute() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.block_writes("work");
    assert!(session.token().await.is_err());
    world.allow_writes("work");
    world.clock.advance(60);
    session.token().await.unwrap();
}

#[tokio::test]
async fn a_cookie_that_comes_with_a_failure_is_kept() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.fault("renew", Fault::FailAfter(500));
    session.token().await.unwrap();
    assert_eq!(world.tenant.count("renew"), 2);
    assert_eq!(world.tenant.with(|t| t.reused), 0);

    world.clock.advance(DAY);
    world.tenant.fault("renew", Fault::FailAfter(429));
    assert!(session.token().await.is_err());
    // After a restart: the file has the cookie of the failed answer.
    world.clock.advance(60);
    world.reopened().await.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn a_refusal_of_the_service_ends_the_session_for_good() {
    for status in [400, 401, 403, 404, 409] {
        let world = World::new().await;
        let session = world.ana().await;
        world.clock.advance(DAY);
        world.tenant.fault(
            "renew",
            Fault::Status(status, json!({"title": "No session"})),
        );
        assert!(
            matches!(session.token().await, Err(TokenError::SignInAgain)),
            "{status}"
        );
        let why = NeedsSignIn::SessionEnded;
        assert_eq!(now(&session.state()), SessionState::NeedsSignIn { why });
        assert!(matches!(
            session.token().await,
            Err(TokenError::SignInAgain)
        ));
        assert_eq!(world.tenant.count("renew"), 1, "{status}");
        // The next start knows without asking.
        in_time(async {
            loop {
                let state = now(&world.reopened().await.state());
                if state == (SessionState::NeedsSignIn { why }) {
                    break;
                }
            }
        })
        .await;
        assert_eq!(world.tenant.count("renew"), 1, "{status}");
    }
}

#[tokio::test]
async fn a_fault_of_the_service_keeps_the_session() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    for _ in 0..5 {
        world.tenant.fault("renew", Fault::Status(503, json!({})));
    }
    let failed = session.token().await;
    assert!(matches!(
        failed,
        Err(TokenError::Unreachable {
            retry_after: Some(_)
        })
    ));
    assert_eq!(world.tenant.count("renew"), 5);
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    // Nobody is asked again before the pause is over.
    assert!(session.token().await.is_err());
    assert_eq!(world.tenant.count("renew"), 5);
    world.clock.advance(15);
    session.token().await.unwrap();
    assert_eq!(world.tenant.count("renew"), 6);
}

#[tokio::test]
async fn a_token_that_is_still_good_is_given_while_the_service_is_away() {
    let world = World::new().await;
    let session = world.ana().await;
    let first = session.token().await.unwrap();
    world.clock.advance(DAY - 120);
    for _ in 0..5 {
        world.tenant.fault("renew", Fault::Status(500, json!({})));
    }
    assert!(!differs(&first, &session.token().await.unwrap()));
    assert!(!differs(&first, &session.token().await.unwrap()));
    assert_eq!(world.tenant.count("renew"), 5);
    world.clock.advance(110);
    for _ in 0..5 {
        world.tenant.fault("renew", Fault::Status(500, json!({})));
    }
    assert!(session.token().await.is_err());
}

#[tokio::test]
async fn a_rate_limit_is_respected_to_the_second() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.fault("renew", Fault::RetryAfter(429, 120));
    let wait = Some(Duration::from_secs(120));
    assert!(
        matches!(session.token().await, Err(TokenError::Unreachable { retry_after }) if retry_after == wait)
    );
    world.clock.advance(119);
    assert!(session.token().await.is_err());
    assert_eq!(world.tenant.count("renew"), 1);
    world.clock.advance(1);
    session.token().await.unwrap();
}

#[tokio::test]
async fn a_mail_server_that_refuses_every_token_stops_the_session() {
    let world = World::new().await;
    let session = world.ana().await;
    let first = session.token().await.unwrap();
    let second = session.replace(&first).await.unwrap();
    assert!(differs(&first, &second));
    assert!(matches!(
        session.replace(&second).await,
        Err(TokenError::SignInAgain)
    ));
    assert!(matches!(
        session.replace(&second).await,
        Err(TokenError::SignInAgain)
    ));
    assert_eq!(world.tenant.count("renew"), 1);
    let why = NeedsSignIn::MailServerRefuses;
    assert_eq!(now(&session.state()), SessionState::NeedsSignIn { why });
}

#[tokio::test]
async fn a_refused_token_much_later_is_simply_replaced() {
    let world = World::new().await;
    let session = world.ana().await;
    let first = session.token().await.unwrap();
    let second = session.replace(&first).await.unwrap();
    world.clock.advance(3600);
    assert!(differs(&second, &session.replace(&second).await.unwrap()));
    assert_eq!(world.tenant.count("renew"), 2);
}

#[tokio::test]
async fn a_renewed_token_of_somebody_else_is_not_used() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world
        .tenant
        .with(|t| t.switches.claims = json!({"sub": "user|eve"}));
    assert!(matches!(
        session.token().await,
        Err(TokenError::SignInAgain)
    ));
    let why = NeedsSignIn::OtherPerson;
    assert_eq!(now(&session.state()), SessionState::NeedsSignIn { why });
}

#[tokio::test]
async fn a_renewed_token_that_does_not_verify_is_not_used() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.sign_with_unpublished("key-of-eve");
    assert!(matches!(
        session.token().await,
        Err(TokenError::Unreachable { .. })
    ));
    world.tenant.rotate_key("key-1");
    world.clock.advance(15);
    session.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn a_short_lived_token_is_not_renewed_at_every_call() {
    let world = World::new().await;
    world.tenant.with(|t| t.switches.token_life = 60);
    let session = world.ana().await;
    for _ in 0..5 {
        session.token().await.unwrap();
    }
    assert_eq!(world.tenant.count("renew"), 0);
    world.clock.advance(30);
    for _ in 0..5 {
        session.token().await.unwrap();
    }
    assert_eq!(world.tenant.count("renew"), 1);
}

#[tokio::test]
async fn an_unreachable_service_does_not_end_the_session() {
    let world = World::new().await;
    let parts = world.session_parts("work", "user|ana");
    let key = world.vault.create_key(&parts.account).await.unwrap();
    // A session of a tenant that nobody answers for, as after losing the network.
    let (_held, gone) = world::deaf_address();
    let stored = json!({
        "version": "1", "issuer": gone, "subject": "user|ana", "expires_at": 1_800_000_000,
        "renew_at": 1_800_000_000, "origin": "null", "access_token": "a.b.c", "cookies": "[]",
    });
    SealedFile::new(&parts.file, &parts.account, &key)
        .write(stored.to_string().as_bytes())
        .unwrap();
    let tenant = TenantConfig::new(&gone, "app_mail").unwrap();
    let session = Session::open(SessionParts {
        tenant: tenant.into(),
        ..parts
    })
    .await;
    let failed = session.token().await;
    assert!(matches!(failed, Err(TokenError::Unreachable { .. })));
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    let report = session.sign_out().await.unwrap();
    assert!(!report.told_login_service);
    assert!(!world.file("work").exists());
}

#[tokio::test]
async fn an_answer_without_tokens_does_not_end_the_session() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.fault("renew", Fault::Text(""));
    assert!(matches!(
        session.token().await,
        Err(TokenError::Unreachable { .. })
    ));
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
}
