//! What the person does here, seen there.

use mail_model::remote::{CancelOutcome, EditOutcome, MailSource, MailSubmitter, RemoteEdit};
use mail_model::{KeywordEdit, Keywords, MailboxId, MessageId, SubmissionId};
use serde_json::json;

use super::{Account, letter};

fn edit(id: &str) -> RemoteEdit {
    RemoteEdit {
        message: MessageId::new(id).unwrap(),
        keywords: Vec::new(),
        add_to: Vec::new(),
        remove_from: Vec::new(),
    }
}

fn mark(keyword: &str, set: bool) -> KeywordEdit {
    KeywordEdit {
        keyword: keyword.into(),
        set,
    }
}

async fn mailbox(ana: &Account, role: &str) -> MailboxId {
    MailboxId::new(ana.other.mailbox(role).await).unwrap()
}

#[tokio::test]
async fn each_edit_has_its_own_outcome_in_its_own_place() {
    let Some(ana) = Account::of("ana.edits") else {
        return;
    };
    let first = ana.other.import(letter("first"), "inbox").await;
    let second = ana.other.import(letter("second"), "inbox").await;
    let (inbox, archive) = (mailbox(&ana, "inbox").await, mailbox(&ana, "archive").await);
    let mut read = edit(&first);
    read.keywords = vec![mark("$seen", true), mark("$flagged", true)];
    let mut gone = edit("M000000000000000000000000");
    gone.keywords = vec![mark("$seen", true)];
    let mut put_away = edit(&second);
    put_away.add_to = vec![archive.clone()];
    put_away.remove_from = vec![inbox.clone()];
    let mut nowhere = edit(&first);
    nowhere.add_to = vec![MailboxId::new("no-such-mailbox").unwrap()];
    let mut unstar = edit(&first);
    unstar.keywords = vec![mark("$flagged", false)];
    let edits = [read, gone, put_away, nowhere, unstar, edit(&second)];

    let outcomes = ana.source.edit(&edits).await.unwrap();
    let outcomes: Vec<String> = outcomes.iter().map(|o| format!("{o:?}")).collect();
    assert_eq!(
        outcomes,
        [
            "Done",
            "Gone",
            "Done",
            "Refused(\"invalidProperties\")",
            "Done",
            "Done"
        ]
    );
    let answer = ana
        .other
        .call(
            "Email/get",
            json!({ "ids": [first, second], "properties": ["keywords", "mailboxIds"] }),
        )
        .await;
    let list = answer["list"].as_array().unwrap();
    let find = |id: &str| list.iter().find(|email| email["id"] == id).unwrap();
    assert_eq!(find(&first)["keywords"], json!({ "$seen": true }));
    assert_eq!(find(&first)["mailboxIds"], json!({ inbox.as_str(): true }));
    assert_eq!(
        find(&second)["mailboxIds"],
        json!({ archive.as_str(): true })
    );
}

#[tokio::test]
async fn an_edit_sent_twice_is_the_same_as_once() {
    let Some(ana) = Account::of("ana.twice") else {
        return;
    };
    let id = ana.other.import(letter("twice"), "inbox").await;
    let mut away = edit(&id);
    away.keywords = vec![mark("$seen", true)];
    away.add_to = vec![mailbox(&ana, "archive").await];
    away.remove_from = vec![mailbox(&ana, "inbox").await];
    for _ in 0..2 {
        let outcomes = ana.source.edit(std::slice::from_ref(&away)).await.unwrap();
        assert!(matches!(outcomes[..], [EditOutcome::Done]), "{outcomes:?}");
    }
}

#[tokio::test]
async fn a_message_put_on_the_server_twice_is_there_once() {
    let Some(ana) = Account::of("ana.import") else {
        return;
    };
    let drafts = mailbox(&ana, "drafts").await;
    let keywords: Keywords = ["$draft", "$seen"].map(Into::into).into_iter().collect();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let message = letter("draft").into();
        ids.push(
            ana.source
                .import(message, &drafts, &keywords)
                .await
                .unwrap(),
        );
    }
    assert_eq!(ids[0], ids[1]);
    let page = ana.source.newest(0, 10).await.unwrap();
    assert_eq!(page.messages.len(), 1);
    assert_eq!(page.messages[0].keywords, keywords);
    assert_eq!(page.messages[0].mailboxes, [drafts]);
}

