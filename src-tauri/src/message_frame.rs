//! The scheme that serves cleaned mail to its frames. It serves nothing else, and the page's
//! own scheme serves no mail.

use tauri::http::{Request, Response, StatusCode};
use tauri::{Manager as _, Runtime, UriSchemeContext, UriSchemeResponder};

use crate::running::Running;

/// The scheme's name.
pub(crate) const SCHEME: &str = "mail";

/// What its addresses begin with.
pub(crate) const ORIGIN: &str = "mail://localhost";

/// Answers one request of a mail frame.
pub(crate) fn serve<R: Runtime>(
    context: UriSchemeContext<'_, R>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let app = context.app_handle().clone();
    tauri::async_runtime::spawn(async move {
        let response = match app.state::<Running>().app().await {
            Some(braid) => {
                let address = request.uri().path_and_query();
                let frame = braid
                    .frame(address.map_or("/", |address| address.as_str()))
                    .await;
                let mut response = Response::builder().status(frame.status);
                for (name, value) in frame.headers {
                    response = response.header(name, value);
                }
                response.body(frame.body)
            }
            None => Response::builder()
                .status(StatusCode::SERVICE_UNAVAILABLE)
                .body(Vec::new()),
        };
        match response {
            Ok(response) => responder.respond(response),
            Err(error) => tracing::error!(%error, "a mail frame's answer could not be built"),
        }
    });
}
