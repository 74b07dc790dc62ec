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
mod changes;
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
mod supply;
#[cfg(test)]
mod tests;
mod thread;
mod websocket;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::{Map, Value};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use account::{Account, Touched};
use error::MethodError;
use request::{Delivery, Runner, Turn};
use supply::Supply;

use crate::clock::Clock;
use crate::corpus::{Corpus, Life, Twins};
use crate::faults::{Faults, MethodAct};
use crate::people::Person;
use crate::tenant::TokenVerifier;

pub use driver::{Contents, DriverError, Held, HeldMailbox, HeldMessage, NewMail};

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
    /// Whose mail there is. Anybody else the verifier names begins with an empty account.
    pub people: Vec<Person>,
    /// Whether every account has the same ids and other words, see [`crate::RehearsalConfig::identical_ids`].
    pub identical_ids: bool,
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
    /// In the order they were made, and never fewer: a place here is a seat for good.
    seats: RwLock<Vec<Arc<Seat>>>,
    config: MailServerConfig,
    pushes: broadcast::Sender<push::Push>,
}

/// One person's place on the server.
struct Seat {
    person: Person,
    session: Mutex<SeatSession>,
    account: Mutex<Account>,
    requests: Semaphore,
    uploads: Semaphore,
    log: Mutex<SeatLog>,
}

/// What a person's session says.
#[derive(Debug)]
struct SeatSession {
    /// The JMAP account id; none while the session names no account.
    account_id: Option<String>,
    /// The session's state: counts its changes.
    state: u64,
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
        let seats: io::Result<Vec<Arc<Seat>>> = std::thread::scope(|scope| {
            let config = &config;
            let making: Vec<_> = config
                .people
                .iter()
                .map(|person| scope.spawn(move || seat(person.clone(), config, config.size)))
                .collect();
            let stopped = |_| io::Error::other("an account could not be made");
            making
                .into_iter()
                .map(|one| one.join().map_err(stopped)?.map(Arc::new))
                .collect()
        });
        let seats = RwLock::new(seats.map_err(MailServerError::Files)?);
        let (pushes, _) = broadcast::channel(256);
        let shared = Shared {
            seats,
            config,
            pushes,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The routes; put the faults in front of them.
    pub fn router(&self) -> axum::Router {
        let config = &self.shared.config;
        self.router_for(Arc::clone(&config.verifier), config.origin.clone())
    }

    /// The same mail behind another door: reached at `origin`, opened by the tokens of `verifier` only.
    pub fn router_for(&self, verifier: Arc<dyn TokenVerifier>, origin: String) -> axum::Router {
        http::router(http::Door {
            shared: Arc::clone(&self.shared),
            verifier,
            origin,
        })
    }
}

/// The JMAP account id where all are the same.
const ONLY_ACCOUNT: &str = "A1";

fn seat(person: Person, config: &MailServerConfig, size: u32) -> io::Result<Seat> {
    let life = Life::named(&person.account);
    // Another seed or size is another world, with changes of its own.
    let alike = if config.identical_ids { "-alike" } else { "" };
    let world = format!("{}-{}{alike}", config.seed, config.size);
    let folder = config
        .state_dir
        .as_ref()
        .map(|dir| dir.join("mail").join(world).join(&person.mail_account));
    let supply = |now| match life {
        Some(life) if size > 0 && !config.identical_ids => {
            Supply::Lived(Corpus::new(life, config.seed, size, now))
        }
        _ => {
            let life = life.filter(|_| !config.identical_ids);
            let life = life.unwrap_or(Life::Personal);
            Supply::Alike(Twins::new(life, &person, size, now))
        }
    };
    let account = Account::open(
        person.clone(),
        supply,
        folder.as_deref(),
        config.clock.unix_seconds(),
    )?;
    let account_id = if config.identical_ids {
        ONLY_ACCOUNT.to_owned()
    } else {
        person.mail_account.clone()
    };
    Ok(Seat {
        person,
        session: Mutex::new(SeatSession {
            account_id: Some(account_id),
            state: 1,
        }),
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

    fn session(&self) -> MutexGuard<'_, SeatSession> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn account_id(&self) -> Option<String> {
        self.session().account_id.clone()
    }

    fn log(&self) -> MutexGuard<'_, SeatLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn seats(&self) -> Vec<Arc<Seat>> {
        self.seats
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn seat_at(&self, index: usize) -> Option<Arc<Seat>> {
        self.seats
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(index)
            .cloned()
    }

    /// The place of a person's seat, which is made, with an empty account, for somebody new.
    fn seat_for(&self, person: &Person) -> io::Result<usize> {
        let mut seats = self.seats.write().unwrap_or_else(PoisonError::into_inner);
        let known = seats
            .iter()
            .position(|seat| seat.person.mail_account == person.mail_account);
        if let Some(index) = known {
            return Ok(index);
        }
        seats.push(Arc::new(seat(person.clone(), &self.config, 0)?));
        Ok(seats.len().saturating_sub(1))
    }

    /// The addresses of the seats.
    fn locals(&self) -> Vec<String> {
        self.seats()
            .iter()
            .map(|seat| seat.person.email.clone())
            .collect()
    }

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
            // An address stays with whoever had it first, so mail to somebody set aside goes on arriving there.
            let seats = self.seats();
            let found = seats
                .iter()
                .enumerate()
                .find(|(_, s)| s.person.email.eq_ignore_ascii_case(&delivery.to));
            if let Some((index, seat)) = found {
                let mut account = seat.account();
                let (touched, _) = driver::arrive(
                    &mut account,
                    &delivery.bytes,
                    self.config.clock.unix_seconds(),
                )?;
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
    account_id: Option<String>,
}

impl Runner for SeatRunner<'_> {
    fn turn(
        &self,
        created: &mut HashMap<String, String>,
        with: &mut dyn FnMut(&mut Turn<'_>) -> Result<Value, MethodError>,
    ) -> (Result<Value, MethodError>, Option<Map<String, Value>>) {
        let locals = self.shared.locals();
        let mut account = self.seat.account();
        let mut turn = Turn {
            account: &mut account,
            faults: &self.shared.config.faults,
            locals: &locals,
            now: self.shared.config.clock.unix_seconds(),
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

    fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    fn count(&self, method: &str) {
        *self.seat.log().calls.entry(method.to_owned()).or_default() += 1;
    }

    fn fault(&self, method: &str) -> Option<MethodAct> {
        self.shared.config.faults.meet_method(method)
    }

    fn session_state(&self) -> String {
        self.seat.session().state.to_string()
    }
}
