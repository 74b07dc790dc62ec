//! The page over loopback instead of in the window, for stories in a browser.
//!
//! Built only for tests. Serves `ui/dist`, the calls and feeds over one WebSocket, and mail
//! frames, all on one address; prints one JSON line with it. Data lives in a fresh folder.
//!
//! usage: bridge [--rehearse Work,Personal] [--size N]

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test's program that cannot go on stops and says where"
)]

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures::{SinkExt as _, StreamExt as _};
use mail_app::{
    App, Clock, Config, FeedSink, Host, HostError, OpenFeed, Start, SystemClock, UiError,
    VaultChoice,
};
use mail_model::UnixTime;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use url::Url;

/// What the window's page is served with, with loopback in the place of its schemes.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; object-src 'none'";

/// The machine's clock, moved on by a story: proofs of a person run out by it.
#[derive(Default)]
struct Later(AtomicI64);

impl Clock for Later {
    fn now(&self) -> UnixTime {
        let ahead = self.0.load(Ordering::SeqCst);
        UnixTime::from_seconds(SystemClock.now().seconds().saturating_add(ahead))
    }
}

/// A host that writes down what it is asked to open, and answers for the person where to save.
struct Recorder {
    origin: String,
    frames: String,
    opened: Mutex<Vec<String>>,
    saved: PathBuf,
    /// Answers to the next questions where to save; none is a change of mind. Without them
    /// everything is saved in one folder under the suggested name.
    places: Mutex<VecDeque<Option<PathBuf>>>,
}

#[mail_app::async_trait]
impl Host for Recorder {
    async fn open_url(&self, url: &Url) -> Result<(), HostError> {
        self.opened.lock().unwrap().push(url.to_string());
        Ok(())
    }

    async fn open_file(&self, path: &Path) -> Result<(), HostError> {
        self.opened.lock().unwrap().push(path.display().to_string());
        Ok(())
    }

    async fn ask_save_path(&self, suggested_name: &str) -> Result<Option<PathBuf>, HostError> {
        let told = self.places.lock().unwrap().pop_front();
        Ok(told.unwrap_or_else(|| Some(self.saved.join(suggested_name))))
    }

    async fn ask_open_path(&self, _: &[&str]) -> Result<Option<PathBuf>, HostError> {
        let chosen = self.saved.join("chosen.png");
        Ok(chosen.exists().then_some(chosen))
    }

    fn frame_origin(&self) -> &str {
        &self.frames
    }

    fn page_origins(&self) -> &str {
        &self.origin
    }
}

#[derive(Clone)]
struct Bridge {
    app: App,
    host: Arc<Recorder>,
    clock: Arc<Later>,
}

#[derive(Deserialize)]
struct Asked {
    id: u64,
    call: Option<String>,
    open: Option<String>,
    #[serde(default)]
    close: bool,
    #[serde(default)]
    payload: Value,
}

fn argument(name: &str) -> Option<String> {
    let mut words = std::env::args();
    words.find(|word| word == name)?;
    words.next()
}

