//! The three commands of the page. They decide nothing.
#![allow(
    clippy::let_underscore_must_use,
    reason = "written by the command macro"
)]

use mail_app::{ErrorCode, FeedSink, UiError};
use tauri::State;
use tauri::ipc::Channel;

use crate::running::Running;

async fn app(running: &Running) -> Result<mail_app::App, UiError> {
    running
        .app()
        .await
        .ok_or_else(|| UiError::new(ErrorCode::Bug))
}

/// Answers one call.
#[tauri::command]
pub(crate) async fn call(
    running: State<'_, Running>,
    name: String,
    payload: serde_json::Value,
) -> Result<serde_json::Value, UiError> {
    app(&running).await?.call(&name, payload).await
}

/// Opens one feed; its events go to `channel`. Gives the number to close it by.
#[tauri::command]
pub(crate) async fn open(
    running: State<'_, Running>,
    feed: String,
    payload: serde_json::Value,
    channel: Channel<serde_json::Value>,
) -> Result<u32, UiError> {
    let page = running.page();
    let sink = FeedSink::new(move |event| channel.send(event).is_ok());
    let opened = app(&running).await?.open(&feed, payload, sink).await?;
    // A page that was reloaded meanwhile listens no more; dropping the feed closes it.
    running
        .keep(page, opened)
        .map_err(|_| UiError::new(ErrorCode::NotFound))
}

/// Closes one feed.
#[tauri::command]
pub(crate) async fn close(running: State<'_, Running>, id: u32) -> Result<(), UiError> {
    running.close(id);
    Ok(())
}
