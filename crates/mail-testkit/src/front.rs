//! A small HTTP proxy before Cyrus that takes our tokens.
//!
//! Cyrus checks no expiry, no issuer and no audience and knows no EdDSA, so tokens of a real
//! login service go no further than here: the front checks them and passes on the person only.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONNECTION, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use serde_json::json;
use tokio::sync::oneshot;
use url::Url;

use crate::Cyrus;

type Check = dyn Fn(&str) -> Option<String> + Send + Sync;

/// One request that reached the front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// Whose token it was; `None` if it was refused.
    pub person: Option<String>,
}

/// A running front, with a thread and a runtime of its own, so that it may outlive a test's.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Passage {
    http: reqwest::Client,
    server: Url,
    secret: [u8; 32],
    check: Box<Check>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Front {
    /// Starts before a server. `check` says whose a bearer token is; `None` refuses it with 401.
    #[must_use]
    pub fn start(
        cyrus: &Cyrus,
        check: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let passage = Arc::new(Passage {
            http: reqwest::Client::builder()
                .no_proxy()
                .no_gzip()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("an HTTP client can be made"),
            server: cyrus.url(),
            secret: *cyrus.secret(),
            check: Box::new(check),
            seen: Arc::clone(&seen),
        });
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener
            .set_nonblocking(true)
            .expect("a listener can be non-blocking");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || serve(listener, passage, stopped));
        Self {
            address,
            seen,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The origin, for discovery by `/.well-known/jmap`.
    #[must_use]
    pub fn url(&self) -> Url {
        format!("http://{}/", self.address)
            .parse()
            .expect("an address and a port make a URL")
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the front before Cyrus IMAPd had panicked");
        }
    }
}

fn serve(listener: std::net::TcpListener, passage: Arc<Passage>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async move {
        let listener =
            tokio::net::TcpListener::from_std(listener).expect("the listener can be polled");
        let router = Router::new().fallback(pass).with_state(passage);
        tokio::select! {
            _ = stopped => {}
            _ = async { axum::serve(listener, router).await } => {}
        }
    });
    // Connections that are still open must not keep the test waiting.
    runtime.shutdown_background();
}

async fn pass(State(passage): State<Arc<Passage>>, request: Request) -> Response {
    let person = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .and_then(|token| (passage.check)(token));
    passage
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Seen {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            person: person.clone(),
        });
    match person {
        Some(person) => forward(&passage, request, &person).await,
        None => answer(StatusCode::UNAUTHORIZED)
            .header(WWW_AUTHENTICATE, "Bearer")
            .body(Body::empty())
            .expect("a response can be made"),
    }
}

async fn forward(passage: &Passage, request: Request, person: &str) -> Response {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |place| place.as_str());
    let url = passage.server.join(target).expect("a path makes a URL");
    let token = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &json!({ "sub": person }),
        &EncodingKey::from_secret(&passage.secret),
    )
    .expect("a token can be signed");
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    for name in [AUTHORIZATION, CONNECTION, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let passed = passage
        .http
        .request(parts.method, url)
        // With the front's own Host, so that the server's redirects lead back here.
        .headers(headers)
        .bearer_auth(token)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await;
    let Ok(passed) = passed else {
        return answer(StatusCode::BAD_GATEWAY)
            .body(Body::empty())
            .expect("a response can be made");
    };
    let mut response = answer(passed.status());
    for (name, value) in passed.headers() {
        if name != CONNECTION && name != TRANSFER_ENCODING {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from_stream(passed.bytes_stream()))
        .expect("a response can be made")
}

fn answer(status: StatusCode) -> axum::http::response::Builder {
    Response::builder().status(status)
}
