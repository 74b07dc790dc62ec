//! The life of some accounts as a script, for a child that is killed or whose disk fails in it,
//! and what has to be true afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mail_model::{
    AccountColor, AccountId, Body, Filter, Keyword, KeywordEdit, ListMode, MessageId, MessageKey,
    UnixTime,
};
use mail_store::{
    AccountRecord, AccountState, AccountStore, FileKind, FillState, IndexCheck, IntentOutcome,
    NewIntent, ProgressUpdate, Registry, SourceAddress, StoreError, StoreOptions, SyncBatch,
    UnreadMark, remove_account_folder, seal_account_folder, sweep_trash, unseal_account_folder,
};

use crate::fixture::{key, mailboxes, message, scope};
use crate::release::{fill_first_registry, fill_first_release};

/// How many changes wait in an account that is made for harm.
pub(crate) const WAITING: usize = 40;

pub(crate) fn account_at(folder: &Path, name: &str) -> PathBuf {
    folder.join("accounts").join(name)
}

pub(crate) async fn open(folder: &Path) -> Result<AccountStore, StoreError> {
    AccountStore::open(folder, key(1), StoreOptions::default()).await
}

/// Says to the parent that something was acknowledged.
fn say(what: &str) {
    println!("\nsaid {what}");
}

/// This binary as a child that runs one ignored test.
pub(crate) fn child(test: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    child
}

