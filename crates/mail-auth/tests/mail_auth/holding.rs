//! An account that the person holds still: paused, locked; and a keyring entry that is no key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use mail_auth::{
    AccountKey, MemoryVault, NeedsSignIn, Session, SessionError, SessionState, Vault, VaultError,
};
use mail_model::AccountId;
use mail_model::remote::{TokenError, TokenSource as _};

use crate::world::{DAY, World, in_time, now};

/// A vault whose entries may be damaged, and that counts how often it is asked and told to
/// forget.
struct Watched {
    keys: Arc<MemoryVault>,
    damaged: AtomicBool,
    asked: AtomicU32,
    forgotten: AtomicU32,
    replaced: AtomicU32,
}

impl Watched {
    fn over(keys: &Arc<MemoryVault>) -> Arc<Self> {
        Arc::new(Self {
            keys: Arc::clone(keys),
            damaged: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            forgotten: AtomicU32::new(0),
            replaced: AtomicU32::new(0),
        })
    }
}

#[async_trait::async_trait]
impl Vault for Watched {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.asked.fetch_add(1, SeqCst);
        if self.damaged.load(SeqCst) {
            return Err(VaultError::Damaged);
        }
        self.keys.key(account).await
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        self.keys.create_key(account).await
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.keys.delete_key(account).await
    }

    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        self.replaced.fetch_add(1, SeqCst);
        if !self.damaged.swap(false, SeqCst) {
            return Err(VaultError::AlreadyThere);
        }
        self.keys.delete_key(account).await?;
        self.keys.create_key(account).await
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.keys.seal_key(account).await
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.keys.unseal_key(account).await
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.keys.sealed_key(account).await
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.keys.delete_sealed_key(account).await
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.keys.sealed_names().await
    }

    fn forget(&self, _: &AccountId) {
        self.forgotten.fetch_add(1, SeqCst);
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.keys.names().await
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

async fn watched(world: &World) -> (Session, Arc<Watched>) {
    drop(world.ana().await);
    let vault = Watched::over(&world.vault);
    let mut parts = world.session_parts("work", "user|ana");
    parts.vault = vault.clone();
    (Session::open(parts).await, vault)
}

#[tokio::test]
async fn a_locked_account_has_neither_key_nor_token_and_asks_nobody() {
    let world = World::new().await;
    let (session, vault) = watched(&world).await;
    let token = session.token().await.unwrap();
    let asked = vault.asked.load(SeqCst);
    session.lock().await.unwrap();
    assert_eq!(now(&session.state()), SessionState::LockedByPerson);
    assert_eq!(vault.forgotten.load(SeqCst), 1);
    assert!(session.identity().is_none());
    assert!(world.file("work").exists());
    world.clock.advance(DAY);
    for _ in 0..3 {
        assert!(matches!(
            session.token().await,
            Err(TokenError::LockedByPerson)
        ));
        assert!(matches!(
            session.replace(&token).await,
            Err(TokenError::LockedByPerson)
        ));
    }
    session.unlock().await;
    session.lock().await.unwrap();
    assert_eq!(now(&session.state()), SessionState::LockedByPerson);
    assert_eq!(vault.asked.load(SeqCst), asked, "the vault was not asked");
    assert_eq!(world.tenant.count("renew"), 0);

    session.unlock_key().await;
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    assert_eq!(vault.asked.load(SeqCst), asked + 1);
    session.token().await.unwrap();
    assert_eq!(world.tenant.count("renew"), 1);
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn a_lock_during_a_renewal_loses_nothing() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.close_gate();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    in_time(world.tenant.somebody_arrived()).await;
    session.lock().await.unwrap();
    assert!(matches!(
        in_time(waiting).await.unwrap(),
        Err(TokenError::LockedByPerson)
    ));
    // Unlocking waits for the answer, which is stored although the account is locked.
    let unlocking = tokio::spawn({
        let session = session.clone();
        async move { session.unlock_key().await }
    });
    world.tenant.open_gate();
    in_time(unlocking).await.unwrap();
    session.token().await.unwrap();
    assert_eq!(world.tenant.count("renew"), 1);
    world.clock.advance(DAY);
    session.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn an_account_whose_last_answer_is_not_stored_is_not_locked() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.block_writes("work");
    assert!(session.token().await.is_err());
    assert!(matches!(
        session.lock().await,
        Err(SessionError::NotStored(_))
    ));
    assert!(matches!(
        now(&session.state()),
        SessionState::VaultUnavailable { .. }
    ));
    world.allow_writes("work");
    session.lock().await.unwrap();
    session.unlock_key().await;
    session.token().await.unwrap();
    world.clock.advance(DAY);
    world.reopened().await.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn nobody_signs_in_to_a_locked_account_and_anybody_may_sign_out_of_it() {
    let world = World::new().await;
    let session = world.ana().await;
    session.lock().await.unwrap();
    let fresh = world.sign_in("user|ana").await.unwrap();
    assert!(matches!(
        session.replace_credentials(fresh).await,
        Err(SessionError::LockedByPerson)
    ));
    assert_eq!(now(&session.state()), SessionState::LockedByPerson);
    let open = world.tenant.session_count();
    let report = session.sign_out().await.unwrap();
    assert!(report.told_login_service, "the stored session was ended");
    assert_eq!(world.tenant.session_count(), open - 1);
    assert_eq!(now(&session.state()), SessionState::SignedOut);
    assert!(!world.file("work").exists());
}

#[tokio::test]
async fn an_account_that_was_put_aside_is_not_locked() {
    let world = World::new().await;
    let session = world.ana().await;
    session.seal();
    assert!(matches!(session.lock().await, Err(SessionError::Sealed)));
    session.unlock_key().await;
    assert_eq!(now(&session.state()), SessionState::Sealed);
}

#[tokio::test]
async fn a_paused_account_makes_no_traffic_until_it_is_resumed() {
    let world = World::new().await;
    let session = world.ana().await;
    let token = session.token().await.unwrap();
    session.pause();
    assert!(session.is_paused());
    world.clock.advance(DAY);
    let before = world.tenant.with(|t| t.seen.len());
    assert!(matches!(session.token().await, Err(TokenError::Paused)));
    assert!(matches!(
        session.replace(&token).await,
        Err(TokenError::Paused)
    ));
    assert!(matches!(
        session.profile().await,
        Err(SessionError::Token(TokenError::Paused))
    ));
    assert!(session.devices().await.is_err());
    assert_eq!(world.tenant.with(|t| t.seen.len()), before);
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    session.resume();
    session.token().await.unwrap();
    assert_eq!(world.tenant.count("renew"), 1);
}

#[tokio::test]
async fn a_pause_during_a_renewal_lets_it_end_and_gives_nobody_its_token() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY);
    world.tenant.close_gate();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    in_time(world.tenant.somebody_arrived()).await;
    session.pause();
    world.tenant.open_gate();
    in_time(session.settled()).await;
    assert!(matches!(
        in_time(waiting).await.unwrap(),
        Err(TokenError::Paused)
    ));
    // What came is on disk: a second session on the same file goes on from there.
    world.clock.advance(DAY);
    world.reopened().await.token().await.unwrap();
    assert_eq!(world.tenant.with(|t| t.reused), 0);
}

