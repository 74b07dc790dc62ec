//! One signed-in account: runs the session machine's effects.
//!
//! Tokens and state sit behind a lock that is never held while waiting. Writing the session file
//! is serialised by a second lock; every write names the epoch it belongs to, and a late one of
//! an earlier sign-in is dropped.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mail_model::remote::{BearerToken, TokenError, TokenSource};
use mail_model::{AccountId, UnixTime};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::machine::{Effect, Event, NeedsSignIn, State, step};
use super::stored::{self, StoredError};
use super::{SessionError, SessionState, VaultProblem, renewal};
use crate::authress::{AuthressError, Profile};
use crate::clock::Clock;
use crate::credentials::{Credentials, SignedIn, VerifiedIdentity};
use crate::sealed_file::{SealedFile, SealedFileError, delete_file};
use crate::tenant::TenantConfig;
use crate::vault::Vault;
use crate::verify::TokenVerifier;

/// For telling the login service that the person has signed out.
const FAREWELL: Duration = Duration::from_millis(1500);
/// A vault that failed is not asked again by itself within this, in seconds: each time could
/// show the person a password window.
const VAULT_PAUSE: i64 = 60;

/// What one account's session works with.
#[derive(Clone)]
pub struct SessionParts {
    /// The account on this machine.
    pub account: AccountId,
    /// Authress's id for the person it belongs to.
    pub subject: String,
    /// Counts the account's sign-ins; kept by the registry.
    pub epoch: u64,
    /// The organisation's login service.
    pub tenant: Arc<TenantConfig>,
    /// Verifies that tenant's tokens.
    pub verifier: Arc<TokenVerifier>,
    /// Where the account's key lies.
    pub vault: Arc<dyn Vault>,
    /// The sealed session file.
    pub file: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// One signed-in account. Cheap to clone; all clones are the same session.
#[derive(Clone)]
pub struct Session(pub(super) Arc<Inner>);

/// How a sign-out went. The local side is always done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOutReport {
    /// Whether the login service has confirmed it. If not, the session ends there by itself.
    pub told_login_service: bool,
}

pub(super) struct Inner {
    pub(super) parts: SessionParts,
    live: Mutex<Live>,
    view: watch::Sender<SessionState>,
    writing: tokio::sync::Mutex<()>,
}

pub(super) struct Live {
    pub(super) state: State,
    pub(super) epoch: u64,
    credentials: Option<Arc<Credentials>>,
    /// Newer than what is on disk, because the disk or the vault refused.
    unsaved: Option<Arc<Credentials>>,
    renewal: Option<watch::Receiver<()>>,
    sealed: Option<Arc<SealedFile>>,
    problem: VaultProblem,
    vault_asked: Option<UnixTime>,
}

/// What a caller who wants a token has to do next.
enum Plan {
    Give(BearerToken),
    Await(watch::Receiver<()>),
    TryVault,
    Fail(TokenError),
}

impl Session {
    /// Makes a new account's session of a finished sign-in. The vault must have the account's
    /// key. When this returns, the session is on disk.
    ///
    /// # Errors
    /// [`SessionError::NoKey`], [`SessionError::Vault`], [`SessionError::NotStored`],
    /// [`SessionError::OtherPerson`]. Nothing is left behind then.
    pub async fn create(parts: SessionParts, signed_in: SignedIn) -> Result<Self, SessionError> {
        let session = Self::idle(parts);
        session.adopt(signed_in).await?;
        Ok(session)
    }

    /// Opens the session of an account from disk. Contacts the vault, not the network. Never
    /// fails: [`Session::state`] says how it went.
    pub async fn open(parts: SessionParts) -> Self {
        let session = Self::idle(parts);
        session.0.load().await;
        session
    }

    fn idle(parts: SessionParts) -> Self {
        Self(Arc::new(Inner {
            live: Mutex::new(Live {
                state: State::SignedOut,
                epoch: parts.epoch,
                credentials: None,
                unsaved: None,
                renewal: None,
                sealed: None,
                problem: VaultProblem::Keyring,
                vault_asked: None,
            }),
            view: watch::channel(SessionState::SignedOut).0,
            writing: tokio::sync::Mutex::default(),
            parts,
        }))
    }

