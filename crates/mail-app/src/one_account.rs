//! "One account at a time": signing in to another signs the first one out.

use crate::app::App;
use crate::contract::{Empty, ErrorCode, OneAccountRequest, UiError};

impl App {
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn set_one_account(&self, _: OneAccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }
}