/// What a child has said, to the last whole line.
pub(crate) fn sayings(output: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(output)
        .split_inclusive('\n')
        .filter_map(|line| line.strip_prefix("said ")?.strip_suffix('\n'))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn star() -> Vec<KeywordEdit> {
    vec![KeywordEdit {
        keyword: Keyword::flagged(),
        set: true,
    }]
}

pub(crate) async fn message_key(store: &AccountStore, id: &str) -> MessageKey {
    let id = MessageId::new(id).unwrap();
    store.message_key(&id).await.unwrap().unwrap()
}

/// An account with mail, bodies, choices and many waiting changes.
pub(crate) async fn fill_for_harm(folder: &Path) -> AccountStore {
    let store = open(folder).await.unwrap();
    let batch = SyncBatch {
        mailboxes: Some(mailboxes()),
        upsert: (0..60)
            .map(|n| message(&format!("m{n}"), &format!("t{}", n / 3), n))
            .collect(),
        ..SyncBatch::default()
    };
    store.apply(batch).await.unwrap();
    let mut bodies = Vec::new();
    for n in 0..20 {
        let body = Body {
            text: Some(format!("{n} sopranos at seven ").repeat(200)),
            ..Body::default()
        };
        bodies.push((message_key(&store, &format!("m{n}")).await, body));
    }
    store.store_bodies(bodies).await.unwrap();
    for n in 0..WAITING {
        let mut messages = Vec::new();
        for m in 0..20 {
            messages.push(message_key(&store, &format!("m{}", (n + m) % 60)).await);
        }
        let edit = NewIntent {
            messages,
            keywords: star(),
            ..NewIntent::default()
        };
        store.queue_edit(edit).await.unwrap();
    }
    store
        .settings_put("signature", "\"with love, Ana\"")
        .await
        .unwrap();
    store
}

/// What the life begins with.
pub(crate) async fn prepare(home: &Path) {
    fill_first_registry(home).await;
    fill_first_release(&account_at(home, "old"), 1).await;
    let hurt = account_at(home, "hurt");
    fill_for_harm(&hurt).await.close().await.unwrap();
    let local = hurt.join(FileKind::Local.file_name());
    let mut octets = std::fs::read(&local).unwrap();
    octets[..4096].fill(0);
    std::fs::write(&local, octets).unwrap();
    // The middle of the bodies: found only by reading everything.
    let body = hurt.join(FileKind::Body.file_name());
    let mut octets = std::fs::read(&body).unwrap();
    let middle = octets.len() / 4096 / 2 * 4096;
    octets[middle..middle + 4096].fill(0x5A);
    std::fs::write(&body, octets).unwrap();
    open(&account_at(home, "gone"))
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
}

fn record(id: &str, position: u32) -> AccountRecord {
    AccountRecord {
        id: AccountId::new(id).unwrap(),
        issuer: "https://login.northwind.example".into(),
        subject: id.into(),
        name: "Work".into(),
        email: "ana@northwind.example".into(),
        color: AccountColor::Ocean,
        letter: "W".into(),
        position,
        connection: None,
        source: SourceAddress::Jmap {
            session_url: "https://mail.northwind.example/".into(),
        },
        state: AccountState::Active,
        epoch: 1,
        created_at: UnixTime::from_seconds(1),
        picture: None,
        group: None,
        unread_mark: UnreadMark::Number,
        seal: None,
        link_journal: None,
    }
}

/// The life itself, told step by step.
pub(crate) async fn live(home: &Path) {
    let registry = Registry::open(home).await.unwrap();
    registry.insert(record("new", 1)).await.unwrap();
    say("listed new");
    registry.insert(record("gone", 2)).await.unwrap();
    let mut renamed = record("new", 1);
    renamed.name = "Renamed".into();
    registry.update(renamed).await.unwrap();
    say("renamed");
    let order = ["gone", "new", "old"].map(|id| AccountId::new(id).unwrap());
    registry.reorder(&order).await.unwrap();
    say("ordered");
    let old = AccountId::new("old").unwrap();
    registry.set_link_journal(&old, Some("{}")).await.unwrap();
    say("noted");

    let folder = account_at(home, "old");
    let store = open(&folder).await.unwrap();
    store.close().await.unwrap();
    let sealed = home.join("sealed/old");
    seal_account_folder(&folder, &sealed).unwrap();
    say("sealed");
    unseal_account_folder(&sealed, &folder).unwrap();
    say("unsealed");

    let hurt = open(&account_at(home, "hurt")).await.unwrap();
    assert_eq!(hurt.check_files().await.unwrap(), [FileKind::Body]);
    hurt.close().await.unwrap();
    let hurt = open(&account_at(home, "hurt")).await.unwrap();
    assert_eq!(hurt.report().set_aside.len(), 1);
    hurt.close().await.unwrap();

    let store = open(&account_at(home, "new")).await.unwrap();
    receive(&store).await;
    change(&store).await;
    store.close().await.unwrap();

    let gone = AccountId::new("gone").unwrap();
    registry.remove(&gone).await.unwrap();
    say("unlisted");
    remove_account_folder(&account_at(home, "gone")).unwrap();
    say("removed");
    registry.close().await;
    say("end");
}

async fn receive(store: &AccountStore) {
    let list = SyncBatch {
        mailboxes: Some(mailboxes()),
        ..SyncBatch::default()
    };
    store.apply(list).await.unwrap();
    for batch in 0..3_u64 {
        let done = 10 * (batch + 1);
        let batch = SyncBatch {
            upsert: (done - 10..done)
                .map(|n| {
                    let minutes = i64::try_from(n).unwrap();
                    message(&format!("m{n}"), &format!("t{}", n / 3), minutes)
                })
                .collect(),
            progress: ProgressUpdate {
                fill: Some(FillState::Filling {
                    oldest: UnixTime::from_seconds(0),
                    done,
                    total: None,
                }),
                ..ProgressUpdate::default()
            },
            ..SyncBatch::default()
        };
        store.apply(batch).await.unwrap();
        say(&format!("applied {done}"));
    }
    let mut bodies = Vec::new();
    for n in 0..30 {
        let body = Body {
            text: Some("sopranos at seven".into()),
            ..Body::default()
        };
        bodies.push((message_key(store, &format!("m{n}")).await, body));
    }
    store.store_bodies(bodies).await.unwrap();
    say("bodies");
    let indexed = store.index_some(1000).await.unwrap();
    assert_eq!(indexed.left, 0);
}

async fn change(store: &AccountStore) {
    for n in 0..4 {
        let edit = NewIntent {
            messages: vec![message_key(store, &format!("m{n}")).await],
            keywords: star(),
            ..NewIntent::default()
        };
        let (intent, _) = store.queue_edit(edit).await.unwrap();
        say(&format!("queued {}", intent.get()));
        if n % 2 == 1 {
            say(&format!("finishing {}", intent.get()));
            store
                .finish_intent(intent, IntentOutcome::Done)
                .await
                .unwrap();
            say(&format!("finished {}", intent.get()));
        }
    }
    for n in 0..2 {
        store
            .settings_put("signature", &format!("\"{n}\""))
            .await
            .unwrap();
        say(&format!("put {n}"));
    }
    let gone: Vec<MessageId> = (20..25)
        .map(|n| MessageId::new(format!("m{n}")).unwrap())
        .collect();
    let removal = SyncBatch {
        remove: gone,
        ..SyncBatch::default()
    };
    store.apply(removal).await.unwrap();
    let sweep = store.begin_sweep().await.unwrap();
    let seen = SyncBatch {
        upsert: (0..20)
            .map(|n| message(&format!("m{n}"), &format!("t{}", n / 3), n))
            .collect(),
        mark: Some(sweep),
        ..SyncBatch::default()
    };
    store.apply(seen).await.unwrap();
    store.finish_sweep(sweep).await.unwrap();
    say("swept");
    store.index_some(1000).await.unwrap();
}

/// Sound, counted right, and the index agrees.
pub(crate) async fn assert_sound(store: &AccountStore, when: &str) {
    assert_eq!(store.check_files().await.unwrap(), [], "{when}");
    assert_eq!(store.recount().await.unwrap(), [], "{when}");
    while store.index_some(10_000).await.unwrap().left > 0 {}
    let index = store.check_index().await.unwrap();
    assert_eq!(index, IndexCheck::default(), "{when}");
}

/// The changes that wait, as numbers.
pub(crate) async fn waiting(store: &AccountStore) -> BTreeSet<i64> {
    let intents = store.intents(1_000_000).await.unwrap();
    intents.iter().map(|intent| intent.id.get()).collect()
}

/// Starts anew on what a killed life has left, and compares it with what it had said.
pub(crate) async fn assert_kept(home: &Path, said: &[String], when: &str) {
    let has = |what: &str| said.iter().any(|said| said == what);
    let registry = Registry::open(home).await.unwrap();
    let accounts = registry.accounts().await.unwrap();
    let of = |id: &str| accounts.iter().find(|account| account.id.as_str() == id);
    assert!(of("old").is_some(), "{when}");
    assert!(!has("listed new") || of("new").is_some(), "{when}");
    assert!(
        !has("renamed") || of("new").unwrap().name == "Renamed",
        "{when}"
    );
    if has("ordered") {
        let last = accounts.last().unwrap();
        assert_eq!(last.id.as_str(), "old", "{when}");
    }
    assert!(
        !has("noted") || of("old").unwrap().link_journal.is_some(),
        "{when}"
    );
    assert!(!has("unlisted") || of("gone").is_none(), "{when}");
    registry.close().await;

    let (open_at, sealed) = (account_at(home, "old"), home.join("sealed/old"));
    assert!(
        !has("sealed") || has("unsealed") || sealed.exists() || open_at.exists(),
        "{when}"
    );
    if !open_at.exists() {
        unseal_account_folder(&sealed, &open_at).unwrap();
    }
    let store = open(&open_at).await.unwrap();
    assert_eq!(waiting(&store).await, BTreeSet::from([1]), "{when}");
    let signature = store.settings_get("signature").await.unwrap();
    assert_eq!(signature.as_deref(), Some("\"Ana\""), "{when}");
    assert_sound(&store, when).await;
    store.close().await.unwrap();

    assert_hurt(&account_at(home, "hurt"), when).await;
    let store = open(&account_at(home, "new")).await.unwrap();
    assert_new(&store, said, when).await;
    store.close().await.unwrap();

    sweep_trash(&home.join("accounts")).unwrap();
    assert!(
        !has("removed") || !account_at(home, "gone").exists(),
        "{when}"
    );
    let left = std::fs::read_dir(home.join("accounts")).unwrap();
    for entry in left {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with(".trash"), "{when}: {name}");
    }
}

