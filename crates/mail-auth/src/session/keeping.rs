//! Reading and writing the session file. Writes are serialised, and each names the epoch it
//! belongs to: a late one of an earlier sign-in is dropped.

use std::sync::Arc;

use mail_model::UnixTime;

use super::details::SessionDetails;
use super::live::Inner;
use super::state::{Event, NeedsSignIn, State};
use super::stored::{self, StoredError};
use super::{SessionError, VaultProblem};
use crate::credentials::Credentials;
use crate::sealed_file::{SealedFile, SealedFileError, delete_file};
use crate::vault::VaultError;

/// A vault that failed is not asked again by itself within this, in seconds: each time could
/// show the person a password window.
const VAULT_PAUSE: i64 = 60;

impl Inner {
    /// Reads the session from disk: at the start, after the vault has been in the way, and when
    /// the account is unlocked or `put_back`.
    pub(super) async fn load(&self, put_back: bool) {
        let _turn = self.writing.lock().await;
        let read = self.read().await;
        let mut live = self.live();
        live.vault_asked = Some(self.parts.clock.now());
        if !matches!(live.state, State::SignedOut | State::VaultUnavailable) {
            // Locked or put aside while the vault was asked: what it gave is not kept.
            self.parts.vault.forget(&self.parts.account);
            return;
        }
        let event = match read {
            Ok(credentials) => {
                let validity = credentials.validity;
                live.credentials = Some(Arc::new(credentials));
                Event::Loaded { validity }
            }
            Err(Unloaded::Over(why, details)) => {
                live.last = *details;
                let why = match why {
                    NeedsSignIn::NothingStored if put_back => NeedsSignIn::PutBack,
                    why => why,
                };
                Event::SessionOver { why }
            }
            Err(Unloaded::Vault(problem)) => {
                live.problem = problem;
                Event::VaultFailed
            }
        };
        self.apply(&mut live, event);
    }

    /// The stored session of a locked account, for ending it at the service and nothing else.
    pub(super) async fn for_farewell(&self) -> Option<Arc<Credentials>> {
        let _turn = self.writing.lock().await;
        self.read().await.ok().map(Arc::new)
    }

    async fn read(&self) -> Result<Credentials, Unloaded> {
        let sealed = match self.sealed_file().await {
            Ok(sealed) => sealed,
            Err(SessionError::NoKey) => {
                let is_there = tokio::fs::try_exists(&self.parts.file)
                    .await
                    .unwrap_or(false);
                return Err(Unloaded::over(if is_there {
                    NeedsSignIn::KeyChanged
                } else {
                    NeedsSignIn::NothingStored
                }));
            }
            // The entry is there and is no key: waiting does not help, signing in does.
            Err(SessionError::Vault(VaultError::Damaged)) => {
                return Err(Unloaded::over(NeedsSignIn::KeyChanged));
            }
            Err(SessionError::Vault(error)) => return Err(Unloaded::Vault((&error).into())),
            Err(_) => return Err(Unloaded::Vault(VaultProblem::Keyring)),
        };
        let read = tokio::task::spawn_blocking(move || sealed.read()).await;
        let content = match read {
            Ok(Ok(Some(content))) => content,
            Ok(Ok(None)) => return Err(Unloaded::over(NeedsSignIn::NothingStored)),
            Ok(Err(SealedFileError::WrongKey)) => {
                return Err(Unloaded::over(NeedsSignIn::KeyChanged));
            }
            Ok(Err(SealedFileError::Damaged | SealedFileError::Newer)) => {
                return Err(Unloaded::over(NeedsSignIn::Damaged));
            }
            Ok(Err(SealedFileError::Disk(_) | SealedFileError::NoRandomBytes(_))) | Err(_) => {
                return Err(Unloaded::Vault(VaultProblem::Disk));
            }
        };
        let stored = match stored::decode(&content, &self.parts.tenant) {
            Ok(stored) => stored,
            Err(StoredError::Unreadable) => return Err(Unloaded::over(NeedsSignIn::Damaged)),
        };
        let identity = &stored.credentials.identity;
        if identity.subject != self.parts.subject || identity.issuer != self.parts.tenant.issuer() {
            return Err(Unloaded::over(NeedsSignIn::NothingStored));
        }
        let hosts = &self.parts.hosts;
        stored.credentials.client.note_hosts_in(hosts);
        match stored.over {
            Some(why) => {
                let details = SessionDetails::over(&stored.credentials);
                Err(Unloaded::Over(why, Box::new(details)))
            }
            None => Ok(stored.credentials),
        }
    }

    pub(super) async fn try_vault(&self, asked_by_person: bool) {
        let is_unsaved = {
            let live = self.live();
            if live.state != State::VaultUnavailable {
                return;
            }
            let now = self.parts.clock.now().seconds();
            let asked = live.vault_asked.map_or(i64::MIN, UnixTime::seconds);
            if !asked_by_person && now.saturating_sub(asked) < VAULT_PAUSE {
                return;
            }
            live.unsaved.is_some()
        };
        if !is_unsaved {
            self.load(false).await;
        } else if let Err(error) = self.save_unsaved().await {
            tracing::info!(account = %self.parts.account, %error, "still not saved");
        }
    }

