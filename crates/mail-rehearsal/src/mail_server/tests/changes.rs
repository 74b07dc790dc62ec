use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::NewMail;
use super::{World, strings, world};
use crate::corpus::Dice;
use crate::faults::Switch;

fn mail<'a>(subject: &'a str, answers: Option<&'a str>) -> NewMail<'a> {
    NewMail {
        from_name: "Ines Okafor",
        from: "ines.okafor@northwind.example",
        subject,
        text: "Words.\n",
        answers,
    }
}

async fn state(world: &World, kind: &str) -> String {
    let got = world
        .call("Work", &format!("{kind}/get"), json!({ "ids": [] }))
        .await;
    got["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_type_tells_what_changed_since_a_state() {
    let world = world().await;
    let before = (
        state(&world, "Email").await,
        state(&world, "Thread").await,
        state(&world, "Mailbox").await,
    );
    let id = world.server.deliver("Work", &mail("New", None)).unwrap();
    let other = world.query("Work", json!({})).await[5].clone();
    world
        .server
        .set_keyword("Work", &other, "$flagged", true)
        .unwrap();
    let emails = world
        .call("Work", "Email/changes", json!({ "sinceState": before.0 }))
        .await;
    assert_eq!(
        (
            strings(&emails["created"]),
            strings(&emails["updated"]),
            strings(&emails["destroyed"])
        ),
        (vec![id.clone()], vec![other], vec![])
    );
    assert_eq!(emails["newState"], state(&world, "Email").await);
    let threads = world
        .call("Work", "Thread/changes", json!({ "sinceState": before.1 }))
        .await;
    assert_eq!(threads["created"].as_array().unwrap().len(), 1);
    let mailboxes = world
        .call("Work", "Mailbox/changes", json!({ "sinceState": before.2 }))
        .await;
    assert!(strings(&mailboxes["updated"]).contains(&world.mailbox("Work", "Inbox").await));
    assert_eq!(
        mailboxes["updatedProperties"],
        json!([
            "totalEmails",
            "unreadEmails",
            "totalThreads",
            "unreadThreads"
        ])
    );
    world.server.destroy("Work", &id).unwrap();
    let emails = world
        .call("Work", "Email/changes", json!({ "sinceState": before.0 }))
        .await;
    assert_eq!(emails["created"], json!([]));
    let threads = world
        .call(
            "Work",
            "Thread/changes",
            json!({ "sinceState": threads["newState"] }),
        )
        .await;
    assert_eq!(threads["destroyed"].as_array().unwrap().len(), 1);
    world
        .server
        .rename_mailbox("Work", "Projects", "Plans")
        .unwrap();
    let mailboxes = world
        .call(
            "Work",
            "Mailbox/changes",
            json!({ "sinceState": mailboxes["newState"] }),
        )
        .await;
    assert_eq!(mailboxes["updatedProperties"], Value::Null);
}

#[tokio::test]
async fn limited_changes_add_up_to_all_changes() {
    let world = world().await;
    let mut since = state(&world, "Email").await;
    let mut new = BTreeSet::new();
    for n in 0..25 {
        new.insert(
            world
                .server
                .deliver("Work", &mail(&format!("No. {n}"), None))
                .unwrap(),
        );
    }
    let mut told = BTreeSet::new();
    loop {
        let changes = world
            .call(
                "Work",
                "Email/changes",
                json!({ "sinceState": since, "maxChanges": 7 }),
            )
            .await;
        let created = strings(&changes["created"]);
        assert!(created.len() <= 7);
        told.extend(created);
        changes["newState"].as_str().unwrap().clone_into(&mut since);
        if changes["hasMoreChanges"] == false {
            break;
        }
    }
    assert_eq!(told, new);
    assert_eq!(since, state(&world, "Email").await);
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/changes",
                json!({ "sinceState": since, "maxChanges": 0 })
            )
            .await,
        "invalidArguments"
    );
}

#[tokio::test]
async fn changes_cannot_be_calculated_from_lost_or_foreign_states() {
    let world = world().await;
    let before = state(&world, "Email").await;
    assert_eq!(
        world
            .refused("Work", "Email/changes", json!({ "sinceState": "nonsense" }))
            .await,
        "cannotCalculateChanges"
    );
    assert_eq!(
        world
            .refused("Work", "Email/changes", json!({ "sinceState": "0-99" }))
            .await,
        "cannotCalculateChanges"
    );
    world.faults.switch(Switch::CannotCalculateChanges, true);
    for kind in ["Email", "Thread", "Mailbox", "Identity", "EmailSubmission"] {
        assert_eq!(
            world
                .refused(
                    "Work",
                    &format!("{kind}/changes"),
                    json!({ "sinceState": before })
                )
                .await,
            "cannotCalculateChanges"
        );
    }
    world.faults.switch(Switch::CannotCalculateChanges, false);
    world
        .call("Work", "Email/changes", json!({ "sinceState": before }))
        .await;
    world.server.lose_states("Work").unwrap();
    assert_eq!(
        world
            .refused("Work", "Email/changes", json!({ "sinceState": before }))
            .await,
        "cannotCalculateChanges"
    );
    let after = state(&world, "Email").await;
    assert_ne!(after, before);
    world
        .call("Work", "Email/changes", json!({ "sinceState": after }))
        .await;
}

