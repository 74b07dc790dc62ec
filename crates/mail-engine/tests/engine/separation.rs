//! Twelve accounts whose servers give the same ids: nothing of one ever shows in another, and an
//! account that goes in the middle of its synchronisation leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use futures::{StreamExt as _, stream};
use mail_engine::clock::{ManualClock, Moment};
use mail_engine::{AccountEngine, EngineOptions, FetchError, ListMember, MergedList};
use mail_model::{AccountId, Body, Filter, Keyword, KeywordEdit, ListMode, Message, RowKey};
use mail_store::{
    AccountStore, ListScope, NewIntent, StoreKey, StoreOptions, remove_account_folder,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tokio::sync::Barrier;

use crate::server::{Server, body_with_file, mailbox, message, message_id};
use crate::world::{World, soon};

const ACCOUNTS: usize = 12;
const OPERATIONS: usize = 10_000;
const WORKERS: usize = 8;
const MESSAGES: u64 = 40;

/// What is in every text of one account and in nothing of another.
fn canary(account: usize) -> String {
    format!("canary-{account:02}-of-this-account")
}

fn account_id(account: usize) -> AccountId {
    AccountId::new(format!("account-{account:02}")).unwrap()
}

/// A message with the ids every other account has, too.
fn marked(account: usize, number: u64) -> Message {
    let canary = canary(account);
    let mut message = message(number, number / 3, 1_000 + 60 * number as i64);
    message.subject = format!("Figures of {canary}");
    message.preview = format!("The numbers of {canary}");
    message.from[0].name.clone_from(&canary);
    message.to[0].email = format!("{canary}@northwind.example");
    if number.is_multiple_of(4) {
        message.mailboxes = vec![mailbox("archive")];
    }
    message
}

fn deliver(server: &Server, account: usize, number: u64) {
    let canary = canary(account);
    let message = marked(account, number);
    let mut body = body_with_file(number);
    body.text = Some(format!("Dear {canary}"));
    body.html = Some(format!("<p>Dear {canary}"));
    server.set_body(&message.id, body);
    server.set_raw(&format!("F{number}"), format!("The file of {canary}"));
    server.deliver(message);
}

struct Tenant {
    world: World,
    engine: AccountEngine,
}

struct Rig {
    tenants: Vec<Tenant>,
    edits: Vec<AtomicUsize>,
}

/// What was asked of the rig.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Synchronise,
    List,
    Rows,
    Thread,
    Body,
    Mark,
    File,
    Merged,
}

const ALL: [Operation; 8] = [
    Operation::Synchronise,
    Operation::List,
    Operation::Rows,
    Operation::Thread,
    Operation::Body,
    Operation::Mark,
    Operation::File,
    Operation::Merged,
];

impl Rig {
    async fn new() -> Self {
        let mut tenants = Vec::new();
        for account in 0..ACCOUNTS {
            let server = Server::new();
            server.enable_push();
            for number in 0..MESSAGES {
                deliver(&server, account, number);
            }
            let world = World::new(server).await;
            let running = world.synced().await;
            tenants.push(Tenant {
                world,
                engine: running.engine,
            });
        }
        let edits = (0..ACCOUNTS).map(|_| AtomicUsize::new(0)).collect();
        Self { tenants, edits }
    }

