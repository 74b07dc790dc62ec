//! Answers that are wrong in one place are not used at all.

use std::sync::Arc;

use mail_jmap::JmapSource;
use mail_model::remote::{MailSource, MailSubmitter, RemoteEdit, SourceError};
use mail_model::{IdentityId, KeywordEdit, Keywords, MailboxId, MessageId, UnixTime};
use serde_json::Value;

use crate::mutations::{self, Mutation};
use crate::scripted::{Reply, Server};
use crate::tokens::Tokens;
use crate::world::{TOKEN, World, source, state};

/// What may be null or missing in a message.
const OPTIONAL: [&str; 14] = [
    "$seen",
    "subject",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "messageId",
    "inReplyTo",
    "references",
    "name",
    "email",
    "notFound",
    "total",
];

/// What a test knows of one method.
#[derive(Default)]
struct Tolerance {
    may_miss: Vec<&'static str>,
    may_shrink: Vec<&'static str>,
    unread: Vec<&'static str>,
}

impl Tolerance {
    fn mutations(&self, right: &Value) -> Vec<Mutation> {
        mutations::of(right, &self.may_miss, &self.may_shrink, &self.unread)
    }
}

/// Runs a call once rightly, then with every wrong answer to its last API request, then rightly
/// again, which must give what it gave before.
async fn survives<T, C, F>(tolerance: Tolerance, call: C)
where
    T: std::fmt::Debug + PartialEq,
    C: Fn(Arc<JmapSource>) -> F,
    F: Future<Output = Result<T, SourceError>>,
{
    let world = World::new(6);
    let (server, source) = world.serve().await;
    let source = Arc::new(source);
    let right = call(Arc::clone(&source)).await.unwrap();
    let seen = server.seen();
    let requests: Vec<_> = seen.iter().filter(|r| r.path() == "/api").collect();
    let answer = world.answer(requests[0]);
    let wrong = tolerance.mutations(&answer);
    assert!(wrong.len() >= 60, "{}", wrong.len());
    let mut used = Vec::new();
    for mutation in wrong {
        answer_with(&server, &world, mutation.body);
        let result = call(Arc::clone(&source)).await;
        let what = mutation.what;
        match result {
            Err(error) => assert!(is_expected(&error), "{what}: {error:?}"),
            Ok(_) => used.push(what),
        }
    }
    assert!(used.is_empty(), "used all the same: {used:#?}");
    let world_again = world.clone();
    server.set(move |request| world_again.reply(request));
    assert_eq!(call(source).await.unwrap(), right);
}

fn answer_with(server: &Server, world: &World, body: Vec<u8>) {
    let world = world.clone();
    server.set(move |request| {
        if request.path() == "/api" {
            Reply::new(200, &[("Content-Type", "application/json")], body.clone())
        } else {
            world.reply(request)
        }
    });
}

/// Not understood, or asked to begin anew; never a reason to give up or to bother the person.
fn is_expected(error: &SourceError) -> bool {
    matches!(
        error,
        SourceError::BadAnswer { .. } | SourceError::CannotCalculateChanges
    )
}

fn ids(texts: &[&str]) -> Vec<MessageId> {
    texts
        .iter()
        .map(|id| MessageId::new(*id).unwrap())
        .collect()
}

#[tokio::test]
async fn no_wrong_mailbox_list_is_used() {
    let tolerance = Tolerance {
        may_miss: vec!["sortOrder", "parentId", "role", "notFound"],
        may_shrink: vec!["list"],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move { source.mailboxes().await }).await;
}

#[tokio::test]
async fn no_wrong_change_of_mailboxes_is_used() {
    let tolerance = Tolerance {
        may_shrink: vec!["created", "updated", "destroyed"],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        let state = state("m0");
        source.mailboxes_since(&state).await
    })
    .await;
}

#[tokio::test]
async fn no_wrong_page_of_the_newest_is_used() {
    let tolerance = Tolerance {
        may_miss: OPTIONAL.to_vec(),
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move { source.newest(0, 3).await }).await;
}

#[tokio::test]
async fn no_wrong_page_of_older_messages_is_used() {
    let tolerance = Tolerance {
        may_miss: OPTIONAL.to_vec(),
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        let before = UnixTime::from_seconds(2_000_000_000);
        source.older_than(before, 0, 3).await
    })
    .await;
}

#[tokio::test]
async fn no_wrong_change_of_messages_is_used() {
    let tolerance = Tolerance {
        may_miss: OPTIONAL.to_vec(),
        may_shrink: vec!["destroyed"],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        let state = state("e0");
        source.message_changes(&state, 100).await
    })
    .await;
}

#[tokio::test]
async fn no_wrong_inventory_is_used() {
    let tolerance = Tolerance {
        may_miss: OPTIONAL.to_vec(),
        ..Tolerance::default()
    };
    survives(
        tolerance,
        |source| async move { source.inventory(0, 10).await },
    )
    .await;
}

#[tokio::test]
async fn no_wrong_message_is_used() {
    let tolerance = Tolerance {
        may_miss: OPTIONAL.to_vec(),
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        source.messages(&ids(&["M0", "M1"])).await
    })
    .await;
}

