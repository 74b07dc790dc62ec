use serde_json::{Value, json};

use super::{World, strings, world};

/// Writes a draft in Work; gives its id.
async fn draft(world: &World, extra: Value) -> String {
    let drafts = world.mailbox("Work", "Drafts").await;
    let mut object = json!({
        "mailboxIds": { drafts: true }, "keywords": { "$draft": true, "$seen": true },
        "from": [{ "name": "Ana Moreau", "email": "ana@northwind.example" }],
        "to": [{ "name": null, "email": "ana.m@mail.example" }, { "email": "else@elsewhere.example" }],
        "bcc": [{ "email": "ana@choir.example" }],
        "subject": "Grüße aus dem Büro", "bodyStructure": { "type": "text/plain", "partId": "t" }, "bodyValues": { "t": { "value": "Bis später!\n" } },
    });
    object
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    let set = world
        .call("Work", "Email/set", json!({ "create": { "d": object } }))
        .await;
    set["created"]["d"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{set}"))
        .to_owned()
}

async fn refused(world: &World, submission: Value) -> Value {
    let set = world
        .call(
            "Work",
            "EmailSubmission/set",
            json!({ "create": { "s": submission } }),
        )
        .await;
    assert_eq!(set["created"], Value::Null);
    set["notCreated"]["s"].clone()
}

#[tokio::test]
async fn mail_reaches_the_other_accounts_and_the_draft_becomes_sent() {
    let world = world().await;
    let id = draft(&world, json!({})).await;
    let sent = world.mailbox("Work", "Sent").await;
    let drafts = world.mailbox("Work", "Drafts").await;
    let patch = json!({ "keywords/$draft": null, format!("mailboxIds/{sent}"): true, format!("mailboxIds/{drafts}"): null });
    let identity = world.call("Work", "Identity/get", json!({})).await["list"][0].clone();
    assert_eq!(identity["email"], "ana@northwind.example");
    let answers = world
        .calls("Work", &[("EmailSubmission/set", json!({ "create": { "s": { "emailId": id, "identityId": identity["id"] } }, "onSuccessUpdateEmail": { "#s": patch } }))])
        .await;
    assert_eq!(
        answers.iter().map(|a| a.0.as_str()).collect::<Vec<_>>(),
        ["EmailSubmission/set", "Email/set"]
    );
    assert!(
        answers[1].1["updated"]
            .as_object()
            .unwrap()
            .contains_key(&id)
    );
    let email = world
        .call(
            "Work",
            "Email/get",
            json!({ "ids": [id], "properties": ["mailboxIds", "keywords", "bcc"] }),
        )
        .await["list"][0]
        .clone();
    assert_eq!(
        (&email["mailboxIds"], &email["keywords"]),
        (&json!({ sent: true }), &json!({ "$seen": true }))
    );
    for person in ["Personal", "Choir"] {
        let newest = world.query(person, json!({ "limit": 1 })).await;
        let got = world.call(person, "Email/get", json!({ "ids": newest, "properties": ["subject", "from", "bcc", "keywords", "preview", "header:Return-Path", "header:Received:all"] })).await["list"][0].clone();
        assert_eq!(
            (&got["subject"], &got["preview"]),
            (&json!("Grüße aus dem Büro"), &json!("Bis später!"))
        );
        assert_eq!(
            (&got["bcc"], &got["keywords"]),
            (&Value::Null, &json!({})),
            "{person}"
        );
        assert_eq!(got["header:Return-Path"], " <ana@northwind.example>");
        assert_eq!(got["header:Received:all"].as_array().unwrap().len(), 1);
        assert_eq!(
            world.server.messages_in(person, "Inbox").unwrap()[0],
            newest[0]
        );
    }
    let submission = answers[0].1["created"]["s"]["id"].clone();
    let got = world
        .call(
            "Work",
            "EmailSubmission/get",
            json!({ "ids": [submission] }),
        )
        .await["list"][0]
        .clone();
    assert_eq!(
        (&got["undoStatus"], &got["emailId"]),
        (&json!("final"), &json!(id))
    );
    let status = |to: &str| got["deliveryStatus"][to]["delivered"].clone();
    assert_eq!(
        (
            status("ana.m@mail.example"),
            status("else@elsewhere.example")
        ),
        (json!("yes"), json!("unknown"))
    );
    let found = world
        .call(
            "Work",
            "EmailSubmission/query",
            json!({ "filter": { "emailIds": [id] } }),
        )
        .await;
    assert_eq!(strings(&found["ids"]), [submission.as_str().unwrap()]);
}

#[tokio::test]
async fn a_draft_can_be_made_and_sent_in_one_request_and_thrown_away() {
    let world = world().await;
    let drafts = world.mailbox("Work", "Drafts").await;
    let object = json!({ "mailboxIds": { drafts: true }, "from": [{ "email": "ana@northwind.example" }], "to": [{ "email": "ana.m@mail.example" }], "subject": "Quick", "textBody": [{ "partId": "1" }], "bodyValues": { "1": { "value": "x" } } });
    let answers = world
        .calls("Work", &[("Email/set", json!({ "create": { "d": object } })), ("EmailSubmission/set", json!({ "create": { "s": { "emailId": "#d", "identityId": "I1" } }, "onSuccessDestroyEmail": ["#s"] }))])
        .await;
    assert_eq!(
        answers[2].1["destroyed"],
        json!([answers[0].1["created"]["d"]["id"]])
    );
    assert_eq!(
        world
            .call(
                "Personal",
                "Email/query",
                json!({ "filter": { "subject": "quick" }, "calculateTotal": true })
            )
            .await["total"],
        1
    );
}

#[tokio::test]
async fn submissions_that_cannot_be_are_refused_with_the_rfcs_types() {
    let world = world().await;
    let id = draft(&world, json!({})).await;
    let with = |envelope: Value| json!({ "emailId": id, "identityId": "I1", "envelope": envelope });
    let from = json!({ "email": "ana@northwind.example" });
    assert_eq!(
        refused(&world, json!({ "emailId": id, "identityId": "I9" })).await["properties"],
        json!(["identityId"])
    );
    assert_eq!(
        refused(&world, json!({ "emailId": "M0fff", "identityId": "I1" })).await["properties"],
        json!(["emailId"])
    );
    assert_eq!(
        refused(&world, with(json!({ "mailFrom": from, "rcptTo": [] }))).await["type"],
        "noRecipients"
    );
    let answer = refused(&world, with(json!({ "mailFrom": from, "rcptTo": [{ "email": "nobody@x.example" }, { "email": "no-at" }, { "email": "ok@x.example" }] }))).await;
    assert_eq!(
        (&answer["type"], &answer["invalidRecipients"]),
        (
            &json!("invalidRecipients"),
            &json!(["no-at", "nobody@x.example"])
        )
    );
    assert_eq!(refused(&world, with(json!({ "mailFrom": { "email": "mum@family.example" }, "rcptTo": [{ "email": "a@x.example" }] }))).await["type"], "forbiddenMailFrom");
    let many: Vec<Value> = (0..51)
        .map(|n| json!({ "email": format!("p{n}@x.example") }))
        .collect();
    assert_eq!(
        refused(&world, with(json!({ "mailFrom": from, "rcptTo": many }))).await["maxRecipients"],
        50
    );
    let foreign = draft(
        &world,
        json!({ "from": [{ "email": "mum@family.example" }] }),
    )
    .await;
    assert_eq!(
        refused(&world, json!({ "emailId": foreign, "identityId": "I1" })).await["type"],
        "forbiddenFrom"
    );
    assert_eq!(
        world.call("Work", "EmailSubmission/query", json!({})).await["ids"],
        json!([])
    );
}

#[tokio::test]
async fn a_sent_submission_cannot_be_undone_but_forgotten() {
    let world = world().await;
    let id = draft(&world, json!({})).await;
    let since = world.call("Work", "EmailSubmission/get", json!({})).await["state"].clone();
    let set = world
        .call(
            "Work",
            "EmailSubmission/set",
            json!({ "create": { "s": { "emailId": id, "identityId": "I1" } } }),
        )
        .await;
    let submission = set["created"]["s"]["id"].as_str().unwrap().to_owned();
    let set = world
        .call(
            "Work",
            "EmailSubmission/set",
            json!({ "update": { submission.clone(): { "undoStatus": "canceled" } } }),
        )
        .await;
    assert_eq!(set["notUpdated"][&submission]["type"], "cannotUnsend");
    let changes = world
        .call(
            "Work",
            "EmailSubmission/changes",
            json!({ "sinceState": since }),
        )
        .await;
    assert_eq!(changes["created"], json!([submission]));
    let set = world
        .call(
            "Work",
            "EmailSubmission/set",
            json!({ "destroy": [submission] }),
        )
        .await;
    assert_eq!(set["destroyed"], json!([submission]));
}
