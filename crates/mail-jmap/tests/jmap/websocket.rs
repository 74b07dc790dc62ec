//! Changes announced over a web socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use futures::{SinkExt, StreamExt};
use mail_jmap::{JmapConfig, JmapSource, ServerAddress, Timeouts};
use mail_model::remote::{MailSource, PushEvent, SourceError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::scripted::{Recorded, Reply, Server};
use crate::tokens::Tokens;
use crate::world::{TOKEN, World};

type Socket = WebSocketStream<TcpStream>;

const EVENTS: (&str, &str) = ("Content-Type", "text/event-stream");

/// A session that offers announcements at that address.
fn offering(world: &World, url: &str) -> Value {
    let mut session = world.session();
    session["capabilities"]["urn:ietf:params:jmap:websocket"] =
        json!({ "url": url, "supportsPush": true });
    session
}

/// The address of the server's own web socket.
fn own(request: &Recorded) -> String {
    format!("ws://{}/ws", request.header("host").unwrap())
}

/// Agrees to a handshake, and hands the connection to `talk`.
fn agree<F>(request: &Recorded, talk: impl Fn(Socket) -> F + Send + Sync + 'static) -> Reply
where
    F: Future<Output = ()> + Send + 'static,
{
    let key = request.header("sec-websocket-key").unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let headers = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Accept", accept.as_str()),
        ("Sec-WebSocket-Protocol", "jmap"),
    ];
    let talk = Arc::new(talk);
    Reply::switching(&headers, move |stream| {
        let talk = Arc::clone(&talk);
        Box::pin(async move {
            talk(WebSocketStream::from_raw_socket(stream, Role::Server, None).await).await;
        })
    })
}

/// A server with a web socket where `talk` speaks, an event source that ends at once, and the
/// mail of a small world.
async fn server<F>(talk: impl Fn(Socket) -> F + Clone + Send + Sync + 'static) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let world = World::new(1);
    Server::start(move |request| match request.path() {
        "/session" => Reply::json(&offering(&world, &own(request))),
        "/ws" => agree(request, talk.clone()),
        "/events" => Reply::raw(200, &[EVENTS], Vec::new()),
        _ => world.reply(request),
    })
    .await
}

fn source(server: &Server) -> JmapSource {
    let mut config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    config.timeouts = Timeouts {
        ping: Duration::from_millis(50),
        pong: Duration::from_millis(300),
        ..Timeouts::default()
    };
    JmapSource::new(config, Arc::new(Tokens::only(TOKEN))).unwrap()
}

fn state(account: &str, push_state: &str) -> Message {
    let change = json!({
        "@type": "StateChange", "changed": { account: { "Email": "e2" } }, "pushState": push_state,
    });
    Message::text(change.to_string())
}

/// The next text the client sends; answers pings on the way.
async fn said(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Everything but pings.
async fn told(source: &JmapSource) -> Vec<Result<PushEvent, SourceError>> {
    let stream = source.push().await.unwrap().unwrap();
    stream
        .filter(|event| futures::future::ready(!matches!(event, Ok(PushEvent::Ping))))
        .collect()
        .await
}

fn paths(server: &Server) -> Vec<String> {
    let seen = server.seen();
    seen.iter()
        .map(|request| request.path().to_owned())
        .filter(|path| path != "/session")
        .collect()
}

#[tokio::test]
async fn changes_are_announced_over_the_web_socket_and_the_next_one_goes_on_from_there() {
    let (enabled, mut enables) = mpsc::unbounded_channel();
    let server = server(move |mut socket: Socket| {
        let enabled = enabled.clone();
        async move {
            enabled.send(said(&mut socket).await).unwrap();
            socket.send(state("another", "p1")).await.unwrap();
            socket.send(state("A1", "p2")).await.unwrap();
            socket.close(None).await.unwrap();
        }
    })
    .await;
    let source = source(&server);
    for before in [Value::Null, "p2".into()] {
        let given = told(&source).await;
        assert!(
            matches!(
                given[..],
                [Ok(PushEvent::Connected), Ok(PushEvent::Changed)]
            ),
            "{given:?}"
        );
        assert_eq!(
            enables.recv().await.unwrap(),
            json!({
                "@type": "WebSocketPushEnable", "dataTypes": ["Mailbox", "Email"],
                "pushState": before,
            })
        );
    }
    assert_eq!(paths(&server), ["/ws", "/ws"]);
    let request = server.seen().pop().unwrap();
    assert_eq!(request.header("authorization"), Some("Bearer ana's token"));
    assert_eq!(request.header("sec-websocket-protocol"), Some("jmap"));
    assert_eq!(request.header("sec-websocket-version"), Some("13"));
    let key = request.header("sec-websocket-key").unwrap();
    let key = base64::engine::general_purpose::STANDARD
        .decode(key)
        .unwrap();
    assert_eq!(key.len(), 16);
}

#[tokio::test]
async fn a_web_socket_on_another_server_never_sees_the_token() {
    let elsewhere = Server::start(|_| Reply::status(404)).await;
    let other = elsewhere.url("/ws").to_string().replace("http", "ws");
    for url in [
        other.as_str(),
        "wss://mail.example/ws",
        "ws://mail.example/ws",
        "/ws",
        "http://127.0.0.1/ws",
        "not an address",
    ] {
        let world = World::new(1);
        let (server, source) = world.serve().await;
        let session = offering(&world, url);
        server.set(move |request| match request.path() {
            "/session" => Reply::json(&session),
            "/events" => Reply::raw(200, &[EVENTS], Vec::new()),
            _ => world.reply(request),
        });
        assert_eq!(told(&source).await.len(), 1, "{url}");
        assert_eq!(paths(&server), ["/events"], "{url}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_capability_that_makes_no_sense_costs_the_web_socket_only() {
    for capability in [
        Value::Null,
        json!(7),
        json!({}),
        json!({ "url": 7, "supportsPush": true }),
        json!({ "url": "ws://127.0.0.1/ws", "supportsPush": false }),
        json!({ "url": "ws://127.0.0.1/ws" }),
    ] {
        let world = World::new(1);
        let (server, source) = world.serve().await;
        let mut session = world.session();
        session["capabilities"]["urn:ietf:params:jmap:websocket"] = capability.clone();
        server.set(move |request| match request.path() {
            "/session" => Reply::json(&session),
            "/events" => Reply::raw(200, &[EVENTS], Vec::new()),
            _ => world.reply(request),
        });
        assert_eq!(told(&source).await.len(), 1, "{capability}");
        assert_eq!(paths(&server), ["/events"], "{capability}");
    }
}

#[tokio::test]
async fn a_refused_web_socket_gives_way_to_the_event_source_and_then_to_polling() {
    for reply in [
        Reply::status(404),
        Reply::status(503),
        Reply::status(200),
        Reply::raw(101, &[], Vec::new()),
        Reply::raw(
            101,
            &[
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Accept", "AAAA"),
                ("Sec-WebSocket-Protocol", "jmap"),
            ],
            Vec::new(),
        ),
    ] {
        let server = server(|_| async {}).await;
        let world = World::new(1);
        let refusal = reply.clone();
        server.set(move |request| match request.path() {
            "/session" => Reply::json(&offering(&world, &own(request))),
            "/ws" => refusal.clone(),
            "/events" => Reply::raw(200, &[EVENTS], Vec::new()),
            _ => world.reply(request),
        });
        let source = source(&server);
        assert_eq!(told(&source).await.len(), 1);
        assert_eq!(paths(&server), ["/ws", "/events"]);
        let world = World::new(1);
        server.set(move |request| match request.path() {
            "/ws" => reply.clone(),
            _ => world.reply(request),
        });
        assert!(source.push().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_a_web_socket_too() {
    let world = World::new(1);
    let server = Server::start(move |request| {
        let renewed = request.header("authorization") == Some("Bearer new");
        match request.path() {
            "/session" => Reply::json(&offering(&world, &own(request))),
            "/ws" if renewed => agree(request, |mut socket: Socket| async move {
                said(&mut socket).await;
                socket.close(None).await.unwrap();
            }),
            _ => Reply::status(401),
        }
    })
    .await;
    let tokens = Arc::new(Tokens::renewable("old", "new"));
    let config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    let source = JmapSource::new(config, tokens.clone()).unwrap();
    assert_eq!(told(&source).await.len(), 1);
    assert_eq!(tokens.renewals(), 1);
    assert_eq!(paths(&server), ["/ws", "/ws"]);
}

#[tokio::test]
async fn a_web_socket_that_falls_silent_ends() {
    let server = server(|mut socket: Socket| async move {
        said(&mut socket).await;
        socket.send(state("A1", "p1")).await.unwrap();
        // Reads nothing any more, so it answers no ping either.
        std::future::pending::<()>().await;
    })
    .await;
    let source = source(&server);
    let given = told(&source).await;
    assert!(
        matches!(
            given[..],
            [
                Ok(PushEvent::Connected),
                Ok(PushEvent::Changed),
                Err(SourceError::Unreachable(_))
            ]
        ),
        "{given:?}"
    );
}

#[tokio::test]
async fn a_web_socket_that_pings_and_never_answers_ends() {
    let server = server(|socket: Socket| async move {
        // Only writes: what the client asks is never read, so it is never answered.
        let (mut writes, _reads) = socket.split();
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while writes.send(Message::Ping(Vec::new().into())).await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    let source = source(&server);
    let given = told(&source).await;
    assert!(
        matches!(
            given[..],
            [Ok(PushEvent::Connected), Err(SourceError::Unreachable(_))]
        ),
        "{given:?}"
    );
    // It has not stood, so the event source is next.
    told(&source).await;
    told(&source).await;
    assert_eq!(paths(&server), ["/ws", "/ws", "/events"]);
}

#[tokio::test]
async fn a_web_socket_that_answers_pings_goes_on() {
    let server = server(|mut socket: Socket| async move {
        // Reading answers pings.
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let source = source(&server);
    let stream = source.push().await.unwrap().unwrap();
    let given: Vec<_> = stream.take(5).map(Result::unwrap).collect().await;
    assert_eq!(given[0], PushEvent::Connected);
    assert!(given[1..].iter().all(|event| *event == PushEvent::Ping));
}

#[tokio::test]
async fn what_is_too_long_malformed_or_junk_ends_the_channel() {
    let long = Message::text("x".repeat(65 * 1024));
    let junk = Message::text(r#"{"@type":"Response"}"#);
    let bytes = Message::binary(vec![0_u8; 8]);
    let refusal = Message::text(r#"{"@type":"RequestError","type":"about:blank"}"#);
    let ping = Message::Ping(Vec::new().into());
    for message in [long, junk, bytes, refusal, ping] {
        let talking = message.clone();
        let server = server(move |mut socket: Socket| {
            let message = talking.clone();
            async move {
                said(&mut socket).await;
                while socket.send(message.clone()).await.is_ok() {}
            }
        })
        .await;
        let given = told(&source(&server)).await;
        assert_eq!(given.len(), 2, "{given:?}");
        assert!(
            matches!(given[1], Err(SourceError::BadAnswer { .. })),
            "{given:?}"
        );
    }
}

#[tokio::test]
async fn a_web_socket_that_is_cut_before_its_first_sign_twice_gives_way_to_the_event_source() {
    let server = server(|mut socket: Socket| async move {
        // Neither a pong nor a word.
        socket.get_mut().readable().await.unwrap();
    })
    .await;
    let source = source(&server);
    for _ in 0..3 {
        told(&source).await;
    }
    assert_eq!(paths(&server), ["/ws", "/ws", "/events"]);
}

#[tokio::test]
async fn a_cut_web_socket_is_no_malformed_answer() {
    let server = server(|mut socket: Socket| async move {
        said(&mut socket).await;
        socket.send(state("A1", "p1")).await.unwrap();
    })
    .await;
    let given = told(&source(&server)).await;
    assert!(
        matches!(given.last(), Some(Err(SourceError::Unreachable(_)))),
        "{given:?}"
    );
}
#[tokio::test]
async fn a_thousand_cut_channels_leave_no_tasks_and_no_connections_behind() {
    let open = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&open);
    let server = server(move |mut socket: Socket| {
        let open = Arc::clone(&counted);
        async move {
            open.fetch_add(1, Ordering::SeqCst);
            said(&mut socket).await;
            socket.send(state("A1", "p1")).await.unwrap();
            // Cut from this side; over once the other side has let go of it, too.
            let stream = socket.get_mut();
            stream.shutdown().await.unwrap();
            while stream.read_u8().await.is_ok() {}
            open.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    let source = source(&server);
    told(&source).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let tasks = metrics.num_alive_tasks();
    for _ in 0..1_000 {
        assert!(told(&source).await.len() >= 2);
    }
    let left = || metrics.num_alive_tasks().saturating_sub(tasks) + open.load(Ordering::SeqCst);
    let over = async {
        while left() > 5 {
            tokio::task::yield_now().await;
        }
    };
    let over = tokio::time::timeout(Duration::from_secs(20), over).await;
    assert!(over.is_ok(), "{} tasks and connections", left());
    assert_eq!(paths(&server).len(), 1_001);
}
