//! The index keeps up with the mail: through kills, damage, and new lives of either file.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mail_model::search::{Criterion, Query};
use mail_model::{Body, MessageId};
use mail_store::{AccountStore, FileKind, IndexCheck, StoreOptions, SyncBatch};
use rand::{RngExt as _, SeedableRng as _};

use crate::fixture::{Home, key, mailboxes, open};
use crate::search::{body, titled, words};

const KILLS: usize = 30;
const FOLDER: &str = "BRAID_TEST_SEARCH_FOLDER";

fn text(text: &str) -> Query {
    Query::Is(Criterion::Text(words(text)))
}

fn file(home: &Path, kind: FileKind) -> PathBuf {
    home.join("account").join(kind.file_name())
}

async fn filled(messages: i64) -> Home {
    let home = Home::new().await;
    for from in (0..messages).step_by(100) {
        let batch = (from..messages.min(from + 100)).map(|n| titled(&format!("m{n}"), n, "plan"));
        home.upsert(batch.collect()).await;
    }
    home.keep("m1", body("sung text", &[])).await;
    home
}

async fn assert_whole(home: &Home, messages: usize) {
    home.index().await;
    assert_eq!(
        home.store.check_index().await.unwrap(),
        IndexCheck::default()
    );
    assert_eq!(home.find(&text("plan"), 10_000).await.len(), messages);
    assert_eq!(home.find(&text("sung"), 10).await.len(), 1);
}

#[tokio::test]
async fn indexing_goes_on_in_steps_and_tells_what_is_left() {
    let home = filled(250).await;
    let mut left = u64::MAX;
    let mut done = 0;
    while left > 0 {
        let progress = home.store.index_some(40).await.unwrap();
        assert!(progress.done <= 40 && progress.left < left, "{progress:?}");
        left = progress.left;
        done += progress.done;
    }
    assert_eq!(done, 250);
    assert_whole(&home, 250).await;
}

/// The index file, without the store.
fn opened(home: &Home) -> rusqlite::Connection {
    let search = file(home.folder.path(), FileKind::Search);
    let connection = rusqlite::Connection::open(search).unwrap();
    let key = format!("PRAGMA key = \"x'{}'\"", "01".repeat(32));
    connection.execute_batch(&key).unwrap();
    connection
}

/// Whether a word is in the segments of the index, whoever it belongs to.
fn stands_in_file(home: &Home, word: &str) -> bool {
    let connection = opened(home);
    ["text_1", "head"].iter().any(|table| {
        let sql = format!("SELECT count(*) FROM {table}_data WHERE instr(block, ?1)");
        let blocks: i64 = connection
            .query_row(&sql, [word.as_bytes()], |row| row.get(0))
            .unwrap();
        blocks > 0
    })
}

#[tokio::test]
async fn words_of_removed_mail_leave_the_file_when_nothing_else_is_to_do() {
    let home = filled(200).await;
    let named = (0..20).map(|n| titled(&format!("q{n}"), 500 + n, "quetzalcoatl"));
    home.upsert(named.collect()).await;
    home.index().await;
    assert!(stands_in_file(&home, "quetzalcoatl"));
    let ids: Vec<String> = (0..20).map(|n| format!("q{n}")).collect();
    home.remove(&ids.iter().map(String::as_str).collect::<Vec<&str>>())
        .await;
    home.index().await;
    while home.store.index_some(100).await.unwrap().untidy {}
    assert!(!stands_in_file(&home, "quetzalcoatl"));
    assert_whole(&home, 200).await;
}

