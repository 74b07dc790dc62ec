//! Pages of what a server finds, and a server that does not play along.

use jiff::tz::TimeZone;
use mail_model::Reaction;
use mail_model::remote::{MailSource, SearchPage, SourceError};
use mail_model::search::parse;
use serde_json::{Value, json};

use crate::scripted::{Recorded, Reply, Server};
use crate::tokens::Tokens;
use crate::world::{ACCOUNT, TOKEN, World, source};

async fn ask(
    source: &dyn MailSource,
    typed: &str,
    position: u64,
    limit: usize,
) -> Result<SearchPage, SourceError> {
    let query = parse(typed).query;
    source.search(&query, &TimeZone::UTC, position, limit).await
}

fn names(page: &SearchPage) -> Vec<&str> {
    page.ids.iter().map(|id| id.as_str()).collect()
}

/// The arguments of every `Email/query`.
fn queries(server: &Server) -> Vec<Value> {
    let seen = server.seen();
    let calls = seen
        .iter()
        .filter(|request| request.path() == "/api")
        .flat_map(Recorded::calls);
    calls
        .filter(|(name, _, _)| name == "Email/query")
        .map(|(_, arguments, _)| arguments)
        .collect()
}

#[tokio::test]
async fn a_page_is_read_in_pieces_the_server_takes_and_newest_first() {
    let (server, source) = World::new(10).limit("maxObjectsInGet", 3).serve().await;
    let page = ask(&source, "plan ", 1, 7).await.unwrap();
    assert_eq!(names(&page), ["M1", "M2", "M3", "M4", "M5", "M6", "M7"]);
    assert_eq!(page.queried, 7);
    let asked = queries(&server);
    let places: Vec<_> = asked
        .iter()
        .map(|query| (query["position"].clone(), query["limit"].clone()))
        .collect();
    let expected = [(1, 3), (4, 3), (7, 1)];
    assert_eq!(places, expected.map(|(at, most)| (json!(at), json!(most))));
    for query in asked {
        assert_eq!(query["filter"], json!({ "text": "plan" }));
        assert_eq!(
            query["sort"],
            json!([{ "property": "receivedAt", "isAscending": false }])
        );
        assert_eq!(query["collapseThreads"], json!(false));
    }
}

#[tokio::test]
async fn the_end_is_an_empty_page() {
    let (_server, source) = World::new(5).serve().await;
    let page = ask(&source, "plan ", 0, 50).await.unwrap();
    assert_eq!(page.queried, 5);
    let page = ask(&source, "plan ", 5, 50).await.unwrap();
    assert_eq!((page.queried, page.ids.len()), (0, 0));
}

#[tokio::test]
async fn mailboxes_are_asked_for_only_where_one_is_named() {
    let (server, source) = World::new(5).serve().await;
    ask(&source, "is:unread", 0, 5).await.unwrap();
    assert!(!server.methods().concat().contains(&"Mailbox/get".into()));
    ask(&source, "in:choir", 0, 5).await.unwrap();
    assert_eq!(queries(&server)[1]["filter"], json!({ "inMailbox": "b2" }));
    let page = ask(&source, "in:nowhere", 0, 5).await.unwrap();
    assert_eq!((page.queried, page.ids.len()), (0, 0));
    assert_eq!(queries(&server).len(), 2, "nothing is not asked for");
}

#[tokio::test]
async fn messages_without_such_a_file_count_as_queried() {
    // Each of that server's messages has one file, `score.pdf`.
    let (server, source) = World::new(5).serve().await;
    let page = ask(&source, "filename:score ", 0, 3).await.unwrap();
    assert_eq!((names(&page), page.queried), (vec!["M0", "M1", "M2"], 3));
    let page = ask(&source, "filename:figures ", 0, 3).await.unwrap();
    assert_eq!((page.ids.len(), page.queried), (0, 3));
    assert_eq!(
        queries(&server)[0]["filter"],
        json!({ "hasAttachment": true })
    );
}

/// A server that answers every `Email/query` so.
async fn answering(
    result: impl Fn(&Value) -> (&'static str, Value) + Send + Sync + 'static,
) -> Server {
    let world = World::new(5);
    Server::start(move |request| {
        if request.path() != "/api" {
            return world.reply(request);
        }
        let mut answer = world.answer(request);
        for ((name, arguments, _), place) in request.calls().iter().zip(0..) {
            if name == "Email/query" {
                let (name, mut result) = result(arguments);
                result["accountId"] = ACCOUNT.into();
                answer["methodResponses"][place as usize][0] = name.into();
                answer["methodResponses"][place as usize][1] = result;
            }
        }
        Reply::json(&answer)
    })
    .await
}

#[tokio::test]
async fn a_server_that_does_not_search_so_refuses_for_good() {
    for kind in ["unsupportedFilter", "unsupportedSort", "invalidArguments"] {
        let server = answering(move |_| ("error", json!({ "type": kind }))).await;
        let source = source(&server, Tokens::only(TOKEN));
        let error = ask(&source, "plan ", 0, 5).await.unwrap_err();
        assert!(matches!(error, SourceError::Refused { .. }), "{error:?}");
        assert_eq!(error.reaction(), Reaction::GiveUp);
    }
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_ends_the_page_early() {
    let server = small_pieces().await;
    let source = source(&server, Tokens::only(TOKEN));
    let page = ask(&source, "plan ", 0, 6).await.unwrap();
    assert_eq!(names(&page), ["M0", "M1", "M2", "M3"]);
    assert_eq!(page.queried, 4);
}

/// Two messages at a time, and another list after the fourth.
async fn small_pieces() -> Server {
    let world = World::new(10).limit("maxObjectsInGet", 2);
    Server::start(move |request| {
        if request.path() != "/api" {
            return world.reply(request);
        }
        let mut answer = world.answer(request);
        let (_, arguments, _) = &request.calls()[0];
        if arguments["position"].as_u64().unwrap() >= 4 {
            answer["methodResponses"][0][1]["queryState"] = "q2".into();
        }
        Reply::json(&answer)
    })
    .await
}

#[tokio::test]
async fn an_answer_that_cannot_be_right_is_taken_over_not_even_in_part() {
    for ids in [json!(["M1", "M1"]), json!(["M1", "M2", "M3"]), json!([""])] {
        let answer = ids.clone();
        let server =
            answering(move |_| ("Email/query", json!({ "queryState": "q", "ids": answer }))).await;
        let source = source(&server, Tokens::only(TOKEN));
        let error = ask(&source, "plan ", 0, 2).await.unwrap_err();
        assert!(
            matches!(error, SourceError::BadAnswer { .. }),
            "{ids}: {error:?}"
        );
    }
}
