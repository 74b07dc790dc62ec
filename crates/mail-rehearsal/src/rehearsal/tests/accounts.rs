//! Many accounts, alike accounts, new accounts, and the second mail server.

use super::*;
use crate::faults::Server;
use crate::people::canary;

const USING: [&str; 2] = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"];

async fn started_with(change: impl FnOnce(&mut RehearsalConfig)) -> Rehearsal {
    let mut config = RehearsalConfig {
        size: 20,
        ..RehearsalConfig::default()
    };
    change(&mut config);
    let rehearsal = Rehearsal::start(config).await.unwrap();
    rehearsal.faults().switch(Switch::RelaxedHash, true);
    rehearsal
}

async fn session_at(mail_url: &str, token: &str) -> (u16, Value) {
    let url = format!("{mail_url}/jmap/session");
    let answer = http().get(url).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Calls one method; gives its arguments.
async fn call(session: &Value, token: &str, method: &str, mut arguments: Value) -> Value {
    let account = session["primaryAccounts"]["urn:ietf:params:jmap:mail"].clone();
    arguments["accountId"] = account;
    let request = http()
        .post(session["apiUrl"].as_str().unwrap())
        .bearer_auth(token);
    let body = json!({ "using": USING, "methodCalls": [[method, arguments, "0"]] });
    let answer: Value = request
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["methodResponses"][0][0], method, "{answer}");
    answer["methodResponses"][0][1].clone()
}

async fn messages(session: &Value, token: &str) -> Vec<Value> {
    let ids = call(session, token, "Email/query", json!({})).await["ids"].clone();
    let wanted = json!({ "ids": ids, "properties": ["id", "threadId", "blobId", "mailboxIds", "keywords", "receivedAt", "size", "attachments", "subject", "preview", "from"] });
    let all = call(session, token, "Email/get", wanted).await;
    all["list"].as_array().unwrap().clone()
}

