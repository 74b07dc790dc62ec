//! An account's life on this computer: paused, locked, signed out, sealed, brought back, removed.

use crate::app::App;
use crate::contract::{AccountRequest, Empty, ErrorCode, KeepSealedRequest, ReceiptView, SealedRequest, SignOutRequest, SignOutView, UiError};

impl App {
    /// Ends an account's session.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Disk`].
    pub async fn sign_out(&self, request: SignOutRequest) -> Result<SignOutView, UiError> {
        let account = self.account(&request.account)?;
        let signed_out = account
            .session
            .sign_out()
            .await
            .map_err(crate::accounts::session_error);
        // A closed account has nothing that watches its session.
        self.0.accounts.signals().touch();
        Ok(SignOutView {
            session_ended: signed_out?.told_login_service,
            receipt: None,
            sealed: None,
        })
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn pause_account(&self, _: AccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn resume_account(&self, _: AccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn lock_account(&self, _: AccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn unlock_account(&self, _: AccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn restore_sealed(&self, _: SealedRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn destroy_sealed(&self, _: SealedRequest) -> Result<ReceiptView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn keep_sealed(&self, _: KeepSealedRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }
}
