//! What belongs to each account, and the check that nothing of it lies with another.

use crate::app::App;
use crate::contract::{CheckReportView, Empty, ErrorCode, SavedView, SeparationView, UiError};

/// The report of the last check of this run.
#[derive(Default)]
pub(crate) struct LastCheck {}

impl App {
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn separation(&self, _: Empty) -> Result<SeparationView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn check_separation(&self, _: Empty) -> Result<CheckReportView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn save_separation_report(&self, _: Empty) -> Result<SavedView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }
}
