//! Finding the session, keeping it, and where its addresses may lead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_model::remote::{MailSource, MailSubmitter, SourceError};
use mail_model::{BlobId, Keywords, MailboxId, Reaction};
use serde_json::{Value, json};
use url::Url;

use crate::scripted::{Reply, Server};
use crate::tokens::Tokens;
use crate::world::{TOKEN, World, state};

fn source_at(config: JmapConfig) -> JmapSource {
    JmapSource::new(config, Arc::new(Tokens::only(TOKEN))).unwrap()
}

fn origin(server: &Server) -> JmapConfig {
    JmapConfig::new(ServerAddress::of(server.url("/")))
}

fn moved(status: u16, to: &str) -> Reply {
    Reply::new(status, &[("Location", to)], "")
}

/// A server that must never be asked anything.
async fn bystander() -> Server {
    Server::start(|_| Reply::status(500)).await
}

#[tokio::test]
async fn redirects_on_the_same_server_lead_to_the_session() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::new(1);
        let server = Server::start(move |request| match request.path() {
            "/.well-known/jmap" => moved(status, "/step"),
            "/step" => moved(status, "session"),
            _ => world.reply(request),
        })
        .await;
        let source = source_at(origin(&server));
        assert_eq!(source.newest(0, 1).await.unwrap().messages.len(), 1);
        let authorised = server
            .seen()
            .iter()
            .all(|request| request.header("authorization") == Some("Bearer ana's token"));
        assert!(authorised);
    }
}

