//! How long a healthy account's look for new mail takes while its neighbours are in trouble: one
//! is refused, one gets no answers, one gets nonsense, one has five hundred changes nobody takes.
//!
//! `cargo bench -p mail-engine --bench bad_neighbour -- [--json]`
//!
//! Looks with and without the neighbours alternate in blocks, so that both meet the same machine.
//! What counts is the ratio of the 95th percentiles; it is to stay at 1.2 or below.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench reports by printing and ends at the first error"
)]
#![allow(dead_code, reason = "the tests' server, of which a bench needs a part")]

#[path = "../tests/engine/server.rs"]
mod server;
#[path = "../tests/engine/server_search.rs"]
mod server_search;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mail_engine::{AccountEngine, EngineOptions, Health};
use mail_model::{Keyword, KeywordEdit};
use mail_store::{AccountStore, NewIntent, StoreKey, StoreOptions};
use tempfile::TempDir;

use server::{EditFault, Fault, Server, message, message_id};

const BLOCKS: usize = 20;
const LOOKS: usize = 50;
const MESSAGES: u64 = 600;
const QUEUED: u64 = 500;

struct Account {
    engine: AccountEngine,
    server: Arc<Server>,
    _folder: TempDir,
}

impl Account {
    async fn synced() -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::with_messages(MESSAGES);
        let key = StoreKey::new([7; 32]);
        let path = folder.path().join("account");
        let store = AccountStore::open(&path, key, StoreOptions::default())
            .await
            .unwrap();
        let options = EngineOptions {
            hint_spacing: Duration::ZERO,
            bodies_ahead: 0,
            ..EngineOptions::default()
        };
        let engine = AccountEngine::start(store, Arc::clone(&server) as _, options)
            .await
            .unwrap();
        let mut status = engine.status();
        status
            .wait_for(|status| status.health == Health::Current)
            .await
            .unwrap();
        Self {
            engine,
            server,
            _folder: folder,
        }
    }

    /// Five hundred changes that the server takes later.
    async fn with_full_queue() -> Self {
        let account = Self::synced().await;
        for number in 0..QUEUED {
            let id = message_id(number);
            account.server.edit_fault(&id, Some(EditFault::Later));
            let key = account.engine.store().message_key(&id).await.unwrap();
            let edit = NewIntent {
                messages: vec![key.unwrap()],
                keywords: vec![KeywordEdit {
                    keyword: Keyword::flagged(),
                    set: true,
                }],
                ..NewIntent::default()
            };
            account.engine.edit(edit).await.unwrap();
        }
        account
    }

    async fn in_trouble(fault: Fault) -> Self {
        let account = Self::synced().await;
        account.server.fail_everything(fault);
        account
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(
        std::env::args().any(|argument| argument == "--json"),
    ));
}

async fn measure(json: bool) {
    let healthy = Account::synced().await;
    let neighbours = [
        Account::in_trouble(Fault::SignIn).await,
        Account::in_trouble(Fault::Hang).await,
        Account::in_trouble(Fault::Garbage).await,
        Account::with_full_queue().await,
    ];
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let mut next = MESSAGES;
    // The first block of each warms caches and does not count.
    for block in 0..2 * (BLOCKS + 1) {
        let with_neighbours = block % 2 == 1;
        for neighbour in &neighbours {
            if with_neighbours {
                neighbour.engine.resume().await;
            } else {
                neighbour.engine.pause().await;
            }
        }
        for _ in 0..LOOKS {
            if with_neighbours {
                for neighbour in &neighbours {
                    neighbour.engine.sync_now();
                }
            }
            healthy
                .server
                .deliver(message(next, next, 1_000_000 + next as i64));
            next += 1;
            let begun = Instant::now();
            healthy.engine.sync().await;
            let took = begun.elapsed();
            if block >= 2 {
                if with_neighbours {
                    &mut beside
                } else {
                    &mut alone
                }
                .push(took);
            }
        }
    }
    let figures = |mut all: Vec<Duration>| {
        all.sort();
        let at = |share: usize| all[all.len() * share / 100].as_secs_f64() * 1_000.0;
        (at(50), at(95))
    };
    let ((alone_50, alone_95), (beside_50, beside_95)) = (figures(alone), figures(beside));
    let ratio = beside_95 / alone_95;
    if json {
        let figures = serde_json::json!({
            "alone": { "p50_ms": alone_50, "p95_ms": alone_95 },
            "beside": { "p50_ms": beside_50, "p95_ms": beside_95 },
            "ratio_p95": ratio,
        });
        println!("{figures}");
    } else {
        println!("alone            p50 {alone_50:.2} ms   p95 {alone_95:.2} ms");
        println!("bad neighbours   p50 {beside_50:.2} ms   p95 {beside_95:.2} ms");
        println!("ratio of the p95 {ratio:.2}");
    }
}
