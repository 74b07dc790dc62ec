//! A process that ends in the ordinary way while its stores are at work.

use std::path::PathBuf;
use std::process::Command;

use mail_store::{AccountStore, StoreOptions, SyncBatch};

use crate::fixture::{key, mailboxes, message};

const FOLDER: &str = "BRAID_TEST_EXIT_FOLDER";
const ENDS: usize = 20;

/// The child: writes and reads as fast as it can, and ends in the middle of it.
#[test]
#[ignore = "run by a_process_that_ends_at_work_ends_well"]
fn ending_child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(async {
        let store = AccountStore::open(&folder, key(1), StoreOptions::default())
            .await
            .unwrap();
        let list = SyncBatch {
            mailboxes: Some(mailboxes()),
            ..SyncBatch::default()
        };
        store.apply(list).await.unwrap();
        store
    });
    for worker in 0..4 {
        let store = store.clone();
        runtime.spawn(async move {
            for n in 0.. {
                let upsert = (0..50)
                    .map(|m| message(&format!("m{worker}-{n}-{m}"), &format!("t{n}"), n))
                    .collect();
                store
                    .apply(SyncBatch {
                        upsert,
                        ..SyncBatch::default()
                    })
                    .await
                    .unwrap();
            }
        });
    }
    while runtime.block_on(store.message_count()).unwrap() < 200 {}
    std::process::exit(0);
}

/// Another child: lets go of its stores, and ends while their connections close by themselves.
#[test]
#[ignore = "run by a_process_that_ends_while_its_stores_close_ends_well"]
fn closing_child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut stores = Vec::new();
        for n in 0..6 {
            let folder = folder.join(n.to_string());
            let store = AccountStore::open(&folder, key(n), StoreOptions::default()).await;
            stores.push(store.unwrap());
        }
        for store in &stores {
            store.message_count().await.unwrap();
        }
    });
    drop(runtime);
}

fn ends_well(child: &str) {
    for _ in 0..ENDS {
        let folder = tempfile::tempdir().unwrap();
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", child, "--ignored", "--quiet"])
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", ended.status);
    }
}

#[test]
fn a_process_that_ends_at_work_ends_well() {
    ends_well("exit::ending_child");
}

#[test]
fn a_process_that_ends_while_its_stores_close_ends_well() {
    ends_well("exit::closing_child");
}