    /// The state now and every change of it.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.0.view.subscribe()
    }

    /// Counts the account's sign-ins.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.live().epoch
    }

    /// Who is signed in; `None` while nobody is.
    #[must_use]
    pub fn identity(&self) -> Option<VerifiedIdentity> {
        let live = self.0.live();
        live.credentials.as_ref().map(|c| c.identity.clone())
    }

    /// Puts a new sign-in of the same person in place of the old session, from any state, and
    /// gives the new epoch. Until the new one is on disk the old one stays in use.
    ///
    /// # Errors
    /// [`SessionError::OtherPerson`] if it is not the same person, [`SessionError::Sealed`],
    /// and as in [`Session::create`]. The old session is untouched then.
    pub async fn replace_credentials(&self, signed_in: SignedIn) -> Result<u64, SessionError> {
        self.adopt(signed_in).await?;
        Ok(self.epoch())
    }

    async fn adopt(&self, signed_in: SignedIn) -> Result<(), SessionError> {
        let inner = &self.0;
        let identity = &signed_in.credentials.identity;
        if identity.subject != inner.parts.subject || identity.issuer != inner.parts.tenant.issuer()
        {
            return Err(SessionError::OtherPerson);
        }
        let credentials = Arc::new(signed_in.credentials);
        let inner = Arc::clone(inner);
        // In a task of its own: once begun, storing and using the new session belong together.
        tokio::spawn(async move { inner.store_and_adopt(credentials).await })
            .await
            .unwrap_or(Err(SessionError::Login(AuthressError::ShuttingDown)))
    }

    /// Tries the vault and the disk again, for when the person has unlocked the keyring or made
    /// space. Does nothing in other states.
    pub async fn unlock(&self) {
        self.0.try_vault(true).await;
    }

    /// Ends the session: forgets it here, deletes its file, then tells the login service, which
    /// may take one and a half seconds and may fail. The account's key is left alone, because
    /// the mail is encrypted with it too.
    ///
    /// # Errors
    /// [`SessionError::NotStored`]: the file could not be deleted; the session is forgotten in
    /// memory all the same.
    pub async fn sign_out(&self) -> Result<SignOutReport, SessionError> {
        let inner = &self.0;
        let (leaving, effects) = {
            let mut live = inner.live();
            let leaving = live.credentials.clone();
            live.epoch += 1;
            (leaving, inner.apply(&mut live, Event::SignOut))
        };
        let deleted = if effects.contains(&Effect::DeleteStored) {
            inner.delete_file().await
        } else {
            Ok(())
        };
        let told = match leaving {
            Some(credentials) if effects.contains(&Effect::EndRemoteSession) => matches!(
                tokio::time::timeout(FAREWELL, credentials.client.end_session()).await,
                Ok(Ok(()))
            ),
            Some(_) | None => false,
        };
        deleted?;
        tracing::info!(account = %inner.parts.account, told, "signed out");
        Ok(SignOutReport {
            told_login_service: told,
        })
    }

    /// Puts the account aside: no token is given and nothing is renewed. The file stays.
    pub fn seal(&self) {
        let mut live = self.0.live();
        live.epoch += 1;
        self.0.apply(&mut live, Event::Seal);
    }

    /// Takes the account back; the person has to sign in again.
    pub fn unseal(&self) {
        self.0.apply(&mut self.0.live(), Event::Unseal);
    }

    /// Who the person is and every way they can sign in, from the login service.
    ///
    /// # Errors
    /// [`SessionError::Token`], [`SessionError::Login`].
    pub async fn profile(&self) -> Result<Profile, SessionError> {
        let token = self.token().await?;
        let client = self.0.client()?;
        let mut profile = client.profile(token.expose()).await;
        if matches!(profile, Err(AuthressError::Refused { status: 401, .. })) {
            let token = self.replace(&token).await?;
            profile = client.profile(token.expose()).await;
        }
        self.0.keep_jar().await;
        Ok(profile?)
    }

    /// The identity provider's own token for the connection used at the last sign-in. It is not
    /// kept.
    ///
    /// # Errors
    /// [`SessionError::Token`], [`SessionError::Login`].
    pub async fn connection_credentials(&self) -> Result<BearerToken, SessionError> {
        let token = self.token().await?;
        let client = self.0.client()?;
        let mut found = client.credentials(token.expose()).await;
        if matches!(found, Err(AuthressError::Refused { status: 401, .. })) {
            let token = self.replace(&token).await?;
            found = client.credentials(token.expose()).await;
        }
        self.0.keep_jar().await;
        Ok(BearerToken::new(found?.expose_secret().to_owned()))
    }
}

/// Gives the token in hand, or renews it first when it has less than five minutes left. While
/// the login service cannot be reached, a token with less time left is given as long as it is
/// good at all.
#[async_trait]
impl TokenSource for Session {
    async fn token(&self) -> Result<BearerToken, TokenError> {
        self.0.obtain(None).await
    }

    async fn replace(&self, refused: &BearerToken) -> Result<BearerToken, TokenError> {
        self.0.obtain(Some(refused)).await
    }
}

