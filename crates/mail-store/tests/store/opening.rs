//! Keys, owners, damage.

use std::path::{Path, PathBuf};

use mail_model::{Body, Filter, Keyword, KeywordEdit, ListMode};
use mail_store::{FileKind, NewIntent, StoreError};

use crate::fixture::{Home, message, open};

fn file(home: &Path, kind: FileKind) -> PathBuf {
    home.join("account").join(kind.file_name())
}

/// Overwrites some pages in the middle of a file.
fn damage(path: &Path, from: usize) {
    let mut octets = std::fs::read(path).unwrap();
    let end = octets.len().min(from + 3 * 4096);
    octets[from..end].fill(0x5A);
    std::fs::write(path, octets).unwrap();
}

/// Names and contents of everything in a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(folder.join("account"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    found.sort();
    found
}

fn copy(contents: &[(PathBuf, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("account")).unwrap();
    for (path, octets) in contents {
        let name = path.file_name().unwrap();
        std::fs::write(folder.path().join("account").join(name), octets).unwrap();
    }
    folder
}

async fn home_with_mail() -> Home {
    let home = Home::new().await;
    home.upsert(
        (0..200)
            .map(|n| message(&format!("m{n}"), &format!("t{n}"), n))
            .collect(),
    )
    .await;
    let key = home.message_key("m1").await;
    let body = Body {
        text: Some("sopranos at seven".into()),
        ..Body::default()
    };
    home.store.store_bodies(vec![(key, body)]).await.unwrap();
    let edit = NewIntent {
        messages: vec![key],
        keywords: vec![KeywordEdit {
            keyword: Keyword::flagged(),
            set: true,
        }],
        ..NewIntent::default()
    };
    home.store.queue_edit(edit).await.unwrap();
    home
}

#[tokio::test]
async fn a_wrong_key_is_told_and_changes_nothing() {
    let home = home_with_mail().await;
    let folder = home.folder;
    home.store.close().await.unwrap();
    let before = contents(folder.path());
    for octet in 2..6 {
        let error = open(&folder, octet).await.unwrap_err();
        assert!(matches!(error, StoreError::WrongKey), "{error:?}");
    }
    assert_eq!(contents(folder.path()), before);
    let store = open(&folder, 1).await.unwrap();
    assert!(store.report().set_aside.is_empty());
    let home = Home { folder, store };
    assert_eq!(home.subjects("inbox").await.len(), 200);
}

#[tokio::test]
async fn a_wrong_key_changes_nothing_even_after_a_kill() {
    let home = home_with_mail().await;
    // A copy taken while the files are open is what a kill leaves: content still in the journals.
    let folder = copy(&contents(home.folder.path()));
    let error = open(&folder, 2).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongKey), "{error:?}");
    let store = open(&folder, 1).await.unwrap();
    let copy = Home { folder, store };
    assert_eq!(copy.subjects("inbox").await.len(), 200);
    assert_eq!(
        copy.page("inbox", ListMode::Messages, Filter::Starred)
            .await
            .len(),
        1
    );
    copy.assert_counts().await;
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let home = Home::new().await;
    let error = open(&home.folder, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse), "{error:?}");
    let clone = home.store.clone();
    let home = home.reopen().await;
    // A clone of the closed handle is closed, too.
    let error = clone.mailboxes().await.unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error:?}");
    let error = clone.settings_put("a", "1").await.unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error:?}");
    drop(home);
}

