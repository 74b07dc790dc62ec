//! "One account at a time": signing in to another signs the first one out, completely.
//!
//! The account that comes is here before the one that goes is touched. A run that is cut short
//! between the two leaves both, and the person is asked which one stays.

use crate::app::App;
use crate::contract::{
    AccountNameView, DataChoice, Empty, ErrorCode, OneAccountRequest, OneAccountView, UiError,
};

impl App {
    /// Whether there is one account at a time.
    pub(crate) fn is_one_account(&self) -> bool {
        self.with_config(|config| config.one_account.unwrap_or(false))
    }

    pub(crate) fn one_account_view(&self) -> OneAccountView {
        let on = self.is_one_account();
        OneAccountView {
            on,
            managed: self.with_config(|config| config.one_account_managed),
            choose: on && self.0.accounts.all().len() > 1,
        }
    }

    /// The accounts that a new one would sign out.
    pub(crate) fn replaced(&self) -> Vec<AccountNameView> {
        if !self.is_one_account() {
            return Vec::new();
        }
        let accounts = self.0.accounts.all().into_iter().map(|account| {
            let record = account.record();
            AccountNameView {
                id: record.id.to_string(),
                name: record.name,
                email: record.email,
            }
        });
        accounts.collect()
    }

    /// Signs out these accounts, as far as they are here. The caller has a turn
    /// ([`App::one_change`]).
    ///
    /// # Errors
    /// [`ErrorCode::Disk`], [`ErrorCode::ChangeUnderWay`]: those not signed out yet are still
    /// here.
    pub(crate) async fn send_away(&self, ids: &[String], data: DataChoice) -> Result<(), UiError> {
        for id in ids {
            let Some(account) = self.0.accounts.find(id) else {
                continue;
            };
            if account.is_frozen() {
                return Err(UiError::new(ErrorCode::ChangeUnderWay));
            }
            self.part_with(&account, data).await?;
        }
        Ok(())
    }

    /// Turns "one account at a time" on or off. Where several accounts are here, the person says
    /// which one stays; the others are signed out before it counts.
    ///
    /// # Errors
    /// [`ErrorCode::Managed`] where the organisation has set it otherwise;
    /// [`ErrorCode::ChooseAccount`] where several accounts are here and none is named;
    /// [`ErrorCode::NotFound`] for one that is not here; and as in [`App::sign_out`].
    pub async fn set_one_account(&self, request: OneAccountRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let managed = self.with_config(|config| config.one_account_managed);
        if managed && request.on != self.is_one_account() {
            return Err(UiError::new(ErrorCode::Managed));
        }
        let accounts = self.0.accounts.all();
        if request.on && accounts.len() > 1 {
            let keep = request.keep.as_deref();
            let keep = keep.ok_or_else(|| UiError::new(ErrorCode::ChooseAccount))?;
            self.account(keep)?;
            let others = accounts.iter().map(|account| account.id.to_string());
            let others: Vec<_> = others.filter(|id| id != keep).collect();
            self.send_away(&others, request.data.unwrap_or(DataChoice::Sealed))
                .await?;
        }
        if !managed {
            self.keep_config(|config| config.one_account = Some(request.on))?;
        }
        self.tenant_has_changed();
        Ok(Empty {})
    }
}
