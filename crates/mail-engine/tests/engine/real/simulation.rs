//! Histories from seeds: others change the mailbox, a person marks and moves, the network and the
//! server fail in every way they know, the app and the server start again in between. When the
//! faults are over, a few quiet looks make the local copy equal to the server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mail_engine::{AccountStatus, Health};
use mail_model::{Keyword, KeywordEdit, MailboxId, MessageId, MessageKey};
use mail_rehearsal::faults::{Act, MethodAct, MethodRule, Rule, Switch};
use mail_store::{IntentId, NewIntent};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Engine, Place, written};
use crate::world::soon;

/// Steps of one history.
const STEPS: usize = 24;
/// Changes of the person in one history; each has a keyword of its own, of which a server has 32.
const MOST_EDITS: usize = 16;
/// Quiet looks after which everything has to be equal.
const QUIET_ROUNDS: usize = 3;

const METHODS: [&str; 6] = [
    "Mailbox/get",
    "Mailbox/changes",
    "Email/get",
    "Email/query",
    "Email/changes",
    "Email/set",
];
const ERRORS: [&str; 7] = [
    "cannotCalculateChanges",
    "stateMismatch",
    "serverFail",
    "serverUnavailable",
    "serverPartialFail",
    "tooManyChanges",
    "requestTooLarge",
];
const STATUSES: [u16; 8] = [401, 403, 408, 413, 429, 500, 502, 503];
const BODIES: [(&str, &str); 6] = [
    (
        "text/html",
        "<!doctype html><title>Sign in to the hotel</title>",
    ),
    ("application/json", "{}"),
    ("application/json", "[]"),
    (
        "application/json",
        r#"{"methodResponses":[],"sessionState":"1"}"#,
    ),
    (
        "application/json",
        r#"{"methodResponses":[["error",{"type":7},"c0"]],"sessionState":1}"#,
    ),
    ("application/json", ""),
];

/// What a change of the person was.
struct Edit {
    keyword: Keyword,
    messages: Vec<MessageId>,
}

struct History {
    seed: u64,
    rng: ChaCha8Rng,
    place: Place,
    engine: Engine,
    edits: BTreeMap<IntentId, Edit>,
    refused: BTreeSet<IntentId>,
    ever_here: BTreeSet<MessageId>,
    mailboxes: u32,
    log: Vec<String>,
}

