//! The call that links, when the wire or the service fails around it.

use super::*;
use crate::faults::Server;

const COMMIT: &str = "/v1/users/*/identities";

/// Asks once for Choir to be linked into Personal.
async fn commit(description: &Description, token: &str) -> reqwest::Result<Response> {
    let url = format!(
        "{}/v1/users/google%7C104822617305/identities",
        description.login_url
    );
    let body = json!({ "connectionId": "github", "connectionUserId": "4417208" });
    http()
        .patch(url)
        .bearer_auth(token)
        .json(&body)
        .send()
        .await
}

fn joined(rehearsal: &Rehearsal) -> bool {
    rehearsal.tenant().user_of("github", "4417208").as_deref() == Some("google|104822617305")
}

#[tokio::test]
async fn a_lost_request_was_not_done_and_a_lost_answer_was() {
    let rehearsal = started(None).await;
    let description = rehearsal.description();
    let (token, _) = sign_in(description, "Personal").await;
    for (rule, done) in [
        (Rule::lose_request(COMMIT, 1), false),
        (Rule::lose_answer(COMMIT, 1), true),
    ] {
        rehearsal
            .faults()
            .add(rule.method("patch").on(Server::Login));
        let lost = commit(description, &token).await;
        assert!(lost.is_err(), "no status line arrives either");
        assert_eq!(joined(&rehearsal), done);
    }
    assert_eq!(
        commit(description, &token).await.unwrap().status(),
        StatusCode::OK
    );
    let asked = rehearsal.faults().requests(Server::Login, "PATCH", COMMIT);
    assert_eq!(asked, 3, "a client that asks again by itself would be seen");
}

#[tokio::test]
async fn another_program_drives_the_tenant_and_counts_what_was_asked() {
    let rehearsal = started(None).await;
    let description = rehearsal.description();
    let control = description.control_url.clone().unwrap();
    let order = async |path: &str, body: Value| {
        let request = http().post(format!("{control}{path}")).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let rule = json!({ "path": COMMIT, "method": "PATCH", "act": { "kind": "status-after", "status": 500 }, "times": 1 });
    assert_eq!(order("/faults/rules", rule).await, 200);
    let (token, _) = sign_in(description, "Personal").await;
    assert_eq!(
        commit(description, &token).await.unwrap().status().as_u16(),
        500
    );
    assert!(joined(&rehearsal));

    let asked =
        format!("{control}/faults/requests?server=login&method=PATCH&path=/v1/users/*/identities");
    let asked: Value = http()
        .get(asked)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(asked, json!({ "count": 1 }));
    let aside: Value = http()
        .get(format!("{control}/tenant/set-aside"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&aside[0]["user"], &aside[0]["mail_account"]),
        (&json!("github|4417208"), &json!("u-choir"))
    );
    assert_eq!(
        order("/tenant/bring-back", json!({ "user": "github|4417208" })).await,
        204
    );
    assert_eq!(
        order("/tenant/bring-back", json!({ "user": "github|4417208" })).await,
        404
    );
    assert!(!joined(&rehearsal));
    assert_eq!(
        order(
            "/tenant/linking",
            json!({ "connection": "github", "linking": "off" })
        )
        .await,
        204
    );
    assert_eq!(
        commit(description, &token).await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        order(
            "/tenant/linking",
            json!({ "connection": "moon", "linking": "off" })
        )
        .await,
        404
    );
    assert_eq!(
        order(
            "/tenant/end-sessions",
            json!({ "user": "google|104822617305" })
        )
        .await,
        204
    );
    assert_eq!(
        commit(description, &token).await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );

    let mail = json!({ "account": "Choir", "from_name": "Bo", "from": "bo@choir.example", "subject": "Tenors", "text": "At eight." });
    let before = rehearsal
        .mail()
        .messages_in("Choir", "Inbox")
        .unwrap()
        .len();
    assert_eq!(order("/mail/deliver", mail).await, 204);
    assert_eq!(
        rehearsal
            .mail()
            .messages_in("Choir", "Inbox")
            .unwrap()
            .len(),
        before + 1
    );
    let from_a_page = post(
        &format!("{control}/tenant/linking"),
        json!({ "connection": "github", "linking": "automatic" }),
    )
    .await;
    assert_eq!(from_a_page.status(), StatusCode::FORBIDDEN);
}