    async fn run(&self, operation: Operation, account: usize, rng: &mut ChaCha8Rng) {
        let tenant = &self.tenants[account];
        let store = &tenant.world.store;
        let number = rng.random_range(0..MESSAGES);
        let own = canary(account);
        match operation {
            Operation::Synchronise => {
                deliver(&tenant.world.server, account, number);
                tenant.engine.sync().await;
            }
            Operation::List => {
                let rows = store.page(&scope(rng), None, 25).await.unwrap();
                for row in rows {
                    assert!(row.subject.contains(&own) && row.preview.contains(&own));
                    assert!(row.senders.iter().all(|sender| *sender == own), "{row:?}");
                }
            }
            Operation::Rows => {
                let key = tenant.world.key(&message_id(number)).await;
                let mut scope = scope(rng);
                scope.mode = ListMode::Messages;
                let rows = store.rows(&scope, &[RowKey::Message(key)]).await.unwrap();
                assert!(rows.iter().all(|row| row.subject.contains(&own)));
            }
            Operation::Thread => {
                let key = tenant.world.key(&message_id(number)).await;
                let message = store.message(key).await.unwrap().unwrap();
                let thread = store.thread(message.thread).await.unwrap();
                assert!(!thread.is_empty());
                for stored in thread {
                    assert!(stored.message.to[0].email.starts_with(&own));
                }
            }
            Operation::Body => {
                let key = tenant.world.key(&message_id(number)).await;
                let body: Body = tenant.engine.fetch_body(key).await.unwrap();
                assert_eq!(body.text.unwrap(), format!("Dear {own}"));
                assert_eq!(body.html.unwrap(), format!("<p>Dear {own}"));
            }
            Operation::Mark => {
                let key = tenant.world.key(&message_id(number)).await;
                let edit = NewIntent {
                    messages: vec![key],
                    keywords: vec![KeywordEdit {
                        keyword: Keyword::from(own),
                        set: rng.random_bool(0.5),
                    }],
                    ..NewIntent::default()
                };
                tenant.engine.edit(edit).await.unwrap();
                self.edits[account].fetch_add(1, Ordering::Relaxed);
            }
            Operation::File => {
                let key = tenant.world.key(&message_id(number)).await;
                let (_, pieces) = tenant.engine.open_blob(key, 0).await.unwrap();
                let bytes = pieces
                    .map(Result::unwrap)
                    .fold(BytesMut::new(), async |mut all, piece| {
                        all.extend(piece);
                        all
                    })
                    .await;
                assert_eq!(bytes, format!("The file of {own}").as_bytes());
            }
            Operation::Merged => self.merged(rng).await,
        }
    }

    /// A list over some accounts: each row under the account it is of.
    async fn merged(&self, rng: &mut ChaCha8Rng) {
        let scope = scope(rng);
        let members = (0..ACCOUNTS)
            .filter(|_| rng.random_bool(0.4))
            .map(|account| {
                let store = self.tenants[account].world.store.clone();
                ListMember::of_store(
                    account_id(account),
                    store,
                    vec![scope.mailbox.clone()],
                    scope.mode,
                    scope.filter,
                )
            })
            .collect();
        let open = MergedList::open(members, 0..40).await;
        for row in open.snapshot.rows {
            let account = (0..ACCOUNTS)
                .find(|n| account_id(*n) == row.account)
                .unwrap();
            let own = canary(account);
            assert!(row.row.subject.contains(&own), "{row:?}");
            assert!(row.row.senders.iter().all(|sender| *sender == own));
        }
    }

    /// Nothing of another account lies in a store or was sent to a server.
    async fn assert_apart(&self) {
        for (account, tenant) in self.tenants.iter().enumerate() {
            let settled = soon("the queue", tenant.engine.settle_queue())
                .await
                .unwrap();
            assert_eq!(settled.left, 0);
            assert_eq!(tenant.engine.status().borrow().queued, 0);
            let edited = tenant.world.server.edited();
            let made = self.edits[account].load(Ordering::Relaxed);
            assert_eq!(edited.len(), made, "requests of account {account}");
            let own = Keyword::from(canary(account));
            let mut keywords = edited.iter().flat_map(|edit| &edit.keywords);
            assert!(keywords.all(|edit| edit.keyword == own));
            tenant.world.assert_converged().await;
            tenant.engine.stop().await;
            for other in 0..ACCOUNTS {
                let traces = tenant.world.store.traces_of(&canary(other)).await.unwrap();
                assert_eq!(!traces.is_empty(), other == account, "{other} in {account}");
            }
        }
    }
}

