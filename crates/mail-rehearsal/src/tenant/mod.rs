//! The login service: a tenant that speaks Authress's contract.
//!
//! It owns users, sessions, authentication requests, keys and the hosted login page. It refuses to be more
//! than a rehearsal: nobody has a password, everybody is one of [`people`](crate::people::people), and it
//! answers on loopback names only (or the one name it is told it is reached by). What the contract leaves
//! open, and what other than the real service is ours alone, is said where it is decided.

mod anti_abuse;
mod authentication;
mod callers;
mod cookies;
mod discovery;
mod exchange;
mod keys;
mod ledger;
mod login;
mod members;
mod origins;
mod page;
mod refusal;
mod returning;
mod sessions;
mod tokens;
mod verify;
mod web;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use url::Url;

use crate::clock::Clock;
use crate::faults::{Faults, Server, with_faults};
use crate::people::Person;
use crate::state_dir::{StateDir, StateDirError};
use ledger::Ledger;
use refusal::Refusal;
pub use verify::{TokenRefused, TokenVerifier};

/// The file the tenant remembers itself in.
const STATE_FILE: &str = "tenant.json";

/// What kind of tenant this is.
#[derive(Debug, Clone)]
pub struct TenantConfig {
    /// The address clients are configured with and every token's `iss`; only its origin counts.
    pub issuer: Url,
    /// The one application of this tenant.
    pub application_id: String,
    /// Where people may be sent back to, besides any port of a loopback name, which is always allowed.
    /// An entry also covers its subdomains and the paths below it.
    pub redirect_urls: Vec<Url>,
    /// How long an access token lives.
    pub access_token_life: Duration,
    /// How long a session can be continued after its last renewal.
    pub session_life: Duration,
    /// How long a person has to finish a sign-in.
    pub sign_in_life: Duration,
    /// How long a code can be exchanged.
    pub code_life: Duration,
    /// How long a key signs before the next one takes over.
    pub key_life: Duration,
}

impl TenantConfig {
    /// The tenant reached at `issuer`, with the contract's default lifetimes.
    #[must_use]
    pub fn new(issuer: Url) -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            issuer,
            application_id: "app_braid".to_owned(),
            redirect_urls: Vec::new(),
            access_token_life: hours(24),
            session_life: hours(24 * 30),
            sign_in_life: Duration::from_secs(300),
            code_life: Duration::from_secs(300),
            key_life: hours(24 * 7),
        }
    }

    /// The issuer as tokens carry it: an origin without a trailing slash.
    #[must_use]
    pub fn issuer_text(&self) -> String {
        self.issuer.origin().ascii_serialization()
    }
}

/// A tenant; clones share it.
#[derive(Clone)]
pub struct Tenant {
    inner: Arc<Inner>,
}

struct Inner {
    config: TenantConfig,
    clock: Clock,
    faults: Faults,
    state_dir: StateDir,
    book: Mutex<Book>,
}

/// What is known, and which commands of the faults it has followed so far.
struct Book {
    ledger: Ledger,
    followed: (u64, u64, u64),
}

impl Tenant {
    /// Opens the tenant remembered in `state_dir`, or a new one.
    ///
    /// # Errors
    /// [`StateDirError`] when its file cannot be read, written, or understood.
    pub fn open(
        config: TenantConfig,
        clock: Clock,
        faults: Faults,
        state_dir: StateDir,
    ) -> Result<Self, StateDirError> {
        let mut ledger: Ledger = state_dir.load(STATE_FILE)?.unwrap_or_default();
        ledger.welcome(clock.unix_seconds());
        state_dir.save(STATE_FILE, &ledger)?;
        let book = Mutex::new(Book {
            ledger,
            followed: faults.commands(),
        });
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                clock,
                faults,
                state_dir,
                book,
            }),
        })
    }

    /// Everything the tenant answers, faults included.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            .merge(authentication::routes())
            .merge(exchange::routes())
            .merge(sessions::routes())
            .merge(members::routes())
            .merge(login::routes())
            .merge(page::routes())
            .merge(discovery::routes())
            .fallback(web::unknown_path)
            .method_not_allowed_fallback(web::unknown_method)
            .with_state(self.clone());
        web::guarded(
            with_faults(routes, self.inner.faults.clone(), Server::Login),
            self.clone(),
        )
    }

    fn config(&self) -> &TenantConfig {
        &self.inner.config
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Milliseconds since 1970.
    fn now_millis(&self) -> i64 {
        self.inner.clock.unix_millis()
    }

    /// Seconds since 1970.
    fn now(&self) -> i64 {
        self.inner.clock.unix_seconds()
    }

    /// Reads what is known.
    fn read<T>(&self, reading: impl FnOnce(&Ledger) -> T) -> T {
        reading(&self.book().ledger)
    }

    /// Changes what is known and remembers it before the change is answered for.
    fn change<T>(
        &self,
        changing: impl FnOnce(&mut Ledger) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut book = self.book();
        let changed = changing(&mut book.ledger);
        book.ledger.forget_what_is_over(self.now(), self.config());
        if let Err(error) = self.inner.state_dir.save(STATE_FILE, &book.ledger) {
            tracing::warn!(%error, "the tenant's state could not be saved");
            return Err(Refusal::NotRemembered);
        }
        changed
    }

    /// The locked book, with the faults' commands followed.
    fn book(&self) -> MutexGuard<'_, Book> {
        let mut book = self
            .inner
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let asked = self.inner.faults.commands();
        let (tokens, keys, sessions) = book.followed;
        if asked.0 != tokens {
            book.ledger.expire_tokens();
        }
        if asked.1 != keys {
            book.ledger.keys.rotate(self.now());
        }
        if asked.2 != sessions {
            book.ledger.sessions.clear();
        }
        book.followed = asked;
        book
    }
}

impl TokenVerifier for Tenant {
    fn person_of(&self, bearer: &str) -> Result<Person, TokenRefused> {
        tokens::person_of(self, bearer)
    }
}
