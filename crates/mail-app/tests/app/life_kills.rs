//! A run that is ended at any step of a sign-out, a removal, a return or a change of accounts:
//! the next one ends what was begun, and nothing is lost.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mail_app::{
    AccountRequest, App, DataChoice, MemoryVault, SealedRequest, SignOutRequest, TenantSettings,
    Vault,
};
use mail_auth::{AccountKey, VaultError};
use mail_model::AccountId;
use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::world::{World, eventually};

const ORDER: &str = "BRAID_TEST_LIFE_ORDER";

/// Keys in files, so that they outlive a process. For tests: what they protect is made up.
struct FileVault(PathBuf);

impl FileVault {
    fn read(&self, name: &str) -> Option<AccountKey> {
        let bytes = std::fs::read(self.0.join(name)).ok()?;
        Some(AccountKey::from_bytes(bytes.try_into().unwrap()))
    }

    fn write(&self, name: &str, key: &AccountKey) {
        let draft = self.0.join(format!("{name}.draft"));
        std::fs::write(&draft, key.expose()).unwrap();
        std::fs::rename(draft, self.0.join(name)).unwrap();
    }

    fn delete(&self, name: &str) {
        drop(std::fs::remove_file(self.0.join(name)));
    }

    fn carry(&self, from: &str, to: &str) -> Result<(), VaultError> {
        match (self.read(from), self.read(to)) {
            (None, None) => Err(VaultError::NoKey),
            (None, Some(_)) => Ok(()),
            (Some(key), _) => {
                self.write(to, &key);
                self.delete(from);
                Ok(())
            }
        }
    }

    fn list(&self, is_sealed: bool) -> Vec<AccountId> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| !name.ends_with(".draft") && name.ends_with(".sealed") == is_sealed)
            .map(|name| AccountId::new(name.trim_end_matches(".sealed")).unwrap())
            .collect()
    }
}

fn aside(account: &AccountId) -> String {
    format!("{account}.sealed")
}

#[mail_app::async_trait]
impl Vault for FileVault {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(self.read(account.as_str()))
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let key = MemoryVault::new().create_key(account).await?;
        self.write(account.as_str(), &key);
        Ok(key)
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.delete(account.as_str());
        Ok(())
    }

    async fn replace_damaged_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.carry(account.as_str(), &aside(account))
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.carry(&aside(account), account.as_str())
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(self.read(&aside(account)))
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.delete(&aside(account));
        Ok(())
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(self.list(true))
    }

    fn forget(&self, _: &AccountId) {}

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(self.list(false))
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

/// What a child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Deed {
    SignOut,
    Remove,
    Restore,
}

#[derive(Serialize, Deserialize)]
struct Order {
    deed: Deed,
    /// Ends the process after this many steps.
    stop: u32,
    root: PathBuf,
    account: String,
    tenant: TenantSettings,
}

/// Ends the process, as a power cut would, after so many steps.
struct Killer {
    left: AtomicU32,
}

impl<S: tracing::Subscriber> Layer<S> for Killer {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "mail_app::step"
            && self.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            std::process::abort();
        }
    }
}

async fn start(root: &Path, tenant: &TenantSettings) -> App {
    let vault = root.join("keys");
    std::fs::create_dir_all(&vault).unwrap();
    crate::world::start_at(
        mail_app::Paths::below(root),
        tenant.clone(),
        Arc::new(FileVault(vault)),
        Arc::default(),
    )
    .await
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child() {
    let Ok(order) = std::env::var(ORDER) else {
        return;
    };
    let order: Order = serde_json::from_str(&order).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let app = start(&order.root, &order.tenant).await;
        let killer = Killer {
            left: AtomicU32::new(order.stop),
        };
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(killer))
            .unwrap();
        let account = order.account;
        match order.deed {
            Deed::SignOut => {
                let data = DataChoice::Sealed;
                app.sign_out(SignOutRequest { account, data })
                    .await
                    .unwrap();
            }
            Deed::Remove => {
                app.remove_account(AccountRequest { account })
                    .await
                    .unwrap();
            }
            Deed::Restore => {
                let sealed = account;
                app.restore_sealed(SealedRequest { sealed }).await.unwrap();
            }
        }
        app.stop().await;
    });
}