impl Inner {
    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step and carries out what needs no waiting; gives the rest back.
    pub(super) fn apply(&self, live: &mut Live, event: Event) -> Vec<Effect> {
        let Ok((state, effects)) = step(live.state, event) else {
            tracing::error!(account = %self.parts.account, "a session event was refused");
            return Vec::new();
        };
        live.state = state;
        for effect in &effects {
            match effect {
                Effect::ForgetCredentials => {
                    live.credentials = None;
                    live.unsaved = None;
                }
                Effect::AnswerWaiting => live.renewal = None,
                Effect::Publish => {
                    let _old = self.view.send_replace(live.seen());
                }
                Effect::ExchangeCode
                | Effect::ForgetAttempt
                | Effect::GiveToken
                | Effect::Renew
                | Effect::AwaitRenewal
                | Effect::TryVault
                | Effect::RefuseSignIn
                | Effect::RefuseUnreachable
                | Effect::RefuseVault
                | Effect::UseCredentials
                | Effect::NoteOver
                | Effect::EndRemoteSession
                | Effect::DeleteStored => {}
            }
        }
        effects
    }

    async fn obtain(
        self: &Arc<Self>,
        refused: Option<&BearerToken>,
    ) -> Result<BearerToken, TokenError> {
        let mut plan = self.plan(refused);
        if matches!(plan, Plan::TryVault) {
            self.try_vault(false).await;
            plan = self.plan(refused);
        }
        match plan {
            Plan::Give(token) => Ok(token),
            Plan::Fail(error) => Err(error),
            Plan::TryVault => Err(TokenError::VaultUnavailable),
            Plan::Await(mut renewal) => {
                // The sender is dropped when the renewal has ended, however it ended.
                while renewal.changed().await.is_ok() {}
                self.outcome(refused)
            }
        }
    }

    fn plan(self: &Arc<Self>, refused: Option<&BearerToken>) -> Plan {
        let mut live = self.live();
        let now = self.parts.clock.now();
        let event = match refused {
            Some(refused) if live.holds(refused) => Event::TokenRefused { now },
            Some(_) | None => Event::TokenWanted { now },
        };
        let effects = self.apply(&mut live, event);
        if effects.contains(&Effect::Renew) {
            live.renewal = Some(renewal::start(self, &live));
        }
        for effect in effects {
            match effect {
                Effect::GiveToken => return live.give(),
                Effect::AwaitRenewal => {
                    if let Some(renewal) = &live.renewal {
                        return Plan::Await(renewal.clone());
                    }
                }
                Effect::TryVault => return Plan::TryVault,
                Effect::RefuseUnreachable => return Plan::Fail(live.unreachable(now)),
                Effect::RefuseVault => return Plan::Fail(TokenError::VaultUnavailable),
                _ => {}
            }
        }
        Plan::Fail(TokenError::SignInAgain)
    }

    /// What a caller gets after waiting. Never starts anything: whoever waited for a renewal
    /// that failed must not begin the next one.
    fn outcome(&self, refused: Option<&BearerToken>) -> Result<BearerToken, TokenError> {
        let live = self.live();
        let now = self.parts.clock.now();
        match live.state {
            State::SignedIn {
                validity,
                not_before,
                ..
            } => {
                let is_refused = refused.is_some_and(|token| live.holds(token));
                if is_refused || !(validity.is_good(now) || not_before.is_none()) {
                    return Err(live.unreachable(now));
                }
                match live.give() {
                    Plan::Give(token) => Ok(token),
                    _ => Err(TokenError::SignInAgain),
                }
            }
            // Somebody else has already found the new token too old.
            State::Renewing { .. } => Err(TokenError::Unreachable { retry_after: None }),
            State::Locked => Err(TokenError::VaultUnavailable),
            State::SignedOut
            | State::Authorizing { .. }
            | State::Exchanging { .. }
            | State::NeedsSignIn { .. }
            | State::Sealed => Err(TokenError::SignInAgain),
        }
    }

    fn client(&self) -> Result<Arc<crate::authress::AuthressClient>, TokenError> {
        self.live()
            .credentials
            .as_ref()
            .map(|credentials| Arc::clone(&credentials.client))
            .ok_or(TokenError::SignInAgain)
    }

    /// Reads the session from disk, once, at the start or after the vault has been in the way.
    async fn load(&self) {
        let _turn = self.writing.lock().await;
        let read = self.read().await;
        let mut live = self.live();
        live.vault_asked = Some(self.parts.clock.now());
        let event = match read {
            Ok(credentials) => {
                let validity = credentials.validity;
                live.credentials = Some(Arc::new(credentials));
                Event::Loaded { validity }
            }
            Err(Unloaded::Over(why)) => Event::SessionOver { why },
            Err(Unloaded::Vault(problem)) => {
                live.problem = problem;
                Event::VaultFailed
            }
        };
        self.apply(&mut live, event);
    }

