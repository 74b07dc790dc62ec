use serde_json::{Value, json};

use super::{NOW, strings, world, world_with};

#[tokio::test]
async fn the_session_names_one_account_and_its_addresses() {
    let world = world().await;
    let response = world
        .http
        .get(format!("{}/.well-known/jmap", world.url))
        .bearer_auth("token-Personal")
        .send()
        .await
        .unwrap();
    assert_eq!(response.url().path(), "/jmap/session");
    let session: Value = response.json().await.unwrap();
    assert_eq!(session["username"], "ana.m@mail.example");
    assert_eq!(session["accounts"].as_object().unwrap().len(), 1);
    let id = session["primaryAccounts"]["urn:ietf:params:jmap:mail"]
        .as_str()
        .unwrap();
    assert_eq!(session["accounts"][id]["isReadOnly"], false);
    assert_eq!(session["apiUrl"], format!("{}/jmap/api", world.url));
    assert!(
        session["downloadUrl"]
            .as_str()
            .unwrap()
            .contains("{blobId}")
    );
    assert!(
        session["capabilities"]["urn:ietf:params:jmap:core"]["maxCallsInRequest"]
            .as_u64()
            .unwrap()
            >= 16
    );
}

#[tokio::test]
async fn mailboxes_have_roles_and_counts_that_equal_a_recount() {
    let world = world().await;
    let answer = world
        .call("Work", "Mailbox/get", json!({ "ids": null }))
        .await;
    let list = answer["list"].as_array().unwrap();
    let roles: Vec<&str> = list.iter().filter_map(|m| m["role"].as_str()).collect();
    assert_eq!(
        roles,
        ["inbox", "drafts", "sent", "archive", "junk", "trash"]
    );
    let mut total = 0;
    for mailbox in list {
        let filter = json!({ "inMailbox": mailbox["id"] });
        let all = world.query("Work", json!({ "filter": filter })).await;
        assert_eq!(mailbox["totalEmails"], all.len(), "{mailbox}");
        let threads = world
            .query("Work", json!({ "filter": filter, "collapseThreads": true }))
            .await;
        assert_eq!(mailbox["totalThreads"], threads.len());
        let unread = json!({ "operator": "AND", "conditions": [filter, { "notKeyword": "$seen" }, { "notKeyword": "$draft" }] });
        assert_eq!(
            mailbox["unreadEmails"],
            world.query("Work", json!({ "filter": unread })).await.len()
        );
        total += all.len();
    }
    assert_eq!(total, 120);
}

#[tokio::test]
async fn mailboxes_are_queried_by_role_and_name() {
    let world = world().await;
    let junk = world
        .call(
            "Work",
            "Mailbox/query",
            json!({ "filter": { "role": "junk" } }),
        )
        .await;
    assert_eq!(strings(&junk["ids"]), [world.mailbox("Work", "Spam").await]);
    let own = world.call("Work", "Mailbox/query", json!({ "filter": { "hasAnyRole": false }, "sort": [{ "property": "name" }], "calculateTotal": true })).await;
    assert_eq!(own["total"], 3);
    assert_eq!(
        world
            .refused(
                "Work",
                "Mailbox/query",
                json!({ "filter": { "colour": "red" } })
            )
            .await,
        "unsupportedFilter"
    );
    assert_eq!(
        world
            .refused(
                "Work",
                "Mailbox/query",
                json!({ "sort": [{ "property": "colour" }] })
            )
            .await,
        "unsupportedSort"
    );
}

