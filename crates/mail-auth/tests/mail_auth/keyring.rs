//! The vault against a real keyring, in a session bus and a home of its own.
//!
//! Each test starts this test program again inside such a session and runs the matching ignored
//! test there. Where the keyring or the bus is not installed, it says so and passes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mail_auth::{KeyringVault, Vault as _, VaultError};
use mail_model::AccountId;

const INSIDE: &str = "BRAID_TEST_KEYRING";

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Runs one ignored test of this file in a world of its own.
fn run_inside(test: &str, bus: Bus) {
    if !cfg!(target_os = "linux")
        || !is_installed("dbus-run-session")
        || !is_installed("gnome-keyring-daemon")
    {
        println!("skipped: dbus-run-session or gnome-keyring-daemon is not installed");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let dir = |name: &str| {
        let path = home.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let run = dir("run");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let this = std::env::current_exe().unwrap();
    let mut command = match &bus {
        Bus::Private => {
            let config = home.path().join("bus.conf");
            std::fs::write(&config, BUS_WITHOUT_SERVICES).unwrap();
            let mut command = Command::new("dbus-run-session");
            command.arg("--config-file").arg(config).arg("--").arg(this);
            command
        }
        Bus::At(address) => {
            let mut command = Command::new(this);
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
            command
        }
    };
    let output = command
        .args([
            test,
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(INSIDE, "1")
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", run)
        .env("XDG_DATA_HOME", dir("share"))
        .env("XDG_CONFIG_HOME", dir("config"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

enum Bus {
    /// One of its own, which starts no services by itself: only the daemon of the test answers.
    Private,
    At(String),
}

const BUS_WITHOUT_SERVICES: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

#[test]
fn a_real_keyring_keeps_keys_and_says_when_it_is_locked() {
    run_inside("keyring::inside_a_session_with_a_keyring", Bus::Private);
}

#[test]
fn a_session_without_a_keyring_is_said_to_have_none() {
    run_inside("keyring::inside_a_session_without_a_keyring", Bus::Private);
}

#[test]
fn a_machine_without_a_session_bus_has_no_keyring() {
    let nowhere = "unix:path=/nonexistent/bus".to_owned();
    run_inside(
        "keyring::inside_a_session_without_a_keyring",
        Bus::At(nowhere),
    );
}

#[test]
fn a_keyring_that_never_answers_is_given_up_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("silent");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    // Takes every connection and says nothing.
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for connection in listener.incoming() {
            open.push(connection);
        }
    });
    let silent = format!("unix:path={}", path.display());
    run_inside(
        "keyring::inside_a_session_with_a_silent_keyring",
        Bus::At(silent),
    );
}

/// The daemon of one test; ended with it.
struct Daemon(std::process::Child);

impl Daemon {
    fn start(unlocked: bool) -> Self {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]);
        if unlocked {
            command.arg("--unlock");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"a password of the test").unwrap();
        Self(child)
    }

    fn end(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Until the daemon answers in one way or another; it needs some tens of milliseconds.
async fn answer(vault: &KeyringVault, account: &AccountId) -> Result<bool, VaultError> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match vault.key(account).await {
            Err(VaultError::NoService(_) | VaultError::Failed(_)) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => return other.map(|key| key.is_some()),
        }
    }
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside a session of its own"]
async fn inside_a_session_with_a_keyring() {
    if !is_inside() {
        return;
    }
    let account = |name: &str| AccountId::new(name).unwrap();
    let (work, choir) = (account("work"), account("choir"));
    let daemon = Daemon::start(true);
    let vault = KeyringVault::new();
    assert!(!answer(&vault, &work).await.unwrap());

    let key = vault.create_key(&work).await.unwrap();
    let other = vault.create_key(&choir).await.unwrap();
    assert!(key != other);
    let again = vault.create_key(&work).await;
    assert!(matches!(again, Err(VaultError::AlreadyThere)));
    assert!(KeyringVault::new().key(&work).await.unwrap() == Some(key.clone()));
    let elsewhere = KeyringVault::with_service("another program");
    assert!(elsewhere.key(&work).await.unwrap().is_none());
    elsewhere.create_key(&work).await.unwrap();
    let mut names = vault.names().await.unwrap();
    names.sort();
    assert_eq!(names, [choir.clone(), work.clone()]);
    vault.delete_key(&choir).await.unwrap();
    vault.delete_key(&choir).await.unwrap();
    assert!(vault.key(&choir).await.unwrap().is_none());
    assert!(elsewhere.key(&work).await.unwrap().is_some());
    a_key_is_sealed_and_comes_back(&vault, &choir).await;
    an_entry_that_is_no_key_is_replaced_only_on_purpose(&vault, &choir).await;

    daemon.end();
    let daemon = Daemon::start(false);
    let began = Instant::now();
    let locked = answer(&vault, &work).await;
    assert!(matches!(locked, Err(VaultError::Locked)), "{locked:?}");
    assert!(matches!(
        vault.create_key(&choir).await,
        Err(VaultError::Locked)
    ));
    assert!(began.elapsed() < Duration::from_secs(10));

    daemon.end();
    let daemon = Daemon::start(true);
    assert!(answer(&KeyringVault::new(), &work).await.unwrap());
    // The connection to the one before does not cost the person a second try.
    assert!(vault.key(&work).await.unwrap() == Some(key));
    daemon.end();
    assert!(
        Path::new(&std::env::var("XDG_DATA_HOME").unwrap())
            .join("keyrings")
            .exists()
    );
}

/// Entries as another program would write them.
#[cfg(target_os = "linux")]
async fn write(user: &str, secret: &'static [u8]) {
    let user = user.to_owned();
    // The store waits for the bus by itself, which a task may not.
    tokio::task::spawn_blocking(move || {
        let store: std::sync::Arc<keyring_core::CredentialStore> =
            zbus_secret_service_keyring_store::Store::new().unwrap();
        keyring_core::Entry::new_in_store(&store, "braid", &user)
            .unwrap()
            .set_secret(secret)
            .unwrap();
    })
    .await
    .unwrap();
}

async fn a_key_is_sealed_and_comes_back(vault: &KeyringVault, account: &AccountId) {
    assert!(matches!(
        vault.seal_key(account).await,
        Err(VaultError::NoKey)
    ));
    let key = vault.create_key(account).await.unwrap();
    for _ in 0..2 {
        vault.seal_key(account).await.unwrap();
        assert!(vault.key(account).await.unwrap().is_none());
        assert!(vault.sealed_key(account).await.unwrap() == Some(key.clone()));
    }
    assert!(!vault.names().await.unwrap().contains(account));
    assert_eq!(
        vault.sealed_names().await.unwrap(),
        std::slice::from_ref(account)
    );

    // Killed between the two writes of the way back: both entries are there.
    #[cfg(target_os = "linux")]
    {
        let sealed: &'static [u8] = Box::leak(Box::new(*key.expose()));
        write(account.as_str(), sealed).await;
        vault.unseal_key(account).await.unwrap();
        assert!(vault.key(account).await.unwrap() == Some(key.clone()));
        assert!(vault.sealed_key(account).await.unwrap().is_none());
        // Another key in the way is never written over.
        vault.seal_key(account).await.unwrap();
        write(account.as_str(), &[9; 32]).await;
        assert!(matches!(
            vault.unseal_key(account).await,
            Err(VaultError::AlreadyThere)
        ));
        assert!(vault.sealed_key(account).await.unwrap() == Some(key));
    }
    for _ in 0..2 {
        vault.delete_sealed_key(account).await.unwrap();
        vault.delete_key(account).await.unwrap();
    }
    assert!(vault.sealed_names().await.unwrap().is_empty());
}

async fn an_entry_that_is_no_key_is_replaced_only_on_purpose(
    vault: &KeyringVault,
    account: &AccountId,
) {
    #[cfg(target_os = "linux")]
    {
        write(account.as_str(), b"too short").await;
        assert!(matches!(vault.key(account).await, Err(VaultError::Damaged)));
        assert!(matches!(
            vault.create_key(account).await,
            Err(VaultError::AlreadyThere)
        ));
        assert!(matches!(
            vault.seal_key(account).await,
            Err(VaultError::Damaged)
        ));
        assert!(matches!(vault.key(account).await, Err(VaultError::Damaged)));
        let key = vault.replace_damaged_key(account).await.unwrap();
        assert!(vault.key(account).await.unwrap() == Some(key.clone()));
        assert!(matches!(
            vault.replace_damaged_key(account).await,
            Err(VaultError::AlreadyThere)
        ));
        assert!(vault.key(account).await.unwrap() == Some(key));
    }
    vault.delete_key(account).await.unwrap();
}

#[tokio::test]
#[ignore = "runs inside a session of its own"]
async fn inside_a_session_without_a_keyring() {
    if !is_inside() {
        return;
    }
    let vault = KeyringVault::new();
    let account = AccountId::new("work").unwrap();
    let found = vault.key(&account).await;
    assert!(
        matches!(found, Err(VaultError::NoService(_))),
        "{:?}",
        found.err()
    );
    let made = vault.create_key(&account).await;
    assert!(
        matches!(made, Err(VaultError::NoService(_))),
        "{:?}",
        made.err()
    );
}

#[tokio::test]
#[ignore = "runs inside a session of its own"]
async fn inside_a_session_with_a_silent_keyring() {
    if !is_inside() {
        return;
    }
    let vault = KeyringVault::new();
    let account = AccountId::new("work").unwrap();
    let began = Instant::now();
    let found = vault.key(&account).await;
    assert!(
        matches!(found, Err(VaultError::TimedOut { .. })),
        "{:?}",
        found.err()
    );
    assert!(began.elapsed() < Duration::from_secs(7));
}