async fn assert_hurt(folder: &Path, when: &str) {
    let mut store = open(folder).await.unwrap();
    if !store.check_files().await.unwrap().is_empty() {
        store.close().await.unwrap();
        store = open(folder).await.unwrap();
    }
    let intents = store.intents(1000).await.unwrap();
    assert_eq!(intents.len(), WAITING, "{when}");
    assert!(
        intents.iter().all(|intent| intent.messages.len() == 20),
        "{when}"
    );
    assert_sound(&store, when).await;
    let starred = scope("inbox", ListMode::Messages, Filter::Starred);
    assert_eq!(
        store.page(&starred, None, 1000).await.unwrap().len(),
        59,
        "{when}"
    );
    store.close().await.unwrap();
    // The damaged files are kept.
    for kind in [FileKind::Local, FileKind::Body] {
        assert!(aside(folder, kind).len() == 1, "{when}: {kind}");
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let left = [".salvage", ".building", ".new", ".suspect"];
        assert!(
            left.iter().all(|left| !name.contains(left)),
            "{when}: {name}"
        );
    }
}

/// Copies of a file that were set aside.
pub(crate) fn aside(folder: &Path, kind: FileKind) -> Vec<PathBuf> {
    let start = format!("{}.damaged-", kind.file_name());
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&start) && !name.ends_with("-wal") && !name.ends_with("-shm")
        })
        .collect()
}

