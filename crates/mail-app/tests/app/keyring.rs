//! A keyring that is locked, and what the person can do about it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mail_app::{AccountRequest, App, FeedSink, HealthView, MemoryVault, SignInView, Vault};
use mail_auth::{AccountKey, VaultError};
use mail_model::AccountId;
use serde_json::{Value, json};

use crate::world::{LIMIT, World, until};

/// A keyring that gives no key out while it is locked, but says which there are, as the
/// desktop's keyrings do.
struct Keyring {
    keys: Arc<MemoryVault>,
    locked: AtomicBool,
    /// The account whose entry is no key.
    damaged: Mutex<Option<AccountId>>,
}

impl Keyring {
    fn locked(world: &World) -> Arc<Self> {
        Arc::new(Self {
            keys: world.vault.clone(),
            locked: AtomicBool::new(true),
            damaged: Mutex::default(),
        })
    }

    fn ask(&self) -> Result<(), VaultError> {
        if self.locked.load(Ordering::Relaxed) {
            return Err(VaultError::Locked);
        }
        Ok(())
    }
}

#[mail_app::async_trait]
impl Vault for Keyring {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.ask()?;
        if self.damaged.lock().unwrap().as_ref() == Some(account) {
            return Err(VaultError::Damaged);
        }
        self.keys.key(account).await
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        self.ask()?;
        self.keys.create_key(account).await
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.ask()?;
        self.keys.delete_key(account).await
    }

    async fn replace_damaged_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        self.ask()?;
        if self
            .damaged
            .lock()
            .unwrap()
            .take_if(|it| it == account)
            .is_none()
        {
            return Err(VaultError::AlreadyThere);
        }
        self.keys.delete_key(account).await?;
        self.keys.create_key(account).await
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.ask()?;
        self.keys.seal_key(account).await
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.ask()?;
        self.keys.unseal_key(account).await
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        self.ask()?;
        self.keys.sealed_key(account).await
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.ask()?;
        self.keys.delete_sealed_key(account).await
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.keys.sealed_names().await
    }

    fn forget(&self, account: &AccountId) {
        self.keys.forget(account);
    }

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        self.keys.names().await
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

/// How the keyring is, as the page is told.
async fn told(app: &App) -> Value {
    let (seen, mut events) = tokio::sync::mpsc::unbounded_channel();
    let sink = FeedSink::new(move |event: Value| seen.send(event).is_ok());
    let feed = app.open("app", json!({}), sink).await.unwrap();
    let event = tokio::time::timeout(LIMIT, events.recv()).await.unwrap();
    drop(feed);
    event.unwrap()["app"]["vault"].clone()
}

async fn all_locked(app: &App) {
    until(app, "closed accounts", async |accounts| {
        accounts
            .iter()
            .all(|account| matches!(account.health, HealthView::VaultLocked))
    })
    .await;
}

async fn all_current(app: &App) {
    until(app, "open accounts", async |accounts| {
        accounts
            .iter()
            .all(|account| matches!(account.health, HealthView::Current))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_is_locked_at_start_is_said_and_its_accounts_open_when_it_is_unlocked() {
    let world = World::new().await;
    let app = world.start().await;
    world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    let keyring = Keyring::locked(&world);
    let app = world.start_with(keyring.clone()).await;
    all_locked(&app).await;
    assert_eq!(told(&app).await, "locked");
    app.call("vault.retry", json!({})).await.unwrap();
    assert_eq!(told(&app).await, "locked");
    keyring.locked.store(false, Ordering::Relaxed);
    app.call("vault.retry", json!({})).await.unwrap();
    all_current(&app).await;
    assert_eq!(told(&app).await, "ready");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn going_on_without_a_keyring_takes_no_account_for_lost_and_no_key_for_deleted() {
    let world = World::new().await;
    let keyring = Keyring::locked(&world);
    keyring.locked.store(false, Ordering::Relaxed);
    let app = world.start_with(keyring.clone()).await;
    let (work, _) = world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    keyring.locked.store(true, Ordering::Relaxed);
    let app = world.start_with(keyring.clone()).await;
    app.call("vault.session_only", json!({})).await.unwrap();
    app.call("vault.retry", json!({})).await.unwrap();
    all_locked(&app).await;
    keyring.locked.store(false, Ordering::Relaxed);
    app.call("vault.retry", json!({})).await.unwrap();
    all_current(&app).await;
    let account = work.id.clone();
    let receipt = app.remove_account(AccountRequest { account }).await;
    assert!(receipt.unwrap().key_deleted);
    let left = world.vault.names().await.unwrap();
    assert!(left.len() == 1 && left[0].as_str() != work.id, "{left:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_asks_for_a_sign_in_that_mends_it() {
    let world = World::new().await;
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    let keyring = Keyring::locked(&world);
    keyring.locked.store(false, Ordering::Relaxed);
    *keyring.damaged.lock().unwrap() = Some(AccountId::new(work.id.clone()).unwrap());
    let app = world.start_with(keyring.clone()).await;
    until(&app, "a question to sign in", async |accounts| {
        matches!(accounts[0].health, HealthView::SignInNeeded)
            && matches!(accounts[1].health, HealthView::Current)
    })
    .await;
    assert_eq!(told(&app).await, "ready", "the keyring itself is well");
    assert!(
        keyring.damaged.lock().unwrap().is_some(),
        "nothing is replaced before"
    );
    let ended = world.sign_in(&app, "Work", Some(&work.id)).await;
    assert_eq!(
        ended,
        SignInView::Renewed {
            account: work.id.clone()
        }
    );
    all_current(&app).await;
    app.stop().await;
    drop(app);
    let app = world.start_with(keyring).await;
    all_current(&app).await;
    app.stop().await;
}
