//! What an account's session survives, and how it ends.

use mail_auth::{
    AccountKey, NeedsSignIn, SealedFile, Session, SessionError, SessionState, Vault as _,
    VaultError, VaultProblem,
};
use mail_model::AccountId;
use mail_model::remote::{TokenError, TokenSource as _};
use serde_json::json;

use crate::tenant::Fault;
use crate::world::{DAY, World, in_time, now};

#[tokio::test]
async fn a_session_is_there_again_after_a_restart() {
    let world = World::new().await;
    let token = world.ana().await.token().await.unwrap();
    let session = world.reopened().await;
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    assert_eq!(session.token().await.unwrap().expose(), token.expose());
    let identity = session.identity().unwrap();
    assert_eq!(identity.email.as_deref(), Some("ana@northwind.example"));
    assert_eq!(world.tenant.count("renew"), 0);
}

#[tokio::test]
async fn nothing_of_a_session_is_readable_on_disk() {
    let world = World::new().await;
    world.ana().await;
    let raw = std::fs::read(world.file("work")).unwrap();
    for secret in world.tenant.with(|t| t.secrets.clone()) {
        assert!(!raw.windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
    assert!(!raw.windows(8).any(|w| w == b"user|ana"));
}

#[tokio::test]
async fn signing_in_again_renews_the_account_in_place() {
    let world = World::new().await;
    let session = world.ana().await;
    let old = session.token().await.unwrap();
    assert_eq!(session.epoch(), 1);
    world.tenant.end_all_sessions();
    world.clock.advance(DAY);
    assert!(matches!(
        session.token().await,
        Err(TokenError::SignInAgain)
    ));
    let fresh = world.sign_in("user|ana").await.unwrap();
    assert_eq!(session.replace_credentials(fresh).await.unwrap(), 2);
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    let new = session.token().await.unwrap();
    assert_ne!(new.expose(), old.expose());
    assert_eq!(
        world.reopened().await.token().await.unwrap().expose(),
        new.expose()
    );
}

#[tokio::test]
async fn somebody_else_cannot_take_an_account_over() {
    let world = World::new().await;
    let session = world.ana().await;
    let old = session.token().await.unwrap();
    let eve = world.sign_in("user|eve").await.unwrap();
    let refused = session.replace_credentials(eve).await;
    assert!(matches!(refused, Err(SessionError::OtherPerson)));
    assert_eq!(session.token().await.unwrap().expose(), old.expose());
    assert_eq!(session.epoch(), 1);

    let parts = world.session_parts("choir", "user|choir");
    world.vault.create_key(&parts.account).await.unwrap();
    let eve = world.sign_in("user|eve").await.unwrap();
    assert!(matches!(
        Session::create(parts, eve).await,
        Err(SessionError::OtherPerson)
    ));
    assert!(!world.file("choir").exists());
}

#[tokio::test]
async fn a_new_sign_in_that_cannot_be_stored_leaves_the_old_session() {
    let world = World::new().await;
    let session = world.ana().await;
    let old = session.token().await.unwrap();
    let fresh = world.sign_in("user|ana").await.unwrap();
    world.block_writes("work");
    let refused = session.replace_credentials(fresh).await;
    assert!(matches!(refused, Err(SessionError::NotStored(_))));
    assert_eq!(session.token().await.unwrap().expose(), old.expose());
    assert_eq!(session.epoch(), 1);
}

#[tokio::test]
async fn a_late_renewal_of_the_old_session_does_not_overwrite_the_new_one() {
    let world = World::new().await;
    let session = world.ana().await;
    let fresh = world.sign_in("user|ana").await.unwrap();
    world.clock.advance(DAY);
    world.tenant.close_gate();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    in_time(world.tenant.somebody_arrived()).await;
    session.replace_credentials(fresh).await.unwrap();
    let stored = std::fs::read(world.file("work")).unwrap();
    world.tenant.open_gate();
    in_time(waiting).await.unwrap().unwrap();
    assert_eq!(std::fs::read(world.file("work")).unwrap(), stored);
}

#[tokio::test]
async fn signing_out_forgets_everything_and_tells_the_service() {
    let world = World::new().await;
    let session = world.ana().await;
    let choir = world.session("choir", "user|choir").await;
    let choir_file = std::fs::read(world.file("choir")).unwrap();
    let report = session.sign_out().await.unwrap();
    assert!(report.told_login_service);
    assert!(!world.file("work").exists());
    assert_eq!(now(&session.state()), SessionState::SignedOut);
    assert!(session.identity().is_none());
    assert!(matches!(
        session.token().await,
        Err(TokenError::SignInAgain)
    ));
    assert_eq!(world.tenant.session_count(), 1);
    // The other account does not notice.
    assert_eq!(std::fs::read(world.file("choir")).unwrap(), choir_file);
    choir.token().await.unwrap();
    let again = session.sign_out().await.unwrap();
    assert!(!again.told_login_service);
}

#[tokio::test]
async fn signing_out_works_when_the_service_fails() {
    let world = World::new().await;
    let session = world.ana().await;
    world.tenant.fault("end", Fault::Status(500, json!({})));
    let report = session.sign_out().await.unwrap();
    assert!(!report.told_login_service);
    assert!(!world.file("work").exists());
}

#[tokio::test]
async fn a_sign_out_during_a_renewal_stays_a_sign_out() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.close_gate();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    in_time(world.tenant.somebody_arrived()).await;
    session.sign_out().await.unwrap();
    world.tenant.open_gate();
    let outcome = in_time(waiting).await.unwrap();
    assert!(matches!(outcome, Err(TokenError::SignInAgain)));
    assert!(!world.file("work").exists());
    assert_eq!(now(&session.state()), SessionState::SignedOut);
}

#[tokio::test]
async fn the_profile_names_every_way_in() {
    let world = World::new().await;
    let session = world.ana().await;
    let profile = session.profile().await.unwrap();
    assert_eq!(profile.user_id.as_deref(), Some("user|ana"));
    let ways: Vec<_> = profile
        .linked_identities
        .iter()
        .map(|i| {
            (
                i.connection.connection_id.as_str(),
                i.connection.user_id.as_str(),
            )
        })
        .collect();
    assert_eq!(ways, [("con_northwind", "nw|1"), ("google", "108")]);
    let (headers, _) = world.tenant.last("profile");
    assert!(
        headers["authorization"]
            .to_str()
            .unwrap()
            .starts_with("Bearer ")
    );
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_the_profile_and_the_credentials() {
    let world = World::new().await;
    let session = world.ana().await;
    world.tenant.fault("profile", Fault::Status(401, json!({})));
    session.profile().await.unwrap();
    assert_eq!(world.tenant.count("renew"), 1);
    world.clock.advance(3600);
    world
        .tenant
        .fault("credentials", Fault::Status(401, json!({})));
    let source = session.connection_tokens("con_northwind");
    source.token().await.unwrap();
    assert_eq!(world.tenant.count("renew"), 2);
}

#[tokio::test]
async fn what_cannot_be_opened_is_kept_and_told_apart() {
    let world = World::new().await;
    drop(world.ana().await);
    let work = AccountId::new("work").unwrap();
    let file = world.file("work");
    let good = std::fs::read(&file).unwrap();
    let why = async || match now(&world.reopened().await.state()) {
        SessionState::NeedsSignIn { why } => why,
        other => panic!("{other:?}"),
    };

    std::fs::write(&file, &good[..good.len() - 1]).unwrap();
    assert_eq!(why().await, NeedsSignIn::Damaged);
    std::fs::write(&file, b"").unwrap();
    assert_eq!(why().await, NeedsSignIn::Damaged);
    std::fs::write(&file, &good).unwrap();

    world.vault.delete_key(&work).await.unwrap();
    assert_eq!(why().await, NeedsSignIn::KeyChanged);
    world.vault.create_key(&work).await.unwrap();
    assert_eq!(why().await, NeedsSignIn::KeyChanged);
    assert_eq!(std::fs::read(&file).unwrap(), good);

    std::fs::remove_file(&file).unwrap();
    assert_eq!(why().await, NeedsSignIn::NothingStored);

    // A sign-in mends it with the key that is there now.
    let session = world.reopened().await;
    let fresh = world.sign_in("user|ana").await.unwrap();
    session.replace_credentials(fresh).await.unwrap();
    world.reopened().await.token().await.unwrap();
}

#[tokio::test]
async fn without_a_key_no_session_is_made() {
    let world = World::new().await;
    let signed_in = world.sign_in("user|ana").await.unwrap();
    let made = Session::create(world.session_parts("work", "user|ana"), signed_in).await;
    assert!(matches!(made, Err(SessionError::NoKey)));
    assert!(!world.file("work").exists());
}

#[tokio::test]
async fn a_session_file_of_version_one_is_read_for_ever() {
    let world = World::new().await;
    let parts = world.session_parts("work", "user|ana");
    let key = world.vault.create_key(&parts.account).await.unwrap();
    let cookie = r#"{\"raw_cookie\":\"authress-session=abc; HttpOnly; SameSite=Strict; Secure; Path=/\",\"path\":[\"/\",true],\"domain\":{\"HostOnly\":\"127.0.0.1\"},\"expires\":\"SessionEnd\"}\n"#;
    // As version one wrote it. Never to be changed.
    let stored = format!(
        r#"{{"version":"1","issuer":"{}","subject":"user|ana","connection":"con_northwind","name":"Ana Moreau","email":"ana@northwind.example","picture":null,"expires_at":1800086400,"renew_at":1800086100,"origin":"http://127.0.0.1:1","access_token":"a.b.c","cookies":"[{cookie}]","over":null}}"#,
        world.tenant.url
    );
    SealedFile::new(&parts.file, &parts.account, &key)
        .write(stored.as_bytes())
        .unwrap();
    let session = Session::open(parts).await;
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    assert_eq!(session.token().await.unwrap().expose(), "a.b.c");
    assert!(session.profile().await.is_ok());
    let (headers, _) = world.tenant.last("profile");
    assert_eq!(headers["cookie"], "authress-session=abc");
}

#[tokio::test]
async fn an_account_put_aside_gives_no_token() {
    let world = World::new().await;
    let session = world.ana().await;
    session.seal();
    assert_eq!(now(&session.state()), SessionState::Sealed);
    assert!(matches!(
        session.token().await,
        Err(TokenError::SignInAgain)
    ));
    let fresh = world.sign_in("user|ana").await.unwrap();
    let refused = session.replace_credentials(fresh).await;
    assert!(matches!(refused, Err(SessionError::Sealed)));
    assert!(world.file("work").exists());
    // Put aside by mistake: everything is as before.
    session.unseal().await;
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    session.token().await.unwrap();
    // Put aside and wiped: the person signs in.
    session.seal();
    std::fs::remove_file(world.file("work")).unwrap();
    session.unseal().await;
    let why = NeedsSignIn::PutBack;
    assert_eq!(now(&session.state()), SessionState::NeedsSignIn { why });
    let fresh = world.sign_in("user|ana").await.unwrap();
    session.replace_credentials(fresh).await.unwrap();
}

#[tokio::test]
async fn an_account_put_aside_with_its_key_comes_back_with_it() {
    let world = World::new().await;
    let session = world.ana().await;
    let work = AccountId::new("work").unwrap();
    world.clock.advance(DAY);
    world.tenant.close_gate();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    in_time(world.tenant.somebody_arrived()).await;
    // The order of putting aside: nothing new, the last answer stored, then the key goes.
    session.pause();
    world.tenant.open_gate();
    in_time(session.settled()).await;
    assert!(in_time(waiting).await.unwrap().is_err());
    session.seal();
    world.vault.seal_key(&work).await.unwrap();
    assert!(world.vault.key(&work).await.unwrap().is_none());

    world.vault.unseal_key(&work).await.unwrap();
    session.unseal().await;
    session.resume();
    session.token().await.unwrap();
    world.clock.advance(DAY);
    session.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

/// A vault that is locked until the test unlocks it.
struct LockedVault {
    key: AccountKey,
    locked: std::sync::atomic::AtomicBool,
    asked: std::sync::atomic::AtomicU32,
}

#[async_trait::async_trait]
impl mail_auth::Vault for LockedVault {
    async fn key(&self, _: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if self.locked.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(VaultError::Locked);
        }
        Ok(Some(self.key.clone()))
    }

    async fn create_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn delete_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn replace_damaged_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn seal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn unseal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn sealed_key(&self, _: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(None)
    }

    async fn delete_sealed_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(Vec::new())
    }

    fn forget(&self, _: &AccountId) {}

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(Vec::new())
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_locked_keyring_is_said_and_asked_again_only_when_the_person_wants() {
    let world = World::new().await;
    drop(world.ana().await);
    let work = AccountId::new("work").unwrap();
    let vault = std::sync::Arc::new(LockedVault {
        key: world.vault.key(&work).await.unwrap().unwrap(),
        locked: true.into(),
        asked: 0.into(),
    });
    let mut parts = world.session_parts("work", "user|ana");
    parts.vault = vault.clone();
    let session = Session::open(parts).await;
    let problem = VaultProblem::Locked;
    assert_eq!(
        now(&session.state()),
        SessionState::VaultUnavailable { problem }
    );
    for _ in 0..5 {
        assert!(matches!(
            session.token().await,
            Err(TokenError::VaultUnavailable)
        ));
    }
    assert_eq!(vault.asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    vault
        .locked
        .store(false, std::sync::atomic::Ordering::SeqCst);
    session.unlock().await;
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    session.token().await.unwrap();
}

#[tokio::test]
async fn two_accounts_of_one_tenant_never_show_each_others_cookies_or_tokens() {
    let world = World::new().await;
    let work = world.ana().await;
    let choir = world.session("choir", "user|choir").await;
    world.clock.advance(DAY);
    let (a, b) = tokio::join!(work.token(), choir.token());
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a.expose(), b.expose());
    for (token, person) in [(&a, "user|ana"), (&b, "user|choir")] {
        let claims = world.parts.verifier.access(token.expose()).await.unwrap();
        assert_eq!(claims.subject, person);
    }
    let mut cookies = world.tenant.with(|t| {
        t.seen
            .iter()
            .filter(|(name, ..)| *name == "renew")
            .map(|(_, headers, _)| headers["cookie"].clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(cookies.len(), 2);
    cookies.dedup();
    assert_eq!(cookies.len(), 2);
}