#[tokio::test]
async fn a_sent_message_leaves_the_server_and_moves_to_sent() {
    let Some(ana) = Account::of("ana.sends") else {
        return;
    };
    let identities = ana.source.identities().await.unwrap();
    assert_eq!(identities.len(), 1);
    assert_eq!(identities[0].email, ana.person);
    let (drafts, sent) = (mailbox(&ana, "drafts").await, mailbox(&ana, "sent").await);
    let keywords: Keywords = std::iter::once("$draft".into()).collect();
    let message = "From: ana.sends@northwind.example\r\nTo: ben@mail.example\r\n\
                   Subject: Rehearsal on Tuesday\r\n\r\nAt seven.\r\n";
    let id = ana
        .source
        .import(message.into(), &drafts, &keywords)
        .await
        .unwrap();
    ana.source
        .submit(&id, &identities[0].id, Some(&sent))
        .await
        .unwrap();
    let submitted = ana.cyrus.sink().wait_for("ben@mail.example");
    assert_eq!(submitted.from, ana.person);
    let text = String::from_utf8(submitted.message).unwrap();
    assert!(text.ends_with("\r\n\r\nAt seven.\r\n"), "{text}");
    let messages = ana.source.messages(&[id]).await.unwrap();
    assert_eq!(messages[0].mailboxes, [sent]);
    assert!(!messages[0].keywords.contains(&"$draft".into()));
    assert!(messages[0].keywords.is_seen());
}

#[tokio::test]
async fn a_message_that_waits_on_the_server_is_taken_back() {
    let Some(ana) = Account::of("ana.waits") else {
        return;
    };
    assert_eq!(
        ana.source.submissions_pending().await.unwrap(),
        Some(vec![])
    );
    let identities = ana.source.identities().await.unwrap();
    let drafts = mailbox(&ana, "drafts").await;
    let keywords: Keywords = std::iter::once("$draft".into()).collect();
    let message = "From: ana.waits@northwind.example\r\nTo: ben@mail.example\r\n\r\nLater\r\n";
    let id = ana
        .source
        .import(message.into(), &drafts, &keywords)
        .await
        .unwrap();
    let answer = ana
        .other
        .call(
            "EmailSubmission/set",
            json!({ "create": { "s": {
                "emailId": id.as_str(),
                "identityId": identities[0].id.as_str(),
                "envelope": {
                    "mailFrom": { "email": ana.person, "parameters": { "HOLDFOR": "3600" } },
                    "rcptTo": [{ "email": "ben@mail.example", "parameters": null }],
                },
            } } }),
        )
        .await;
    assert!(answer["created"]["s"]["id"].is_string(), "{answer}");
    let waiting = ana.source.submissions_pending().await.unwrap().unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].message, id);
    let outcome = ana.source.cancel_submission(&waiting[0].id).await.unwrap();
    assert_eq!(outcome, CancelOutcome::Cancelled);
    assert_eq!(
        ana.source.submissions_pending().await.unwrap(),
        Some(vec![])
    );
    let unknown = SubmissionId::new("Snone").unwrap();
    let outcome = ana.source.cancel_submission(&unknown).await.unwrap();
    assert_eq!(outcome, CancelOutcome::Gone);
}

#[tokio::test]
async fn a_recipient_nobody_takes_mail_for_is_refused_and_nothing_moves() {
    let Some(ana) = Account::of("ana.nowhere") else {
        return;
    };
    let identities = ana.source.identities().await.unwrap();
    let (drafts, sent) = (mailbox(&ana, "drafts").await, mailbox(&ana, "sent").await);
    let keywords: Keywords = std::iter::once("$draft".into()).collect();
    let message = "From: ana.nowhere@northwind.example\r\nTo: x@nowhere.example\r\n\r\nHello\r\n";
    let id = ana
        .source
        .import(message.into(), &drafts, &keywords)
        .await
        .unwrap();
    let error = ana
        .source
        .submit(&id, &identities[0].id, Some(&sent))
        .await
        .unwrap_err();
    assert_eq!(error.reaction(), mail_model::Reaction::GiveUp, "{error:?}");
    let messages = ana.source.messages(&[id]).await.unwrap();
    assert_eq!(messages[0].mailboxes, [drafts]);
    assert_eq!(messages[0].keywords, keywords);
}
