//! A JMAP server (RFC 8620, RFC 8621) with the mail of [`crate::corpus`].
//!
//! It accepts exactly the tokens of its verifier, each for one account, and delivers between its
//! accounts. It is as strict as servers that people rely on, so that a client that works here was
//! not helped: unknown arguments are refused, limits are enforced, and ids and states look the
//! same in every account. It refuses to be a mail server for anything else: nothing leaves this
//! computer, and nothing is fetched.

mod account;
mod apply;
mod blob;
mod compose;
mod counts;
mod driver;
mod email_changes;
mod email_get;
mod email_import;
mod email_query;
mod email_set;
mod error;
mod filter;
mod get;
mod header;
mod http;
mod identity;
mod ids;
mod journal;
mod mailbox;
mod mailbox_set;
mod message;
mod page;
mod push;
mod reference;
mod request;
mod session;
mod snippet;
mod state;
mod submission;
mod submission_set;
#[cfg(test)]
mod tests;
mod thread;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use account::{Account, Touched};
use error::MethodError;
use request::{Delivery, Runner, Turn};

use crate::clock::Clock;
use crate::corpus::{Corpus, Life};
use crate::faults::Faults;
use crate::people::{Person, people};
use crate::tenant::TokenVerifier;

pub use driver::{DriverError, NewMail};

/// What a mail server begins with.
#[derive(Clone)]
pub struct MailServerConfig {
    /// The address clients reach it at, without a slash at the end.
    pub origin: String,
    /// Where changes are kept; nothing is kept when absent.
    pub state_dir: Option<PathBuf>,
    /// The seed of the mail.
    pub seed: u64,
    /// Messages in each account.
    pub size: u32,
    /// The time to go by.
    pub clock: Clock,
    /// The faults to obey.
    pub faults: Faults,
    /// Who says whose a token is.
    pub verifier: Arc<dyn TokenVerifier>,
    /// Ends the event streams.
    pub cancel: CancellationToken,
}

/// Why a mail server cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum MailServerError {
    /// What was kept cannot be read, or nothing can be kept.
    #[error("the mail server's files cannot be used")]
    Files(#[source] io::Error),
}

/// A mail server; clones share it.
#[derive(Clone)]
pub struct MailServer {
    shared: Arc<Shared>,
}

struct Shared {
    seats: Vec<Seat>,
    /// The addresses of the seats.
    locals: Vec<String>,
    origin: String,
    clock: Clock,
    faults: Faults,
    verifier: Arc<dyn TokenVerifier>,
    pushes: broadcast::Sender<push::Push>,
    cancel: CancellationToken,
}

/// One person's place on the server.
struct Seat {
    person: Person,
    account: Mutex<Account>,
    requests: Semaphore,
    uploads: Semaphore,
    log: Mutex<SeatLog>,
}

/// What was asked of a seat.
#[derive(Debug, Default)]
struct SeatLog {
    /// Calls by method name.
    calls: BTreeMap<String, u64>,
    /// Hashes of bearer tokens, newest last.
    tokens: Vec<String>,
}

/// How many token hashes are kept.
const TOKENS_KEPT: usize = 64;

