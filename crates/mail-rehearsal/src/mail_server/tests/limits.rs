use serde_json::{Value, json};

use super::super::session::{CORE, LARGEST_REQUEST, MAIL, MOST_CALLS, MOST_IN_GET};
use super::{strings, world};
use crate::faults::{Rule, Server};

fn kind(body: &Value) -> &str {
    body["type"]
        .as_str()
        .unwrap()
        .trim_start_matches("urn:ietf:params:jmap:error:")
}

#[tokio::test]
async fn only_tokens_of_the_verifier_open_anything() {
    let world = world().await;
    for path in [
        "/jmap/session",
        "/jmap/download/u-work/G1/x",
        "/jmap/eventsource?types=*&closeafter=no&ping=0",
    ] {
        for (token, error) in [
            (None, None),
            (Some("stranger"), Some("invalid_token")),
            (Some("token-old"), Some("expired")),
        ] {
            let mut request = world.http.get(format!("{}{path}", world.url));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{path}");
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Bearer "));
            assert_eq!(challenge.contains("error="), error.is_some());
            assert!(error.is_none_or(|e| challenge.contains(e)), "{challenge}");
        }
    }
    let response = world
        .http
        .post(format!("{}/jmap/api", world.url))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn a_token_opens_its_own_account_only() {
    let world = world().await;
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/get",
                json!({ "accountId": "u-personal", "ids": [] })
            )
            .await,
        "accountNotFound"
    );
    assert_eq!(
        world
            .refused("Work", "Mailbox/get", json!({ "accountId": null }))
            .await,
        "invalidArguments"
    );
    for path in [
        "/jmap/download/u-personal/G1/x",
        "/jmap/download/u-work/Gfffff/x",
        "/jmap/download/u-work/G1-0-0/x",
    ] {
        let response = world
            .http
            .get(format!("{}{path}", world.url))
            .bearer_auth("token-Work")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
    let upload = world
        .http
        .post(format!("{}/jmap/upload/u-personal/", world.url))
        .bearer_auth("token-Work")
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(upload.status(), 404);
}

#[tokio::test]
async fn whole_requests_that_are_wrong_are_refused_as_problems() {
    let world = world().await;
    for (body, expected) in [
        ("{", "notJSON"),
        ("[]", "notRequest"),
        ("{\"using\":[]}", "notRequest"),
        (
            "{\"using\":[\"urn:x\"],\"methodCalls\":[]}",
            "unknownCapability",
        ),
    ] {
        let (status, answer) = world.post("Work", body.to_owned()).await;
        assert_eq!((status.as_u16(), kind(&answer)), (400, expected));
    }
    let plain = world
        .http
        .post(format!("{}/jmap/api", world.url))
        .bearer_auth("token-Work")
        .header("content-type", "text/plain")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(plain.headers()["content-type"], "application/problem+json");
    assert_eq!(kind(&plain.json().await.unwrap()), "notJSON");
}