/// A message without what may differ between accounts.
fn shape(message: &Value) -> Value {
    let blobs: Vec<&Value> = message["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["blobId"])
        .collect();
    json!([
        message["id"],
        message["threadId"],
        message["blobId"],
        message["mailboxIds"],
        message["keywords"],
        blobs
    ])
}

#[tokio::test]
async fn twelve_accounts_are_signed_in_at_once_each_with_its_own_mail_under_the_same_ids() {
    let rehearsal = started_with(|config| {
        config.extra_people = 9;
        config.identical_ids = true;
    })
    .await;
    let description = rehearsal.description().clone();
    assert_eq!(description.people.len(), 12);
    let words: Vec<String> = description
        .people
        .iter()
        .map(|one| canary(&one.mail_account))
        .collect();
    let mut signed_in = Vec::new();
    for person in &description.people {
        signed_in.push(sign_in(&description, &person.account).await.0);
    }
    let mut shapes: Option<Vec<Value>> = None;
    for (n, token) in signed_in.iter().enumerate() {
        let (_, session) = session_at(&description.mail_url, token).await;
        assert_eq!(
            session["accounts"]
                .as_object()
                .unwrap()
                .keys()
                .collect::<Vec<_>>(),
            ["A1"]
        );
        assert_eq!(session["username"], description.people[n].email);
        let all = messages(&session, token).await;
        assert_eq!(all.len(), 20);
        for message in &all {
            let text = message.to_string();
            for (other, word) in words.iter().enumerate() {
                assert_eq!(text.contains(word), other == n, "{n} {other}: {text}");
            }
        }
        let here: Vec<Value> = all.iter().map(shape).collect();
        assert_eq!(*shapes.get_or_insert_with(|| here.clone()), here);
        let blob = format!("{}/jmap/download/A1/G7/letter.eml", description.mail_url);
        let bytes = http()
            .get(blob)
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(bytes.contains(&words[n]));
    }
    rehearsal.stop().await;
}

#[tokio::test]
async fn extra_people_have_mail_of_their_own_beside_the_three_lives() {
    let rehearsal = started_with(|config| config.extra_people = 2).await;
    let description = rehearsal.description().clone();
    let names: Vec<&str> = description
        .people
        .iter()
        .map(|one| one.account.as_str())
        .collect();
    assert_eq!(
        names,
        ["Work", "Personal", "Choir", "Account 4", "Account 5"]
    );
    let (token, _) = sign_in(&description, "Account 5").await;
    let (_, session) = session_at(&description.mail_url, &token).await;
    assert!(session["accounts"]["u-05"].is_object());
    assert_eq!(messages(&session, &token).await.len(), 20);
}

#[tokio::test]
async fn a_new_user_has_an_empty_account_and_so_has_an_unlinked_identity() {
    let dir = tempfile::tempdir().unwrap();
    let at = |config: &mut RehearsalConfig| config.state_dir = Some(dir.path().to_owned());
    let rehearsal = started_with(at).await;
    let description = rehearsal.description().clone();
    let (token, _) = sign_in(&description, "Sketchbook").await;
    let (_, session) = session_at(&description.mail_url, &token).await;
    assert!(session["accounts"]["u-sketchbook"].is_object());
    assert!(messages(&session, &token).await.is_empty());
    rehearsal
        .mail()
        .deliver_bytes(
            "u-sketchbook",
            b"From: a@b.example\r\nSubject: First\r\n\r\nHi\r\n",
        )
        .unwrap();

    let (kept, _) = sign_in(&description, "Personal").await;
    let url = format!(
        "{}/v1/users/google%7C104822617305/identities",
        description.login_url
    );
    let choir = json!({ "connectionId": "github", "connectionUserId": "4417208" });
    let linked = http()
        .patch(url)
        .bearer_auth(&kept)
        .json(&choir)
        .send()
        .await
        .unwrap();
    assert_eq!(linked.status(), StatusCode::OK);
    let (as_choir, _) = sign_in(&description, "Choir").await;
    let (_, session) = session_at(&description.mail_url, &as_choir).await;
    assert!(
        session["accounts"]["u-personal"].is_object(),
        "the identity opens the kept mail"
    );
    let url = format!("{}/api/session/identities/4417208", description.login_url);
    let request = http()
        .delete(url)
        .header("origin", "http://127.0.0.1:1")
        .bearer_auth(&kept);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let (token, _) = sign_in(&description, "Choir").await;
    let (_, session) = session_at(&description.mail_url, &token).await;
    assert!(session["accounts"]["u-choir-2"].is_object());
    assert!(messages(&session, &token).await.is_empty());
    rehearsal.stop().await;

    let rehearsal = started_with(at).await;
    let (token, _) = sign_in(&description, "Sketchbook").await;
    let (_, session) = session_at(&description.mail_url, &token).await;
    assert_eq!(messages(&session, &token).await[0]["subject"], "First");
    assert_eq!(rehearsal.tenant().set_aside()[0].user, "github|4417208");
    rehearsal.tenant().bring_back("github|4417208").unwrap();
    let (token, _) = sign_in(&description, "Choir").await;
    let (_, session) = session_at(&description.mail_url, &token).await;
    assert_eq!(
        messages(&session, &token).await.len(),
        20,
        "its mail was kept all along"
    );
    rehearsal.stop().await;

    Rehearsal::reset(dir.path()).unwrap();
    let rehearsal = started_with(at).await;
    assert!(rehearsal.tenant().user_of("github", "9913046").is_none());
}

#[tokio::test]
async fn the_second_mail_server_takes_providers_credentials_and_nothing_else() {
    let rehearsal = started_with(|config| config.provider_mail = true).await;
    let description = rehearsal.description().clone();
    let second = description.provider_mail_url.clone().unwrap();
    let (token, _) = sign_in(&description, "Personal").await;
    let fetch = async || {
        let url = format!("{}/api/session/credentials", description.login_url);
        let answer: Value = http()
            .get(url)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        answer["accessToken"].as_str().unwrap().to_owned()
    };
    let credential = fetch().await;
    let (status, session) = session_at(&second, &credential).await;
    assert_eq!(status, 200);
    assert!(
        session["apiUrl"].as_str().unwrap().starts_with(&second),
        "its addresses lead back to itself"
    );
    assert_eq!(messages(&session, &credential).await.len(), 20);
    assert_eq!(session_at(&second, &token).await.0, 401);
    assert_eq!(session_at(&description.mail_url, &credential).await.0, 401);

    rehearsal.faults().rotate_credentials();
    assert_eq!(session_at(&second, &credential).await.0, 401);
    let fresh = fetch().await;
    assert_eq!(session_at(&second, &fresh).await.0, 200);
    rehearsal
        .clock()
        .advance(std::time::Duration::from_secs(3600));
    assert_eq!(session_at(&second, &fresh).await.0, 401);
    let asked = rehearsal
        .faults()
        .requests(Server::ProviderMail, "GET", "/jmap/session");
    assert_eq!(asked, 5);
}
