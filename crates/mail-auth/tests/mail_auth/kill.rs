//! A process killed in the middle of a renewal, while the session's cookie changes with each
//! answer.
//!
//! The test runs itself as a child, which opens the session, has it renewed and stops for good at
//! the step it was told; there it is killed. Then the session is opened again from what is on
//! disk. The tenant is the test's own and lives on.
//!
//! An answer that was lost with the process cannot be had again. So what a strict service does,
//! one that takes each cookie once, is counted apart: there the session ends between its answer
//! and our file, by the service's order, and nowhere else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use mail_auth::AccountKey;
use mail_auth::{
    Clock, MemoryVault, NeedsSignIn, Session, SessionParts, SessionState, TenantConfig,
    TokenVerifier, Vault, VaultError,
};
use mail_model::remote::TokenSource as _;
use mail_model::{AccountId, UnixTime};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::tenant::{Fault, Place};
use crate::world::{DAY, World, in_time, now};

const ORDER: &str = "BRAID_TEST_KILL_RENEWAL";
const STEP: &str = "mail_auth::step";
/// At least this many deaths in one run of this test.
const ENOUGH: usize = 40;

/// Stops the child at a step, and says which ones it passes.
struct StopAt {
    stop: u64,
    passed: AtomicU64,
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for StopAt {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != STEP {
            return;
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        let step = self.passed.fetch_add(1, SeqCst);
        say(&format!("step {}", message.0));
        if step == self.stop {
            say("stopped");
            loop {
                std::thread::park();
            }
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nsaid {line}").unwrap();
    out.flush().unwrap();
}

struct StillClock(i64);

impl Clock for StillClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0)
    }
}

/// The key as the order brought it.
struct OneKey(AccountKey);

#[async_trait::async_trait]
impl Vault for OneKey {
    async fn key(&self, _: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(Some(self.0.clone()))
    }

    async fn create_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn delete_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn replace_damaged_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn seal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn unseal_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Err(VaultError::NoKey)
    }

    async fn sealed_key(&self, _: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(None)
    }

    async fn delete_sealed_key(&self, _: &AccountId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(Vec::new())
    }

    fn forget(&self, _: &AccountId) {}

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(Vec::new())
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

#[tokio::test]
#[ignore = "run by a_renewal_killed_anywhere_keeps_the_session"]
async fn child() {
    if std::env::var_os(ORDER).is_none() {
        return;
    }
    let mut order = String::new();
    std::io::stdin().read_line(&mut order).unwrap();
    let order: Value = serde_json::from_str(&order).unwrap();
    let stop = StopAt {
        stop: order["stop"].as_u64().unwrap(),
        passed: AtomicU64::new(0),
    };
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(stop)).unwrap();
    let tenant = TenantConfig::new(order["tenant"].as_str().unwrap(), "app_mail").unwrap();
    let tenant = Arc::new(tenant);
    let clock: Arc<dyn Clock> = Arc::new(StillClock(order["now"].as_i64().unwrap()));
    let key: Vec<u8> = serde_json::from_value(order["key"].clone()).unwrap();
    let session = Session::open(SessionParts {
        account: AccountId::new("work").unwrap(),
        subject: "user|ana".to_owned(),
        epoch: 1,
        verifier: Arc::new(TokenVerifier::new(Arc::clone(&tenant), Arc::clone(&clock))),
        tenant,
        vault: Arc::new(OneKey(AccountKey::from_bytes(key.try_into().unwrap()))),
        file: PathBuf::from(order["file"].as_str().unwrap()),
        clock,
        hosts: mail_model::HostLog::new(),
    })
    .await;
    let outcome = session.token().await;
    say(if outcome.is_ok() { "renewed" } else { "failed" });
}

/// A child at work, killed when it goes out of scope.
struct Renewing {
    child: Child,
    _stdin: ChildStdin,
    out: BufReader<ChildStdout>,
}

impl Renewing {
    fn start(world: &World, key: &AccountKey, stop: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::child", "--exact", "--ignored", "--nocapture"])
            .env(ORDER, "1")
            // It speaks to this machine only; reading every root certificate takes longer than
            // all the rest.
            .env("SSL_CERT_FILE", "/dev/null")
            .env("SSL_CERT_DIR", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let order = json!({
            "stop": stop, "tenant": world.tenant.url, "now": world.clock.now().seconds(),
            "key": key.expose(), "file": world.file("work"),
        });
        writeln!(stdin, "{order}").unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            _stdin: stdin,
            out,
        }
    }

    /// What it says until it stops or ends, without the word before each line.
    fn listen(mut self) -> (Self, Vec<String>) {
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).unwrap();
            assert!(read > 0, "the child went away: {said:?}");
            if let Some(words) = line.trim_end().strip_prefix("said ") {
                said.push(words.to_owned());
                if ["stopped", "renewed", "failed"].contains(&words) {
                    return (self, said);
                }
            }
        }
    }

    async fn until_it_stops(self) -> (Self, Vec<String>) {
        in_time(tokio::task::spawn_blocking(move || self.listen()))
            .await
            .unwrap()
    }
}

impl Drop for Renewing {
    /// SIGKILL on Unix.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// How a renewal goes.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    place: Place,
    /// The first answer is a failure that brings the next cookie all the same.
    fails_first: bool,
}

const WAYS: [Way; 2] = [
    Way {
        name: "tokens in the body",
        place: Place::Body,
        fails_first: false,
    },
    Way {
        name: "a failure that brings a cookie",
        place: Place::Cookies,
        fails_first: true,
    },
];

