//! The window: a thin shell around `mail-app`.
//!
//! It opens the window, carries calls and feeds between the page and the app, serves mail
//! frames, and lends the app the desktop (browser, file programs, save dialog). It decides
//! nothing about mail or accounts.

mod commands;
mod host;
mod message_frame;
mod options;
mod running;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use mail_app::{App, Host, Start, StartError};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tokio::sync::watch;

use crate::host::Desktop;
use crate::options::Options;
use crate::running::Running;

/// Runs Braid until its window is closed.
pub fn run(words: impl Iterator<Item = String>) -> ExitCode {
    mail_app::log_to_stderr();
    let options = options::parse(words);
    let (started, app) = watch::channel(None);
    let (ready, window_system) = watch::channel(None);
    // Beside the window system, which takes its time. A second start ends here with the lock on
    // the folder, before it touches anything, and is told so only if no first window takes over.
    let desktop = Desktop::new(window_system);
    tauri::async_runtime::spawn(start(desktop, options, started));
    let built = once_per_person(tauri::Builder::default())
        .plugin(window_place().build())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        .register_asynchronous_uri_scheme_protocol(message_frame::SCHEME, message_frame::serve)
        .invoke_handler(tauri::generate_handler![
            commands::call,
            commands::open,
            commands::close
        ])
        .manage(<Running>::new(app))
        .setup(move |app| {
            tracing::debug!("set up");
            window::open(app.handle())?;
            ready.send_replace(Some(app.handle().clone()));
            Ok(())
        })
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            app.run(|app, event| {
                if let tauri::RunEvent::Exit = event {
                    tauri::async_runtime::block_on(stop(app));
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the window could not be opened");
            ExitCode::FAILURE
        }
    }
}

/// Remembers where the window was, beside the other things that are remembered.
fn window_place() -> tauri_plugin_window_state::Builder {
    let builder = tauri_plugin_window_state::Builder::new();
    let folder = std::env::var_os("BRAID_CONFIG_DIR").map(PathBuf::from);
    // The plugin joins the name to the system's folder for this program, and a whole path wins.
    match folder.and_then(|folder| std::path::absolute(folder).ok()) {
        Some(folder) => {
            let file = folder.join("window-state.json");
            builder.with_filename(file.to_string_lossy())
        }
        None => builder,
    }
}

/// A second start brings the first window to the front and ends before it touches anything. A
/// Braid with folders of its own is another Braid; there the lock on the folder keeps order.
fn once_per_person(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    if std::env::var_os("BRAID_DATA_DIR").is_some() {
        return builder;
    }
    builder.plugin(tauri_plugin_single_instance::init(|app, _, _| {
        window::focus(app)
    }))
}

async fn start(desktop: Desktop, options: Options, started: watch::Sender<Option<App>>) {
    let host: Arc<dyn Host> = Arc::new(desktop.clone());
    let start = Start {
        rehearse: options.rehearse,
        after_first_paint: true,
        ..Start::of_person(host)
    };
    match App::start(start).await {
        Ok(app) => {
            tracing::debug!("started");
            started.send_replace(Some(app));
        }
        Err(error) => {
            tracing::error!(%error, "Braid could not start");
            if let Some(handle) = desktop.handle().await {
                explain(&handle, &error);
            }
        }
    }
}

/// Says why there is no app, in a dialog of the system's, and ends.
fn explain(handle: &AppHandle, error: &StartError) {
    let ending = handle.clone();
    handle
        .dialog()
        .message(error.to_string())
        .title("Braid could not start")
        .kind(MessageDialogKind::Error)
        .show(move |_| ending.exit(1));
}

async fn stop(handle: &AppHandle) {
    let running = handle.state::<Running>();
    running.close_all();
    if let Some(app) = running.started() {
        app.stop().await;
    }
}
