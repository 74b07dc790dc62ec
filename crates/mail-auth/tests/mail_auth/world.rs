//! The pieces a test puts together: a clock it moves, a tenant, an account's folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mail_auth::{
    Clock, LoginRequest, MemoryVault, Session, SessionParts, SessionState, SignIn, SignInError,
    SignInParts, SignedIn, TenantConfig, TokenVerifier, Vault,
};
use mail_model::{AccountId, UnixTime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::browser;
use crate::tenant::TestTenant;

/// Only a net under a test that would otherwise hang.
pub(crate) const NET: Duration = Duration::from_secs(60);

pub(crate) const DAY: i64 = 24 * 60 * 60;

/// A clock that stands still until it is moved.
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_800_000_000)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<HandClock>,
    pub(crate) tenant: TestTenant,
    pub(crate) parts: SignInParts,
    pub(crate) vault: Arc<MemoryVault>,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = HandClock::new();
        let tenant = TestTenant::start(Arc::clone(&clock)).await;
        let config = Arc::new(TenantConfig::new(&tenant.url, "app_mail").unwrap());
        let clock_dyn: Arc<dyn Clock> = clock.clone();
        let verifier = TokenVerifier::new(Arc::clone(&config), Arc::clone(&clock_dyn));
        Self {
            clock,
            tenant,
            parts: SignInParts {
                tenant: config,
                verifier: Arc::new(verifier),
                clock: clock_dyn,
            },
            vault: Arc::new(MemoryVault::new()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) async fn begin(&self) -> Result<SignIn, SignInError> {
        SignIn::begin(self.parts.clone(), LoginRequest::default()).await
    }

    /// A whole sign-in of `person` through the browser.
    pub(crate) async fn sign_in(&self, person: &str) -> Result<SignedIn, SignInError> {
        self.tenant.next_person(person);
        let attempt = self.begin().await?;
        let url = attempt.url().clone();
        let cancel = CancellationToken::new();
        let (signed_in, _page) = tokio::join!(attempt.wait(&cancel), browser::sign_in(&url));
        signed_in
    }

    pub(crate) fn file(&self, account: &str) -> PathBuf {
        self.folder.path().join(format!("{account}.sealed"))
    }

    pub(crate) fn session_parts(&self, account: &str, person: &str) -> SessionParts {
        SessionParts {
            account: AccountId::new(account).unwrap(),
            subject: person.to_owned(),
            epoch: 1,
            tenant: Arc::clone(&self.parts.tenant),
            verifier: Arc::clone(&self.parts.verifier),
            vault: self.vault.clone(),
            file: self.file(account),
            clock: self.clock.clone(),
            hosts: mail_model::HostLog::new(),
        }
    }

    /// Ana, signed in to her account `work`.
    pub(crate) async fn ana(&self) -> Session {
        self.session("work", "user|ana").await
    }

    pub(crate) async fn session(&self, account: &str, person: &str) -> Session {
        let parts = self.session_parts(account, person);
        self.vault.create_key(&parts.account).await.unwrap();
        let signed_in = self.sign_in(person).await.unwrap();
        Session::create(parts, signed_in).await.unwrap()
    }

    /// The same account as after a start of the program.
    pub(crate) async fn reopened(&self) -> Session {
        Session::open(self.session_parts("work", "user|ana")).await
    }

    /// Makes every write of the account's session file fail, as a full disk would.
    pub(crate) fn block_writes(&self, account: &str) {
        let fresh = self.file(account).with_extension("sealing");
        std::fs::create_dir_all(fresh.join("in the way")).unwrap();
    }

    pub(crate) fn allow_writes(&self, account: &str) {
        let fresh = self.file(account).with_extension("sealing");
        std::fs::remove_dir_all(fresh).unwrap();
    }
}

pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(NET, future)
        .await
        .expect("took far too long")
}

pub(crate) fn now(state: &watch::Receiver<SessionState>) -> SessionState {
    *state.borrow()
}

/// An address that refuses every connection for as long as the socket is held.
pub(crate) fn deaf_address() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}
