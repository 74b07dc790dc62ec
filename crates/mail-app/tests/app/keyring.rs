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

/// What the files of all accounts are at this moment: names and contents.
fn account_files(world: &World) -> std::collections::BTreeMap<String, Vec<u8>> {
    let data = world.paths().data().to_path_buf();
    let all = crate::logs::files(&data);
    let kept = all.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        let is_content = name.ends_with(".sqlite") || name.ends_with(".sealed");
        (is_content && name != "registry.sqlite")
            .then(|| (path.display().to_string(), std::fs::read(path).unwrap()))
    });
    kept.collect()
}

/// A mark of Work's newest message that its server has not got, because the account is paused.
async fn queue_a_mark(world: &World) -> mail_app::AccountView {
    let app = world.start().await;
    let (work, _) = world.two_accounts(&app).await;
    let account = json!({ "account": work.id });
    app.call("account.pause", account).await.unwrap();
    let scope = mail_app::Scope::Merged {
        role: mail_app::MailboxRole::Inbox,
        group: None,
    };
    let rows = app
        .rows_now(
            scope,
            mail_app::ListMode::Messages,
            mail_app::Filter::All,
            500,
        )
        .await
        .unwrap();
    let row = rows.iter().find(|row| row.account == work.id).unwrap();
    let target = json!({ "kind": "message", "account": work.id, "message": row.message });
    let mark = json!({ "targets": [target], "mark": "flagged", "set": !row.starred });
    app.call("message.mark", mark).await.unwrap();
    until(&app, "a queued mark", async |accounts| {
        accounts[0].queued == 1
    })
    .await;
    app.stop().await;
    work
}

