//! An account's life on this computer: paused, locked, signed out, removed.
//!
//! The registry's row is the truth. It is written before anything else is done, so that a run
//! that is cut short is finished by the next one (see [`crate::sealed`]). Only locking writes it
//! second: what could not be stored yet would be lost.

use std::sync::Arc;

use mail_store::{AccountRecord, AccountState, Seal, SealReason};

use crate::account::{Account, Closed};
use crate::accounts::{session_error, vault_error};
use crate::app::{App, now};
use crate::contract::{
    AccountRequest, DataChoice, Empty, ErrorCode, ReceiptView, SealedView, SignOutRequest,
    SignOutView, UiError,
};
use crate::sealed::{KEPT_DAYS, days_from};

/// Setting of a locked account that was paused before.
const PAUSED: &str = "paused";

/// What became of an account that has left the rail.
pub(crate) struct Departure {
    /// Whether the tenant was told.
    pub(crate) session_ended: bool,
    /// What was deleted, or what was kept.
    pub(crate) data: Left,
}

/// Where its data went.
pub(crate) enum Left {
    /// Nowhere.
    Wiped(ReceiptView),
    /// Into a sealed copy.
    Sealed(SealedView),
}

impl App {
    /// The account, unless a change of sign-ins needs it as it is.
    pub(crate) fn account_at_rest(&self, id: &str) -> Result<Arc<Account>, UiError> {
        let account = self.account(id)?;
        if account.is_frozen() {
            return Err(UiError::new(ErrorCode::ChangeUnderWay));
        }
        Ok(account)
    }

    async fn set_state(&self, account: &Account, state: AccountState) -> Result<(), UiError> {
        let record = AccountRecord {
            state,
            ..account.record()
        };
        self.0.registry.update(record.clone()).await?;
        account.set_record(record);
        Ok(())
    }

    /// No traffic of an account from here on, not even to renew its session; its mail can be
    /// read, and changes wait. Holds over restarts.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Locked`], [`ErrorCode::ChangeUnderWay`].
    pub async fn pause_account(&self, request: AccountRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let account = self.account_at_rest(&request.account)?;
        if account.record().state == AccountState::Locked {
            return Err(UiError::new(ErrorCode::Locked));
        }
        self.set_state(&account, AccountState::Paused).await?;
        account.settle_traffic().await;
        self.0.accounts.signals().touch();
        Ok(Empty {})
    }

    /// Ends a pause: what has waited is sent, then new mail is looked for.
    ///
    /// # Errors
    /// As for [`Self::pause_account`].
    pub async fn resume_account(&self, request: AccountRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let account = self.account_at_rest(&request.account)?;
        if account.record().state == AccountState::Locked {
            return Err(UiError::new(ErrorCode::Locked));
        }
        self.set_state(&account, AccountState::Active).await?;
        account.settle_traffic().await;
        self.0.accounts.signals().touch();
        Ok(Empty {})
    }

    /// Takes an account's key and tokens out of memory and closes its files: its rows vanish and
    /// nothing of it is told until [`Self::unlock_account`]. Holds over restarts.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ChangeUnderWay`]; [`ErrorCode::Disk`] or
    /// [`ErrorCode::VaultLocked`] when something of the session has to be stored first and
    /// cannot be. Nothing is locked then.
    pub async fn lock_account(&self, request: AccountRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let account = self.account_at_rest(&request.account)?;
        let before = account.record().state;
        if before == AccountState::Locked {
            return Ok(Empty {});
        }
        if let Some(open) = account.open() {
            let paused = if before == AccountState::Paused {
                "1"
            } else {
                ""
            };
            open.store.settings_put(PAUSED, paused).await?;
        }
        account.session.lock().await.map_err(session_error)?;
        if let Err(error) = self.set_state(&account, AccountState::Locked).await {
            account.session.unlock_key().await;
            return Err(error);
        }
        self.close_locked(&account).await;
        Ok(Empty {})
    }

    async fn close_locked(&self, account: &Account) {
        account.stop(Closed::Locked).await;
        account.stay_closed(Closed::Locked);
        self.0.vault.get().forget(&account.id);
        self.0.accounts.members_changed();
    }

    /// Takes the key from the keyring again and opens the account. One that was paused before it
    /// was locked is paused again.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::VaultLocked`], [`ErrorCode::VaultMissing`]: it stays
    /// locked then.
    pub async fn unlock_account(&self, request: AccountRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let account = self.account_at_rest(&request.account)?;
        if account.record().state != AccountState::Locked {
            return Ok(Empty {});
        }
        if let Err(error) = self.0.vault.get().key(&account.id).await
            && !matches!(error, mail_auth::VaultError::Damaged)
        {
            self.0.vault.note(&error);
            self.0.vault.get().forget(&account.id);
            return Err(vault_error(&error));
        }
        // Not yet active: it opens without traffic, and a run cut short here leaves it locked.
        account.session.unlock_key().await;
        self.open_account(&account).await;
        if let Err(error) = self.set_unlocked(&account).await {
            if let Err(error) = account.session.lock().await {
                tracing::warn!(account = %account.id, %error, "an account could not be locked again");
            }
            self.close_locked(&account).await;
            return Err(error);
        }
        account.settle_traffic().await;
        self.0.accounts.members_changed();
        Ok(Empty {})
    }