#[tokio::test]
async fn a_damaged_mail_file_makes_room_and_costs_no_intent() {
    let home = home_with_mail().await;
    let folder = home.folder;
    home.store.close().await.unwrap();
    let mail = file(folder.path(), FileKind::Mail);
    damage(&mail, 0);
    let damaged = std::fs::read(&mail).unwrap();

    let store = open(&folder, 1).await.unwrap();
    let report = store.report();
    assert_eq!(report.set_aside.len(), 1);
    assert_eq!(report.set_aside[0].file, FileKind::Mail);
    assert_eq!(std::fs::read(&report.set_aside[0].path).unwrap(), damaged);
    assert_eq!(report.intents_applied, 1);
    let home = Home { folder, store };
    assert_eq!(home.store.intents(10).await.unwrap().len(), 1);
    assert!(home.subjects("inbox").await.is_empty());
    home.upsert(vec![message("m1", "t1", 1)]).await;
    // Bodies are kept by the server's id, so the new mail file finds them.
    let key = home.message_key("m1").await;
    assert!(home.store.body(key).await.unwrap().is_some());
    assert_eq!(
        home.page("inbox", ListMode::Messages, Filter::Starred)
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn damage_anywhere_is_found_and_replaced_without_costing_an_intent() {
    let home = home_with_mail().await;
    home.store.clone().close().await.unwrap();
    let pristine = contents(home.folder.path());
    for kind in FileKind::ACCOUNT {
        let octets = std::fs::metadata(file(home.folder.path(), kind))
            .unwrap()
            .len();
        for place in 0..5 {
            let folder = copy(&pristine);
            let page = usize::try_from(octets).unwrap() / 4096 * place / 5;
            damage(&file(folder.path(), kind), page * 4096);

            // Some damage is met at once, the rest by reading everything.
            let mut store = open(&folder, 1).await.unwrap();
            if store.report().set_aside.is_empty() {
                assert_eq!(store.check_files().await.unwrap(), [kind], "page {page}");
                store.close().await.unwrap();
                store = open(&folder, 1).await.unwrap();
            }
            assert_eq!(store.report().set_aside.len(), 1, "{kind} page {page}");
            assert_eq!(store.report().set_aside[0].file, kind);
            assert!(store.check_files().await.unwrap().is_empty());
            assert_eq!(store.intents(10).await.unwrap().len(), 1);
            assert_eq!(store.recount().await.unwrap(), []);
            store.close().await.unwrap();
            let store = open(&folder, 1).await.unwrap();
            assert!(store.report().set_aside.is_empty());
        }
    }
}

#[tokio::test]
async fn a_damaged_local_file_is_kept_and_what_waited_in_it_is_saved() {
    let home = home_with_mail().await;
    let folder = home.folder;
    home.store.close().await.unwrap();
    let local = file(folder.path(), FileKind::Local);
    damage(&local, 0);
    let damaged = std::fs::read(&local).unwrap();
    let store = open(&folder, 1).await.unwrap();
    let report = store.report();
    assert_eq!(report.set_aside.len(), 1);
    assert_eq!(report.set_aside[0].file, FileKind::Local);
    assert_eq!(std::fs::read(&report.set_aside[0].path).unwrap(), damaged);
    let salvaged = report.salvaged.unwrap();
    assert_eq!((salvaged.intents, salvaged.from_mirror), (1, 1));
    assert!(salvaged.incomplete);
    assert_eq!(store.intents(10).await.unwrap().len(), 1);
    let home = Home { folder, store }.reopen().await;
    assert_eq!(home.store.report().salvaged, None);
}

#[tokio::test]
async fn nothing_a_person_wrote_lies_readable_on_the_disk() {
    let home = home_with_mail().await;
    home.store
        .settings_put("signature", "\"with love, Ana\"")
        .await
        .unwrap();
    let markers = [
        "sopranos",
        "northwind",
        "Bo Lind",
        "inbox",
        "with love",
        "SQLite format",
    ];
    let search = |when: &str| {
        for (path, octets) in contents(home.folder.path()) {
            for marker in markers {
                let found = octets
                    .windows(marker.len())
                    .any(|window| window == marker.as_bytes());
                assert!(!found, "{marker} in {} {when}", path.display());
            }
        }
    };
    search("while open");
    home.store.clone().close().await.unwrap();
    search("when closed");
}
