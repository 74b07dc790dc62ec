//! The sign-ins that open a mailbox: shown, added, removed.

use crate::app::App;
use crate::contract::{AccountRequest, AddIdentityRequest, AttemptView, ErrorCode, IdentitiesView, RemoveIdentityRequest, UiError};

impl App {
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn identities(&self, _: AccountRequest) -> Result<IdentitiesView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn add_identity(&self, _: AddIdentityRequest) -> Result<AttemptView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn remove_identity(&self, _: RemoveIdentityRequest) -> Result<IdentitiesView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }
}
