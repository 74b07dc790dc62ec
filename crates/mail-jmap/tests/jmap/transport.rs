//! Tokens, statuses, compression and slowness.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::join_all;
use mail_jmap::{JmapConfig, JmapSource, ServerAddress, Timeouts};
use mail_model::remote::{MailSource, SourceError, TokenError};
use mail_model::{BlobId, Reaction};
use tokio::sync::Semaphore;

use crate::scripted::{Recorded, Reply, Server};
use crate::tokens::Tokens;
use crate::world::{TOKEN, World};

/// A server of a small world that answers API requests in its own way.
async fn api(reply: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> (Server, JmapSource) {
    let world = World::new(3);
    let (server, source) = world.serve().await;
    server.set(move |request| match request.path() {
        "/api" => reply(request),
        _ => world.reply(request),
    });
    (server, source)
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_all_who_were_refused() {
    let world = World::new(3);
    let server = Server::start(move |request| {
        if request.header("authorization") == Some("Bearer new") {
            world.reply(request)
        } else {
            Reply::new(401, &[("WWW-Authenticate", "Bearer")], "")
        }
    })
    .await;
    let tokens = Arc::new(Tokens::renewable("old", "new"));
    let config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    let source = JmapSource::new(config, tokens.clone()).unwrap();
    let results = join_all((0..4).map(|_| source.mailboxes())).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(tokens.renewals(), 1);
    let refused = server.seen();
    let refused = refused
        .iter()
        .filter(|request| request.header("authorization") == Some("Bearer old"));
    assert_eq!(refused.count(), 1);
}

#[tokio::test]
async fn a_token_is_replaced_once_and_no_more() {
    let world = World::new(3);
    let server = Server::start(move |request| match request.path() {
        "/session" => world.reply(request),
        _ => Reply::status(401),
    })
    .await;
    let tokens = Arc::new(Tokens::renewable("old", "new"));
    let config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    let source = JmapSource::new(config, tokens.clone()).unwrap();
    let error = source.mailboxes().await.unwrap_err();
    assert!(
        matches!(error, SourceError::Token(TokenError::SignInAgain)),
        "{error:?}"
    );
    assert_eq!(tokens.renewals(), 1);
    assert_eq!(server.seen().len(), 3);
    let blob = BlobId::new("B0").unwrap();
    let error = source.blob(&blob).await.err().unwrap();
    assert_eq!(error.reaction(), Reaction::SignInAgain);
}

#[tokio::test]
async fn a_login_service_that_is_away_is_no_reason_to_sign_in_again() {
    struct Away;
    #[async_trait::async_trait]
    impl mail_model::remote::TokenSource for Away {
        async fn token(&self) -> Result<mail_model::remote::BearerToken, TokenError> {
            Err(TokenError::Unreachable {
                retry_after: Some(Duration::from_secs(7)),
            })
        }
        async fn replace(
            &self,
            _: &mail_model::remote::BearerToken,
        ) -> Result<mail_model::remote::BearerToken, TokenError> {
            self.token().await
        }
    }
    let server = Server::start(|_| Reply::status(500)).await;
    let config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    let source = JmapSource::new(config, Arc::new(Away)).unwrap();
    let error = source.mailboxes().await.unwrap_err();
    let wait = Some(Duration::from_secs(7));
    assert_eq!(error.reaction(), Reaction::RetryLater(wait));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn each_status_asks_for_its_reaction() {
    let later = Reaction::RetryLater(None);
    for (status, expected) in [
        (204, later),
        (300, later),
        (400, Reaction::GiveUp),
        (403, Reaction::GiveUp),
        (404, Reaction::AskPerson),
        (405, Reaction::GiveUp),
        (408, later),
        (413, later),
        (414, Reaction::GiveUp),
        (429, later),
        (500, later),
        (502, later),
        (503, later),
        (504, later),
    ] {
        let (_server, source) = api(move |_| Reply::status(status)).await;
        let error = source.identities().await.unwrap_err();
        assert_eq!(error.reaction(), expected, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn a_busy_server_says_how_long_to_wait_in_either_form() {
    for status in [429, 503] {
        for (value, seconds) in [("30", 30), ("Tue, 03 Mar 2026 10:02:00 GMT", 120)] {
            let (_server, source) = api(move |_| {
                let date = ("Date", "Tue, 03 Mar 2026 10:00:00 GMT");
                Reply::new(status, &[("Retry-After", value), date], "busy")
            })
            .await;
            let error = source.newest(0, 1).await.unwrap_err();
            let wait = Some(Duration::from_secs(seconds));
            assert_eq!(error.reaction(), Reaction::RetryLater(wait), "{value}");
        }
    }
}

#[tokio::test]
async fn the_words_of_a_400_are_understood() {
    for (kind, expected) in [
        ("urn:ietf:params:jmap:error:notRequest", Reaction::GiveUp),
        ("urn:ietf:params:jmap:error:notJSON", Reaction::GiveUp),
        (
            "urn:ietf:params:jmap:error:unknownCapability",
            Reaction::AskPerson,
        ),
        (
            "urn:ietf:params:jmap:error:limit",
            Reaction::RetryLater(None),
        ),
    ] {
        let problem = format!(r#"{{"type":"{kind}","limit":"maxConcurrentRequests"}}"#);
        let (_server, source) = api(move |_| Reply::new(400, &[], problem.clone())).await;
        let error = source.newest(0, 1).await.unwrap_err();
        assert_eq!(error.reaction(), expected, "{kind}: {error:?}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_read_and_a_damaged_one_is_not() {
    let world = World::new(3);
    let gzip = [("Content-Encoding", "gzip")];
    let (server, source) = api({
        let world = world.clone();
        move |request| {
            assert!(request.header("accept-encoding").unwrap().contains("gzip"));
            Reply::new(200, &gzip, stored_gzip(&world.answer(request).to_string()))
        }
    })
    .await;
    assert_eq!(source.newest(0, 3).await.unwrap().messages.len(), 3);
    server.set(move |request| {
        let mut body = stored_gzip(&world.answer(request).to_string());
        let middle = body.len() / 2;
        body[middle] ^= 0x20;
        Reply::new(200, &gzip, body)
    });
    let error = source.newest(0, 3).await.unwrap_err();
    assert!(matches!(error, SourceError::BadAnswer { .. }), "{error:?}");
}

/// The gzip format (RFC 1952) with blocks that are not compressed.
fn stored_gzip(text: &str) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let blocks: Vec<&[u8]> = text.as_bytes().chunks(60_000).collect();
    for (index, block) in blocks.iter().enumerate() {
        out.push(u8::from(index + 1 == blocks.len()));
        let length = u16::try_from(block.len()).unwrap();
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(*block);
    }
    let checksum = !text.bytes().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    });
    out.extend(checksum.to_le_bytes());
    out.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    out
}

fn impatient(server: &Server) -> JmapSource {
    let mut config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
    config.timeouts = Timeouts {
        connect: Duration::from_millis(200),
        first_byte: Duration::from_millis(200),
        stall: Duration::from_millis(200),
        stall_octets: 1000,
        ..Timeouts::default()
    };
    JmapSource::new(config, Arc::new(Tokens::only(TOKEN))).unwrap()
}

#[tokio::test]
async fn silence_ends_a_call() {
    let world = World::new(3);
    let (server, _) = world.serve().await;
    server.set(move |request| match request.path() {
        "/session" => world.reply(request),
        _ => Reply::silence(),
    });
    let source = impatient(&server);
    let error = source.newest(0, 3).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
    let blob = BlobId::new("B0").unwrap();
    let error = source.blob(&blob).await.err().unwrap();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_stops_halfway_ends_a_call() {
    let world = World::new(3);
    let (server, _) = world.serve().await;
    server.set(move |request| match request.path() {
        "/session" => world.reply(request),
        _ => Reply::raw(200, &[("Content-Length", "5000")], vec![b"{".to_vec()]).and_hangs(),
    });
    let error = impatient(&server).newest(0, 3).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_only_trickles_ends_a_call() {
    let world = World::new(3);
    let (server, _) = world.serve().await;
    let gate = Arc::new(Semaphore::new(0));
    {
        let gate = Arc::clone(&gate);
        server.set(move |request| match request.path() {
            "/session" => world.reply(request),
            _ => Reply::raw(200, &[], vec![b" ".to_vec(); 100_000]).through(&gate),
        });
    }
    let trickle = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            gate.add_permits(1);
        }
    });
    let error = impatient(&server).newest(0, 3).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
    trickle.abort();
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_an_answer() {
    for headers in [
        &[("Content-Length", "5000")][..],
        &[("Transfer-Encoding", "chunked")][..],
    ] {
        let pieces = vec![b"10\r\n{\"methodResp".to_vec()];
        let reply = Reply::raw(200, headers, pieces);
        let (_server, source) = api(move |_| reply.clone()).await;
        let error = source.newest(0, 3).await.unwrap_err();
        assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let server = Server::start(|_| Reply::status(500)).await;
    let source = impatient(&server);
    drop(server);
    // The listener closes when its task was dropped.
    tokio::task::yield_now().await;
    let error = source.mailboxes().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_blob_comes_whole_or_with_an_error() {
    let world = World::new(1);
    let (server, source) = world.serve().await;
    let blob = BlobId::new("B0").unwrap();
    let pieces: Vec<_> = source
        .blob(&blob)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(pieces.concat(), b"the bytes");
    server.set(move |_| Reply::raw(200, &[("Content-Length", "90")], vec![b"the".to_vec()]));
    let stream = source.blob(&blob).await.unwrap();
    let error = stream.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
    let gone = BlobId::new("../../session").unwrap();
    server.set(move |request| world.reply(request));
    let error = source.blob(&gone).await.err().unwrap();
    assert!(matches!(error, SourceError::NotFound), "{error:?}");
    let asked = server.seen().pop().unwrap().target;
    assert!(
        asked.starts_with("/download/A1/..%2F..%2Fsession?"),
        "{asked}"
    );
}

#[tokio::test]
async fn no_error_carries_the_token_or_a_query() {
    let other = Server::start(|_| Reply::status(500)).await;
    let address = other.url("/api?secret=1");
    drop(other);
    tokio::task::yield_now().await;
    let config = JmapConfig::new(ServerAddress::Session(address));
    let source = JmapSource::new(config, Arc::new(Tokens::only(TOKEN))).unwrap();
    let error = source.mailboxes().await.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(!said.contains("secret") && !said.contains(TOKEN), "{said}");
}