/// Applies the changes of a query as RFC 8620 section 5.6 describes.
fn apply(old: &[String], changes: &Value) -> Vec<String> {
    let removed = strings(&changes["removed"]);
    let mut list: Vec<String> = old
        .iter()
        .filter(|id| !removed.contains(id))
        .cloned()
        .collect();
    for added in changes["added"].as_array().unwrap() {
        let index = usize::try_from(added["index"].as_u64().unwrap()).unwrap();
        list.insert(index, added["id"].as_str().unwrap().to_owned());
    }
    list
}

/// One change from outside, chosen by the dice.
async fn disturb(world: &World, dice: &mut Dice, n: u64) {
    let all = world.query("Work", json!({ "limit": 60 })).await;
    let id = dice.pick(&all).unwrap().clone();
    let server = &world.server;
    match dice.below(6) {
        0 => drop(
            server
                .deliver("Work", &mail(&format!("Plan {n}"), None))
                .unwrap(),
        ),
        1 => {
            let bytes = server.message_bytes("Work", &id).unwrap();
            let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            let subject = format!("Re: {}", message.subject().unwrap_or_default());
            drop(
                server
                    .deliver("Work", &mail(&subject, message.message_id()))
                    .unwrap(),
            );
        }
        2 => server.destroy("Work", &id).unwrap(),
        3 => server
            .move_to(
                "Work",
                &id,
                ["Archive", "Inbox", "Projects"][usize::try_from(n % 3).unwrap()],
            )
            .unwrap(),
        _ => server
            .set_keyword(
                "Work",
                &id,
                ["$seen", "$flagged"][usize::try_from(n % 2).unwrap()],
                dice.chance(50),
            )
            .unwrap(),
    }
}

#[tokio::test]
async fn an_old_result_and_its_changes_make_the_new_result() {
    let world = world().await;
    let inbox = world.mailbox("Work", "Inbox").await;
    let queries = [
        json!({}),
        json!({ "collapseThreads": true }),
        json!({ "filter": { "inMailbox": inbox } }),
        json!({ "filter": { "inMailbox": inbox }, "collapseThreads": true }),
        json!({ "filter": { "operator": "AND", "conditions": [{ "inMailbox": inbox }, { "notKeyword": "$seen" }] }, "sort": [{ "property": "receivedAt", "isAscending": true }] }),
        json!({ "filter": { "someInThreadHaveKeyword": "$flagged" } }),
        json!({ "filter": { "subject": "plan" }, "sort": [{ "property": "subject" }, { "property": "receivedAt" }] }),
        json!({ "sort": [{ "property": "hasKeyword", "keyword": "$flagged", "isAscending": false }, { "property": "receivedAt", "isAscending": false }], "collapseThreads": true }),
    ];
    let mut results = Vec::new();
    for query in &queries {
        let answer = world.call("Work", "Email/query", query.clone()).await;
        results.push((strings(&answer["ids"]), answer["queryState"].clone()));
    }
    let mut dice = Dice::new(&[2026]);
    for round in 0..40 {
        for n in 0..dice.below(4) {
            disturb(&world, &mut dice, round * 4 + n).await;
        }
        world
            .clock
            .advance(std::time::Duration::from_secs(dice.below(90)));
        for (query, (old, since)) in queries.iter().zip(&mut results) {
            let mut asked = query.clone();
            asked["sinceQueryState"] = since.clone();
            asked["calculateTotal"] = true.into();
            let changes = world.call("Work", "Email/queryChanges", asked).await;
            let answer = world.call("Work", "Email/query", query.clone()).await;
            let new = strings(&answer["ids"]);
            assert_eq!(apply(old, &changes), new, "round {round}: {query}");
            assert_eq!(changes["total"], new.len());
            assert_eq!(changes["newQueryState"], answer["queryState"]);
            (*old, *since) = (new, answer["queryState"].clone());
        }
    }
}

#[tokio::test]
async fn more_changes_than_wanted_are_refused() {
    let world = world().await;
    let since = world.call("Work", "Email/query", json!({})).await["queryState"].clone();
    for n in 0..5 {
        world
            .server
            .deliver("Work", &mail(&format!("No. {n}"), None))
            .unwrap();
    }
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/queryChanges",
                json!({ "sinceQueryState": since, "maxChanges": 4 })
            )
            .await,
        "tooManyChanges"
    );
    let changes = world
        .call(
            "Work",
            "Email/queryChanges",
            json!({ "sinceQueryState": since, "maxChanges": 5 }),
        )
        .await;
    assert_eq!(
        (
            changes["added"].as_array().unwrap().len(),
            &changes["removed"]
        ),
        (5, &json!([]))
    );
}

#[tokio::test]
async fn an_answer_joins_its_conversation_only_with_the_same_subject() {
    let world = world().await;
    let first = world.server.deliver("Work", &mail("Tea", None)).unwrap();
    let bytes = world.server.message_bytes("Work", &first).unwrap();
    let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
    let id = message.message_id();
    let joined = world.server.deliver("Work", &mail("Re: Tea", id)).unwrap();
    let apart = world.server.deliver("Work", &mail("Coffee", id)).unwrap();
    let got = world
        .call(
            "Work",
            "Email/get",
            json!({ "ids": [first, joined, apart], "properties": ["threadId"] }),
        )
        .await;
    let threads: Vec<&Value> = got["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["threadId"])
        .collect();
    assert_eq!(threads[0], threads[1]);
    assert_ne!(threads[0], threads[2]);
}
