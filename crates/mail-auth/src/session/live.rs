//! One signed-in account: runs the session machine's effects.
//!
//! Tokens and state sit behind a lock that is never held while waiting. Writing the session file
//! is serialised by a second lock; every write names the epoch it belongs to, and a late one of
//! an earlier sign-in is dropped.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mail_model::{AccountId, HostLog, UnixTime};
use tokio::sync::watch;

use super::connection::Connections;
use super::details::SessionDetails;
use super::machine::step;
use super::state::{Effect, Event, State};
use super::{SessionError, SessionState, VaultProblem};
use crate::authress::AuthressError;
use crate::clock::Clock;
use crate::credentials::{Credentials, SignedIn, VerifiedIdentity};
use crate::sealed_file::SealedFile;
use crate::tenant::TenantConfig;
use crate::vault::Vault;
use crate::verify::TokenVerifier;

/// For telling the login service that the person has signed out.
const FAREWELL: Duration = Duration::from_millis(1500);

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
    /// Where the hosts spoken to are noted; the account's own log.
    pub hosts: HostLog,
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
    pub(super) writing: tokio::sync::Mutex<()>,
}

pub(super) struct Live {
    pub(super) state: State,
    pub(super) epoch: u64,
    pub(super) credentials: Option<Arc<Credentials>>,
    /// Newer than what is on disk, because the disk or the vault refused.
    pub(super) unsaved: Option<Arc<Credentials>>,
    /// Closed when callers need not wait any longer: the renewal has ended, or it does not matter
    /// any more.
    pub(super) waiting: Option<watch::Sender<()>>,
    /// The last renewal, also when nobody waits for it any more; closed when it has ended.
    pub(super) under_way: Option<watch::Receiver<()>>,
    pub(super) paused: bool,
    /// Of credentials that have left memory.
    pub(super) last: SessionDetails,
    pub(super) connections: Connections,
    pub(super) sealed: Option<Arc<SealedFile>>,
    pub(super) problem: VaultProblem,
    pub(super) vault_asked: Option<UnixTime>,
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
        session.0.load(false).await;
        session
    }

    /// The session of an account the person has locked before: neither vault nor disk is asked
    /// until [`Session::unlock_key`].
    #[must_use]
    pub fn locked(parts: SessionParts) -> Self {
        let session = Self::idle(parts);
        session.0.apply(&mut session.0.live(), Event::Lock);
        session
    }

    fn idle(parts: SessionParts) -> Self {
        Self(Arc::new(Inner {
            live: Mutex::new(Live {
                state: State::SignedOut,
                epoch: parts.epoch,
                credentials: None,
                unsaved: None,
                waiting: None,
                under_way: None,
                paused: false,
                last: SessionDetails::default(),
                connections: Connections::new(),
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

    /// Where the hosts spoken to for this account are noted. Whatever else sends requests for
    /// the account notes them here too.
    #[must_use]
    pub fn hosts(&self) -> &HostLog {
        &self.0.parts.hosts
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
    /// the mail is encrypted with it too. Of a locked account the file is read once more, so
    /// that its session can be ended.
    ///
    /// # Errors
    /// [`SessionError::NotStored`]: the file could not be deleted; the session is forgotten in
    /// memory all the same.
    pub async fn sign_out(&self) -> Result<SignOutReport, SessionError> {
        let inner = &self.0;
        let is_locked = inner.live().state == State::LockedByPerson;
        let stored = if is_locked {
            inner.for_farewell().await
        } else {
            None
        };
        let (leaving, effects) = {
            let mut live = inner.live();
            let leaving = live.unsaved.clone().or_else(|| live.credentials.clone());
            live.epoch += 1;
            let effects = inner.apply(&mut live, Event::SignOut);
            (leaving.or(stored), effects)
        };
        let inner = Arc::clone(inner);
        // In a task of its own: a sign-out that has begun is finished.
        tokio::spawn(async move {
            let deleted = if effects.contains(&Effect::DeleteStored) {
                inner.delete_file().await
            } else {
                Ok(())
            };
            let told_login_service = match leaving {
                Some(credentials) if effects.contains(&Effect::EndRemoteSession) => {
                    credentials.client.end_within(FAREWELL).await
                }
                Some(_) | None => false,
            };
            deleted?;
            tracing::info!(account = %inner.parts.account, told_login_service, "signed out");
            Ok(SignOutReport { told_login_service })
        })
        .await
        .unwrap_or(Err(SessionError::Login(AuthressError::ShuttingDown)))
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
                    live.remember();
                    live.credentials = None;
                    live.unsaved = None;
                    for held in live.connections.values() {
                        // Whoever holds it notices before it uses what it has.
                        if let Ok(mut held) = held.try_lock() {
                            held.forget();
                        }
                    }
                }
                Effect::ForgetKey => {
                    live.sealed = None;
                    self.parts.vault.forget(&self.parts.account);
                }
                Effect::AnswerWaiting => live.waiting = None,
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
                | Effect::RefuseLocked
                | Effect::UseCredentials
                | Effect::NoteOver
                | Effect::EndRemoteSession
                | Effect::DeleteStored => {}
            }
        }
        effects
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
            live.problem = error.into();
        }
        self.apply(&mut live, event)
    }
}

impl Live {
    pub(super) fn credentials(&self) -> Option<Arc<Credentials>> {
        self.credentials.clone()
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
            State::VaultUnavailable => SessionState::VaultUnavailable {
                problem: self.problem,
            },
            State::LockedByPerson => SessionState::LockedByPerson,
            State::Sealed => SessionState::Sealed,
        }
    }
}