impl MailServer {
    /// Makes the mail of every person; takes a few seconds for a million messages.
    ///
    /// # Errors
    /// [`MailServerError`] when `state_dir` cannot be used.
    pub fn open(config: MailServerConfig) -> Result<Self, MailServerError> {
        // A million messages take seconds; the accounts need not wait for each other.
        let seats: io::Result<Vec<Seat>> = std::thread::scope(|scope| {
            let config = &config;
            let making: Vec<_> = people()
                .into_iter()
                .map(|person| scope.spawn(move || seat(person, config)))
                .collect();
            let stopped = |_| io::Error::other("an account could not be made");
            making
                .into_iter()
                .map(|one| one.join().map_err(stopped)?)
                .collect()
        });
        let seats = seats.map_err(MailServerError::Files)?;
        let (pushes, _) = broadcast::channel(256);
        let shared = Shared {
            locals: seats.iter().map(|s| s.person.email.clone()).collect(),
            seats,
            origin: config.origin,
            clock: config.clock,
            faults: config.faults,
            verifier: config.verifier,
            pushes,
            cancel: config.cancel,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The routes; put the faults in front of them.
    pub fn router(&self) -> axum::Router {
        http::router(Arc::clone(&self.shared))
    }
}

fn seat(person: Person, config: &MailServerConfig) -> io::Result<Seat> {
    let life = Life::named(&person.account).unwrap_or(Life::Work);
    // Another seed or size is another world, with changes of its own.
    let world = format!("{}-{}", config.seed, config.size);
    let folder = config
        .state_dir
        .as_ref()
        .map(|dir| dir.join("mail").join(world).join(&person.mail_account));
    let corpus = |now| Corpus::new(life, config.seed, config.size, now);
    let account = Account::open(
        person.clone(),
        corpus,
        folder.as_deref(),
        config.clock.unix_seconds(),
    )?;
    Ok(Seat {
        person,
        account: Mutex::new(account),
        requests: Semaphore::new(session::MOST_REQUESTS),
        uploads: Semaphore::new(session::MOST_UPLOADS),
        log: Mutex::default(),
    })
}

impl Seat {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, SeatLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Tells everybody who listens what changed in a seat.
    fn announce(&self, index: usize, account: &Account, touched: Touched) {
        if touched != Touched::default() {
            // Nobody may be listening; that is no error.
            self.pushes
                .send(push::Push {
                    seat: index,
                    changed: push::states(&account.logs, touched),
                })
                .ok();
        }
    }

    /// Puts mail into the inboxes of the people here it is for.
    fn deliver(&self, deliveries: Vec<Delivery>) -> io::Result<()> {
        for delivery in deliveries {
            let found = self
                .seats
                .iter()
                .enumerate()
                .find(|(_, s)| s.person.email.eq_ignore_ascii_case(&delivery.to));
            if let Some((index, seat)) = found {
                let mut account = seat.account();
                let (touched, _) =
                    driver::arrive(&mut account, &delivery.bytes, self.clock.unix_seconds())?;
                self.announce(index, &account, touched);
            }
        }
        Ok(())
    }
}

/// Runs the calls of one request for one seat.
struct SeatRunner<'a> {
    shared: &'a Shared,
    index: usize,
    seat: &'a Seat,
}

impl Runner for SeatRunner<'_> {
    fn turn(
        &self,
        created: &mut HashMap<String, String>,
        with: &mut dyn FnMut(&mut Turn<'_>) -> Result<Value, MethodError>,
    ) -> (Result<Value, MethodError>, Option<Map<String, Value>>) {
        let mut account = self.seat.account();
        let mut turn = Turn {
            account: &mut account,
            faults: &self.shared.faults,
            locals: &self.shared.locals,
            now: self.shared.clock.unix_seconds(),
            created,
            deliveries: Vec::new(),
            touched: Touched::default(),
            implied: None,
        };
        let result = with(&mut turn);
        let (deliveries, touched, implied) = (
            std::mem::take(&mut turn.deliveries),
            turn.touched,
            turn.implied.take(),
        );
        self.shared.announce(self.index, &account, touched);
        drop(account);
        // One account is locked at a time, so two that write to each other cannot wait for each other.
        match self.shared.deliver(deliveries) {
            Ok(()) => (result, implied),
            Err(error) => {
                tracing::error!(%error, "mail could not be delivered in the rehearsal");
                (Err(MethodError::ServerFail), None)
            }
        }
    }

    fn account_id(&self) -> &str {
        &self.seat.person.mail_account
    }

    fn count(&self, method: &str) {
        *self.seat.log().calls.entry(method.to_owned()).or_default() += 1;
    }

    fn session_state(&self) -> String {
        session::STATE.to_owned()
    }
}