    /// Active, or paused if it was before it was locked.
    async fn set_unlocked(&self, account: &Account) -> Result<(), UiError> {
        let was_paused = match account.open() {
            Some(open) => open.store.settings_get(PAUSED).await?.as_deref() == Some("1"),
            None => false,
        };
        let state = if was_paused {
            AccountState::Paused
        } else {
            AccountState::Active
        };
        self.set_state(account, state).await
    }

    /// Ends an account's session, at the tenant too if it answers within two seconds, and takes
    /// it off the rail. Its mail is kept sealed for 30 days, or wiped. Without a keyring the copy
    /// can be brought back until the app ends only: [`SealedView::until_quit`].
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ChangeUnderWay`], [`ErrorCode::Disk`]: the account
    /// is still listed then.
    pub async fn sign_out(&self, request: SignOutRequest) -> Result<SignOutView, UiError> {
        let _turn = self.one_change().await;
        let account = self.account_at_rest(&request.account)?;
        let gone = self.part_with(&account, request.data).await?;
        let session_ended = gone.session_ended;
        let (receipt, sealed) = match gone.data {
            Left::Wiped(receipt) => (Some(receipt), None),
            Left::Sealed(sealed) => (None, Some(sealed)),
        };
        Ok(SignOutView {
            session_ended,
            receipt,
            sealed,
        })
    }

    /// Removes an account from this computer: session, engine, files, keys and its entry, in this
    /// order, and looks whether they are gone. The mail on the server stays.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ChangeUnderWay`], [`ErrorCode::Disk`] when files
    /// could not be deleted; the account is then still listed, so that it can be tried again.
    pub async fn remove_account(&self, request: AccountRequest) -> Result<ReceiptView, UiError> {
        let _turn = self.one_change().await;
        let account = self.account_at_rest(&request.account)?;
        match self.part_with(&account, DataChoice::Wiped).await?.data {
            Left::Wiped(receipt) => Ok(receipt),
            Left::Sealed(_) => Err(UiError::new(ErrorCode::Bug)),
        }
    }

    /// Signs an account out. The caller has a turn ([`App::one_change`]).
    pub(crate) async fn part_with(
        &self,
        account: &Arc<Account>,
        data: DataChoice,
    ) -> Result<Departure, UiError> {
        let at = now();
        let keep_until = match data {
            DataChoice::Sealed => days_from(at, KEPT_DAYS),
            // A copy that nobody keeps is deleted; a run that is cut short leaves that to the
            // next one.
            DataChoice::Wiped => at,
        };
        let seal = Seal {
            at,
            why: SealReason::SignedOut,
            keep_until: Some(keep_until),
        };
        self.put_aside(account, seal).await
    }

    /// Ends an account's session and makes a sealed copy of it, or deletes it when the seal's time
    /// is over. What fails is taken back: the account stays on the rail. The caller has a turn
    /// ([`App::one_change`]).
    ///
    /// # Errors
    /// [`ErrorCode::Disk`].
    pub(crate) async fn put_aside(
        &self,
        account: &Arc<Account>,
        seal: Seal,
    ) -> Result<Departure, UiError> {
        let before = account.record();
        let sealed = AccountRecord {
            state: AccountState::Sealed,
            seal: Some(seal),
            ..before.clone()
        };
        self.0.registry.update(sealed.clone()).await?;
        crate::sealed::step_done("registry");
        account.stop(Closed::Leaving).await;
        let session_ended = match account.session.sign_out().await {
            Ok(report) => report.told_login_service,
            Err(error) => {
                tracing::warn!(account = %account.id, %error, "an account did not sign out well");
                false
            }
        };
        crate::sealed::step_done("session");
        match self.finish_sealing(&sealed, session_ended).await {
            Ok(data) => {
                self.0.accounts.remove(account);
                self.refresh_rail().await?;
                Ok(Departure {
                    session_ended,
                    data,
                })
            }
            Err(error) => {
                if let Err(error) = self.0.registry.update(before).await {
                    tracing::error!(account = %account.id, %error, "an account stays sealed");
                }
                self.start_account(account).await;
                self.0.accounts.members_changed();
                Err(error)
            }
        }
    }
}
