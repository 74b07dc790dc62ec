//! Linking and unlinking at the service: one request, whatever becomes of it, and a session that
//! is the same afterwards.

use std::sync::{Arc, Mutex};

use mail_auth::{
    ConnectionIdentity, LinkAnswer, SealedFile, Session, SessionError, SessionParts, SessionState,
    TenantConfig, Vault as _,
};
use mail_model::remote::{TokenError, TokenSource as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::tenant::Fault;
use crate::world::{self, DAY, World, in_time, now};

fn choir() -> ConnectionIdentity {
    ConnectionIdentity {
        connection_id: "con_choir".to_owned(),
        user_id: "choir|7".to_owned(),
    }
}

/// A server that reads one request after the other and says to each what it was given, byte by
/// byte, then hangs up.
struct RawServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Play {
    Say(String),
    /// Hangs up without reading.
    HangUp,
}

impl RawServer {
    async fn start(play: Play) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if matches!(play, Play::HangUp) {
                    seen.lock().unwrap().push(String::new());
                    continue;
                }
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                if let Play::Say(text) = &play {
                    let _sent = stream.write_all(text.as_bytes()).await;
                    let _closed = stream.shutdown().await;
                }
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse::<usize>().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Ana's session, stored with a token that is good for a day, at a service of the test's choice.
async fn session_at(world: &World, url: &str) -> Session {
    let parts = world.session_parts("work", "user|ana");
    let key = match world.vault.key(&parts.account).await.unwrap() {
        Some(key) => key,
        None => world.vault.create_key(&parts.account).await.unwrap(),
    };
    let stored = json!({
        "version": "1", "issuer": url, "subject": "user|ana", "expires_at": 1_800_086_400,
        "renew_at": 1_800_086_100, "origin": "null", "access_token": "a.b.c", "cookies": "[]",
    });
    SealedFile::new(&parts.file, &parts.account, &key)
        .write(stored.to_string().as_bytes())
        .unwrap();
    let tenant = TenantConfig::new(url, "app_mail").unwrap();
    Session::open(SessionParts {
        tenant: tenant.into(),
        ..parts
    })
    .await
}

fn kind(answer: &LinkAnswer) -> &'static str {
    match answer {
        LinkAnswer::Accepted => "accepted",
        LinkAnswer::Refused { .. } => "refused",
        LinkAnswer::NotSent(_) => "not sent",
        LinkAnswer::Unknown { .. } => "unknown",
    }
}

fn plays() -> Vec<(String, Play, &'static str)> {
    let mut plays = Vec::new();
    for (statuses, expected) in [
        (&[200, 201, 202, 204][..], "accepted"),
        (
            &[400, 401, 403, 404, 405, 409, 410, 422, 425, 429, 451],
            "refused",
        ),
        (
            &[301, 302, 307, 308, 408, 500, 501, 502, 503, 504, 599],
            "unknown",
        ),
    ] {
        for status in statuses {
            let play =
                format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
            plays.push((format!("status {status}"), Play::Say(play), expected));
        }
    }
    for (name, text) in [
        ("nothing at all", ""),
        ("half a status line", "HTTP/1.1 2"),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-le"),
        (
            "half a body",
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a",
        ),
        (
            "a broken chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        ),
        (
            "half a refusal",
            "HTTP/1.1 409 X\r\ncontent-length: 99\r\n\r\n{",
        ),
        ("another protocol", "220 mail.example ESMTP\r\n"),
        ("an early hint only", "HTTP/1.1 103 Early Hints\r\n\r\n"),
    ] {
        plays.push((name.to_owned(), Play::Say(text.to_owned()), "unknown"));
    }
    let huge = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n{}",
        "x".repeat(400_000)
    );
    plays.push(("an endless body".to_owned(), Play::Say(huge), "unknown"));
    plays.push(("a hang-up unread".to_owned(), Play::HangUp, "unknown"));
    plays
}

#[tokio::test]
async fn whatever_comes_back_a_link_is_asked_for_once_and_the_session_lives() {
    let world = World::new().await;
    let mut told = Vec::new();
    for unlinks in [false, true] {
        for (name, play, expected) in plays() {
            let server = RawServer::start(play).await;
            let session = session_at(&world, &server.url).await;
            let answer = if unlinks {
                in_time(session.unlink_identity("choir|7")).await
            } else {
                in_time(session.link_identity(&choir())).await
            };
            assert_eq!(kind(&answer), expected, "{name}: {answer:?}");
            assert_eq!(server.requests().len(), 1, "{name}");
            assert!(!format!("{answer:?}").contains("a.b.c"), "{name}");
            assert!(
                matches!(now(&session.state()), SessionState::SignedIn { .. }),
                "{name}"
            );
            assert_eq!(session.token().await.unwrap().expose(), "a.b.c", "{name}");
            told.push((unlinks, name, expected));
        }
    }
    eprintln!("\nlinking, by what came back       answers  requests each");
    for outcome in ["accepted", "refused", "unknown"] {
        let count = told.iter().filter(|(.., o)| *o == outcome).count();
        eprintln!("  {outcome:<30} {count:>8}  {:>13}", 1);
    }
}

#[tokio::test]
async fn the_request_names_the_person_in_the_path_and_nothing_else() {
    let world = World::new().await;
    let server = RawServer::start(Play::Say(
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(),
    ));
    let server = server.await;
    let session = session_at(&world, &server.url).await;
    session.link_identity(&choir()).await;
    session.unlink_identity("a|b/c d:é").await;
    let requests = server.requests();
    assert!(
        requests[0].starts_with("PATCH /v1/users/user%7Cana/identities HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(requests[0].contains("authorization: Bearer a.b.c\r\n"));
    let body = requests[0].split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        json!({"connectionId": "con_choir", "connectionUserId": "choir|7"})
    );
    let path = "DELETE /api/session/identities/a%7Cb%2Fc%20d%3A%C3%A9 HTTP/1.1\r\n";
    assert!(requests[1].starts_with(path), "{}", requests[1]);
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait_and_a_refusal_says_why() {
    let world = World::new().await;
    let session = world.ana().await;
    world.tenant.fault("link", Fault::RetryAfter(429, 40));
    let wait = std::time::Duration::from_secs(40);
    assert!(matches!(
        session.link_identity(&choir()).await,
        LinkAnswer::Refused { status: 429, retry_after: Some(told), .. } if told == wait
    ));
    let said = json!({"title": "Opens another mailbox", "errorCode": "IdentityConflict"});
    world.tenant.fault("link", Fault::Status(409, said));
    match session.link_identity(&choir()).await {
        LinkAnswer::Refused {
            status: 409,
            refusal,
            retry_after: None,
        } => {
            assert_eq!(refusal.title, "Opens another mailbox");
            assert_eq!(refusal.code.as_deref(), Some("IdentityConflict"));
        }
        other => panic!("{other:?}"),
    }
    // A refused token is a refusal, not a reason to renew and ask again.
    world.tenant.fault("link", Fault::Status(401, json!({})));
    assert!(matches!(
        session.link_identity(&choir()).await,
        LinkAnswer::Refused { status: 401, .. }
    ));
    assert_eq!(world.tenant.count("link"), 3);
    assert_eq!(world.tenant.count("renew"), 0);
}

#[tokio::test]
async fn not_sent_is_said_only_when_no_byte_has_left() {
    let world = World::new().await;
    let (_held, deaf) = world::deaf_address();
    let session = session_at(&world, &deaf).await;
    assert!(matches!(
        session.link_identity(&choir()).await,
        LinkAnswer::NotSent(SessionError::Login(_))
    ));
    assert!(matches!(
        session.unlink_identity("x").await,
        LinkAnswer::NotSent(SessionError::Login(_))
    ));

    let world = World::new().await;
    let session = world.ana().await;
    for id in ["", ".", ".."] {
        assert!(matches!(
            session.unlink_identity(id).await,
            LinkAnswer::NotSent(SessionError::BadId)
        ));
    }
    session.pause();
    assert!(matches!(
        session.link_identity(&choir()).await,
        LinkAnswer::NotSent(SessionError::Token(TokenError::Paused))
    ));
    session.resume();
    world.clock.advance(DAY);
    world
        .tenant
        .fault("renew", Fault::Status(404, json!({"title": "No session"})));
    assert!(matches!(
        session.link_identity(&choir()).await,
        LinkAnswer::NotSent(SessionError::Token(TokenError::SignInAgain))
    ));
    assert_eq!(world.tenant.count("link") + world.tenant.count("unlink"), 0);
}

#[tokio::test]
async fn a_token_that_is_nearly_spent_is_renewed_before_the_one_request() {
    let world = World::new().await;
    let session = world.ana().await;
    world.clock.advance(DAY - 60);
    let answer = session.link_identity(&choir()).await;
    assert_eq!(kind(&answer), "accepted", "{answer:?}");
    assert_eq!(world.tenant.count("renew"), 1);
    assert_eq!(world.tenant.count("link"), 1);
    let (headers, _) = world.tenant.last("link");
    let token = session.token().await.unwrap();
    assert_eq!(
        headers["authorization"],
        format!("Bearer {}", token.expose())
    );
}

#[tokio::test]
async fn a_linked_identity_is_in_the_profile_until_it_is_removed() {
    let world = World::new().await;
    let session = world.ana().await;
    assert!(!session.profile().await.unwrap().opens_with(&choir()));
    session.link_identity(&choir()).await;
    assert!(session.profile().await.unwrap().opens_with(&choir()));
    let answer = session.unlink_identity("choir|7").await;
    assert_eq!(kind(&answer), "accepted");
    assert!(!session.profile().await.unwrap().opens_with(&choir()));
    session.unlink_identity("108").await;
    assert!(matches!(
        session.unlink_identity("nw|1").await,
        LinkAnswer::Refused { status: 409, refusal, .. } if refusal.title == "The only one"
    ));
}

#[tokio::test]
async fn a_link_that_is_asked_for_in_a_task_can_be() {
    // The app asks from tasks: the futures have to be movable between threads.
    fn movable<T: Send>(_: &T) {}
    let world = World::new().await;
    let session = world.ana().await;
    let identity = choir();
    movable(&session.link_identity(&identity));
    movable(&session.unlink_identity("x"));
    movable(&session.profile());
    movable(&session.devices());
    movable(&session.remove_device("x"));
    movable(&session.lock());
    movable(&session.unlock_key());
    movable(&session.settled());
    movable(&session.sign_out());
    let source = session.connection_tokens("con_northwind");
    movable(&source.token());
}
