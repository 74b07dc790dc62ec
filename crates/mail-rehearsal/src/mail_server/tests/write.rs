use serde_json::{Value, json};

use super::super::NewMail;
use super::{World, strings, world, world_with};

async fn email(world: &World, id: &str, properties: &[&str]) -> Value {
    world
        .call(
            "Work",
            "Email/get",
            json!({ "ids": [id], "properties": properties }),
        )
        .await["list"][0]
        .clone()
}

#[tokio::test]
async fn keywords_and_mailboxes_are_patched() {
    let world = world().await;
    let id = world.server.messages_in("Work", "Inbox").unwrap().remove(0);
    let archive = world.mailbox("Work", "Archive").await;
    let inbox = world.mailbox("Work", "Inbox").await;
    let before = world.call("Work", "Email/get", json!({ "ids": [] })).await["state"].clone();
    let patch = json!({ "keywords/$Seen": true, "keywords/Later~1now": true, format!("mailboxIds/{archive}"): true });
    let set = world
        .call(
            "Work",
            "Email/set",
            json!({ "ifInState": before, "update": { id.clone(): patch } }),
        )
        .await;
    assert_eq!(
        (&set["updated"], &set["oldState"]),
        (&json!({ id.clone(): null }), &before)
    );
    let got = email(&world, &id, &["keywords", "mailboxIds"]).await;
    assert_eq!(
        (&got["keywords"]["$seen"], &got["keywords"]["later/now"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        got["mailboxIds"],
        json!({ inbox.clone(): true, archive.clone(): true })
    );
    world.call("Work", "Email/set", json!({ "update": { id.clone(): { "keywords": { "$flagged": true }, "mailboxIds": { archive.clone(): true } } } })).await;
    let got = email(&world, &id, &["keywords", "mailboxIds"]).await;
    assert_eq!(
        got,
        json!({ "id": id, "keywords": { "$flagged": true }, "mailboxIds": { archive: true } })
    );
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/set",
                json!({ "ifInState": before, "destroy": [] })
            )
            .await,
        "stateMismatch"
    );
}

#[tokio::test]
async fn patches_that_make_no_sense_are_refused_one_by_one() {
    let world = world().await;
    let ids = world.server.messages_in("Work", "Inbox").unwrap();
    let (id, good) = (&ids[0], &ids[1]);
    let inbox = world.mailbox("Work", "Inbox").await;
    for (patch, kind) in [
        (
            json!({ format!("mailboxIds/{inbox}"): null }),
            "invalidProperties",
        ),
        (json!({ "mailboxIds": {} }), "invalidProperties"),
        (json!({ "mailboxIds/P99": true }), "invalidProperties"),
        (json!({ "keywords/a b": true }), "invalidProperties"),
        (json!({ "keywords/$seen": false }), "invalidProperties"),
        (json!({ "subject": "New" }), "invalidProperties"),
        (
            json!({ "keywords": {}, "keywords/$seen": true }),
            "invalidPatch",
        ),
    ] {
        let set = world
            .call(
                "Work",
                "Email/set",
                json!({ "update": { id: patch, good: { "keywords/$flagged": true } } }),
            )
            .await;
        assert_eq!(set["notUpdated"][id]["type"], kind, "{patch}");
        assert!(set["updated"].as_object().unwrap().contains_key(good));
    }
    let set = world.call("Work", "Email/set", json!({ "update": { id: { "keywords/$seen": true }, "M0": {} }, "destroy": [id, "Mfffff"] })).await;
    assert_eq!(
        (
            &set["notUpdated"][id]["type"],
            &set["notDestroyed"]["Mfffff"]["type"]
        ),
        (&json!("willDestroy"), &json!("notFound"))
    );
    assert_eq!(set["destroyed"], json!([id]));
    let many: serde_json::Map<String, Value> = (0..40)
        .map(|n| (format!("keywords/k{n}"), true.into()))
        .collect();
    let set = world
        .call("Work", "Email/set", json!({ "update": { good: many } }))
        .await;
    assert_eq!(set["notUpdated"][good]["type"], "tooManyKeywords");
}