#[tokio::test]
async fn a_damaged_entry_of_the_keyring_asks_for_a_sign_in_that_mends_it() {
    let world = World::new().await;
    drop(world.ana().await);
    let vault = Watched::over(&world.vault);
    vault.damaged.store(true, SeqCst);
    let mut parts = world.session_parts("work", "user|ana");
    parts.vault = vault.clone();
    let before = std::fs::read(world.file("work")).unwrap();
    let session = Session::open(parts.clone()).await;
    let why = NeedsSignIn::KeyChanged;
    assert_eq!(now(&session.state()), SessionState::NeedsSignIn { why });
    assert!(matches!(
        session.token().await,
        Err(TokenError::SignInAgain)
    ));
    session.unlock().await;
    assert_eq!(vault.replaced.load(SeqCst), 0, "never before the sign-in");
    assert_eq!(std::fs::read(world.file("work")).unwrap(), before);

    let fresh = world.sign_in("user|ana").await.unwrap();
    session.replace_credentials(fresh).await.unwrap();
    assert_eq!(vault.replaced.load(SeqCst), 1);
    assert!(matches!(
        now(&session.state()),
        SessionState::SignedIn { .. }
    ));
    let again = Session::open(parts).await;
    again.token().await.unwrap();
}

#[tokio::test]
async fn somebody_elses_sign_in_does_not_mend_a_damaged_entry() {
    let world = World::new().await;
    drop(world.ana().await);
    let vault = Watched::over(&world.vault);
    vault.damaged.store(true, SeqCst);
    let mut parts = world.session_parts("work", "user|ana");
    parts.vault = vault.clone();
    let session = Session::open(parts).await;
    let eve = world.sign_in("user|eve").await.unwrap();
    assert!(matches!(
        session.replace_credentials(eve).await,
        Err(SessionError::OtherPerson)
    ));
    assert_eq!(vault.replaced.load(SeqCst), 0);
}