    async fn read(&self) -> Result<Credentials, Unloaded> {
        let sealed = match self.sealed_file().await {
            Ok(sealed) => sealed,
            Err(SessionError::NoKey) => {
                let is_there = tokio::fs::try_exists(&self.parts.file)
                    .await
                    .unwrap_or(false);
                return Err(Unloaded::Over(if is_there {
                    NeedsSignIn::KeyChanged
                } else {
                    NeedsSignIn::NothingStored
                }));
            }
            Err(SessionError::Vault(error)) => return Err(Unloaded::Vault((&error).into())),
            Err(_) => return Err(Unloaded::Vault(VaultProblem::Keyring)),
        };
        let read = tokio::task::spawn_blocking(move || sealed.read()).await;
        let content = match read {
            Ok(Ok(Some(content))) => content,
            Ok(Ok(None)) => return Err(Unloaded::Over(NeedsSignIn::NothingStored)),
            Ok(Err(SealedFileError::WrongKey)) => {
                return Err(Unloaded::Over(NeedsSignIn::KeyChanged));
            }
            Ok(Err(SealedFileError::Damaged | SealedFileError::Newer)) => {
                return Err(Unloaded::Over(NeedsSignIn::Damaged));
            }
            Ok(Err(SealedFileError::Disk(_) | SealedFileError::NoRandomBytes(_))) | Err(_) => {
                return Err(Unloaded::Vault(VaultProblem::Disk));
            }
        };
        let stored = match stored::decode(&content, &self.parts.tenant) {
            Ok(stored) => stored,
            Err(StoredError::Unreadable) => return Err(Unloaded::Over(NeedsSignIn::Damaged)),
            Err(StoredError::Network(_)) => return Err(Unloaded::Vault(VaultProblem::Disk)),
        };
        let identity = &stored.credentials.identity;
        if identity.subject != self.parts.subject || identity.issuer != self.parts.tenant.issuer() {
            return Err(Unloaded::Over(NeedsSignIn::NothingStored));
        }
        match stored.over {
            Some(why) => Err(Unloaded::Over(why)),
            None => Ok(stored.credentials),
        }
    }

    async fn try_vault(&self, asked_by_person: bool) {
        let (unsaved, epoch) = {
            let live = self.live();
            if live.state != State::Locked {
                return;
            }
            let now = self.parts.clock.now().seconds();
            let asked = live.vault_asked.map_or(i64::MIN, UnixTime::seconds);
            if !asked_by_person && now.saturating_sub(asked) < VAULT_PAUSE {
                return;
            }
            (live.unsaved.clone(), live.epoch)
        };
        let Some(credentials) = unsaved else {
            self.load().await;
            return;
        };
        let stored = self.store(&credentials, epoch, None).await;
        let mut live = self.live();
        live.vault_asked = Some(self.parts.clock.now());
        if live.epoch != epoch || live.state != State::Locked {
            return;
        }
        let event = match stored {
            Ok(()) => {
                let validity = credentials.validity;
                live.credentials = Some(credentials);
                live.unsaved = None;
                Event::Loaded { validity }
            }
            Err(error) => {
                live.problem = problem(&error);
                Event::VaultFailed
            }
        };
        self.apply(&mut live, event);
    }

    async fn store_and_adopt(&self, credentials: Arc<Credentials>) -> Result<(), SessionError> {
        // The key may have been made anew since the last sign-in.
        self.live().sealed = None;
        let sealed = self.sealed_file().await?;
        let _turn = self.writing.lock().await;
        if self.live().state == State::Sealed {
            return Err(SessionError::Sealed);
        }
        write(sealed, &credentials, None).await?;
        let mut live = self.live();
        live.epoch += u64::from(live.state != State::SignedOut || live.credentials.is_some());
        let validity = credentials.validity;
        live.credentials = Some(credentials);
        live.unsaved = None;
        self.apply(&mut live, Event::Adopted { validity });
        Ok(())
    }

    /// Writes the session file, unless the epoch is over: then there is nothing to keep.
    pub(super) async fn store(
        &self,
        credentials: &Credentials,
        epoch: u64,
        over: Option<NeedsSignIn>,
    ) -> Result<(), SessionError> {
        let sealed = self.sealed_file().await?;
        let _turn = self.writing.lock().await;
        if self.live().epoch != epoch {
            return Ok(());
        }
        write(sealed, credentials, over).await
    }

