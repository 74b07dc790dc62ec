use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::NewMail;
use super::{World, world};

const SAFETY: Duration = Duration::from_secs(20);

/// The events of one connection, as (name, id, data).
struct Events {
    body: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Events {
    async fn open(world: &World, query: &str, last: Option<&str>) -> Self {
        let mut request = world
            .http
            .get(format!("{}/jmap/eventsource?{query}", world.url))
            .bearer_auth("token-Work");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.bytes_stream().boxed(),
            text: String::new(),
        }
    }

    /// The next event; `None` when the server ended the stream.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.clone().split_once("\n\n") {
                rest.clone_into(&mut self.text);
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
                        .unwrap_or_default()
                        .to_owned()
                };
                return Some((
                    field("event"),
                    field("id"),
                    serde_json::from_str(&field("data")).unwrap(),
                ));
            }
            let chunk = timeout(SAFETY, self.body.next())
                .await
                .expect("an event in time")?
                .unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn mail(subject: &str) -> NewMail<'_> {
    NewMail {
        from_name: "Mum",
        from: "mum@family.example",
        subject,
        text: "Hi\n",
        answers: None,
    }
}

#[tokio::test]
async fn new_mail_is_pushed_to_its_own_account_only() {
    let world = world().await;
    let mut events = Events::open(&world, "types=*&closeafter=no&ping=0", None).await;
    world
        .server
        .deliver("Personal", &mail("Not yours"))
        .unwrap();
    world.server.deliver("Work", &mail("Yours")).unwrap();
    let (name, id, data) = events.next().await.unwrap();
    assert_eq!(
        (name.as_str(), &data["@type"]),
        ("state", &json!("StateChange"))
    );
    assert!(!id.is_empty());
    let changed = data["changed"].as_object().unwrap();
    assert_eq!(changed.keys().collect::<Vec<_>>(), ["u-work"]);
    let state = world.call("Work", "Email/get", json!({ "ids": [] })).await["state"].clone();
    assert_eq!(changed["u-work"]["Email"], state);
    for kind in ["Mailbox", "Thread", "EmailDelivery"] {
        assert!(changed["u-work"][kind].is_string(), "{kind}");
    }
}

#[tokio::test]
async fn only_the_wanted_types_are_pushed() {
    let world = world().await;
    let mut events = Events::open(
        &world,
        "types=Thread,EmailSubmission&closeafter=no&ping=0",
        None,
    )
    .await;
    let first = world.query("Work", json!({ "limit": 1 })).await.remove(0);
    world
        .server
        .set_keyword("Work", &first, "$flagged", true)
        .unwrap();
    world.server.deliver("Work", &mail("New thread")).unwrap();
    let (_, _, data) = events.next().await.unwrap();
    assert_eq!(
        data["changed"]["u-work"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["Thread"]
    );
}

#[tokio::test]
async fn a_stream_closes_after_a_state_when_asked() {
    let world = world().await;
    let mut events = Events::open(&world, "types=*&closeafter=state&ping=0", None).await;
    world.server.deliver("Work", &mail("Once")).unwrap();
    assert_eq!(events.next().await.unwrap().0, "state");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn silence_is_broken_by_pings() {
    let world = world().await;
    let mut events = Events::open(&world, "types=*&closeafter=no&ping=1", None).await;
    let (name, _, data) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &data["interval"]), ("ping", &json!(1)));
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed() {
    let world = world().await;
    let mut events = Events::open(&world, "types=Email&closeafter=no&ping=0", None).await;
    world.server.deliver("Work", &mail("First")).unwrap();
    let (_, id, _) = events.next().await.unwrap();
    drop(events);
    let mut again = Events::open(&world, "types=Email&closeafter=no&ping=1", Some(&id)).await;
    assert_eq!(again.next().await.unwrap().0, "ping", "nothing was missed");
    drop(again);
    world.server.deliver("Work", &mail("Second")).unwrap();
    let mut again = Events::open(&world, "types=Email&closeafter=no&ping=0", Some(&id)).await;
    assert_eq!(again.next().await.unwrap().0, "state");
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let world = world().await;
    let mut events = Events::open(&world, "types=*&closeafter=no&ping=0", None).await;
    world.cancel.cancel();
    assert_eq!(events.next().await, None);
}