#[tokio::test]
async fn pages_of_a_query_follow_each_other_from_newest_to_oldest() {
    let world = world().await;
    let all = world
        .query(
            "Choir",
            json!({ "sort": [{ "property": "receivedAt", "isAscending": false }] }),
        )
        .await;
    assert_eq!(all.len(), 120);
    let mut paged = Vec::new();
    while let Some(page) = Some(
        world
            .query("Choir", json!({ "position": paged.len(), "limit": 50 }))
            .await,
    )
    .filter(|p| !p.is_empty())
    {
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let around = world
        .call(
            "Choir",
            "Email/query",
            json!({ "anchor": all[60], "anchorOffset": -2, "limit": 3, "calculateTotal": true }),
        )
        .await;
    assert_eq!(
        (
            strings(&around["ids"]).as_slice(),
            &around["position"],
            &around["total"]
        ),
        (&all[58..61], &json!(58), &json!(120))
    );
    assert_eq!(
        world.query("Choir", json!({ "position": -2 })).await,
        all[118..]
    );
    assert_eq!(
        world
            .refused("Choir", "Email/query", json!({ "anchor": "M999999" }))
            .await,
        "anchorNotFound"
    );
    let mut oldest_first = world
        .query("Choir", json!({ "sort": [{ "property": "receivedAt" }] }))
        .await;
    oldest_first.reverse();
    assert_eq!(oldest_first, all);
}

#[tokio::test]
async fn dates_are_compared_as_the_rfc_says() {
    let world = world().await;
    let all = world.query("Work", json!({})).await;
    let middle = world
        .call(
            "Work",
            "Email/get",
            json!({ "ids": [all[50]], "properties": ["receivedAt"] }),
        )
        .await;
    let time = middle["list"][0]["receivedAt"].clone();
    let before = world
        .query("Work", json!({ "filter": { "before": time } }))
        .await;
    let after = world
        .query("Work", json!({ "filter": { "after": time } }))
        .await;
    assert_eq!(before.len() + after.len(), 120);
    assert!(after.contains(&all[50]) && !before.contains(&all[50]));
    let not_after = world
        .query(
            "Work",
            json!({ "filter": { "operator": "NOT", "conditions": [{ "after": time }] } }),
        )
        .await;
    assert_eq!(not_after, before);
    let anchored = world
        .call(
            "Work",
            "Email/query",
            json!({ "filter": { "before": time }, "anchor": before[3], "limit": 1 }),
        )
        .await;
    assert_eq!(
        (strings(&anchored["ids"]), &anchored["position"]),
        (vec![before[3].clone()], &json!(3))
    );
}

#[tokio::test]
async fn filters_agree_with_what_get_says() {
    let world = world().await;
    let ids = world.query("Personal", json!({})).await;
    let properties = [
        "size",
        "hasAttachment",
        "subject",
        "from",
        "to",
        "keywords",
        "mailboxIds",
        "sentAt",
    ];
    let all = world
        .call(
            "Personal",
            "Email/get",
            json!({ "ids": ids, "properties": properties }),
        )
        .await;
    let list = all["list"].as_array().unwrap();
    let check = async |filter: Value, wanted: &dyn Fn(&Value) -> bool| {
        let found = world.query("Personal", json!({ "filter": filter })).await;
        let expected: Vec<&str> = list
            .iter()
            .filter(|m| wanted(m))
            .map(|m| m["id"].as_str().unwrap())
            .collect();
        assert_eq!(found, expected, "{filter}");
        found.len()
    };
    let inbox = world.mailbox("Personal", "Inbox").await;
    let name = |m: &Value| {
        m["from"][0]["name"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase()
    };
    assert!(
        check(json!({ "hasAttachment": true }), &|m| m["hasAttachment"]
            == true)
        .await
            > 0
    );
    assert!(
        check(json!({ "minSize": 3000 }), &|m| m["size"].as_u64().unwrap()
            >= 3000)
        .await
            > 0
    );
    assert!(
        check(json!({ "maxSize": 3000 }), &|m| m["size"].as_u64().unwrap()
            < 3000)
        .await
            > 0
    );
    assert!(
        check(
            json!({ "hasKeyword": "$SEEN" }),
            &|m| m["keywords"]["$seen"] == true
        )
        .await
            > 0
    );
    assert!(
        check(
            json!({ "notKeyword": "$seen" }),
            &|m| m["keywords"]["$seen"] != true
        )
        .await
            > 0
    );
    assert_eq!(
        check(json!({ "hasKeyword": "nobody-has-it" }), &|_| false).await,
        0
    );
    assert!(
        check(json!({ "inMailbox": inbox }), &|m| m["mailboxIds"][&inbox]
            == true)
        .await
            > 0
    );
    assert!(
        check(
            json!({ "inMailboxOtherThan": [inbox] }),
            &|m| m["mailboxIds"][&inbox] != true
        )
        .await
            > 0
    );
    assert!(
        check(json!({ "from": "mum" }), &|m| name(m).contains("mum")
            || m["from"][0]["email"].as_str().unwrap().contains("mum"))
        .await
            > 0
    );
    assert!(
        check(json!({ "subject": "re" }), &|m| m["subject"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase()
            .contains("re"))
        .await
            > 0
    );
    let either = json!({ "operator": "OR", "conditions": [{ "hasAttachment": true }, { "notKeyword": "$seen" }] });
    check(either, &|m| {
        m["hasAttachment"] == true || m["keywords"]["$seen"] != true
    })
    .await;
}

#[tokio::test]
async fn every_sort_orders_by_its_property() {
    let world = world().await;
    for (property, path) in [
        ("size", "size"),
        ("sentAt", "sentAt"),
        ("receivedAt", "receivedAt"),
    ] {
        for ascending in [true, false] {
            let ids = world
                .query(
                    "Work",
                    json!({ "sort": [{ "property": property, "isAscending": ascending }] }),
                )
                .await;
            let got = world
                .call(
                    "Work",
                    "Email/get",
                    json!({ "ids": ids, "properties": [path] }),
                )
                .await;
            let value = |m: &Value| match &m[path] {
                Value::Number(n) => n.as_i64().unwrap(),
                Value::String(time) => time.parse::<jiff::Timestamp>().unwrap().as_second(),
                other => unreachable!("{other}"),
            };
            let values: Vec<i64> = got["list"].as_array().unwrap().iter().map(value).collect();
            assert!(
                values.is_sorted_by(|a, b| if ascending { a <= b } else { a >= b }),
                "{property} {ascending}"
            );
        }
    }
    let flagged = world.query("Work", json!({ "sort": [{ "property": "hasKeyword", "keyword": "$flagged", "isAscending": false }] })).await;
    let count = world
        .query("Work", json!({ "filter": { "hasKeyword": "$flagged" } }))
        .await
        .len();
    let first = world
        .query("Work", json!({ "filter": { "hasKeyword": "$flagged" } }))
        .await;
    assert_eq!(flagged[..count], first);
}

#[tokio::test]
async fn conversations_are_whole_and_collapse_to_their_newest() {
    let world = world().await;
    let ids = world.query("Work", json!({})).await;
    let emails = world
        .call(
            "Work",
            "Email/get",
            json!({ "ids": ids, "properties": ["threadId"] }),
        )
        .await;
    let mut by_thread = std::collections::BTreeMap::<String, Vec<String>>::new();
    let mut newest = Vec::new();
    for email in emails["list"].as_array().unwrap() {
        let (id, thread) = (
            email["id"].as_str().unwrap(),
            email["threadId"].as_str().unwrap(),
        );
        let members = by_thread.entry(thread.to_owned()).or_default();
        if members.is_empty() {
            newest.push(id.to_owned());
        }
        members.insert(0, id.to_owned());
    }
    assert!(by_thread.len() < ids.len());
    let threads = world
        .call(
            "Work",
            "Thread/get",
            json!({ "ids": by_thread.keys().collect::<Vec<_>>() }),
        )
        .await;
    assert_eq!(threads["notFound"], json!([]));
    for thread in threads["list"].as_array().unwrap() {
        assert_eq!(
            strings(&thread["emailIds"]),
            by_thread[thread["id"].as_str().unwrap()]
        );
    }
    assert_eq!(
        world
            .query("Work", json!({ "collapseThreads": true }))
            .await,
        newest
    );
}

#[tokio::test]
async fn a_message_has_all_its_properties() {
    let world = world().await;
    let mail = super::super::NewMail {
        from_name: "Ines Okafor",
        from: "ines@northwind.example",
        subject: "Grüße",
        text: "Hi Ana,\n\nFirst words.\n\n> old\n",
        answers: None,
    };
    let id = world.server.deliver("Work", &mail).unwrap();
    let get = json!({ "ids": [id, "Mfffff", id], "fetchAllBodyValues": true, "bodyProperties": ["partId", "type", "size", "charset", "blobId"] });
    let got = world.call("Work", "Email/get", get).await;
    assert_eq!(got["notFound"], json!(["Mfffff"]));
    assert_eq!(got["list"].as_array().unwrap().len(), 1);
    let email = &got["list"][0];
    assert_eq!(
        email["from"],
        json!([{ "name": "Ines Okafor", "email": "ines@northwind.example" }])
    );
    assert_eq!(
        (&email["subject"], &email["preview"]),
        (&json!("Grüße"), &json!("First words."))
    );
    assert_eq!(email["receivedAt"], "2026-11-24T14:02:00Z");
    assert_eq!(email["keywords"], json!({}));
    assert_eq!(
        (&email["cc"], &email["inReplyTo"]),
        (&Value::Null, &Value::Null)
    );
    let part = &email["textBody"][0];
    assert_eq!(
        (&part["type"], &part["charset"]),
        (&json!("text/plain"), &json!("utf-8"))
    );
    assert_eq!(
        email["bodyValues"][part["partId"].as_str().unwrap()]["value"],
        "Hi Ana,\n\nFirst words.\n\n> old\n"
    );
    assert_eq!(
        email["size"],
        world.server.message_bytes("Work", &id).unwrap().len()
    );
    let cut = world.call("Work", "Email/get", json!({ "ids": [id], "properties": ["bodyValues", "header:Subject:asText", "header:From", "headers"], "fetchTextBodyValues": true, "maxBodyValueBytes": 5 })).await;
    let value = cut["list"][0]["bodyValues"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .clone();
    assert_eq!(
        (&value["value"], &value["isTruncated"]),
        (&json!("Hi An"), &json!(true))
    );
    assert_eq!(cut["list"][0]["header:Subject:asText"], "Grüße");
    assert_eq!(
        cut["list"][0]["header:From"],
        " Ines Okafor <ines@northwind.example>"
    );
    assert_eq!(
        world
            .refused(
                "Work",
                "Email/get",
                json!({ "ids": [], "properties": ["colour"] })
            )
            .await,
        "invalidArguments"
    );
    assert_eq!(
        world
            .refused("Work", "Email/get", json!({ "ids": [], "colour": 1 }))
            .await,
        "invalidArguments"
    );
}

#[tokio::test]
async fn every_blob_has_the_size_its_part_says() {
    let world = world_with(2_000, None).await;
    let ids = world
        .query(
            "Work",
            json!({ "filter": { "hasAttachment": true }, "limit": 20 }),
        )
        .await;
    let got = world
        .call(
            "Work",
            "Email/get",
            json!({ "ids": ids, "properties": ["blobId", "size", "attachments", "bodyStructure"] }),
        )
        .await;
    assert_eq!(ids.len(), 20);
    let account = "u-work";
    for email in got["list"].as_array().unwrap() {
        assert!(email["bodyStructure"]["subParts"].is_array());
        let parts = email["attachments"].as_array().unwrap();
        assert!(!parts.is_empty());
        for part in parts.iter().chain([email]) {
            let url = format!(
                "{}/jmap/download/{account}/{}/a%20b.bin?type=application/x-thing",
                world.url,
                part["blobId"].as_str().unwrap()
            );
            let response = world
                .http
                .get(url)
                .bearer_auth("token-Work")
                .send()
                .await
                .unwrap();
            assert_eq!(response.headers()["content-type"], "application/x-thing");
            assert_eq!(
                response.bytes().await.unwrap().len(),
                part["size"],
                "{part}"
            );
        }
    }
}

#[tokio::test]
async fn snippets_mark_what_was_searched() {
    let world = world().await;
    let mail = super::super::NewMail {
        from_name: "Mum",
        from: "mum@family.example",
        subject: "Garden & sun",
        text: "We could eat in the garden if it stays like this.\n",
        answers: None,
    };
    let id = world.server.deliver("Personal", &mail).unwrap();
    let filter = json!({ "text": "garden" });
    let got = world
        .call(
            "Personal",
            "SearchSnippet/get",
            json!({ "filter": filter, "emailIds": [id, "Mfffff"] }),
        )
        .await;
    assert_eq!(got["list"][0]["subject"], "<mark>Garden</mark> &amp; sun");
    assert!(
        got["list"][0]["preview"]
            .as_str()
            .unwrap()
            .contains("the <mark>garden</mark> if")
    );
    assert_eq!(got["notFound"], json!(["Mfffff"]));
    assert!(
        world
            .query("Personal", json!({ "filter": filter }))
            .await
            .contains(&id)
    );
}

#[tokio::test]
async fn the_newest_mail_is_from_the_last_hours() {
    let world = world_with(2_000, None).await;
    for person in ["Work", "Personal", "Choir"] {
        let inbox = world.mailbox(person, "Inbox").await;
        let newest = world
            .query(
                person,
                json!({ "filter": { "inMailbox": inbox }, "limit": 1 }),
            )
            .await;
        let got = world
            .call(
                person,
                "Email/get",
                json!({ "ids": newest, "properties": ["receivedAt"] }),
            )
            .await;
        let at: jiff::Timestamp = got["list"][0]["receivedAt"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            (0..6 * 3600).contains(&(NOW - at.as_second())),
            "{person} {at}"
        );
    }
}

#[tokio::test]
async fn a_large_account_is_paged_to_its_very_end() {
    let world = world_with(100_000, None).await;
    let last = json!({ "position": 99_998, "limit": 50, "calculateTotal": true });
    let page = world.call("Choir", "Email/query", last).await;
    assert_eq!(page["total"], 100_000);
    let ids = strings(&page["ids"]);
    assert_eq!(ids.len(), 2);
    let oldest_first = json!({ "sort": [{ "property": "receivedAt" }], "limit": 2 });
    let mut oldest = world.query("Choir", oldest_first).await;
    oldest.reverse();
    assert_eq!(oldest, ids);
    let got = world
        .call(
            "Choir",
            "Email/get",
            json!({ "ids": ids, "properties": ["subject", "preview"] }),
        )
        .await;
    for email in got["list"].as_array().unwrap() {
        assert!(!email["preview"].as_str().unwrap().is_empty(), "{email}");
    }
}

#[tokio::test]
async fn a_page_without_a_limit_says_where_the_server_stopped() {
    let world = world_with(6_000, None).await;
    let page = world.call("Work", "Email/query", json!({})).await;
    assert_eq!(
        (strings(&page["ids"]).len(), &page["limit"]),
        (5_000, &json!(5_000))
    );
    let page = world
        .call("Work", "Email/query", json!({ "limit": 10 }))
        .await;
    assert_eq!(page["limit"], Value::Null);
}