impl History {
    async fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = [0, 3, 12, 30, 70][rng.random_range(0..5)];
        let place = Place::new(size).await;
        let engine = place.start().await;
        Self {
            seed,
            rng,
            place,
            engine,
            edits: BTreeMap::new(),
            refused: BTreeSet::new(),
            ever_here: BTreeSet::new(),
            mailboxes: 0,
            log: Vec::new(),
        }
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.rng.random_range(0..all.len())].clone())
    }

    fn remote_message(&mut self) -> Option<String> {
        let all: Vec<String> = self.place.remote().messages.into_keys().collect();
        self.one_of(&all)
    }

    /// A mailbox that somebody made, by name.
    fn made_mailbox(&mut self) -> Option<String> {
        let all = self.place.remote().mailboxes.into_values();
        let made: Vec<String> = all
            .map(|mailbox| mailbox.name)
            .filter(|name| name.starts_with("Made "))
            .collect();
        self.one_of(&made)
    }

    fn others_change(&mut self) -> String {
        let account = self.place.account().to_owned();
        let mail = self.place.mail.clone();
        let message = self.remote_message();
        let made = self.made_mailbox();
        match (self.rng.random_range(0..10), message, made) {
            (0..=2, ..) | (_, None, _) => {
                self.place.deliver(&format!("News {}", self.log.len()));
                "mail arrives".into()
            }
            (3, Some(id), _) => {
                mail.destroy(&account, &id).unwrap();
                format!("{id} is destroyed")
            }
            (4 | 5, Some(id), _) => {
                let seen = self.rng.random_bool(0.5);
                mail.set_keyword(&account, &id, "$seen", seen).unwrap();
                format!("{id} is read: {seen}")
            }
            (6, Some(id), made) => {
                let target = made.unwrap_or_else(|| "Archive".into());
                mail.move_to(&account, &id, &target).unwrap();
                format!("{id} is moved to {target}")
            }
            (7, _, Some(made)) => {
                self.mailboxes += 1;
                let name = format!("Made {}", self.mailboxes);
                mail.rename_mailbox(&account, &made, &name).unwrap();
                format!("{made} becomes {name}")
            }
            (8, _, Some(made)) => {
                mail.remove_mailbox(&account, &made).unwrap();
                format!("{made} is removed")
            }
            (_, Some(_), _) => {
                self.mailboxes += 1;
                let name = format!("Made {}", self.mailboxes);
                mail.add_mailbox(&account, &name).unwrap();
                format!("{name} is made")
            }
        }
    }

    /// A mark, at times with a move; always with a keyword that nothing else sets.
    async fn person_changes(&mut self) -> String {
        if self.edits.len() == MOST_EDITS {
            return "the person does nothing".into();
        }
        let here: Vec<MessageId> = self.ever_here.iter().cloned().collect();
        let mut messages = BTreeSet::new();
        for _ in 0..self.rng.random_range(1..4) {
            messages.extend(self.one_of(&here));
        }
        if messages.is_empty() {
            return "the person sees nothing".into();
        }
        let keyword = Keyword::from(format!("mark{}", self.edits.len()));
        let mut edit = NewIntent {
            keywords: vec![KeywordEdit {
                keyword: keyword.clone(),
                set: true,
            }],
            ..NewIntent::default()
        };
        let mut keys: Vec<MessageKey> = Vec::new();
        for id in &messages {
            keys.extend(self.place.store.message_key(id).await.unwrap());
        }
        edit.messages = keys;
        if self.rng.random_bool(0.4) {
            let known = self.place.store.mailboxes().await.unwrap();
            let ids: Vec<MailboxId> = known.into_iter().map(|(mailbox, _)| mailbox.id).collect();
            edit.add_to.extend(self.one_of(&ids));
            edit.remove_from.extend(self.one_of(&ids));
            edit.remove_from.retain(|id| !edit.add_to.contains(id));
        }
        let said = format!("the person marks {messages:?} with {keyword}");
        let intent = self.engine.running.engine.edit(edit).await.unwrap();
        let messages = messages.into_iter().collect();
        self.edits.insert(intent, Edit { keyword, messages });
        said
    }

    fn something_fails(&mut self) -> String {
        let times = self.rng.random_range(1..4);
        let paths = ["*", "/jmap/api", "/jmap/session", "/jmap/eventsource"];
        let path = self.one_of(&paths).unwrap();
        let bytes = self.rng.random_range(0..2_000);
        let act = match self.rng.random_range(0..12) {
            0 => Act::LoseRequest,
            1 => Act::LoseAnswer,
            2 => Act::CutAfter { bytes },
            3 => Act::Shorten {
                bytes: bytes as usize,
            },
            4 | 5 => {
                let (kind, body) = self.one_of(&BODIES).unwrap();
                Act::Instead {
                    content_type: kind.into(),
                    body: body.into(),
                }
            }
            6 => Act::Twice,
            7 => Act::Hold,
            8 => Act::HoldAnswer,
            9 => Act::StatusAfter {
                status: self.one_of(&STATUSES).unwrap(),
            },
            _ => Act::Status {
                status: self.one_of(&STATUSES).unwrap(),
                retry_after: self
                    .rng
                    .random_bool(0.3)
                    .then(|| self.rng.random_range(0..200)),
                error_code: None,
            },
        };
        let said = format!("{times} × {path}: {act:?}");
        self.place.faults.add(Rule {
            server: None,
            method: None,
            path: path.into(),
            act,
            times: Some(times),
        });
        said
    }

    fn a_method_fails(&mut self) -> String {
        let times = self.rng.random_range(1..6);
        let (method, act) = match self.rng.random_range(0..4) {
            0 => ("*/changes", MethodAct::Stall),
            1 => ("*/changes", MethodAct::Unmoved),
            _ => {
                let error = self.one_of(&ERRORS).unwrap().to_owned();
                let done = self.rng.random_bool(0.3);
                let method = self.one_of(&METHODS).unwrap();
                (method, MethodAct::Error { error, done })
            }
        };
        let said = format!("{times} × {method}: {act:?}");
        let rule = MethodRule::next(method, times, act);
        self.place.faults.add_method(rule);
        said
    }

    async fn server_starts_again(&mut self) -> String {
        let forgets = self.rng.random_bool(0.4);
        self.place.kill_server().await;
        if self.rng.random_bool(0.5) {
            self.let_it_work().await;
        }
        self.place.restart_server().await;
        if forgets {
            self.place.mail.lose_states(self.place.account()).unwrap();
        }
        format!("the server starts again; it has forgotten what changed: {forgets}")
    }

    async fn app_starts_again(&mut self) -> String {
        self.engine.stop().await;
        self.refused.extend(self.engine.refused());
        let new_process = self.rng.random_bool(0.3);
        if new_process {
            self.place.reopen().await;
        }
        self.engine = self.place.start().await;
        format!("the app starts again; a new process: {new_process}")
    }

    /// Until the engine has done what it can at the moment, or waits for something on its way.
    async fn let_it_work(&self) {
        let mut held = self.place.faults.held();
        tokio::select! {
            _ = held.wait_for(|held| held.waiting > 0) => (),
            _ = self.look() => (),
        }
    }

    async fn look(&self) -> AccountStatus {
        let look = self.engine.running.engine.sync();
        match tokio::time::timeout(Duration::from_secs(60), look).await {
            Ok(status) => status,
            Err(_) => {
                let status = self.engine.running.status.borrow().clone();
                panic!("a look has no end: {status:?}; {}", self.told())
            }
        }
    }

    async fn step(&mut self) {
        let said = match self.rng.random_range(0..20) {
            0..=5 => self.others_change(),
            6..=8 => self.person_changes().await,
            9..=11 => self.something_fails(),
            12 | 13 => self.a_method_fails(),
            14 => {
                let on = self.rng.random_bool(0.5);
                let faults = &self.place.faults;
                faults.switch(Switch::CannotCalculateChanges, on);
                format!("changes cannot be calculated: {on}")
            }
            15 => {
                let account = self.place.account();
                self.place.mail.lose_states(account).unwrap();
                "the server forgets what changed".into()
            }
            16 if self.rng.random_bool(0.3) => {
                let id = format!("account-{}", self.log.len());
                let account = self.place.account();
                self.place.mail.set_account_id(account, Some(&id)).unwrap();
                format!("the account is {id} from now on")
            }
            16 => {
                self.place.mail.renew_session(self.place.account()).unwrap();
                "the session has another state".into()
            }
            17 => {
                self.place.faults.release();
                "what was on its way arrives".into()
            }
            18 => self.server_starts_again().await,
            _ => self.app_starts_again().await,
        };
        self.log.push(said);
        match self.rng.random_range(0..4) {
            0 => (),
            1 => {
                let seconds = self.rng.random_range(1..300);
                self.place.advance(Duration::from_secs(seconds));
                self.let_it_work().await;
            }
            _ => self.let_it_work().await,
        }
        self.nothing_is_lost().await;
    }

    /// What was shown once and is still on the server has to be here, whatever goes on.
    async fn nothing_is_lost(&mut self) {
        let there = self.place.remote_ids();
        let mut asked = self.ever_here.clone();
        asked.extend(there.iter().cloned());
        let here = self.place.known(&asked).await;
        // Read anew: what went meanwhile has gone rightly.
        let there = self.place.remote_ids();
        let is_lost = |id: &&MessageId| there.contains(*id) && !here.contains(*id);
        let lost: Vec<_> = self.ever_here.iter().filter(is_lost).collect();
        assert!(lost.is_empty(), "{lost:?} left the list; {}", self.told());
        self.ever_here.extend(here);
    }

    async fn settle(mut self) -> usize {
        self.place.faults.clear();
        let mut held = self.place.faults.held();
        soon("arrivals", held.wait_for(|held| held.waiting == 0))
            .await
            .unwrap();
        let mut rounds = 0;
        let differences = loop {
            rounds += 1;
            // Longer than any server may ask to be left alone. Each time, because what one said
            // before the faults ended may be read after the first of these hours.
            self.place.advance(Duration::from_secs(3_600));
            self.look().await;
            // A hint may have asked for one more look.
            let mut status = self.engine.running.status.clone();
            let rest = status.wait_for(|status| status.health != Health::Working);
            let status = soon("rest", rest).await.unwrap().clone();
            self.nothing_is_lost().await;
            let differences = self.place.differences().await;
            let rests = status.health == Health::Current && status.queued == 0;
            if (differences.is_empty() && rests) || rounds == QUIET_ROUNDS {
                assert!(rests, "{status:?}; {}", self.told());
                break differences;
            }
        };
        assert!(differences.is_empty(), "{differences:#?}; {}", self.told());
        self.engine.stop().await;
        self.refused.extend(self.engine.refused());
        self.every_change_is_applied_or_reported();
        rounds
    }

    fn every_change_is_applied_or_reported(&self) {
        let there = self.place.remote().messages;
        for (intent, edit) in &self.edits {
            if self.refused.contains(intent) {
                continue;
            }
            let left_out = edit.messages.iter().find(|id| {
                let message = there.get(id.as_str());
                message.is_some_and(|m| !m.keywords.contains(edit.keyword.as_str()))
            });
            let (keyword, told) = (&edit.keyword, self.told());
            assert!(left_out.is_none(), "{left_out:?} has no {keyword}; {told}");
        }
    }

    fn told(&self) -> String {
        format!("seed {}:\n{}", self.seed, self.log.join("\n"))
    }
}