#[tokio::test]
async fn a_redirect_to_another_server_is_refused_before_it_sees_anything() {
    let other = bystander().await;
    let target = other.url("/session").to_string();
    let server = Server::start(move |_| moved(302, &target)).await;
    let error = source_at(origin(&server)).newest(0, 1).await.unwrap_err();
    assert!(matches!(error, SourceError::NoService { .. }), "{error:?}");
    assert!(other.seen().is_empty());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_redirect_to_a_server_the_configuration_trusts_is_followed() {
    let world = World::new(1);
    let other = Server::start(move |request| world.reply(request)).await;
    let target = other.url("/session").to_string();
    let server = Server::start(move |_| moved(302, &target)).await;
    let mut config = origin(&server);
    config.trusted.push(other.url("/"));
    let source = source_at(config);
    assert_eq!(source.newest(0, 1).await.unwrap().messages.len(), 1);
    assert_eq!(other.seen().len(), 2);
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let server = Server::start(|_| moved(302, "/again")).await;
    let error = source_at(origin(&server)).newest(0, 1).await.unwrap_err();
    assert!(matches!(error, SourceError::NoService { .. }), "{error:?}");
    assert!(server.seen().len() <= 10);
}

#[tokio::test]
async fn a_session_that_names_another_server_is_not_used() {
    for name in ["apiUrl", "downloadUrl", "uploadUrl"] {
        let other = bystander().await;
        let mut session = World::new(1).session();
        session[name] = format!("{}/{{accountId}}/{{blobId}}", other.url("")).into();
        if name == "apiUrl" {
            session[name] = other.url("/api").to_string().into();
        }
        let (server, source) = World::new(1).serve().await;
        let world = World::new(1);
        server.set(move |request| match request.path() {
            "/session" => Reply::json(&session),
            _ => world.reply(request),
        });
        let blob = BlobId::new("B0").unwrap();
        let mailbox = MailboxId::new("b1").unwrap();
        let results = [
            source.newest(0, 1).await.map(drop),
            source.blob(&blob).await.map(drop),
            source
                .import("x".into(), &mailbox, &Keywords::default())
                .await
                .map(drop),
        ];
        let refused = results.iter().filter(|result| result.is_err()).count();
        assert!(refused >= 1, "{name}: {results:?}");
        assert!(other.seen().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn an_authorised_request_that_is_redirected_goes_nowhere() {
    for place in ["/api", "/download/A1/B0", "/upload/A1", "/events"] {
        for status in [301, 302, 303, 307, 308] {
            let other = bystander().await;
            let target = other.url("/").to_string();
            let world = World::new(1);
            let server = Server::start(move |request| {
                if request.path() == place {
                    moved(status, &target)
                } else {
                    world.reply(request)
                }
            })
            .await;
            let source = crate::world::source(&server, Tokens::only(TOKEN));
            let blob = BlobId::new("B0").unwrap();
            let mailbox = MailboxId::new("b1").unwrap();
            let keywords = Keywords::default();
            let result = match place {
                "/api" => source.newest(0, 1).await.map(drop),
                "/upload/A1" => source
                    .import("x".into(), &mailbox, &keywords)
                    .await
                    .map(drop),
                "/events" => source.push().await.map(drop),
                _ => source.blob(&blob).await.map(drop),
            };
            let error = result.unwrap_err();
            assert!(matches!(error, SourceError::BadAnswer { .. }), "{error:?}");
            assert!(other.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn an_address_without_encryption_is_refused_at_once() {
    let url: Url = "http://mail.example/session".parse().unwrap();
    let config = JmapConfig::new(ServerAddress::of(url));
    let error = JmapSource::new(config, Arc::new(Tokens::only(TOKEN)))
        .err()
        .unwrap();
    assert_eq!(error.reaction(), Reaction::AskPerson);
}

#[tokio::test]
async fn an_address_without_mail_says_what_is_missing() {
    let edit = |change: fn(&mut Value)| {
        let mut session = World::new(1).session();
        change(&mut session);
        Reply::json(&session)
    };
    let replies = [
        Reply::status(404),
        edit(|session| {
            let capabilities = session["capabilities"].as_object_mut().unwrap();
            capabilities.remove("urn:ietf:params:jmap:mail");
        }),
        edit(|session| {
            session["primaryAccounts"] = json!({});
            session["accounts"]["A1"]["accountCapabilities"] = json!({});
        }),
        edit(|session| {
            session["primaryAccounts"] = json!({});
            session["accounts"]["A2"] = session["accounts"]["A1"].clone();
        }),
        edit(|session| {
            session["accounts"] = json!({});
            session["primaryAccounts"] = json!({});
        }),
    ];
    for reply in replies {
        let server = Server::start(move |_| reply.clone()).await;
        let config = JmapConfig::new(ServerAddress::Session(server.url("/session")));
        let error = JmapSource::connect(config, Arc::new(Tokens::only(TOKEN)))
            .await
            .err()
            .unwrap();
        assert!(matches!(error, SourceError::NoService { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn the_only_account_with_mail_is_taken_where_none_is_named_first() {
    let world = World::new(1);
    let (server, source) = world.serve().await;
    let mut session = world.session();
    session["primaryAccounts"] = json!({});
    session["accounts"]["A2"] = json!({ "accountCapabilities": null });
    server.set(move |request| match request.path() {
        "/session" => Reply::json(&session),
        _ => world.reply(request),
    });
    assert_eq!(source.newest(0, 1).await.unwrap().messages.len(), 1);
}

#[tokio::test]
async fn many_callers_share_one_discovery() {
    let (server, source) = World::new(1).serve().await;
    let results = join_all((0..8).map(|_| source.mailboxes())).await;
    assert!(results.iter().all(Result::is_ok));
    let sessions = server.seen();
    let sessions = sessions
        .iter()
        .filter(|request| request.path() == "/session");
    assert_eq!(sessions.count(), 1);
}

#[tokio::test]
async fn a_changed_session_is_fetched_anew_before_the_next_request() {
    let mut world = World::new(1);
    let (server, source) = world.serve().await;
    source.mailboxes().await.unwrap();
    world.session_state = "s2".into();
    server.set(move |request| world.reply(request));
    server.forget();
    for _ in 0..3 {
        source.mailboxes().await.unwrap();
    }
    let paths: Vec<String> = server
        .seen()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert_eq!(paths, ["/api", "/session", "/api", "/api"]);
}

#[tokio::test]
async fn a_server_that_disagrees_with_itself_is_not_asked_for_its_session_each_time() {
    let world = World::new(1);
    let (server, source) = world.serve().await;
    server.set(move |request| {
        let mut other = world.clone();
        if request.path() == "/api" {
            other.session_state = "never the same as the document's".into();
        }
        other.reply(request)
    });
    for _ in 0..10 {
        source.mailboxes().await.unwrap();
    }
    let seen = server.seen();
    let sessions = seen.iter().filter(|request| request.path() == "/session");
    assert_eq!(sessions.count(), 2);
}

#[tokio::test]
async fn an_account_the_server_no_longer_finds_is_looked_up_once_more() {
    let world = World::new(1);
    let (server, source) = world.serve().await;
    let left = Arc::new(AtomicUsize::new(1));
    {
        let (world, left) = (world.clone(), Arc::clone(&left));
        server.set(move |request| {
            let fails = request.path() == "/api"
                && left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok();
            if fails {
                Reply::json(&json!({
                    "methodResponses": [["error", { "type": "accountNotFound" }, "c0"]],
                    "sessionState": "s1",
                }))
            } else {
                world.reply(request)
            }
        });
    }
    assert!(source.mailboxes().await.is_ok());
    server.forget();
    left.store(100, Ordering::SeqCst);
    let error = source.mailboxes().await.unwrap_err();
    assert!(matches!(error, SourceError::NoService { .. }), "{error:?}");
    let paths: Vec<String> = server
        .seen()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert_eq!(paths, ["/api", "/session", "/api"]);
}

#[tokio::test]
async fn a_session_that_suddenly_names_another_account_is_not_followed() {
    let mut world = World::new(1);
    let (server, source) = world.serve().await;
    source.mailboxes().await.unwrap();
    world.session_state = "s2".into();
    server.set(move |request| {
        if request.path() != "/session" {
            return world.reply(request);
        }
        let mut session = world.session();
        session["accounts"] = json!({ "A2": session["accounts"]["A1"] });
        session["primaryAccounts"]["urn:ietf:params:jmap:mail"] = "A2".into();
        Reply::json(&session)
    });
    source.mailboxes().await.unwrap();
    let before = state("e1");
    let error = source.mailboxes().await.unwrap_err();
    assert!(matches!(error, SourceError::AccountChanged), "{error:?}");
    // Until somebody has been told that what is stored is of another account.
    assert!(!source.fits(Some(&before)).await.unwrap());
    let error = source.message_changes(&before, 10).await.unwrap_err();
    assert!(
        matches!(error, SourceError::CannotCalculateChanges),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_state_is_known_again_by_another_source_of_the_same_account() {
    let world = World::new(1);
    let (server, source) = world.serve().await;
    let given = source.newest(0, 1).await.unwrap().state;
    assert_eq!(given, state("e1"));
    let again = crate::world::source(&server, Tokens::only(TOKEN));
    assert!(again.fits(Some(&given)).await.unwrap());
    assert!(again.fits(None).await.unwrap());
    let of_another = mail_model::StateString::new("0123456789ab:e1").unwrap();
    assert!(!again.fits(Some(&of_another)).await.unwrap());
    // Kept before states had marks.
    let unmarked = mail_model::StateString::new("e1").unwrap();
    assert!(again.fits(Some(&unmarked)).await.unwrap());
}

#[tokio::test]
async fn an_account_that_cannot_send_has_no_identities() {
    let world = World::new(1);
    let (server, source) = world.serve().await;
    let mut session = world.session();
    session["accounts"]["A1"]["accountCapabilities"] = json!({ "urn:ietf:params:jmap:mail": {} });
    server.set(move |_| Reply::json(&session));
    assert_eq!(source.identities().await.unwrap(), []);
    assert_eq!(server.seen().len(), 1);
}
