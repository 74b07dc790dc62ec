//! The sessions page: who is signed in, how, and what to do where it is not well.

use crate::app::App;
use crate::contract::{AccountRequest, DeviceRequest, DevicesView, Empty, ErrorCode, SessionsView, TextView, UiError};

impl App {
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn sessions(&self, _: Empty) -> Result<SessionsView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn support_text(&self, _: AccountRequest) -> Result<TextView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn devices(&self, _: AccountRequest) -> Result<DevicesView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn remove_device(&self, _: DeviceRequest) -> Result<DevicesView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn open_settings_page(&self, _: AccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }
}