    /// Stores cookies that came with an answer that was not about the session itself.
    async fn keep_jar(&self) {
        let (credentials, epoch) = {
            let live = self.live();
            (live.credentials.clone(), live.epoch)
        };
        if let Some(credentials) = credentials
            && credentials.client.jar().is_changed()
            && let Err(error) = self.store(&credentials, epoch, None).await
        {
            tracing::warn!(account = %self.parts.account, %error, "cookies could not be saved");
        }
    }

    async fn sealed_file(&self) -> Result<Arc<SealedFile>, SessionError> {
        if let Some(sealed) = &self.live().sealed {
            return Ok(Arc::clone(sealed));
        }
        let parts = &self.parts;
        let key = parts
            .vault
            .key(&parts.account)
            .await?
            .ok_or(SessionError::NoKey)?;
        let sealed = Arc::new(SealedFile::new(&parts.file, &parts.account, &key));
        self.live().sealed = Some(Arc::clone(&sealed));
        Ok(sealed)
    }

    async fn delete_file(&self) -> Result<(), SessionError> {
        let _turn = self.writing.lock().await;
        let path = self.parts.file.clone();
        tokio::task::spawn_blocking(move || delete_file(&path))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()))
            .map_err(|error| SealedFileError::Disk(error).into())
    }

    /// Ends the renewal of one epoch: new credentials or a reason, as an event.
    pub(super) fn finish_renewal(
        &self,
        epoch: u64,
        event: Event,
        credentials: Option<Arc<Credentials>>,
        failure: Option<&SessionError>,
    ) -> Vec<Effect> {
        let mut live = self.live();
        if live.epoch != epoch || !matches!(live.state, State::Renewing { .. }) {
            return Vec::new();
        }
        match event {
            Event::Renewed { .. } => live.credentials = credentials,
            Event::VaultFailed => {
                live.unsaved = credentials;
                live.vault_asked = Some(self.parts.clock.now());
            }
            _ => {}
        }
        if let Some(error) = failure {
            live.problem = problem(error);
        }
        self.apply(&mut live, event)
    }
}

impl Live {
    pub(super) fn credentials(&self) -> Option<Arc<Credentials>> {
        self.credentials.clone()
    }

    fn holds(&self, token: &BearerToken) -> bool {
        self.credentials
            .as_ref()
            .is_some_and(|held| held.access.expose_secret() == token.expose())
    }

    fn give(&self) -> Plan {
        match &self.credentials {
            Some(held) => Plan::Give(BearerToken::new(held.access.expose_secret().to_owned())),
            None => Plan::Fail(TokenError::SignInAgain),
        }
    }

    fn unreachable(&self, now: UnixTime) -> TokenError {
        let until = match self.state {
            State::SignedIn { not_before, .. } => not_before,
            _ => None,
        };
        let seconds = until.map(|until| until.seconds().saturating_sub(now.seconds()));
        TokenError::Unreachable {
            retry_after: seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
        }
    }

    fn seen(&self) -> SessionState {
        match self.state {
            State::SignedOut | State::Authorizing { .. } | State::Exchanging { .. } => {
                SessionState::SignedOut
            }
            State::SignedIn { validity, .. } | State::Renewing { validity, .. } => {
                SessionState::SignedIn {
                    until: validity.expires,
                }
            }
            State::NeedsSignIn { why } => SessionState::NeedsSignIn { why },
            State::Locked => SessionState::VaultUnavailable {
                problem: self.problem,
            },
            State::Sealed => SessionState::Sealed,
        }
    }
}

/// Why a session was not read.
enum Unloaded {
    Over(NeedsSignIn),
    Vault(VaultProblem),
}

fn problem(error: &SessionError) -> VaultProblem {
    match error {
        SessionError::Vault(error) => error.into(),
        SessionError::NoKey => VaultProblem::Keyring,
        _ => VaultProblem::Disk,
    }
}

async fn write(
    sealed: Arc<SealedFile>,
    credentials: &Credentials,
    over: Option<NeedsSignIn>,
) -> Result<(), SessionError> {
    let content = stored::encode(credentials, over)
        .map_err(|_| SessionError::NotStored(SealedFileError::Damaged))?;
    tokio::task::spawn_blocking(move || sealed.write(&content))
        .await
        .unwrap_or_else(|_| {
            Err(SealedFileError::Disk(
                std::io::ErrorKind::Interrupted.into(),
            ))
        })
        .map_err(|error| {
            credentials.client.jar().mark_changed();
            SessionError::NotStored(error)
        })
}