#[tokio::test]
async fn a_message_is_made_of_parts_uploads_and_headers() {
    let world = world().await;
    let file: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let upload = world
        .http
        .post(format!("{}/jmap/upload/u-work/", world.url))
        .bearer_auth("token-Work")
        .header("content-type", "application/x-thing")
        .body(file.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(upload.status(), 201);
    let upload: Value = upload.json().await.unwrap();
    assert_eq!(
        (&upload["size"], &upload["type"]),
        (&json!(5_000), &json!("application/x-thing"))
    );
    let drafts = world.mailbox("Work", "Drafts").await;
    let object = json!({
        "mailboxIds": { drafts: true }, "keywords": { "$draft": true },
        "from": [{ "name": "Ana \"A\" Moreau", "email": "ana@northwind.example" }], "to": [{ "name": "Ünal, O.", "email": "o@x.example" }],
        "subject": "Ein sehr langer Betreff mit Übergröße, der ganz sicher gefaltet werden muss, damit er passt",
        "inReplyTo": ["a@x.example"], "references": ["z@x.example", "a@x.example"], "header:X-Mood:asText": "fröhlich",
        "textBody": [{ "partId": "t", "type": "text/plain" }], "htmlBody": [{ "partId": "h", "type": "text/html" }],
        "bodyValues": { "t": { "value": "Grüße\n\nzwei" }, "h": { "value": "<p>Grüße</p>" } },
        "attachments": [{ "blobId": upload["blobId"], "type": "application/x-thing", "name": "Ding 1.bin", "disposition": "attachment" }],
    });
    let set = world
        .call("Work", "Email/set", json!({ "create": { "d": object } }))
        .await;
    let id = set["created"]["d"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{set}"));
    let get = json!({ "ids": [id], "properties": ["subject", "from", "to", "inReplyTo", "references", "header:X-Mood:asText", "hasAttachment", "bodyStructure", "bodyValues", "attachments", "textBody", "htmlBody", "size"], "fetchAllBodyValues": true });
    let got = world.call("Work", "Email/get", get).await["list"][0].clone();
    for same in [
        "subject",
        "from",
        "to",
        "inReplyTo",
        "references",
        "header:X-Mood:asText",
    ] {
        assert_eq!(got[same], object[same], "{same}");
    }
    assert_eq!(
        (&got["hasAttachment"], &got["size"]),
        (&json!(true), &set["created"]["d"]["size"])
    );
    assert_eq!(
        (
            &got["bodyStructure"]["type"],
            &got["bodyStructure"]["subParts"][0]["type"]
        ),
        (&json!("multipart/mixed"), &json!("multipart/alternative"))
    );
    let value = |list: &str| {
        got["bodyValues"][got[list][0]["partId"].as_str().unwrap()]["value"]
            .as_str()
            .unwrap()
            .trim_end()
            .to_owned()
    };
    assert_eq!(
        (value("textBody").as_str(), value("htmlBody").as_str()),
        ("Grüße\n\nzwei", "<p>Grüße</p>")
    );
    let part = &got["attachments"][0];
    assert_eq!(
        (&part["name"], &part["size"]),
        (&json!("Ding 1.bin"), &json!(5_000))
    );
    for blob in [
        part["blobId"].as_str().unwrap(),
        upload["blobId"].as_str().unwrap(),
    ] {
        let bytes = world
            .http
            .get(format!("{}/jmap/download/u-work/{blob}/x", world.url))
            .bearer_auth("token-Work")
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(bytes, file);
    }
}

#[tokio::test]
async fn messages_that_cannot_be_made_are_refused() {
    let world = world().await;
    let drafts = world.mailbox("Work", "Drafts").await;
    for (object, kind) in [
        (json!({ "subject": "Nowhere" }), "invalidProperties"),
        (
            json!({ "mailboxIds": { drafts.clone(): true }, "subject": "a\r\nBcc: b@x.example" }),
            "invalidProperties",
        ),
        (
            json!({ "mailboxIds": { drafts.clone(): true }, "attachments": [{ "blobId": "U00", "type": "image/png" }] }),
            "blobNotFound",
        ),
        (
            json!({ "mailboxIds": { drafts.clone(): true }, "textBody": [{ "partId": "t" }] }),
            "invalidProperties",
        ),
        (
            json!({ "mailboxIds": { drafts.clone(): true }, "subject": "a", "header:Subject:asText": "b" }),
            "invalidProperties",
        ),
        (
            json!({ "mailboxIds": { drafts: true }, "size": 7 }),
            "invalidProperties",
        ),
    ] {
        let set = world
            .call("Work", "Email/set", json!({ "create": { "d": object } }))
            .await;
        assert_eq!(set["notCreated"]["d"]["type"], kind, "{set}");
    }
}

#[tokio::test]
async fn imported_mail_keeps_its_bytes_and_time() {
    let world = world().await;
    let bytes = b"From: Mum <mum@family.example>\r\nSubject: Old\r\n\r\nHi\r\n".to_vec();
    let upload: Value = world
        .http
        .post(format!("{}/jmap/upload/u-work/", world.url))
        .bearer_auth("token-Work")
        .body(bytes.clone())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let archive = world.mailbox("Work", "Archive").await;
    let import = json!({ "emails": { "i": { "blobId": upload["blobId"], "mailboxIds": { archive.clone(): true }, "keywords": { "$seen": true }, "receivedAt": "2020-02-03T04:05:06Z" }, "bad": { "blobId": "G0fff", "mailboxIds": { archive: true } } } });
    let answer = world.call("Work", "Email/import", import).await;
    assert_eq!(answer["notCreated"]["bad"]["properties"], json!(["blobId"]));
    let id = answer["created"]["i"]["id"].as_str().unwrap();
    assert_eq!(world.server.message_bytes("Work", id).unwrap(), bytes);
    assert_eq!(
        email(&world, id, &["receivedAt"]).await["receivedAt"],
        "2020-02-03T04:05:06Z"
    );
    let oldest = world
        .query(
            "Work",
            json!({ "sort": [{ "property": "receivedAt" }], "limit": 1 }),
        )
        .await;
    assert_eq!(oldest, [id]);
}

#[tokio::test]
async fn mailboxes_are_made_moved_and_destroyed() {
    let world = world().await;
    let set = world.call("Work", "Mailbox/set", json!({ "create": { "child": { "name": "Inner", "parentId": "#outer" }, "outer": { "name": "Outer" }, "twin": { "name": "Projects" } } })).await;
    let id = |name: &str| set["created"][name]["id"].as_str().unwrap().to_owned();
    let (outer, child) = (id("outer"), id("child"));
    assert_eq!(set["notCreated"]["twin"]["type"], "alreadyExists");
    let update = |id: &str, patch: Value| json!({ "update": { id: patch } });
    let answer = world
        .call(
            "Work",
            "Mailbox/set",
            update(&outer, json!({ "parentId": child })),
        )
        .await;
    assert_eq!(
        answer["notUpdated"][&outer]["properties"],
        json!(["parentId"])
    );
    let inbox = world.mailbox("Work", "Inbox").await;
    let answer = world
        .call(
            "Work",
            "Mailbox/set",
            update(&inbox, json!({ "name": "In" })),
        )
        .await;
    assert_eq!(answer["notUpdated"][&inbox]["type"], "forbidden");
    world
        .call(
            "Work",
            "Mailbox/set",
            update(&child, json!({ "name": "Renamed", "sortOrder": 5 })),
        )
        .await;
    let got = world
        .call("Work", "Mailbox/get", json!({ "ids": [child] }))
        .await["list"][0]
        .clone();
    assert_eq!(
        (&got["name"], &got["sortOrder"], &got["parentId"]),
        (&json!("Renamed"), &json!(5), &json!(outer))
    );
    let mail = world
        .server
        .messages_in("Work", "Archive")
        .unwrap()
        .remove(0);
    world.server.move_to("Work", &mail, "Renamed").unwrap();
    let destroy =
        |id: &str, emails: bool| json!({ "destroy": [id], "onDestroyRemoveEmails": emails });
    assert_eq!(
        world
            .call("Work", "Mailbox/set", destroy(&outer, false))
            .await["notDestroyed"][&outer]["type"],
        "mailboxHasChild"
    );
    assert_eq!(
        world
            .call("Work", "Mailbox/set", destroy(&child, false))
            .await["notDestroyed"][&child]["type"],
        "mailboxHasEmail"
    );
    assert_eq!(
        world
            .call("Work", "Mailbox/set", destroy(&child, true))
            .await["destroyed"],
        json!([child])
    );
    assert_eq!(
        world
            .call("Work", "Email/get", json!({ "ids": [mail] }))
            .await["notFound"],
        json!([mail])
    );
    assert_eq!(
        world
            .call("Work", "Mailbox/set", destroy(&outer, false))
            .await["destroyed"],
        json!([outer])
    );
}

#[tokio::test]
async fn everything_that_was_changed_survives_a_restart_states_included() {
    let dir = tempfile::tempdir().unwrap();
    let mut ids = Vec::new();
    let snapshot = async |world: &World| {
        let all = world.query("Work", json!({})).await;
        let emails = world.call("Work", "Email/get", json!({ "ids": all })).await;
        let mailboxes = world.call("Work", "Mailbox/get", json!({})).await;
        (emails, mailboxes)
    };
    let (before, since) = {
        let world = world_with(120, Some(dir.path())).await;
        let since = world.call("Work", "Email/get", json!({ "ids": [] })).await["state"].clone();
        ids.extend(
            world
                .server
                .messages_in("Work", "Inbox")
                .unwrap()
                .into_iter()
                .take(3),
        );
        ids.push(
            world
                .server
                .deliver(
                    "Work",
                    &NewMail {
                        from_name: "Mum",
                        from: "mum@family.example",
                        subject: "Kept",
                        text: "Yes\n",
                        answers: None,
                    },
                )
                .unwrap(),
        );
        world
            .server
            .set_keyword("Work", &ids[0], "$flagged", true)
            .unwrap();
        world.server.move_to("Work", &ids[1], "Trash").unwrap();
        world.server.destroy("Work", &ids[2]).unwrap();
        world
            .server
            .rename_mailbox("Work", "Projects", "Plans")
            .unwrap();
        (snapshot(&world).await, since)
    };
    let world = world_with(120, Some(dir.path())).await;
    assert_eq!(snapshot(&world).await, before);
    let changes = world
        .call("Work", "Email/changes", json!({ "sinceState": since }))
        .await;
    assert_eq!(strings(&changes["created"]), [ids[3].clone()]);
    assert_eq!(strings(&changes["destroyed"]), [ids[2].clone()]);
    let untouched = world_with(120, None).await;
    assert_ne!(snapshot(&untouched).await, before);
}