async fn assert_new(store: &AccountStore, said: &[String], when: &str) {
    assert!(store.report().set_aside.is_empty(), "{when}");
    assert_eq!(store.report().salvaged, None, "{when}");
    assert_sound(store, when).await;
    let numbers = |of: &str| -> BTreeSet<i64> {
        let said = said
            .iter()
            .filter_map(|said| said.strip_prefix(of)?.strip_prefix(' '));
        said.map(|number| number.parse().unwrap()).collect()
    };
    // State and rows agree, and nothing acknowledged is missing.
    let count = store.message_count().await.unwrap();
    match store.progress().await.unwrap().fill {
        FillState::Filling { done, .. } => {
            assert!(
                i64::try_from(done).unwrap() >= numbers("applied").last().copied().unwrap_or(0),
                "{when}"
            );
            assert!(
                count == done || (done == 30 && [25, 20].contains(&count)),
                "{when}: {count} of {done}"
            );
        }
        other => assert_eq!((other, count), (FillState::Start, 0), "{when}"),
    }
    if said.iter().any(|said| said == "swept") {
        assert_eq!(count, 20, "{when}");
    }
    let open = waiting(store).await;
    let due: BTreeSet<i64> = numbers("queued")
        .difference(&numbers("finishing"))
        .copied()
        .collect();
    assert!(due.is_subset(&open), "{when}: {due:?} of {open:?}");
    assert!(open.is_disjoint(&numbers("finished")), "{when}");
    for number in numbers("queued") {
        let id = MessageId::new(format!("m{}", number - 1)).unwrap();
        let finished = numbers("finishing").contains(&number);
        let key = store.message_key(&id).await.unwrap().unwrap();
        let message = store.message(key).await.unwrap().unwrap().message;
        // The sweep tells the server's word, which does not know of what was finished.
        assert!(message.keywords.is_flagged() || finished, "{when}: {id}");
    }
    if let Some(put) = numbers("put").last() {
        let kept = store.settings_get("signature").await.unwrap().unwrap();
        let kept: i64 = kept.trim_matches('"').parse().unwrap();
        assert!(kept >= *put, "{when}: {kept}");
    }
    if said.iter().any(|said| said == "bodies") {
        let key = message_key(store, "m7").await;
        assert!(store.body(key).await.unwrap().is_some(), "{when}");
    }
    // It goes on where it was.
    store.settings_put("signature", "\"9\"").await.unwrap();
    store
        .apply(SyncBatch {
            mailboxes: Some(mailboxes()),
            ..SyncBatch::default()
        })
        .await
        .unwrap();
}