#[tokio::test(flavor = "multi_thread")]
async fn another_keyring_costs_no_file_and_no_queued_change_once_the_first_is_back() {
    let world = World::new().await;
    let work = queue_a_mark(&world).await;
    let before = account_files(&world);
    assert!(before.len() >= 10, "{} files", before.len());

    // The desktop was switched: the keyring of this run has never heard of these accounts.
    let app = world.start_with(Arc::new(MemoryVault::new())).await;
    until(&app, "a needed sign-in", async |accounts| {
        let needed = accounts.iter().filter(|account| {
            matches!(
                account.health,
                HealthView::SignInNeeded | HealthView::SignedOut
            )
        });
        needed.count() == 2
    })
    .await;
    app.stop().await;
    drop(app);
    let after = account_files(&world);
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    for (name, content) in &before {
        assert!(
            after[name] == *content,
            "{name} was changed without its key"
        );
    }

    let app = world.start().await;
    until(&app, "the queued mark", async |accounts| {
        accounts.len() == 2 && accounts[0].id == work.id && accounts[0].queued == 1
    })
    .await;
    let account = json!({ "account": work.id });
    app.call("account.resume", account).await.unwrap();
    until(&app, "a sent mark", async |accounts| {
        accounts[0].queued == 0
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_after_a_lost_key_deletes_nothing_of_what_the_key_had_closed() {
    let world = World::new().await;
    let work = queue_a_mark(&world).await;
    let before = account_files(&world);
    let of_work: Vec<_> = before
        .iter()
        .filter(|(name, _)| name.contains(&work.id))
        .map(|(name, content)| {
            let file = std::path::Path::new(name).file_name().unwrap();
            (file.to_owned(), content)
        })
        .collect();
    assert!(of_work.len() >= 5);
    let id = AccountId::new(work.id.as_str()).unwrap();
    let key = world.vault.key(&id).await.unwrap().unwrap();
    world.vault.delete_key(&id).await.unwrap();

    let app = world.start().await;
    until(&app, "a needed sign-in", async |accounts| {
        matches!(
            accounts[0].health,
            HealthView::SignInNeeded | HealthView::SignedOut
        )
    })
    .await;
    let again = world.sign_in(&app, "Work", Some(&work.id)).await;
    assert!(
        matches!(again, mail_app::SignInView::Renewed { .. }),
        "{again:?}"
    );
    app.stop().await;
    drop(app);
    let after = account_files(&world);
    for (name, content) in &of_work {
        let is_kept = after.iter().any(|(path, kept)| {
            kept == *content && std::path::Path::new(path).file_name() == Some(name)
        });
        assert!(is_kept, "{} is gone", name.display());
    }

    // With the key found again, the queued change can still be read where it was put aside.
    let local = after.iter().find(|(path, content)| {
        path.ends_with("local.sqlite") && of_work.iter().any(|(_, old)| old == content)
    });
    let folder = std::path::Path::new(local.unwrap().0).parent().unwrap();
    let key = mail_store::StoreKey::new(*key.derive(mail_auth::KeyPurpose::Database));
    let options = mail_store::StoreOptions::default();
    let store = mail_store::AccountStore::open(folder, key, options)
        .await
        .unwrap();
    assert_eq!(store.queued(), 1);
    store.close().await.unwrap();
}

// ---- the system's own keyring -----------------------------------------------------------

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

#[test]
fn three_accounts_have_exactly_three_items_in_the_systems_keyring_and_others_items_are_left_alone()
{
    use std::process::{Command, Stdio};

    let needed = ["dbus-run-session", "dbus-send", "gnome-keyring-daemon"];
    if !needed.iter().all(|program| is_installed(program)) {
        println!("skipped: one of {needed:?} is not installed");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
        .create(&run)
        .unwrap();
    let inside = "printf test | gnome-keyring-daemon --unlock --components=secrets >/dev/null && \
                  exec \"$0\" keyring::inside_a_session --exact --ignored --nocapture";
    let output = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", inside])
        .arg(std::env::current_exe().unwrap())
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", &run)
        .env("XDG_DATA_HOME", home.path().join("share"))
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let worse = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{worse}"
    );
}

/// Every item of the keyring as `service/user`, asked for by another program than ours.
fn items() -> std::collections::BTreeSet<String> {
    let ask = |path: &str, method: &str, arguments: &[&str]| {
        let output = std::process::Command::new("dbus-send")
            .args([
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.secrets",
            ])
            .args([path, method])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Everything in quotes.
    let quoted = |text: &str| -> Vec<String> {
        text.split('"')
            .skip(1)
            .step_by(2)
            .map(ToOwned::to_owned)
            .collect()
    };
    let every = ["dict:string:string:"];
    let found = ask(
        "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service.SearchItems",
        &every,
    );
    let of_item = ["string:org.freedesktop.Secret.Item", "string:Attributes"];
    let paths = quoted(&found).into_iter();
    paths
        .map(|path| {
            let answer = ask(&path, "org.freedesktop.DBus.Properties.Get", &of_item);
            let words = quoted(&answer);
            let value = |name: &str| {
                let at = words.iter().position(|word| word == name);
                at.and_then(|at| words.get(at + 1))
                    .cloned()
                    .unwrap_or_default()
            };
            format!("{}/{}", value("service"), value("username"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above with a keyring of its own"]
async fn inside_a_session() {
    let foreign = mail_auth::KeyringVault::with_service("another-program");
    foreign
        .create_key(&AccountId::new("theirs").unwrap())
        .await
        .unwrap();
    assert_eq!(items(), ["another-program/theirs".to_owned()].into());
    let world = World::with_messages(30).await;
    let app = world
        .start_with(Arc::new(mail_auth::KeyringVault::new()))
        .await;
    for account in ["Work", "Personal", "Choir"] {
        let ended = world.sign_in(&app, account, None).await;
        assert!(
            matches!(ended, mail_app::SignInView::Added { .. }),
            "{ended:?}"
        );
    }
    tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    let mut expected: std::collections::BTreeSet<String> =
        ["another-program/theirs".to_owned()].into();
    let accounts = app.accounts_now().await;
    expected.extend(
        accounts
            .iter()
            .map(|account| format!("braid/{}", account.id)),
    );
    assert_eq!(expected.len(), 4);
    assert_eq!(items(), expected);

    let gone = accounts[1].id.clone();
    let receipt = app
        .remove_account(AccountRequest {
            account: gone.clone(),
        })
        .await
        .unwrap();
    assert!(receipt.key_deleted);
    expected.remove(&format!("braid/{gone}"));
    assert_eq!(items(), expected);
    app.stop().await;
    assert_eq!(items(), expected, "an end deletes nothing");
}
