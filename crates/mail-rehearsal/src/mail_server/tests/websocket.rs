use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::NewMail;
use super::{World, world};
use crate::faults::{Rule, Switch};

const SAFETY: Duration = Duration::from_secs(20);

/// One connection.
struct Socket(WebSocketStream<TcpStream>);

async fn open(world: &World, token: &str, protocol: Option<&str>) -> Result<Socket, Error> {
    let address = world.url.strip_prefix("http://").unwrap();
    let mut request = format!("ws://{address}/jmap/ws").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    if let Some(protocol) = protocol {
        headers.insert("sec-websocket-protocol", protocol.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    Ok(Socket(client_async(request, stream).await?.0))
}

impl Socket {
    async fn of_work(world: &World) -> Self {
        open(world, "token-Work", Some("jmap")).await.unwrap()
    }

    async fn say(&mut self, value: &Value) {
        self.0.send(Message::text(value.to_string())).await.unwrap();
    }

    /// The next JSON; none at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(SAFETY, self.0.next()).await.expect("in time")? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Listens, and is sure that it does when this returns.
    async fn enable(&mut self, types: Value, push_state: Option<&str>) {
        self.say(&json!({
            "@type": "WebSocketPushEnable", "dataTypes": types, "pushState": push_state,
        }))
        .await;
        self.say(&json!({
            "@type": "Request", "id": "after", "using": ["urn:ietf:params:jmap:core"],
            "methodCalls": [["Core/echo", {}, "0"]],
        }))
        .await;
    }
}

fn mail() -> NewMail<'static> {
    NewMail {
        from_name: "Mum",
        from: "mum@family.example",
        subject: "Sunday",
        text: "Hi\n",
        answers: None,
    }
}

fn status(error: Error) -> u16 {
    match error {
        Error::Http(response) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_web_socket_wants_a_token_and_the_subprotocol() {
    let world = world().await;
    let refused = open(&world, "token-old", Some("jmap")).await.err().unwrap();
    assert_eq!(status(refused), 401);
    for protocol in [None, Some("chat")] {
        let refused = open(&world, "token-Work", protocol).await.err().unwrap();
        assert_eq!(status(refused), 400);
    }
    world.faults.add(Rule::status("/jmap/ws", 503, 1));
    let refused = open(&world, "token-Work", Some("jmap"))
        .await
        .err()
        .unwrap();
    assert_eq!(status(refused), 503);
}

#[tokio::test]
async fn requests_are_answered_over_a_web_socket() {
    let world = world().await;
    let mut socket = Socket::of_work(&world).await;
    socket
        .say(&json!({
            "@type": "Request", "id": "r1", "using": ["urn:ietf:params:jmap:core"],
            "methodCalls": [["Core/echo", { "hello": true }, "c0"]],
        }))
        .await;
    let answer = socket.next().await.unwrap();
    assert_eq!(answer["@type"], "Response");
    assert_eq!(answer["requestId"], "r1");
    for nonsense in [json!({ "@type": "Request", "id": "r2" }), json!([7])] {
        socket.say(&nonsense).await;
        let answer = socket.next().await.unwrap();
        assert_eq!(answer["@type"], "RequestError", "{answer}");
        assert_eq!(answer["status"], 400);
    }
}

#[tokio::test]
async fn mail_is_announced_to_its_account_with_the_state_to_go_on_from() {
    let world = world().await;
    let mut socket = Socket::of_work(&world).await;
    socket.enable(json!(["Email"]), None).await;
    assert_eq!(socket.next().await.unwrap()["requestId"], "after");
    world.server.deliver("Personal", &mail()).unwrap();
    world.server.deliver("Work", &mail()).unwrap();
    let change = socket.next().await.unwrap();
    assert_eq!(change["@type"], "StateChange");
    let changed = change["changed"].as_object().unwrap();
    assert_eq!(changed.len(), 1);
    let types = changed.values().next().unwrap().as_object().unwrap();
    assert_eq!(types.keys().collect::<Vec<_>>(), ["Email"]);
    let state = change["pushState"].as_str().unwrap().to_owned();

    // Whoever comes back with the newest state has missed nothing; with an older one, something.
    let mut again = Socket::of_work(&world).await;
    again.enable(Value::Null, Some(&state)).await;
    assert_eq!(again.next().await.unwrap()["requestId"], "after");
    world.server.deliver("Work", &mail()).unwrap();
    let mut late = Socket::of_work(&world).await;
    late.enable(Value::Null, Some(&state)).await;
    assert_eq!(late.next().await.unwrap()["@type"], "StateChange");
}

#[tokio::test]
async fn a_web_socket_can_be_made_to_talk_junk_to_be_cut_and_to_say_nothing() {
    let world = world().await;
    let mut socket = Socket::of_work(&world).await;
    world.faults.switch(Switch::WebSocketJunk, true);
    socket.enable(Value::Null, None).await;
    assert_eq!(socket.next().await.unwrap()["@type"], "Junk");
    world.faults.clear();

    let mut socket = Socket::of_work(&world).await;
    world.faults.switch(Switch::WebSocketCut, true);
    socket.enable(Value::Null, None).await;
    assert!(socket.next().await.is_none());
    world.faults.clear();

    world.faults.switch(Switch::WebSocketSilent, true);
    let mut socket = Socket::of_work(&world).await;
    socket.enable(Value::Null, None).await;
    world.server.deliver("Work", &mail()).unwrap();
    let heard = timeout(Duration::from_millis(200), socket.0.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}