#[tokio::test]
async fn no_wrong_body_is_used() {
    let mut may_miss = OPTIONAL.to_vec();
    may_miss.extend(["disposition", "cid", "isTruncated", "blobId", "partId"]);
    let tolerance = Tolerance {
        may_miss,
        unread: vec![
            "isEncodingProblem",
            "textBody/0/blobId",
            "htmlBody/0/blobId",
        ],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        source.bodies(&ids(&["M0", "M1"])).await
    })
    .await;
}

#[tokio::test]
async fn no_wrong_answer_to_an_edit_is_used() {
    let tolerance = Tolerance {
        unread: vec!["oldState", "newState"],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        let edit = |id: MessageId| RemoteEdit {
            message: id,
            keywords: vec![KeywordEdit {
                keyword: "$seen".into(),
                set: true,
            }],
            add_to: Vec::new(),
            remove_from: Vec::new(),
        };
        let edits: Vec<_> = ids(&["M0", "M1", "M2"]).into_iter().map(edit).collect();
        let outcomes = source.edit(&edits).await?;
        Ok(outcomes
            .iter()
            .map(|o| format!("{o:?}"))
            .collect::<Vec<_>>())
    })
    .await;
}

#[tokio::test]
async fn no_wrong_identity_is_used() {
    let tolerance = Tolerance {
        may_miss: vec!["notFound", "name"],
        may_shrink: vec!["list"],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move { source.identities().await }).await;
}

#[tokio::test]
async fn no_wrong_answer_to_an_import_is_used() {
    let tolerance = Tolerance {
        unread: vec!["blobId", "threadId", "size"],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        let mailbox = MailboxId::new("b1").unwrap();
        let keywords = Keywords::default();
        source.import("message".into(), &mailbox, &keywords).await
    })
    .await;
}

#[tokio::test]
async fn no_wrong_answer_to_a_submission_is_used() {
    let tolerance = Tolerance {
        unread: vec!["oldState", "newState", "created/s/id"],
        ..Tolerance::default()
    };
    survives(tolerance, |source| async move {
        let message = MessageId::new("M0").unwrap();
        let identity = IdentityId::new("I1").unwrap();
        source.submit(&message, &identity, None).await
    })
    .await;
}

#[tokio::test]
async fn no_wrong_session_is_used() {
    let world = World::new(1);
    let right = world.session();
    let tolerance = Tolerance {
        may_miss: vec![
            "primaryAccounts",
            "eventSourceUrl",
            "urn:ietf:params:jmap:submission",
        ],
        unread: vec![
            "name",
            "isPersonal",
            "isReadOnly",
            "username",
            "collationAlgorithms",
            "accountCapabilities",
        ],
        ..Tolerance::default()
    };
    let wrong = tolerance.mutations(&right);
    assert!(wrong.len() >= 60, "{}", wrong.len());
    let server = Server::start(|_| Reply::status(500)).await;
    for Mutation { what, body } in wrong {
        // A capability's own value says nothing, and where to send is not needed to read.
        let says_nothing = what.starts_with("another type /capabilities/urn:ietf:params:jmap:mail")
            || what.starts_with("another type /capabilities/urn:ietf:params:jmap:submission");
        if says_nothing {
            continue;
        }
        server.forget();
        server.set(move |_| Reply::new(200, &[], body.clone()));
        let result = source(&server, Tokens::only(TOKEN)).newest(0, 1).await;
        assert!(result.is_err(), "{what}: {result:?}");
    }
}

#[tokio::test]
async fn more_messages_than_asked_for_are_not_used() {
    let world = World::new(40);
    let (server, source) = world.serve().await;
    server.set(move |request| {
        if request.path() != "/api" {
            return world.reply(request);
        }
        let mut answer = world.answer(request);
        let ids: Vec<String> = (0..40).map(|number| format!("M{number}")).collect();
        answer["methodResponses"][1][1]["ids"] = ids.into();
        Reply::json(&answer)
    });
    let error = source.newest(0, 10).await.unwrap_err();
    assert!(matches!(error, SourceError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn changes_that_go_nowhere_ask_for_a_new_beginning() {
    let world = World::new(6);
    let (server, source) = world.serve().await;
    for (has_more, created) in [(true, vec!["M0"]), (true, vec![]), (false, vec!["M0"])] {
        let world = world.clone();
        server.set(move |request| {
            if request.path() != "/api" {
                return world.reply(request);
            }
            let mut answer = world.answer(request);
            let changes = &mut answer["methodResponses"][0][1];
            changes["newState"] = changes["oldState"].clone();
            changes["hasMoreChanges"] = has_more.into();
            changes["created"] = created.clone().into();
            Reply::json(&answer)
        });
        let state = state("e0");
        let error = source.message_changes(&state, 10).await.unwrap_err();
        assert!(
            matches!(error, SourceError::CannotCalculateChanges),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let world = World::new(6);
    let (server, source) = world.serve().await;
    let spaces = vec![b' '; 1024 * 1024];
    server.set(move |request| {
        if request.path() == "/api" {
            Reply::raw(200, &[], vec![spaces.clone(); 70])
        } else {
            world.reply(request)
        }
    });
    let error = source.newest(0, 10).await.unwrap_err();
    assert!(matches!(error, SourceError::BadAnswer { .. }), "{error:?}");
}
