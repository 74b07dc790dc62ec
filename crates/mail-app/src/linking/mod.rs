//! Opening one mailbox with two sign-ins.

use crate::app::App;
use crate::contract::{AttemptView, Empty, ErrorCode, JournalRequest, LinkBeginRequest, LinkConfirmRequest, LinkExportRequest, LinkGoOnRequest, LinkProveRequest, LinkRequest, LinkSettleRequest, SavedView, UiError};
use crate::feed::{FeedSink, OpenFeed};

/// The change under way, of which there is at most one.
#[derive(Default)]
pub(crate) struct Linking {}

impl App {
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn begin_link(&self, _: LinkBeginRequest) -> Result<LinkRequest, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn prove_link(&self, _: LinkProveRequest) -> Result<AttemptView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn swap_link(&self, _: LinkRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn go_on_link(&self, _: LinkGoOnRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn back_link(&self, _: LinkRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn look_again_link(&self, _: LinkRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn settle_link(&self, _: LinkSettleRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn export_link(&self, _: LinkExportRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn confirm_link(&self, _: LinkConfirmRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn cancel_link(&self, _: LinkRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn save_recovery_pack(&self, _: JournalRequest) -> Result<SavedView, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all feeds")]
    pub(crate) async fn open_link_feed(&self, _: LinkRequest, _: FeedSink) -> Result<OpenFeed, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }
}