impl Way {
    fn set_out(self, world: &World) {
        world.tenant.with(|t| {
            t.switches.place = self.place;
            t.faults.clear();
        });
        if self.fails_first {
            world.tenant.fault("renew", Fault::FailAfter(500));
        }
        world.clock.advance(DAY);
    }
}

async fn signed_in() -> (World, AccountKey) {
    let world = World::new().await;
    drop(world.ana().await);
    let work = AccountId::new("work").unwrap();
    let key = MemoryVault::key(&world.vault, &work)
        .await
        .unwrap()
        .unwrap();
    (world, key)
}

/// Every step of a renewal that nobody disturbs.
async fn steps(world: &World, key: &AccountKey, way: Way) -> Vec<String> {
    way.set_out(world);
    let (_child, mut said) = Renewing::start(world, key, u64::MAX).until_it_stops().await;
    assert_eq!(said.pop().as_deref(), Some("renewed"));
    said
}

#[derive(Clone, Copy, Default)]
struct Count {
    kills: usize,
    kept: usize,
    ended_by_the_service: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_killed_anywhere_keeps_the_session() {
    let (body, failure, strict) = tokio::join!(
        tokio::spawn(leniently(WAYS[0])),
        tokio::spawn(leniently(WAYS[1])),
        tokio::spawn(strictly(WAYS[0])),
    );
    let counts = [
        (WAYS[0].name, body.unwrap()),
        (WAYS[1].name, failure.unwrap()),
        (STRICT, strict.unwrap()),
    ];
    let kills: usize = counts.iter().map(|(_, count)| count.kills).sum();
    assert!(kills >= ENOUGH, "{kills}");
    eprintln!("\nrenewals killed                     kills   kept   ended by the service   lost");
    for (name, count) in counts {
        let lost = count.kills - count.kept - count.ended_by_the_service;
        eprintln!(
            "  {name:<33} {:>5}  {:>5}   {:>20}   {lost:>4}",
            count.kills, count.kept, count.ended_by_the_service
        );
        assert_eq!(lost, 0, "{name}");
    }
}

/// A lost answer costs nothing here: the cookie before it is good until the new one is used.
async fn leniently(way: Way) -> Count {
    let mut count = Count::default();
    let (world, key) = signed_in().await;
    world.tenant.with(|t| t.switches.lenient = true);
    let steps = steps(&world, &key, way).await;
    assert!(steps.len() >= 15, "{steps:?}");
    for (stop, step) in steps.iter().enumerate() {
        way.set_out(&world);
        kill_at(&world, &key, stop, step).await;
        goes_on(&world, &format!("{}, killed at {stop}: {step}", way.name)).await;
        count.kills += 1;
        count.kept += 1;
    }
    // Killed while the service has the request, before it has acted and after.
    way.set_out(&world);
    world.tenant.close_gate();
    let child = Renewing::start(&world, &key, u64::MAX);
    in_time(world.tenant.somebody_arrived()).await;
    drop(child);
    world.tenant.open_gate();
    goes_on(&world, &format!("{}, before it has acted", way.name)).await;
    way.set_out(&world);
    world.tenant.with(|t| t.faults.clear());
    world.tenant.fault("renew", Fault::HoldAfter);
    let child = Renewing::start(&world, &key, u64::MAX);
    in_time(world.tenant.somebody_is_held()).await;
    drop(child);
    goes_on(&world, &format!("{}, after it has acted", way.name)).await;
    assert_eq!(world.tenant.with(|t| t.reused), 0);
    count.kills += 2;
    count.kept += 2;
    count
}

async fn kill_at(world: &World, key: &AccountKey, stop: usize, step: &str) {
    let child = Renewing::start(world, key, stop as u64);
    let (child, said) = child.until_it_stops().await;
    assert_eq!(said[said.len() - 2], step);
    drop(child);
}

/// The session is opened as by the next start, and renewed.
async fn goes_on(world: &World, after: &str) {
    world.tenant.with(|t| t.faults.clear());
    let session = world.reopened().await;
    let token = session.token().await;
    assert!(token.is_ok(), "{after}: {:?}", now(&session.state()));
}

const STRICT: &str = "each cookie once, no second chance";

/// Where an answer is in memory only.
const LOST: [&str; 7] = [
    "step the answer is here",
    "step a file is sealed",
    "step what an earlier write left is gone",
    "step the fresh file is empty",
    "step the fresh file is half written",
    "step the fresh file is written",
    "step the fresh file is flushed",
];

/// The same against a service that takes each cookie once and forgets nothing.
async fn strictly(way: Way) -> Count {
    let mut count = Count::default();
    let (world, key) = signed_in().await;
    for (stop, step) in steps(&world, &key, way).await.iter().enumerate() {
        way.set_out(&world);
        kill_at(&world, &key, stop, step).await;
        let session = world.reopened().await;
        count.kills += 1;
        if session.token().await.is_ok() {
            count.kept += 1;
            continue;
        }
        // The service said so; nothing of ours is broken, and a sign-in goes on from there.
        assert!(LOST.contains(&step.as_str()), "{step}");
        let why = NeedsSignIn::SessionEnded;
        assert_eq!(
            now(&session.state()),
            SessionState::NeedsSignIn { why },
            "{step}"
        );
        count.ended_by_the_service += 1;
        let fresh = world.sign_in("user|ana").await.unwrap();
        session.replace_credentials(fresh).await.unwrap();
    }
    count
}
