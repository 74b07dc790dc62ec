//! The main window, and what its web view may not do.

use mail_app::App;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Manager as _, Url, WebviewUrl, WebviewWindowBuilder};

use crate::running::Running;

/// The main window's label.
pub(crate) const MAIN: &str = "main";

/// A loopback port nobody listens on. The web view's whole network is pointed there: the page
/// and mail frames come from our own schemes, everything else ends here, before any look-up.
const CLOSED_PROXY: &str = "http://127.0.0.1:9";

/// Opens the main window.
pub(crate) fn open(app: &AppHandle) -> tauri::Result<()> {
    let handle = app.clone();
    let links = app.clone();
    let builder = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Braid")
        .inner_size(1280.0, 800.0)
        .min_inner_size(720.0, 480.0)
        .on_navigation(is_own_page)
        .on_new_window(move |url, _| {
            follow_link(&links, url);
            NewWindowResponse::Deny
        })
        .on_download(|_, _| false)
        .on_page_load(move |_, payload| {
            tracing::debug!(event = ?payload.event(), "page");
            if payload.event() == PageLoadEvent::Started {
                handle.state::<Running>().close_all();
            }
        });
    let builder = if cfg!(feature = "custom-protocol") {
        let proxy = CLOSED_PROXY
            .parse()
            .map_err(|_| tauri::Error::InvalidWindowHandle)?;
        builder.proxy_url(proxy)
    } else {
        builder
    };
    builder.build()?;
    Ok(())
}

/// The window shows the app's page and, in frames, mail. It goes nowhere else.
fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" | crate::message_frame::SCHEME => true,
        "http" => !cfg!(feature = "custom-protocol") && url.host_str() == Some("127.0.0.1"),
        "about" => url.as_str() == "about:blank" || url.as_str() == "about:srcdoc",
        _ => false,
    }
}

/// A link in a mail was clicked. The web view never opens it; the app decides.
fn follow_link(app: &AppHandle, url: Url) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Some(braid) = app.state::<Running>().app().await {
            App::follow_link(&braid, &url).await;
        }
    });
}

/// Brings the window to the front, as a second start does.
pub(crate) fn focus(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else {
        return;
    };
    for done in [window.unminimize(), window.show(), window.set_focus()] {
        if let Err(error) = done {
            tracing::warn!(%error, "the window could not be brought to the front");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_leaves_its_page_for_nothing() {
        for elsewhere in [
            "https://login.northwind.example/",
            "file:///etc/passwd",
            "data:text/html,x",
            "javascript:alert(1)",
            "ipc://localhost/call",
            "blob:null/x",
        ] {
            assert!(!is_own_page(&elsewhere.parse().unwrap()), "{elsewhere}");
        }
        assert!(is_own_page(
            &"tauri://localhost/index.html".parse().unwrap()
        ));
    }
}
