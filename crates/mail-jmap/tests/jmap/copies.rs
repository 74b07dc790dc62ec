//! What a copy of an account asks for, and what still waits to be sent.

use mail_model::remote::{CancelOutcome, MailSource, RawEntry, SourceError};
use mail_model::{MessageId, SubmissionId, UnixTime};
use serde_json::json;

use crate::scripted::Reply;
use crate::world::World;

async fn walk(source: &dyn MailSource, limit: usize) -> Vec<RawEntry> {
    let mut all: Vec<RawEntry> = Vec::new();
    loop {
        let page = source.raw_inventory(all.len() as u64, limit).await.unwrap();
        assert!(page.entries.len() <= limit);
        if all.is_empty() {
            assert!(page.total.is_some());
        }
        if page.entries.is_empty() {
            return all;
        }
        all.extend(page.entries);
    }
}

#[tokio::test]
async fn every_message_is_listed_once_with_where_its_octets_are() {
    let world = World::new(25).limit("maxObjectsInGet", 7);
    let (_server, source) = world.serve().await;
    let all = walk(&source, 10).await;
    let ids: Vec<&str> = all.iter().map(|entry| entry.id.as_str()).collect();
    let expected: Vec<String> = (0..25).map(|number| format!("M{number}")).collect();
    assert_eq!(ids, expected);
    let third = &all[3];
    assert_eq!(third.blob.as_str(), "B3");
    assert_eq!(third.size, 1003);
    assert_eq!(third.mailboxes.len(), 1);
    assert!(third.keywords.is_seen() && !third.has_attachment);
    assert_eq!(
        third.received_at,
        UnixTime::from_seconds(1_772_532_000 + 56 * 60)
    );
}

#[tokio::test]
async fn two_walks_at_once_do_not_disturb_each_other() {
    let (_server, source) = World::new(30).serve().await;
    let mut inventory = Vec::new();
    let mut raw = Vec::new();
    loop {
        let (_, updates) = source.inventory(inventory.len() as u64, 4).await.unwrap();
        let page = source.raw_inventory(raw.len() as u64, 4).await.unwrap();
        if updates.is_empty() && page.entries.is_empty() {
            break;
        }
        inventory.extend(updates.into_iter().map(|update| update.id));
        raw.extend(page.entries.into_iter().map(|entry| entry.id));
    }
    assert_eq!(inventory.len(), 30);
    assert_eq!(inventory, raw);
}

#[tokio::test]
async fn sizes_of_files_are_summed_without_fetching_one() {
    let (server, source) = World::new(250).serve().await;
    let ids: Vec<MessageId> = (0..260)
        .map(|number| MessageId::new(format!("M{number}")).unwrap())
        .collect();
    let twice = [ids.clone(), ids].concat();
    // Ten of them are not there, and each counts once.
    assert_eq!(source.attachment_octets(&twice).await.unwrap(), 250 * 300);
    assert_eq!(source.attachment_octets(&[]).await.unwrap(), 0);
    for request in server.seen() {
        assert!(!request.path().starts_with("/download"));
        if request.path() == "/api" {
            for (_, arguments, _) in request.calls() {
                assert_eq!(arguments["properties"], json!(["id", "attachments"]));
                assert!(arguments["ids"].as_array().unwrap().len() <= 100);
            }
        }
    }
}

#[tokio::test]
async fn what_waits_to_be_sent_is_listed_and_taken_back() {
    let (_server, source) = World::new(3).serve().await;
    let waiting = source.submissions_pending().await.unwrap().unwrap();
    let ids: Vec<&str> = waiting.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["S1", "S3"], "one has left meanwhile");
    assert_eq!(waiting[0].message, MessageId::new("M1").unwrap());
    assert_eq!(waiting[0].send_at, UnixTime::from_seconds(1_772_611_200));
    for (id, expected) in [
        ("S1", CancelOutcome::Cancelled),
        ("S2", CancelOutcome::TooLate),
        ("S9", CancelOutcome::Gone),
    ] {
        let id = SubmissionId::new(id).unwrap();
        assert_eq!(source.cancel_submission(&id).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_server_that_sends_nothing_has_nothing_waiting() {
    let world = World::new(3);
    let (server, source) = world.serve().await;
    server.set(move |request| {
        if request.path() == "/session" {
            let mut session = world.session();
            session["primaryAccounts"] = json!({ "urn:ietf:params:jmap:mail": "A1" });
            let offers = &mut session["accounts"]["A1"]["accountCapabilities"];
            *offers = json!({ "urn:ietf:params:jmap:mail": {} });
            return Reply::json(&session);
        }
        world.reply(request)
    });
    assert_eq!(source.submissions_pending().await.unwrap(), None);
    let id = SubmissionId::new("S1").unwrap();
    let outcome = source.cancel_submission(&id).await.unwrap();
    assert_eq!(outcome, CancelOutcome::Gone);
    assert!(server.methods().is_empty());
}

#[tokio::test]
async fn an_answer_for_another_submission_is_not_believed() {
    let world = World::new(3);
    let (server, source) = world.serve().await;
    server.set(move |request| {
        let mut answer = world.answer_or_session(request);
        if let Some(result) = answer.pointer_mut("/methodResponses/1/1/list/0/id") {
            *result = "S7".into();
        }
        Reply::json(&answer)
    });
    let error = source.submissions_pending().await.unwrap_err();
    assert!(matches!(error, SourceError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn every_request_is_noted_with_its_host() {
    let (server, source) = World::new(3).serve().await;
    source.newest(0, 3).await.unwrap();
    let contacts = source.hosts().contacts();
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].host, "127.0.0.1");
    assert_eq!(contacts[0].requests, server.seen().len() as u64);
    assert!(contacts[0].first_at <= contacts[0].last_at);
}