/// Whether the child was ended before it was done.
fn run(order: &Order) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["life_kills::child", "--exact", "--ignored", "--nocapture"])
        .env(ORDER, serde_json::to_string(order).unwrap())
        .env("SSL_CERT_FILE", "/dev/null")
        .env("SSL_CERT_DIR", "/dev/null")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    !status.success()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn exists(root: &Path, place: &str) -> bool {
    root.join(place).exists()
}

async fn check(root: &Path, tenant: &TenantSettings, deed: Deed, id: &str, stop: u32) {
    let told = format!("{deed:?} ended after step {stop}");
    let app = start(root, tenant).await;
    let (folder, copy) = (format!("data/accounts/{id}"), format!("data/sealed/{id}"));
    let (key, sealed_key) = (format!("keys/{id}"), format!("keys/{id}.sealed"));
    let on_rail = async || {
        let accounts = app.accounts_now().await;
        accounts.iter().any(|account| account.id == id)
    };
    match deed {
        Deed::Remove => {
            eventually(&told, async || {
                ![&folder, &copy, &key, &sealed_key]
                    .iter()
                    .any(|place| exists(root, place))
            })
            .await;
            assert!(!on_rail().await, "{told}");
            assert!(app.sealed_now().await.unwrap().is_empty(), "{told}");
        }
        Deed::SignOut | Deed::Restore => {
            eventually(&told, async || {
                let sealed = exists(root, &copy) && exists(root, &sealed_key);
                let back = exists(root, &folder) && exists(root, &key);
                sealed != back && on_rail().await == back
            })
            .await;
            // What was begun is ended; of a return the row comes last, so it is a copy again.
            assert!(exists(root, &copy), "{told}");
            assert!(!exists(root, &format!("{copy}/session.sealed")), "{told}");
            let sealed = id.to_owned();
            app.restore_sealed(SealedRequest { sealed }).await.unwrap();
            let rows = crate::life::inbox(&app).await;
            assert!(rows.iter().any(|row| row.account == id), "{told}");
        }
    }
    // The other one has noticed nothing.
    let rows = crate::life::inbox(&app).await;
    assert!(rows.iter().any(|row| row.account != id), "{told}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_at_any_step_the_next_run_ends_what_was_begun() {
    let world = World::with_messages(30).await;
    let tenant = world.settings();
    let begin = tempfile::tempdir().unwrap();
    let app = start_by(&world, begin.path(), &tenant).await;
    let (work, _) = world.two_accounts(&app).await;
    app.stop().await;
    drop(app);
    let sealed = tempfile::tempdir().unwrap();
    copy(begin.path(), sealed.path());
    let order = |deed, root: &Path, stop| Order {
        deed,
        stop,
        root: root.to_owned(),
        account: work.id.clone(),
        tenant: tenant.clone(),
    };
    assert!(!run(&order(Deed::SignOut, sealed.path(), u32::MAX)));
    for (deed, from, least) in [
        (Deed::SignOut, begin.path(), 4),
        (Deed::Remove, begin.path(), 4),
        (Deed::Restore, sealed.path(), 2),
    ] {
        let mut stop = 1;
        loop {
            let root = tempfile::tempdir().unwrap();
            copy(from, root.path());
            if !run(&order(deed, root.path(), stop)) {
                break;
            }
            check(root.path(), &tenant, deed, &work.id, stop).await;
            stop += 1;
        }
        assert!(stop > least, "{deed:?} has {} steps", stop - 1);
    }
}

async fn start_by(world: &World, root: &Path, tenant: &TenantSettings) -> App {
    let vault = root.join("keys");
    std::fs::create_dir_all(&vault).unwrap();
    crate::world::start_at(
        mail_app::Paths::below(root),
        tenant.clone(),
        Arc::new(FileVault(vault)),
        world.browser.clone(),
    )
    .await
}
