//! A process killed in the middle of everything: what was acknowledged is there.
//!
//! The test runs itself as a child, which works on a folder and says each thing that was
//! acknowledged to it; the child is killed after a random number of them.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use mail_model::{Keyword, KeywordEdit, MessageId, UnixTime};
use mail_store::{
    AccountStore, FillState, IntentOutcome, NewIntent, ProgressUpdate, StoreOptions, SyncBatch,
};
use rand::{RngExt as _, SeedableRng as _};

use crate::fixture::{key, mailboxes, message};

/// Lives of an account, and kills in each.
const LIVES: u64 = 10;
const KILLS: usize = 12;
const FOLDER: &str = "BRAID_TEST_KILL_FOLDER";

async fn open(folder: &Path) -> AccountStore {
    AccountStore::open(folder, key(1), StoreOptions::default())
        .await
        .unwrap()
}

/// The child: synchronises and edits until it is killed.
#[test]
#[ignore = "run by acknowledged_work_survives_kills"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = open(&folder).await;
        let list = SyncBatch {
            mailboxes: Some(mailboxes()),
            ..SyncBatch::default()
        };
        store.apply(list).await.unwrap();
        let fill = tokio::spawn(synchronise(store.clone()));
        edit(store).await;
        fill.await.unwrap();
    });
}

async fn synchronise(store: AccountStore) {
    loop {
        let here = store.message_count().await.unwrap();
        let batch = SyncBatch {
            upsert: (here..here + 20)
                .map(|n| {
                    message(
                        &format!("m{n}"),
                        &format!("t{}", n / 3),
                        i64::try_from(n).unwrap(),
                    )
                })
                .collect(),
            progress: ProgressUpdate {
                fill: Some(FillState::Filling {
                    oldest: UnixTime::from_seconds(0),
                    done: here + 20,
                    total: None,
                }),
                ..ProgressUpdate::default()
            },
            ..SyncBatch::default()
        };
        store.apply(batch).await.unwrap();
        println!("\nsaid applied {}", here + 20);
    }
}

async fn edit(store: AccountStore) {
    for n in 0.. {
        let count = store.message_count().await.unwrap();
        if count == 0 {
            tokio::task::yield_now().await;
            continue;
        }
        let id = MessageId::new(format!("m{}", n % count)).unwrap();
        let edit = NewIntent {
            messages: vec![store.message_key(&id).await.unwrap().unwrap()],
            keywords: vec![KeywordEdit {
                keyword: Keyword::seen(),
                set: true,
            }],
            ..NewIntent::default()
        };
        let (intent, _) = store.queue_edit(edit).await.unwrap();
        println!("\nsaid queued {} {id}", intent.get());
        if n % 4 == 3 {
            println!("\nsaid finishing {}", intent.get());
            store
                .finish_intent(intent, IntentOutcome::Done)
                .await
                .unwrap();
            println!("\nsaid finished {}", intent.get());
        }
    }
}

#[derive(Debug, Default)]
struct Said {
    applied: u64,
    queued: BTreeSet<i64>,
    read: BTreeSet<String>,
    finishing: BTreeSet<i64>,
    finished: BTreeSet<i64>,
}

impl Said {
    fn hear(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["said", "applied", n] => self.applied = n.parse().unwrap(),
            ["said", "queued", n, id] => {
                self.queued.insert(n.parse().unwrap());
                self.read.insert(id.into());
            }
            ["said", "finishing", n] => drop(self.finishing.insert(n.parse().unwrap())),
            ["said", "finished", n] => drop(self.finished.insert(n.parse().unwrap())),
            _ => return false,
        }
        true
    }

    /// Runs a child and kills it after it has said that much.
    fn listen(&mut self, folder: &Path, sayings: usize) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut heard = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            // A line cut short by the kill was not said.
            let Ok(line) = line else { break };
            heard += usize::from(self.hear(&line));
            if heard == sayings {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(heard >= sayings, "the child ended by itself after {heard}");
    }
}

#[test]
fn acknowledged_work_survives_kills() {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                loop {
                    let life = next.fetch_add(1, Ordering::Relaxed);
                    if life >= LIVES {
                        break;
                    }
                    runtime.block_on(killed_again_and_again(life));
                }
            });
        }
    });
    let table = format!(
        "| Killed | Times |\n|---|---:|\n| at a random moment, in {LIVES} lives of an account | {} |\n",
        LIVES * u64::try_from(KILLS).unwrap()
    );
    crate::document("random kills", &table);
}

async fn killed_again_and_again(life: u64) {
    let home = tempfile::TempDir::new().unwrap();
    let folder = home.path().join("account");
    let mut random = rand::rngs::StdRng::seed_from_u64(life);
    let mut said = Said::default();
    for kill in 0..KILLS {
        said.listen(&folder, random.random_range(1..40));
        let store = open(&folder).await;
        assert!(
            store.report().set_aside.is_empty(),
            "life {life}, kill {kill}"
        );
        crate::life::assert_sound(&store, &format!("life {life}, kill {kill}")).await;

        // State and rows agree, and nothing acknowledged is missing.
        let count = store.message_count().await.unwrap();
        assert!(
            count >= said.applied,
            "life {life}, kill {kill}: {count} of {}",
            said.applied
        );
        match store.progress().await.unwrap().fill {
            FillState::Filling { done, .. } => assert_eq!(done, count, "life {life}, kill {kill}"),
            other => assert_eq!(
                (other, count),
                (FillState::Start, 0),
                "life {life}, kill {kill}"
            ),
        }
        let open: BTreeSet<i64> = store
            .intents(100_000)
            .await
            .unwrap()
            .iter()
            .map(|intent| intent.id.get())
            .collect();
        let due: Vec<_> = said.queued.difference(&said.finishing).collect();
        assert!(
            due.iter().all(|id| open.contains(id)),
            "life {life}, kill {kill}"
        );
        assert!(open.is_disjoint(&said.finished), "life {life}, kill {kill}");
        for id in &said.read {
            let id = MessageId::new(id.as_str()).unwrap();
            let key = store.message_key(&id).await.unwrap().unwrap();
            let message = store.message(key).await.unwrap().unwrap().message;
            assert!(message.keywords.is_seen(), "life {life}, kill {kill}: {id}");
        }
        store.close().await.unwrap();
    }
    assert!(!said.queued.is_empty() && !said.finished.is_empty() && said.applied > 0);
}
