//! Five hundred damages at random: nothing panics, caches are replaced, and no change that waits
//! and could be read is lost without a word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use mail_model::{Filter, ListMode, MessageId};
use mail_store::{AccountStore, FileKind, Registry, StoreError, StoreOptions};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::Connection as _;

use crate::fixture::{key, scope};
use crate::life::{self, WAITING, copy_tree, message_key, open};
use crate::release::{self, bare};

const DAMAGES: u64 = 500;

/// What is done to a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    BitFlip,
    ZeroPage,
    Truncation,
    LostJournal,
    ForeignJournal,
    WrongKey,
    NewerSchema,
}

const HARMS: [(Harm, u32); 7] = [
    (Harm::BitFlip, 28),
    (Harm::ZeroPage, 28),
    (Harm::Truncation, 16),
    (Harm::LostJournal, 10),
    (Harm::ForeignJournal, 10),
    (Harm::WrongKey, 4),
    (Harm::NewerSchema, 4),
];

/// The same account twice: as closing leaves it, and as a kill does, with content in journals.
struct Templates {
    folder: tempfile::TempDir,
}

impl Templates {
    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = life::fill_for_harm(&folder.path().join("open")).await;
        copy_tree(&folder.path().join("open"), &folder.path().join("killed"));
        store.close().await.unwrap();
        std::fs::rename(folder.path().join("open"), folder.path().join("closed")).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn journal(folder: &Path, kind: FileKind) -> PathBuf {
    folder.join(format!("{}-wal", kind.file_name()))
}

fn change_octets(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut octets = std::fs::read(path).unwrap();
    change(&mut octets);
    std::fs::write(path, octets).unwrap();
}

/// Harms a file or its journal.
async fn harm(random: &mut StdRng, harm: Harm, folder: &Path, kind: FileKind, other: &Path) {
    let journal = journal(folder, kind);
    let of_journal = random.random_bool(0.4) && journal.exists();
    let path = if of_journal {
        journal.clone()
    } else {
        folder.join(kind.file_name())
    };
    match harm {
        Harm::BitFlip => change_octets(&path, |octets| {
            for _ in 0..random.random_range(1..4) {
                if !octets.is_empty() {
                    let at = random.random_range(0..octets.len());
                    octets[at] ^= 1 << random.random_range(0..8);
                }
            }
        }),
        Harm::ZeroPage => change_octets(&path, |octets| {
            let pages = (octets.len() / 4096).max(1);
            let at = random.random_range(0..pages) * 4096;
            let end = octets.len().min(at + 4096);
            octets[at..end].fill(0);
        }),
        Harm::Truncation => change_octets(&path, |octets| {
            let length = octets.len();
            octets.truncate(random.random_range(0..=length));
        }),
        Harm::LostJournal => drop(std::fs::remove_file(&journal)),
        Harm::ForeignJournal => {
            // A neighbour whose journal is empty has none: then an old one of nobody.
            let octets = std::fs::read(other).unwrap_or_else(|_| vec![0x37; 8192]);
            std::fs::write(&journal, octets).unwrap();
        }
        Harm::WrongKey => {}
        Harm::NewerSchema => {
            let mut connection = bare(&folder.join(kind.file_name()), true).await;
            let note = "INSERT INTO _sqlx_migrations
                (version, description, success, checksum, execution_time)
                VALUES (9999, 'from the future', 1, x'00', 0)";
            sqlx::query(note).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_str().unwrap().ends_with("-shm"))
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

/// Opens, uses and checks until everything is sound; tells what was said of losses on the way.
async fn recover(folder: &Path, when: &str) -> (AccountStore, bool) {
    let mut told = false;
    for _ in 0..6 {
        let store = match open(folder).await {
            Ok(store) => store,
            Err(error) => panic!("{when}: {error:?}"),
        };
        told |= store
            .report()
            .salvaged
            .is_some_and(|salvaged| salvaged.incomplete);
        let list = scope("inbox", ListMode::Conversations, Filter::All);
        if store.check_files().await.unwrap().is_empty() {
            return (store, told);
        }
        let used = async {
            store.page(&list, None, 1000).await?;
            store.intents(1000).await?;
            store.settings_put("other", "1").await?;
            let id = MessageId::new("m7").unwrap();
            if let Some(key) = store.message_key(&id).await? {
                store.body(key).await?;
            }
            Ok(())
        };
        match used.await {
            Ok(()) | Err(StoreError::Damaged { .. } | StoreError::LocalDamaged(_)) => {}
            Err(error) => panic!("{when}: {error:?}"),
        }
        store.close().await.unwrap();
    }
    panic!("{when}: still not sound");
}

async fn one(templates: &Templates, seed: u64, counts: &Mutex<BTreeMap<(Harm, FileKind), u32>>) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut choice = random.random_range(0..HARMS.iter().map(|(_, weight)| weight).sum());
    let (kind_of, _) = HARMS
        .into_iter()
        .find(|(_, weight)| {
            let here = choice < *weight;
            choice = choice.saturating_sub(*weight);
            here
        })
        .unwrap();
    let kind = FileKind::ACCOUNT[random.random_range(0..4)];
    let closed = random.random_bool(0.5) && !matches!(kind_of, Harm::LostJournal);
    let when = format!("seed {seed}: {kind_of:?} of {kind}, closed: {closed}");
    *counts.lock().unwrap().entry((kind_of, kind)).or_default() += 1;

    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("account");
    copy_tree(
        &templates.at(if closed { "closed" } else { "killed" }),
        &folder,
    );
    let neighbours: Vec<_> = FileKind::ACCOUNT
        .into_iter()
        .filter(|other| *other != kind)
        .collect();
    let other = journal(
        &templates.at("killed"),
        neighbours[random.random_range(0..3)],
    );
    harm(&mut random, kind_of, &folder, kind, &other).await;
    let before = contents(&folder);

    match kind_of {
        Harm::WrongKey => {
            let opened = AccountStore::open(&folder, key(9), StoreOptions::default()).await;
            let error = opened.unwrap_err();
            assert!(matches!(error, StoreError::WrongKey), "{when}: {error:?}");
            assert!(contents(&folder) == before, "{when}: something changed");
        }
        Harm::NewerSchema => {
            let error = open(&folder).await.unwrap_err();
            let refused = matches!(error, StoreError::NewerSchema { file } if file == kind);
            assert!(refused, "{when}: {error:?}");
            assert!(contents(&folder) == before, "{when}: something changed");
            return;
        }
        _ => {}
    }
    let (store, told) = recover(&folder, &when).await;
    let waiting = life::waiting(&store).await;
    life::assert_sound(&store, &when).await;
    // The mail file's mirror knows every change that waits, so not even one is missing.
    assert!(
        waiting.len() == WAITING || told,
        "{when}: {} and nothing told",
        waiting.len()
    );
    assert_eq!(waiting.len(), WAITING, "{when}");
    if kind != FileKind::Mail {
        let list = scope("inbox", ListMode::Messages, Filter::All);
        assert_eq!(
            store.page(&list, None, 1000).await.unwrap().len(),
            60,
            "{when}"
        );
        message_key(&store, "m7").await;
    }
    store.close().await.unwrap();
}

#[test]
fn five_hundred_random_damages_cost_no_change_that_waits_and_never_a_panic() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let templates = runtime.block_on(Templates::make());
    let counts = Mutex::new(BTreeMap::new());
    let next = AtomicU64::new(0);
    let only: Option<u64> = std::env::var("BRAID_SEED")
        .ok()
        .map(|seed| seed.parse().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= DAMAGES {
                        break;
                    }
                    if only.is_none_or(|only| only == seed) {
                        runtime.block_on(one(&templates, seed, &counts));
                    }
                }
            });
        }
    });
    let counts = counts.into_inner().unwrap();
    let mut table =
        String::from("| Damage | mail | body | search | local |\n|---|---:|---:|---:|---:|\n");
    for (harm, _) in HARMS {
        let of = |kind| counts.get(&(harm, kind)).copied().unwrap_or(0);
        let [mail, body, search, local] = FileKind::ACCOUNT.map(of);
        let words = match harm {
            Harm::BitFlip => "one to three bits turned",
            Harm::ZeroPage => "4 KiB zeroed",
            Harm::Truncation => "cut short",
            Harm::LostJournal => "journal lost",
            Harm::ForeignJournal => "journal of another file",
            Harm::WrongKey => "wrong key",
            Harm::NewerSchema => "newer schema",
        };
        table.push_str(&format!(
            "| {words} | {mail} | {body} | {search} | {local} |\n"
        ));
    }
    crate::document("damages", &table);
}

