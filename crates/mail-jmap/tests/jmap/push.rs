//! Changes announced by an event source.

use futures::StreamExt;
use mail_jmap::JmapSource;
use mail_model::remote::{MailSource, PushEvent, SourceError};

use crate::scripted::{Reply, Server};
use crate::world::World;

const EVENTS: (&str, &str) = ("Content-Type", "text/event-stream; charset=utf-8");

/// A server that answers the event source in its own way.
async fn events(reply: Reply) -> (Server, JmapSource) {
    let world = World::new(1);
    let (server, source) = world.serve().await;
    server.set(move |request| match request.path() {
        "/events" => reply.clone(),
        _ => world.reply(request),
    });
    (server, source)
}

async fn all(source: &JmapSource) -> Vec<Result<PushEvent, SourceError>> {
    source.push().await.unwrap().unwrap().collect().await
}

#[tokio::test]
async fn hints_arrive_however_the_stream_is_cut() {
    let text = "retry: 1000\r\n\r\n: hello\r\n\r\nevent: state\r\nid: 7\r\n\
                data: {\"@type\":\"StateChange\",\"changed\":{\"A1\":{\"Email\":\"e2\"}}}\r\n\r\n\
                event: ping\r\ndata: {\"interval\":60}\r\n\r\n\
                event: state\r\ndata: {\"changed\":\r\ndata: {\"A1\":{}}}\r\n\r\n\
                event: state\r\ndata: {\"changed\":{\"another\":{\"Email\":\"1\"}}}\r\n\r\n";
    for size in [1, 7, 1000] {
        let pieces = text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let (_server, source) = events(Reply::raw(200, &[EVENTS], pieces)).await;
        let given: Vec<PushEvent> = all(&source).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            given,
            [
                PushEvent::Connected,
                PushEvent::Changed,
                PushEvent::Ping,
                PushEvent::Changed,
            ],
            "{size}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_pings_ends_the_channel() {
    let pings = "event: ping\r\ndata: {\"interval\":60}\r\n\r\n".repeat(1_000);
    let (_server, source) = events(Reply::raw(200, &[EVENTS], vec![pings.into_bytes()])).await;
    let given = all(&source).await;
    assert!(matches!(
        given.last(),
        Some(Err(SourceError::BadAnswer { .. }))
    ));
    assert!(given.len() < 200, "{}", given.len());
}

#[tokio::test]
async fn the_channel_is_asked_for_with_pings_and_the_token() {
    let (server, source) = events(Reply::raw(200, &[EVENTS], Vec::new())).await;
    all(&source).await;
    let request = server.seen().pop().unwrap();
    assert_eq!(request.target, "/events?types=%2A&closeafter=no&ping=60");
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("authorization"), Some("Bearer ana's token"));
}

#[tokio::test]
async fn a_server_without_a_channel_has_none() {
    for status in [204, 404, 405, 501] {
        let (_server, source) = events(Reply::status(status)).await;
        assert!(source.push().await.unwrap().is_none(), "{status}");
    }
    let world = World::new(1);
    let (server, source) = world.serve().await;
    let mut session = world.session();
    session["eventSourceUrl"] = serde_json::Value::Null;
    server.set(move |_| Reply::json(&session));
    assert!(source.push().await.unwrap().is_none());
}

#[tokio::test]
async fn a_page_instead_of_a_channel_is_an_error() {
    let html = Reply::new(200, &[("Content-Type", "text/html")], "<p>Sign in</p>");
    let (_server, source) = events(html).await;
    let error = source.push().await.err().unwrap();
    assert!(matches!(error, SourceError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn a_channel_that_breaks_says_so_and_ends() {
    let headers = [EVENTS, ("Transfer-Encoding", "chunked")];
    let pieces = vec![b"13\r\nevent: ping\ndata:\n\n\r\n".to_vec()];
    let (_server, source) = events(Reply::raw(200, &headers, pieces)).await;
    let given = all(&source).await;
    assert_eq!(given.len(), 3, "{given:?}");
    assert!(matches!(given[1], Ok(PushEvent::Ping)));
    assert!(matches!(given[2], Err(SourceError::Unreachable(_))));
}

#[tokio::test]
async fn an_event_without_end_is_cut_off() {
    for piece in ["data: ".repeat(1_000), "data: x\n".repeat(1_000)] {
        let pieces = vec![piece.into_bytes(); 100];
        let (_server, source) = events(Reply::raw(200, &[EVENTS], pieces)).await;
        let given = all(&source).await;
        assert_eq!(given.len(), 2, "{given:?}");
        assert!(matches!(given[1], Err(SourceError::BadAnswer { .. })));
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_end_the_channel() {
    let pieces = vec![b"data: \xff\xfe\n\n".to_vec()];
    let (_server, source) = events(Reply::raw(200, &[EVENTS], pieces)).await;
    let given = all(&source).await;
    assert!(matches!(given.last(), Some(Err(_))), "{given:?}");
}
