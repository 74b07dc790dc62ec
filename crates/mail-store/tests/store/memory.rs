//! Memory and journals that stay small however much is read, and modes of every file.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mail_model::{Filter, ListMode};
use mail_store::{AccountStore, FileKind, StoreError, StoreOptions, SyncBatch, measuring};

use crate::fixture::{message, scope};
use crate::life::{self, open};

const FOLDER: &str = "BRAID_TEST_MEMORY_FOLDER";
const ACCOUNTS: usize = 12;
const MIB: u64 = 1 << 20;

/// Octets of memory of this process that are in use.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    resident * 4096
}

/// The child: opens the accounts and reads all of each, two readers at a time.
#[test]
#[ignore = "run by twelve_accounts_are_read_in_bounded_memory"]
fn reading_child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut stores = Vec::new();
        for n in 0..ACCOUNTS {
            let folder = folder.join(n.to_string());
            let store =
                AccountStore::open(&folder, measuring::key(), StoreOptions::default()).await;
            stores.push(store.unwrap());
        }
        let before = resident();
        let readers: Vec<_> = stores
            .iter()
            .flat_map(|store| [store.clone(), store.clone()])
            .map(|store| tokio::spawn(read_all(store)))
            .collect();
        for reader in readers {
            reader.await.unwrap();
        }
        let sizes: u64 = stores.iter().map(|store| store.sizes().mail).sum();
        println!("\nsaid {} {sizes}", resident().saturating_sub(before));
    });
}

/// Every row of the inbox, and every fiftieth message whole.
async fn read_all(store: AccountStore) {
    let list = scope("inbox", ListMode::Messages, Filter::All);
    let mut after = None;
    loop {
        let rows = store.page(&list, after, 500).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = Some(last.cursor());
        for row in rows.iter().step_by(50) {
            store.message(row.latest).await.unwrap();
        }
    }
}

fn growth(folder: &Path, messages: u64) -> (u64, u64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let first = folder.join("0");
    runtime.block_on(async {
        let store = measuring::account(&first, messages, StoreOptions::default())
            .await
            .unwrap();
        store.close().await.unwrap();
    });
    for n in 1..ACCOUNTS {
        measuring::copy(&first, &folder.join(n.to_string())).unwrap();
    }
    let output = life::child("memory::reading_child")
        .env(FOLDER, folder)
        .output()
        .unwrap();
    let said = life::sayings(&output.stdout);
    let (growth, size) = said.last().unwrap().split_once(' ').unwrap();
    (growth.parse().unwrap(), size.parse().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn twelve_accounts_are_read_in_bounded_memory() {
    let mut table = String::from(
        "| Messages in each of 12 accounts | Files, MiB | Memory that reading all of it takes, MiB |\n|---:|---:|---:|\n",
    );
    let mut last = 0;
    for messages in [2_000, 20_000] {
        let folder = tempfile::tempdir().unwrap();
        let (growth, size) = growth(folder.path(), messages);
        table.push_str(&format!(
            "| {messages} | {} | {} |\n",
            size / MIB,
            growth / MIB
        ));
        // The page caches of the process may take 64 MiB together; the rest is rows on their way.
        assert!(growth < 104 * MIB, "{messages}: {} MiB", growth / MIB);
        last = size;
    }
    // Readers that kept what they read would have held far more than that.
    assert!(last > 160 * MIB, "{} MiB", last / MIB);
    crate::document("memory", &table);
}

#[test]
fn a_journal_stays_short_though_somebody_always_reads() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("account");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = life::fill_for_harm(&folder).await;
        let done = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (store, done) = (store.clone(), Arc::clone(&done));
                tokio::spawn(async move {
                    while !done.load(Ordering::Relaxed) {
                        store.recount().await.unwrap();
                    }
                })
            })
            .collect();
        let journal = folder.join(format!("{}-wal", FileKind::Mail.file_name()));
        let mut longest = 0;
        let mut written = 0;
        for round in 0..60 {
            let upsert = (0..50).map(|n| {
                let mut message =
                    message(&format!("r{round}-{n}"), &format!("r{round}-{}", n / 3), n);
                message.preview = "x".repeat(8000);
                message
            });
            let batch = SyncBatch {
                upsert: upsert.collect(),
                ..SyncBatch::default()
            };
            store.apply(batch).await.unwrap();
            written += 50 * 8000;
            let length = std::fs::metadata(&journal).map_or(0, |journal| journal.len());
            longest = longest.max(length);
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.await.unwrap();
        }
        println!("written {written}, longest journal {longest}");
        // Without folding it in, about as much as is written: 40 MiB.
        assert!(longest <= 32 * MIB, "{} MiB", longest / MIB);
        store.close().await.unwrap();
    });
}

/// The child: makes one of every file, says so, and waits for its end.
#[test]
#[ignore = "run by every_file_is_the_persons_alone_under_any_mask_and_has_one_owner"]
fn owning_child() {
    let Some(home) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let _registry = mail_store::Registry::open(&home.join("data"))
            .await
            .unwrap();
        let folder = life::account_at(&home.join("data"), "hurt");
        life::fill_for_harm(&folder).await.close().await.unwrap();
        for kind in [FileKind::Local, FileKind::Mail] {
            let path = folder.join(kind.file_name());
            let mut octets = std::fs::read(&path).unwrap();
            octets[..4096].fill(0);
            std::fs::write(&path, octets).unwrap();
        }
        let store = open(&folder).await.unwrap();
        store.settings_put("a", "1").await.unwrap();
        println!("\nsaid open");
        std::future::pending::<()>().await;
    });
}

fn modes(folder: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push((
            path.clone(),
            path.metadata().unwrap().permissions().mode() & 0o777,
        ));
        if path.is_dir() {
            modes(&path, found);
        }
    }
}

#[test]
fn every_file_is_the_persons_alone_under_any_mask_and_has_one_owner() {
    let home = tempfile::tempdir().unwrap();
    let run = life::child("memory::owning_child");
    let mut child = Command::new("sh")
        .args(["-c", "umask 000 && exec \"$@\"", "sh"])
        .arg(run.get_program())
        .args(run.get_args())
        .env(FOLDER, home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.map_while(Result::ok).any(|line| line == "said open"));

    let mut found = Vec::new();
    modes(home.path(), &mut found);
    for (path, mode) in &found {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(*mode, wanted, "{}", path.display());
    }
    let names: Vec<_> = found
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
        .collect();
    for name in [
        "registry.sqlite",
        "registry.sqlite-wal",
        "mail.sqlite-wal",
        "mail.sqlite-shm",
        "local.sqlite-wal",
        ".lock",
        "local.sqlite.damaged-1",
        "mail.sqlite.damaged-1",
    ] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }

    // Another process is refused; when the owner is killed, its lock keeps nobody out.
    let folder = life::account_at(&home.path().join("data"), "hurt");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(open(&folder)).unwrap_err();
    assert!(matches!(error, StoreError::InUse), "{error:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(folder.join(".lock").exists());
    runtime.block_on(async {
        let store = open(&folder).await.unwrap();
        let starred = scope("inbox", ListMode::Messages, Filter::Starred);
        store.page(&starred, None, 10).await.unwrap();
        assert_eq!(store.settings_get("a").await.unwrap().as_deref(), Some("1"));
        store.close().await.unwrap();
    });
}
