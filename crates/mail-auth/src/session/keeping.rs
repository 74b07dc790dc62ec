//! Reading and writing the session file. Writes are serialised, and each names the epoch it
//! belongs to: a late one of an earlier sign-in is dropped.

use std::sync::Arc;

use mail_model::UnixTime;

use super::live::Inner;
use super::state::{Event, NeedsSignIn, State};
use super::stored::{self, StoredError};
use super::{SessionError, VaultProblem};
use crate::credentials::Credentials;
use crate::sealed_file::{SealedFile, SealedFileError, delete_file};

/// A vault that failed is not asked again by itself within this, in seconds: each time could
/// show the person a password window.
const VAULT_PAUSE: i64 = 60;

impl Inner {
    /// Reads the session from disk, once, at the start or after the vault has been in the way.
    pub(super) async fn load(&self) {
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

    pub(super) async fn try_vault(&self, asked_by_person: bool) {
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
                live.problem = (&error).into();
                Event::VaultFailed
            }
        };
        self.apply(&mut live, event);
    }

    pub(super) async fn store_and_adopt(
        &self,
        credentials: Arc<Credentials>,
    ) -> Result<(), SessionError> {
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
    pub(super) async fn keep_jar(&self) {
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
    Over(NeedsSignIn),
    Vault(VaultProblem),
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
