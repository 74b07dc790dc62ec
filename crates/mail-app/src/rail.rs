//! The rail: groups, order, pictures.

use crate::app::App;
use crate::contract::{AccountRequest, CreateGroupRequest, Empty, ErrorCode, GroupRequest, ReorderRequest, UiError, UpdateGroupRequest};

impl App {
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn create_group(&self, _: CreateGroupRequest) -> Result<GroupRequest, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn update_group(&self, _: UpdateGroupRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn delete_group(&self, _: GroupRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn reorder_rail(&self, _: ReorderRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn choose_picture(&self, _: AccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn remove_picture(&self, _: AccountRequest) -> Result<Empty, UiError> {
        Err(UiError::new(ErrorCode::NotOffered))
    }
}