    /// Stores what could not be stored before, if there is such a thing, and uses it.
    pub(super) async fn save_unsaved(&self) -> Result<(), SessionError> {
        let (unsaved, epoch) = {
            let live = self.live();
            (live.unsaved.clone(), live.epoch)
        };
        let Some(credentials) = unsaved else {
            return Ok(());
        };
        let stored = self.store(&credentials, epoch, None).await;
        let mut live = self.live();
        live.vault_asked = Some(self.parts.clock.now());
        if live.epoch != epoch || live.state != State::VaultUnavailable {
            return Ok(());
        }
        let event = match &stored {
            Ok(()) => {
                let validity = credentials.validity;
                live.credentials = Some(credentials);
                live.unsaved = None;
                Event::Loaded { validity }
            }
            Err(error) => {
                live.problem = error.into();
                Event::VaultFailed
            }
        };
        self.apply(&mut live, event);
        stored
    }

    pub(super) async fn store_and_adopt(
        &self,
        credentials: Arc<Credentials>,
    ) -> Result<(), SessionError> {
        // The key may have been made anew since the last sign-in.
        self.live().sealed = None;
        self.may_adopt()?;
        let sealed = match self.sealed_file().await {
            // The person has just proved who they are, and what is there opens nothing.
            Err(SessionError::Vault(VaultError::Damaged)) => {
                let account = &self.parts.account;
                tracing::warn!(%account, "the keyring's damaged entry is replaced");
                self.parts.vault.replace_damaged_key(account).await?;
                self.sealed_file().await?
            }
            sealed => sealed?,
        };
        let _turn = self.writing.lock().await;
        self.may_adopt()?;
        write(sealed, &credentials, None).await?;
        credentials.client.note_hosts_in(&self.parts.hosts);
        let mut live = self.live();
        live.epoch += u64::from(live.state != State::SignedOut || live.credentials.is_some());
        let validity = credentials.validity;
        live.credentials = Some(credentials);
        live.unsaved = None;
        self.apply(&mut live, Event::Adopted { validity });
        Ok(())
    }

    fn may_adopt(&self) -> Result<(), SessionError> {
        match self.live().state {
            State::Sealed => Err(SessionError::Sealed),
            State::LockedByPerson => Err(SessionError::LockedByPerson),
            _ => Ok(()),
        }
    }

    /// Writes the session file, unless the epoch is over: then there is nothing to keep.
    pub(super) async fn store(
        &self,
        credentials: &Credentials,
        epoch: u64,
        over: Option<NeedsSignIn>,
    ) -> Result<(), SessionError> {
        let sealed = self.sealed_file().await?;
        self.store_with(&sealed, credentials, epoch, over).await
    }

    /// The same with a sealed file in hand.
    pub(super) async fn store_with(
        &self,
        sealed: &Arc<SealedFile>,
        credentials: &Credentials,
        epoch: u64,
        over: Option<NeedsSignIn>,
    ) -> Result<(), SessionError> {
        let _turn = self.writing.lock().await;
        if self.live().epoch != epoch {
            return Ok(());
        }
        write(Arc::clone(sealed), credentials, over).await
    }

    /// Stores cookies that came with an answer that was not about the session itself.
    pub(super) async fn keep_jar(&self) -> Result<(), SessionError> {
        let (credentials, epoch) = {
            let live = self.live();
            (live.credentials.clone(), live.epoch)
        };
        match credentials {
            Some(credentials) if credentials.client.jar().is_changed() => {
                self.store(&credentials, epoch, None).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The same where a failure is no reason to fail.
    pub(super) async fn keep_jar_or_say(&self) {
        if let Err(error) = self.keep_jar().await {
            tracing::warn!(account = %self.parts.account, %error, "cookies could not be saved");
        }
    }

    pub(super) async fn sealed_file(&self) -> Result<Arc<SealedFile>, SessionError> {
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
        let mut live = self.live();
        if !matches!(live.state, State::LockedByPerson | State::Sealed) {
            live.sealed = Some(Arc::clone(&sealed));
        }
        Ok(sealed)
    }

    pub(super) async fn delete_file(&self) -> Result<(), SessionError> {
        let _turn = self.writing.lock().await;
        let path = self.parts.file.clone();
        tokio::task::spawn_blocking(move || delete_file(&path))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()))
            .map_err(|error| SealedFileError::Disk(error).into())
    }
}

/// Why a session was not read.
enum Unloaded {
    Over(NeedsSignIn, Box<SessionDetails>),
    Vault(VaultProblem),
}

impl Unloaded {
    fn over(why: NeedsSignIn) -> Self {
        Self::Over(why, Box::default())
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