#[tokio::test]
async fn what_reads_of_a_damaged_local_file_is_saved_even_when_the_mail_file_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("account");
    life::fill_for_harm(&folder).await.close().await.unwrap();
    let local = folder.join(FileKind::Local.file_name());
    let pages = std::fs::metadata(&local).unwrap().len() / 4096;
    let mut saved_some = 0;
    for page in 1..usize::try_from(pages).unwrap() {
        let copy = home.path().join(format!("page-{page}"));
        copy_tree(&folder, &copy);
        change_octets(&copy.join(FileKind::Local.file_name()), |octets| {
            octets[page * 4096 + 100] ^= 1;
        });
        std::fs::remove_file(copy.join(FileKind::Mail.file_name())).unwrap();
        let (store, told) = recover(&copy, &format!("page {page}")).await;
        let intents = store.intents(1000).await.unwrap();
        let messages: usize = intents.iter().map(|intent| intent.messages.len()).sum();
        // One page of a handful holds a part of the rows, and only that part is gone.
        assert!(messages == 20 * WAITING || told, "page {page}");
        saved_some += usize::from(messages > 0);
        store.close().await.unwrap();
    }
    // Only the first pages of all, of the changes and of their messages hide everything.
    assert_eq!(saved_some + 3, usize::try_from(pages).unwrap());
}