#[tokio::test]
async fn limits_of_the_session_are_enforced() {
    let world = world().await;
    let echo = json!(["Core/echo", {}, "0"]);
    let request = |calls: usize| {
        json!({ "using": [CORE], "methodCalls": vec![echo.clone(); calls] }).to_string()
    };
    assert_eq!(world.post("Work", request(MOST_CALLS)).await.0, 200);
    let (status, body) = world.post("Work", request(MOST_CALLS + 1)).await;
    assert_eq!(
        (status.as_u16(), kind(&body), &body["limit"]),
        (400, "limit", &json!("maxCallsInRequest"))
    );
    let ids: Vec<String> = (0..=MOST_IN_GET).map(|n| format!("M{n:x}")).collect();
    for name in ["Email/get", "Thread/get", "Mailbox/get"] {
        assert_eq!(
            world.refused("Work", name, json!({ "ids": ids })).await,
            "requestTooLarge"
        );
    }
    world
        .call(
            "Work",
            "Email/get",
            json!({ "ids": ids[1..], "properties": ["id"] }),
        )
        .await;
    let large = format!(
        "{{\"using\":[],\"methodCalls\":[],\"x\":\"{}\"}}",
        "x".repeat(LARGEST_REQUEST)
    );
    let (_, body) = world.post("Work", large).await;
    assert_eq!(
        (kind(&body), &body["limit"]),
        ("limit", &json!("maxSizeRequest"))
    );
    let destroy: Vec<String> = (0..501).map(|n| format!("M{n:x}")).collect();
    assert_eq!(
        world
            .refused("Work", "Email/set", json!({ "destroy": destroy }))
            .await,
        "requestTooLarge"
    );
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused() {
    let world = world().await;
    // Holding the account makes the requests wait inside the server.
    let (free, wait) = std::sync::mpsc::channel::<()>();
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let server = world.server.clone();
    let holder = std::thread::spawn(move || {
        let seat = server.shared.seat_at(0).unwrap();
        let account = seat.account();
        locked.send(()).unwrap();
        drop((wait.recv(), account));
    });
    is_locked.await.unwrap();
    let request = json!({ "using": [CORE, MAIL], "methodCalls": [["Mailbox/get", { "accountId": "u-work", "ids": [] }, "0"]] }).to_string();
    let mut waiting = futures::stream::FuturesUnordered::new();
    for _ in 0..5 {
        waiting.push(world.post("Work", request.clone()));
    }
    use futures::StreamExt as _;
    let (status, body) = waiting.next().await.unwrap();
    assert_eq!(
        (status.as_u16(), kind(&body), &body["limit"]),
        (400, "limit", &json!("maxConcurrentRequests"))
    );
    free.send(()).unwrap();
    holder.join().unwrap();
    while let Some((status, _)) = waiting.next().await {
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn calls_refer_to_answers_of_earlier_calls() {
    let world = world().await;
    let reference =
        |of: &str, name: &str, path: &str| json!({ "resultOf": of, "name": name, "path": path });
    let answers = world
        .calls(
            "Work",
            &[
                ("Email/query", json!({ "limit": 5, "collapseThreads": true })),
                ("Email/get", json!({ "#ids": reference("0", "Email/query", "/ids"), "properties": ["threadId"] })),
                ("Thread/get", json!({ "#ids": reference("1", "Email/get", "/list/*/threadId") })),
                ("Email/get", json!({ "#ids": reference("2", "Thread/get", "/list/*/emailIds"), "properties": ["subject"] })),
                ("Email/get", json!({ "#ids": reference("7", "Email/query", "/ids") })),
            ],
        )
        .await;
    let emails: usize = answers[2].1["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["emailIds"].as_array().unwrap().len())
        .sum();
    assert!(emails >= 5);
    assert_eq!(answers[3].1["list"].as_array().unwrap().len(), emails);
    assert_eq!(
        (answers[4].0.as_str(), &answers[4].1["type"]),
        ("error", &json!("invalidResultReference"))
    );
}

#[tokio::test]
async fn methods_need_their_capability_and_known_arguments() {
    let world = world().await;
    let body = json!({ "using": [CORE], "methodCalls": [["Mailbox/get", { "accountId": "u-work" }, "a"], ["Core/echo", { "x": 1 }, "b"]] });
    let (_, answer) = world.post("Work", body.to_string()).await;
    assert_eq!(
        answer["methodResponses"],
        json!([["error", { "type": "unknownMethod" }, "a"], ["Core/echo", { "x": 1 }, "b"]])
    );
    assert_eq!(
        world.refused("Work", "Email/dance", json!({})).await,
        "unknownMethod"
    );
    assert_eq!(
        world
            .refused("Work", "Email/query", json!({ "colour": 1 }))
            .await,
        "invalidArguments"
    );
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/query",
                json!({ "filter": { "colour": "red" } })
            )
            .await,
        "unsupportedFilter"
    );
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/query",
                json!({ "filter": { "before": "yesterday" } })
            )
            .await,
        "invalidArguments"
    );
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/query",
                json!({ "sort": [{ "property": "colour" }] })
            )
            .await,
        "unsupportedSort"
    );
}

#[tokio::test]
async fn what_was_asked_is_counted_and_tokens_are_kept_as_hashes() {
    let world = world().await;
    world.query("Work", json!({ "limit": 1 })).await;
    world.query("Work", json!({ "limit": 1 })).await;
    assert_eq!(world.server.calls("Work", "Email/query").unwrap(), 2);
    assert_eq!(world.server.calls("Personal", "*").unwrap(), 0);
    let hashes = world.server.token_hashes("Work").unwrap();
    assert_eq!((hashes.len(), hashes[0].len()), (1, 64));
    assert!(world.server.token_hashes("Choir").unwrap().is_empty());
}

#[tokio::test]
async fn faults_stand_in_front_of_every_route() {
    let world = world().await;
    world
        .faults
        .add(Rule::status("/jmap/api", 503, 1).on(Server::Mail));
    assert_eq!(world.post("Work", String::new()).await.0, 503);
    assert_eq!(
        strings(
            &world
                .call("Work", "Email/query", json!({ "limit": 1 }))
                .await["ids"]
        )
        .len(),
        1
    );
}