fn scope(rng: &mut ChaCha8Rng) -> ListScope {
    let filters = [Filter::All, Filter::Unread, Filter::Files];
    ListScope {
        mailbox: mailbox(["inbox", "archive"][rng.random_range(0..2)]),
        mode: if rng.random_bool(0.5) {
            ListMode::Conversations
        } else {
            ListMode::Messages
        },
        filter: filters[rng.random_range(0..3)],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_accounts_with_the_same_ids_never_mix_over_ten_thousand_operations() {
    let rig = Arc::new(Rig::new().await);
    let done = Arc::new(AtomicUsize::new(0));
    let begin = Arc::new(Barrier::new(WORKERS));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (rig, done, begin) = (Arc::clone(&rig), Arc::clone(&done), Arc::clone(&begin));
            tokio::spawn(async move {
                let mut rng = ChaCha8Rng::seed_from_u64(worker as u64);
                begin.wait().await;
                while done.fetch_add(1, Ordering::Relaxed) < OPERATIONS {
                    let operation = ALL[rng.random_range(0..ALL.len())];
                    let account = rng.random_range(0..ACCOUNTS);
                    rig.run(operation, account, &mut rng).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert!(done.load(Ordering::Relaxed) >= OPERATIONS);
    rig.assert_apart().await;
}

#[tokio::test]
async fn the_rig_notices_a_row_that_is_at_the_wrong_account() {
    let world = World::new(Server::new()).await;
    deliver(&world.server, 0, 1);
    deliver(&world.server, 3, 2);
    let running = world.synced().await;
    running.engine.stop().await;
    let traces = world.store.traces_of(&canary(3)).await.unwrap();
    assert!(!traces.is_empty());
    assert_eq!(world.store.traces_of(&canary(4)).await.unwrap(), []);
}

/// Opens an account, lets it synchronise up to a random request, and removes it.
async fn come_and_go(home: &TempDir, round: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(round as u64);
    let folder = home.path().join(format!("account-{round}"));
    let server = Server::with_messages(60);
    server.enable_push();
    // Somewhere between the first request and the last body.
    server.hang_from(rng.random_range(1..8));
    let options = EngineOptions {
        clock: Arc::new(ManualClock::at(Moment::from_millis(1_700_000_000_000))),
        hint_spacing: Duration::ZERO,
        bodies_ahead: 20,
        ..EngineOptions::default()
    };
    let store = AccountStore::open(&folder, StoreKey::new([9; 32]), StoreOptions::default())
        .await
        .unwrap();
    let engine = AccountEngine::start(store.clone(), Arc::clone(&server) as _, options)
        .await
        .unwrap();
    let mut calls = server.calls();
    let until = server.hangs_at().min(5);
    soon("a request", calls.wait_for(|calls| *calls >= until))
        .await
        .unwrap();
    let waiting = store.message_key(&message_id(59)).await.unwrap();
    let body = async {
        match waiting {
            Some(key) => engine.fetch_body(key).await.map(|_| ()),
            None => Ok(()),
        }
    };
    let (body, ()) = tokio::join!(body, engine.stop());
    let ended = matches!(body, Ok(()) | Err(FetchError::Stopped));
    assert!(ended, "{body:?}");
    drop(engine);
    store.close().await.unwrap();
    let removed = remove_account_folder(&folder).unwrap();
    assert!(removed.files >= 4, "{removed:?}");
    assert!(!folder.exists());
    // Whoever still ran would hold the source.
    assert_eq!(
        Arc::strong_count(&server),
        1,
        "a task is left of round {round}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_accounts_removed_in_the_middle_leave_no_file_and_no_task() {
    let home = TempDir::new().unwrap();
    stream::iter(0..500)
        .for_each_concurrent(6, |round| come_and_go(&home, round))
        .await;
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