/// The first seed and how many: `BRAID_SEEDS=10000` or `BRAID_SEEDS=77..78`, else 500.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("BRAID_SEEDS").ok().and_then(|text| {
        let (from, to) = text.split_once("..").unwrap_or(("0", &text));
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    given.unwrap_or(0..500)
}

async fn history(seed: u64, steps: usize) -> usize {
    let mut history = History::new(seed).await;
    for _ in 0..steps {
        history.step().await;
    }
    history.settle().await
}

/// Runs a history on a runtime of its own; gives the quiet rounds it took, or none if it failed.
fn run(seed: u64, steps: usize) -> Option<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let run = std::panic::AssertUnwindSafe(|| runtime.block_on(history(seed, steps)));
    std::panic::catch_unwind(run).ok()
}

#[test]
fn whatever_happened_the_local_copy_ends_equal_to_the_server() {
    let seeds = seeds();
    let begun = Instant::now();
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    let work = || {
        let mut rounds = [0_u64; QUIET_ROUNDS];
        loop {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if seed >= seeds.end {
                return rounds;
            }
            let Some(took) = run(seed, STEPS) else {
                let fewest = (0..STEPS).find(|steps| run(seed, *steps).is_none());
                panic!("seed {seed} fails, and with as few as {fewest:?} steps");
            };
            rounds[took - 1] += 1;
        }
    };
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let rounds: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let after = |n: usize| rounds.iter().map(|r| r[n]).sum::<u64>();
    let count = seeds.end - seeds.start;
    let seconds = begun.elapsed().as_secs();
    let table = format!(
        "| Histories | Seconds on {cores} cores | Equal after one quiet look | Two | Three |\n\
         |---:|---:|---:|---:|---:|\n\
         | {count} | {seconds} | {} | {} | {} |\n",
        after(0),
        after(1),
        after(2),
    );
    println!("{table}");
    // The few of every day are no news.
    if count > 500 {
        written("histories", &table);
    }
}
