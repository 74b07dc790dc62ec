//! The login service: a tenant that speaks Authress's contract.
//!
//! It owns users, sessions, authentication requests, keys and the hosted login page. It refuses to be more
//! than a rehearsal: nobody has a password, everybody is one of [`people`](crate::people::people), and it
//! answers on loopback names only (or the one name it is told it is reached by). What the contract leaves
//! open, and what other than the real service is ours alone, is said where it is decided.

mod admin;
mod anti_abuse;
mod authentication;
mod callers;
mod choosing;
mod cookies;
mod credentials;
mod discovery;
mod driver;
mod exchange;
mod keys;
mod ledger;
mod linking;
mod login;
mod members;
mod origins;
mod page;
mod refusal;
mod returning;
mod sessions;
mod tokens;
mod users;
mod verify;
mod web;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use url::Url;

use crate::clock::Clock;
use crate::faults::{Commands, Faults, Server, with_faults};
use crate::people::{Linking, Person, newcomers, people};
use crate::state_dir::{StateDir, StateDirError};
pub use credentials::ProviderCredentials;
pub use driver::{Exchanged, NotSetAside, SetAsideUser};
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
    /// The users the tenant begins with.
    pub people: Vec<Person>,
    /// People the providers know and the tenant has not met.
    pub newcomers: Vec<Person>,
    /// How connections link, where other than [`connections`](crate::people::connections) says.
    pub linking: BTreeMap<String, Linking>,
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
            people: people(),
            newcomers: newcomers(),
            linking: BTreeMap::new(),
        }
    }

    /// The issuer as tokens carry it: an origin without a trailing slash.
    #[must_use]
    pub fn issuer_text(&self) -> String {
        self.issuer.origin().ascii_serialization()
    }

    /// Everybody who can sign in.
    fn everybody(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().chain(&self.newcomers)
    }

    /// Who a provider knows by this id.
    fn person_at(&self, connection: &str, connection_user_id: &str) -> Option<&Person> {
        self.everybody().find(|person| {
            person.connection == connection && person.connection_user_id == connection_user_id
        })
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
    /// What was shown for tokens: each code with its verifier. In memory only.
    exchanged: Mutex<Vec<Exchanged>>,
}

/// What is known, and which commands of the faults it has followed so far.
struct Book {
    ledger: Ledger,
    followed: Commands,
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
        ledger.welcome(&config.people, clock.unix_seconds());
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
                exchanged: Mutex::default(),
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
            .merge(credentials::routes())
            .merge(linking::routes())
            .merge(login::routes())
            .merge(page::routes())
            .merge(admin::routes())
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

    /// Whether this read of a user's profile is one of those that still show it as it was before its last
    /// change. A profile that was shown as it is has no earlier one any more.
    fn lags(&self, user: &str) -> bool {
        let mut book = self.book();
        let Some(user) = book.ledger.users.get_mut(user) else {
            return false;
        };
        let lags = user.before.is_some() && self.inner.faults.take_profile_lag();
        if !lags {
            user.before = None;
        }
        lags
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
        let before = book.followed;
        if asked.tokens_expired != before.tokens_expired {
            book.ledger.expire_tokens();
        }
        if asked.keys_rotated != before.keys_rotated {
            book.ledger.keys.rotate(self.now());
        }
        if asked.sessions_ended != before.sessions_ended {
            book.ledger.sessions.clear();
        }
        if asked.credentials_rotated != before.credentials_rotated {
            book.ledger.refuse_credentials();
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