#[tokio::test]
async fn long_texts_are_taken_in_a_few_at_a_time() {
    let home = filled(30).await;
    home.index().await;
    // As long as the index takes from one message: seven fit into four megabytes.
    let text: String = (0..60_000).map(|n| format!("w{n:07} ")).collect();
    for n in 0..10 {
        home.keep(&format!("m{n}"), body(&format!("sung {text}"), &[]))
            .await;
    }
    let progress = home.store.index_some(100).await.unwrap();
    assert_eq!((progress.done, progress.left), (10, 0));
    // Each transaction leaves one segment; the first one, of a single page, is not listed.
    let connection = opened(&home);
    let segments: i64 = connection
        .query_row("SELECT count(DISTINCT segid) FROM text_1_idx", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(segments, 2);
    assert_eq!(home.find(&self::text("sung"), 100).await.len(), 10);
}

#[tokio::test]
async fn a_text_that_comes_later_leaves_the_rest_as_it_is() {
    let home = filled(5).await;
    home.index().await;
    home.keep("m2", body("first text", &["score.pdf"])).await;
    home.index().await;
    let file_named = |name: &str| Query::Is(Criterion::Filename(words(name)));
    assert_eq!(home.find(&file_named("score"), 10).await.len(), 1);
    // Without the file again: the head has to forget it.
    home.keep("m2", body("second text", &[])).await;
    home.keep("m3", body("second text", &[])).await;
    home.index().await;
    assert_eq!(home.find(&file_named("score"), 10).await, []);
    assert_eq!(home.find(&text("first"), 10).await, []);
    assert_eq!(home.find(&text("second"), 10).await.len(), 2);
    let subject = Query::Is(Criterion::Subject(words("plan")));
    assert_eq!(home.find(&subject, 10).await.len(), 5);
    assert_eq!(
        home.store.check_index().await.unwrap(),
        IndexCheck::default()
    );
}

#[tokio::test]
async fn an_index_that_is_lost_or_damaged_is_built_again() {
    let home = filled(150).await;
    home.index().await;
    for round in 0..3 {
        home.store.clone().close().await.unwrap();
        let search = file(home.folder.path(), FileKind::Search);
        match round {
            0 => std::fs::remove_file(&search).unwrap(),
            1 => {
                let mut octets = std::fs::read(&search).unwrap();
                octets[..4096].fill(0x5A);
                std::fs::write(&search, octets).unwrap();
            }
            _ => {
                // In the middle: found while it is in use, set aside by the next opening.
                let mut octets = std::fs::read(&search).unwrap();
                let middle = octets.len() / 2 / 4096 * 4096;
                octets[middle..].fill(0x5A);
                std::fs::write(&search, octets).unwrap();
                let store = open(&home.folder, 1).await.unwrap();
                if store.report().set_aside.is_empty() {
                    assert_eq!(store.check_files().await.unwrap(), [FileKind::Search]);
                }
                store.close().await.unwrap();
            }
        }
        let store = open(&home.folder, 1).await.unwrap();
        let again = Home {
            folder: tempfile::TempDir::new().unwrap(),
            store,
        };
        assert_whole(&again, 150).await;
        again.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn another_life_of_the_mail_makes_the_index_begin_anew() {
    let home = filled(50).await;
    home.index().await;
    home.store.clone().close().await.unwrap();
    let mail = file(home.folder.path(), FileKind::Mail);
    std::fs::remove_file(mail).unwrap();
    let store = open(&home.folder, 1).await.unwrap();
    let home = Home {
        folder: home.folder,
        store,
    };
    let list = SyncBatch {
        mailboxes: Some(mailboxes()),
        ..SyncBatch::default()
    };
    home.store.apply(list).await.unwrap();
    // Keys of the old life mean other messages now: nothing of the old index is found.
    home.upsert(vec![titled("x", 1, "other")]).await;
    assert_eq!(home.find(&text("plan"), 10).await, []);
    home.index().await;
    assert_eq!(
        home.store.check_index().await.unwrap(),
        IndexCheck::default()
    );
    // Bodies outlive it: one that is still here is found again with its message.
    home.upsert(vec![titled("m1", 2, "back")]).await;
    home.index().await;
    assert_eq!(home.find(&text("sung"), 10).await.len(), 1);
}

/// The child: brings mail, changes it, takes it away, and indexes, until it is killed.
#[test]
#[ignore = "run by killed_while_indexing_the_index_catches_up"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = AccountStore::open(&folder, key(1), StoreOptions::default())
            .await
            .unwrap();
        let list = SyncBatch {
            mailboxes: Some(mailboxes()),
            ..SyncBatch::default()
        };
        store.apply(list).await.unwrap();
        tokio::spawn(work(store.clone()));
        loop {
            let progress = store.index_some(7).await.unwrap();
            println!("\nsaid indexed {}", progress.done);
        }
    });
}

async fn work(store: AccountStore) {
    let mut n = i64::try_from(store.message_count().await.unwrap()).unwrap() * 2;
    loop {
        let batch = SyncBatch {
            upsert: (n..n + 10)
                .map(|n| titled(&format!("m{n}"), n, &format!("plan s{n}")))
                .collect(),
            remove: (n - 8..n - 6)
                .map(|n| MessageId::new(format!("m{n}")).unwrap())
                .collect(),
            ..SyncBatch::default()
        };
        store.apply(batch).await.unwrap();
        for n in [n, n + 1, n - 3] {
            let id = MessageId::new(format!("m{n}")).unwrap();
            if let Some(key) = store.message_key(&id).await.unwrap() {
                let body = body(&format!("text t{n}"), &[]);
                store.store_bodies(vec![(key, body)]).await.unwrap();
            }
        }
        println!("\nsaid worked {n}");
        n += 10;
    }
}

fn kill_after(folder: &Path, sayings: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "search_index::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut heard = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // A line cut short by the kill was not said.
        let Ok(line) = line else { break };
        heard += usize::from(line.starts_with("said "));
        if heard == sayings {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(heard >= sayings, "the child ended by itself after {heard}");
}

#[tokio::test]
async fn killed_while_indexing_the_index_catches_up() {
    let home = tempfile::TempDir::new().unwrap();
    let folder = home.path().join("account");
    let mut random = rand::rngs::StdRng::seed_from_u64(30);
    let mut behind = 0;
    for kill in 0..KILLS {
        kill_after(&folder, random.random_range(1..25));
        let store = open(&home, 1).await.unwrap();
        assert!(store.report().set_aside.is_empty(), "kill {kill}");
        let check = store.check_index().await.unwrap();
        assert_eq!(check.faults, Vec::<String>::new(), "kill {kill}");
        behind += usize::from(!check.missing.is_empty() || !check.surplus.is_empty());
        let home = Home {
            folder: tempfile::TempDir::new().unwrap(),
            store,
        };
        home.index().await;
        let check = home.store.check_index().await.unwrap();
        assert_eq!(check, IndexCheck::default(), "kill {kill}");
        // Every message is found by its own word and every text by its own.
        let all = home.find(&text("plan"), 100_000).await;
        for found in all.iter().rev().take(40).chain(all.iter().take(40)) {
            let message = home
                .store
                .message(found.message)
                .await
                .unwrap()
                .unwrap()
                .message;
            let name = message.id.as_str().replace('m', "s");
            assert_eq!(home.find(&text(&name), 10).await, [*found], "kill {kill}");
            let kept: Option<Body> = home.store.body(found.message).await.unwrap();
            let name = message.id.as_str().replace('m', "t");
            let hits = home.find(&text(&name), 10).await;
            assert_eq!(
                hits.len(),
                usize::from(kept.is_some()),
                "kill {kill}: {name}"
            );
        }
        home.store.close().await.unwrap();
    }
    assert!(behind > 0, "no kill fell between the two files");
}
