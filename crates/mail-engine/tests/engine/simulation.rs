//! Random histories: a server that changes and fails, a person who marks, restarts in between.
//! When the faults are over, a few quiet looks make the local copy equal to the server.

use std::sync::Arc;
use std::time::Duration;

use mail_engine::Health;
use mail_model::{Keyword, KeywordEdit, MessageKey, RowKey};
use mail_store::NewIntent;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::server::{Call, Fault, Server, mailbox, message};
use crate::world::{Running, World, soon};

const CALLS: [Call; 8] = [
    Call::Mailboxes,
    Call::MailboxesSince,
    Call::Newest,
    Call::OlderThan,
    Call::Changes,
    Call::Inventory,
    Call::Messages,
    Call::Edit,
];

const FAULTS: [Fault; 7] = [
    Fault::Unreachable,
    Fault::Busy(None),
    Fault::SignIn,
    Fault::Garbage,
    Fault::Lost,
    Fault::Panic,
    Fault::Vault,
];

struct History {
    rng: ChaCha8Rng,
    world: World,
    running: Running,
    next: u64,
}

impl History {
    async fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = rng.random_range(0..400);
        let server = Server::new();
        server.enable_push();
        for number in 0..count {
            let at = 1_000 + rng.random_range(0..=count) as i64;
            server.deliver(message(number, number / 3, at));
        }
        if rng.random_bool(0.3) {
            server.set_delta(7);
        }
        let world = World::new(Arc::clone(&server)).await;
        let running = world.start().await;
        Self {
            rng,
            world,
            running,
            next: 10_000,
        }
    }

    fn any_remote(&mut self) -> Option<mail_model::MessageId> {
        let all: Vec<_> = self.world.server.messages().into_keys().collect();
        (!all.is_empty()).then(|| all[self.rng.random_range(0..all.len())].clone())
    }

    fn server_changes(&mut self) {
        let server = Arc::clone(&self.world.server);
        let any = self.any_remote();
        match (self.rng.random_range(0..6), any) {
            (0 | 1, _) | (_, None) => {
                self.next += 1;
                let at = 1_000 + self.rng.random_range(0..2_000);
                let thread = self.rng.random_range(0..50);
                server.deliver(message(self.next, thread, at));
            }
            (2, Some(id)) => server.destroy(&id),
            (3, Some(id)) => server.flag(&id, Keyword::seen(), self.rng.random_bool(0.5)),
            (4, Some(id)) => server.change(&id, |message| {
                message.mailboxes = vec![mailbox("archive")];
            }),
            (_, Some(_)) => server.forget_changes(),
        }
    }

    async fn person_marks(&mut self) {
        let rows = self.world.rows("inbox").await;
        if rows.is_empty() {
            return;
        }
        let messages: Vec<MessageKey> = (0..self.rng.random_range(1..4))
            .map(|_| match rows[self.rng.random_range(0..rows.len())].key {
                RowKey::Message(key) => key,
                RowKey::Thread(_) => panic!("a list of messages has a conversation"),
            })
            .collect();
        let edit = if self.rng.random_bool(0.8) {
            NewIntent {
                messages,
                keywords: vec![KeywordEdit {
                    keyword: Keyword::flagged(),
                    set: self.rng.random_bool(0.6),
                }],
                ..NewIntent::default()
            }
        } else {
            NewIntent {
                messages,
                add_to: vec![mailbox("archive")],
                remove_from: vec![mailbox("inbox")],
                ..NewIntent::default()
            }
        };
        self.running.engine.edit(edit).await.unwrap();
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..10) {
            0..=3 => self.server_changes(),
            4 | 5 => self.person_marks().await,
            6 => {
                let call = CALLS[self.rng.random_range(0..CALLS.len())];
                let fault = FAULTS[self.rng.random_range(0..FAULTS.len())];
                let times = self.rng.random_range(1..3);
                self.world.server.fail_times(call, fault, times);
            }
            7 => {
                let seconds = self.rng.random_range(1..400);
                self.world.clock.advance(Duration::from_secs(seconds));
            }
            8 => {
                self.world
                    .server
                    .push(&mail_model::remote::PushEvent::Changed);
                self.running.engine.sync_now();
                for _ in 0..self.rng.random_range(0..200) {
                    tokio::task::yield_now().await;
                }
            }
            _ => {
                soon("stopping", self.running.engine.stop()).await;
                self.running = self.world.start().await;
            }
        }
    }

    async fn settle(mut self, seed: u64) {
        self.world.server.heal();
        for _ in 0..3 {
            self.world.clock.advance(Duration::from_secs(600));
            soon("a look", self.running.engine.sync()).await;
        }
        self.running
            .until_status(&format!("quiet, seed {seed}"), |status| {
                status.health == Health::Current && status.queued == 0
            })
            .await;
        soon("a last look", self.running.engine.sync()).await;
        let (local, remote) = (self.world.local().await, self.world.remote());
        let here: Vec<_> = local
            .iter()
            .filter(|(id, m)| remote.get(id) != Some(m))
            .collect();
        let there: Vec<_> = remote
            .iter()
            .filter(|(id, m)| local.get(id) != Some(m))
            .collect();
        assert!(
            here.is_empty() && there.is_empty(),
            "seed {seed}: here {here:?}, on the server {there:?}"
        );
        assert_eq!(self.world.store.recount().await.unwrap(), [], "seed {seed}");
        assert_eq!(self.world.store.queued(), 0, "seed {seed}");
        soon("stopping", self.running.engine.stop()).await;
    }
}

/// Seeds to run: `BRAID_SEEDS=from..to` for a longer look, else a few.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("BRAID_SEEDS").ok().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    given.unwrap_or(0..24)
}

#[tokio::test]
async fn whatever_happened_the_local_copy_ends_equal_to_the_server() {
    for seed in seeds() {
        let mut history = History::new(seed).await;
        for _ in 0..60 {
            history.step().await;
        }
        history.settle(seed).await;
    }
}