#[tokio::main]
async fn main() {
    mail_app::log_to_stderr();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let saved = tempfile::tempdir().unwrap();
    let host = Arc::new(Recorder {
        frames: format!("{origin}/mail"),
        origin: origin.clone(),
        opened: Mutex::default(),
        saved: saved.path().to_path_buf(),
        places: Mutex::default(),
    });
    let clock = Arc::new(Later::default());
    let people =
        argument("--rehearse").map(|names| names.split(',').map(ToOwned::to_owned).collect());
    let start = Start {
        fresh: true,
        vault: VaultChoice::SessionOnly,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        config: Some(Config {
            rehearsal: people.is_some(),
            ..Config::default()
        }),
        rehearse: people.unwrap_or_default(),
        rehearsal_size: argument("--size").and_then(|size| size.parse().ok()),
        ..Start::of_person(Arc::clone(&host) as Arc<dyn Host>)
    };
    let app = App::start(start).await.unwrap();
    let control = app.rehearsal_control().await;
    let bridge = Bridge {
        app: app.clone(),
        host,
        clock,
    };
    let page = ServeDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist"));
    let routes = Router::new()
        .route("/bridge", any(connect))
        .route("/mail/{*path}", get(frame))
        .route("/test/opened", get(opened))
        .route("/test/places", post(place))
        .route("/test/ahead", post(ahead))
        .fallback_service(
            tower::ServiceBuilder::new()
                .layer(SetResponseHeaderLayer::overriding(
                    header::CONTENT_SECURITY_POLICY,
                    HeaderValue::from_static(PAGE_POLICY),
                ))
                .service(page),
        )
        .with_state(bridge);
    println!(
        "{}",
        json!({ "url": origin, "control_url": control, "saved": saved.path() })
    );
    axum::serve(listener, routes)
        .with_graceful_shutdown(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await
        .unwrap();
    app.stop().await;
}

async fn opened(State(bridge): State<Bridge>) -> axum::Json<Vec<String>> {
    axum::Json(bridge.host.opened.lock().unwrap().clone())
}

async fn place(State(bridge): State<Bridge>, axum::Json(told): axum::Json<Option<PathBuf>>) {
    bridge.host.places.lock().unwrap().push_back(told);
}

async fn ahead(State(bridge): State<Bridge>, axum::Json(seconds): axum::Json<i64>) {
    bridge.clock.0.store(seconds, Ordering::SeqCst);
}

async fn frame(State(bridge): State<Bridge>, request: Request) -> Response {
    let address = request
        .uri()
        .path_and_query()
        .map_or("/", |found| found.as_str());
    let reply = bridge
        .app
        .frame(address.strip_prefix("/mail").unwrap_or(address))
        .await;
    let mut headers = HeaderMap::new();
    for (name, value) in reply.headers {
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.parse().unwrap(),
        );
    }
    (
        StatusCode::from_u16(reply.status).unwrap(),
        headers,
        reply.body,
    )
        .into_response()
}

async fn connect(State(bridge): State<Bridge>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| talk(bridge, socket))
}

async fn talk(bridge: Bridge, socket: WebSocket) {
    let (mut sending, mut receiving) = socket.split();
    let (out, mut outgoing) = mpsc::unbounded_channel::<Value>();
    let mut feeds: HashMap<u64, OpenFeed> = HashMap::new();
    let writer = tokio::spawn(async move {
        while let Some(value) = outgoing.recv().await {
            if sending
                .send(Message::Text(value.to_string().into()))
                .await
                .is_err()
            {
                break;
            }
        }
    });
    while let Some(Ok(message)) = receiving.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let Ok(asked) = serde_json::from_str::<Asked>(&text) else {
            continue;
        };
        if asked.close {
            feeds.remove(&asked.id);
        } else if let Some(feed) = asked.open {
            // In order, so that a close right after an open finds something to close.
            if let Some(open) = open(&bridge.app, asked.id, &feed, asked.payload, &out).await {
                feeds.insert(asked.id, open);
            }
        } else if let Some(call) = asked.call {
            tokio::spawn(answer(
                bridge.app.clone(),
                asked.id,
                call,
                asked.payload,
                out.clone(),
            ));
        }
    }
    writer.abort();
}

async fn open(
    app: &App,
    id: u64,
    feed: &str,
    payload: Value,
    out: &mpsc::UnboundedSender<Value>,
) -> Option<OpenFeed> {
    let events = out.clone();
    let sink = FeedSink::new(move |event| events.send(json!({ "id": id, "event": event })).is_ok());
    match app.open(feed, payload, sink).await {
        Ok(feed) => Some(feed),
        Err(error) => {
            out.send(refused(id, error)).ok();
            None
        }
    }
}

async fn answer(
    app: App,
    id: u64,
    call: String,
    payload: Value,
    out: mpsc::UnboundedSender<Value>,
) {
    let reply = match app.call(&call, payload).await {
        Ok(reply) => json!({ "id": id, "reply": reply }),
        Err(error) => refused(id, error),
    };
    out.send(reply).ok();
}

fn refused(id: u64, error: UiError) -> Value {
    json!({ "id": id, "error": error })
}