#[tokio::test]
async fn a_change_that_was_finished_is_not_brought_back_by_a_rescue() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("account");
    let store = life::fill_for_harm(&folder).await;
    let first = store.intents(1).await.unwrap()[0].id;
    store
        .finish_intent(first, mail_store::IntentOutcome::Done)
        .await
        .unwrap();
    store.close().await.unwrap();
    change_octets(&folder.join(FileKind::Local.file_name()), |octets| {
        octets[..4096].fill(0)
    });
    let store = open(&folder).await.unwrap();
    let salvaged = store.report().salvaged.unwrap();
    assert_eq!(
        (salvaged.intents, salvaged.from_mirror),
        (WAITING - 1, WAITING - 1)
    );
    assert!(salvaged.incomplete);
    assert!(!life::waiting(&store).await.contains(&first.get()));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_lost_local_file_is_made_anew_from_the_mirror() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("account");
    life::fill_for_harm(&folder).await.close().await.unwrap();
    std::fs::remove_file(folder.join(FileKind::Local.file_name())).unwrap();
    let store = open(&folder).await.unwrap();
    assert_eq!(life::waiting(&store).await.len(), WAITING);
    assert!(store.report().salvaged.unwrap().incomplete);
    store.close().await.unwrap();
    let store = open(&folder).await.unwrap();
    assert_eq!(store.report().salvaged, None);
    store.close().await.unwrap();
}

#[tokio::test]
async fn files_of_every_release_are_opened_and_nothing_in_them_is_lost() {
    let most = {
        let mut most = 0;
        for kind in FileKind::ACCOUNT {
            most = most.max(release::steps(kind).await.iter().count());
        }
        most
    };
    for known in 1..=most {
        let home = tempfile::tempdir().unwrap();
        release::fill_first_release(home.path(), known).await;
        let store = open(home.path()).await.unwrap();
        assert_eq!(life::waiting(&store).await.len(), 1, "{known}");
        let signature = store.settings_get("signature").await.unwrap();
        assert_eq!(signature.as_deref(), Some("\"Ana\""), "{known}");
        assert_eq!(store.mailboxes().await.unwrap().len(), 1, "{known}");
        life::assert_sound(&store, "after the steps").await;
        store.close().await.unwrap();
    }
    let home = tempfile::tempdir().unwrap();
    release::fill_first_registry(home.path()).await;
    let registry = Registry::open(home.path()).await.unwrap();
    assert_eq!(registry.accounts().await.unwrap()[0].id.as_str(), "old");
    registry.close().await;
}

#[tokio::test]
async fn a_newer_list_of_accounts_is_refused_and_kept() {
    let home = tempfile::tempdir().unwrap();
    Registry::open(home.path()).await.unwrap().close().await;
    let file = home.path().join(FileKind::Registry.file_name());
    let mut connection = bare(&file, false).await;
    let note = "INSERT INTO _sqlx_migrations
        (version, description, success, checksum, execution_time)
        VALUES (9999, 'from the future', 1, x'00', 0)";
    sqlx::query(note).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = Registry::open(home.path()).await.err().unwrap();
    assert!(matches!(error, StoreError::NewerSchema { .. }), "{error:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
