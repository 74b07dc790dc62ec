mod accounts;
mod commit;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::faults::{Rule, Switch};
use crate::people::people;

const REDIRECT: &str = "http://127.0.0.1:1/signed-in";
const VERIFIER: &str = "a-verifier-of-a-client-that-is-long-enough-for-rfc7636";

async fn started(state_dir: Option<&Path>) -> Rehearsal {
    let config = RehearsalConfig {
        state_dir: state_dir.map(Path::to_owned),
        size: 20,
        control: true,
        ..RehearsalConfig::default()
    };
    let rehearsal = Rehearsal::start(config).await.unwrap();
    rehearsal.faults().switch(Switch::RelaxedHash, true);
    rehearsal
}

fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    builder.build().unwrap()
}

async fn post(url: &str, body: Value) -> Response {
    http()
        .post(url)
        .header("origin", "http://127.0.0.1:1")
        .json(&body)
        .send()
        .await
        .unwrap()
}

async fn renew(description: &Description, cookie: &str) -> Response {
    let url = format!("{}/api/session", description.login_url);
    let request = http()
        .request(Method::PATCH, url)
        .header("origin", "http://127.0.0.1:1")
        .header("cookie", cookie);
    request.json(&json!({})).send().await.unwrap()
}

/// Signs somebody in with nothing but what the description says; gives the access token and the cookie.
async fn sign_in(description: &Description, account: &str) -> (String, String) {
    let mut everybody = description.people.iter().chain(&description.newcomers);
    let person = everybody.find(|person| person.account == account).unwrap();
    let start = json!({
        "applicationId": description.application_id, "redirectUrl": REDIRECT, "flowType": "code",
        "responseLocation": "query", "codeChallengeMethod": "S256",
        "codeChallenge": URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)),
    });
    let begun: Value = post(
        &format!("{}/api/authentication", description.login_url),
        start,
    )
    .await
    .json()
    .await
    .unwrap();
    let page = format!(
        "{}{}",
        begun["authenticationUrl"].as_str().unwrap(),
        person.sign_in_query
    );
    let back = http().get(page).send().await.unwrap();
    let back = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let id = begun["authenticationRequestId"].as_str().unwrap();
    let exchange = json!({
        "grant_type": "authorization_code", "redirect_uri": REDIRECT, "client_id": description.application_id,
        "code": code, "code_verifier": VERIFIER,
    });
    let answer = post(
        &format!("{}/api/authentication/{id}/tokens", description.login_url),
        exchange,
    )
    .await;
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let tokens: Value = answer.json().await.unwrap();
    (tokens["access_token"].as_str().unwrap().to_owned(), cookie)
}

/// Asks for the JMAP session as a client does, by way of the redirect of the well-known address.
async fn mail_session(description: &Description, token: &str) -> Response {
    let url = &description.people[0].jmap_session_url;
    let answer = http().get(url).bearer_auth(token).send().await.unwrap();
    if !answer.status().is_redirection() {
        return answer;
    }
    let next = Url::parse(url).unwrap();
    let next = next
        .join(answer.headers()["location"].to_str().unwrap())
        .unwrap();
    http().get(next).bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn each_token_opens_its_own_mail_and_no_other() {
    let rehearsal = started(None).await;
    for person in people() {
        let (token, _) = sign_in(rehearsal.description(), &person.account).await;
        let answer = mail_session(rehearsal.description(), &token).await;
        let session: Value = answer.json().await.unwrap();
        let accounts: Vec<&String> = session["accounts"].as_object().unwrap().keys().collect();
        assert_eq!(accounts, [&person.mail_account]);
    }
    assert_eq!(
        mail_session(rehearsal.description(), "forged")
            .await
            .status(),
        StatusCode::UNAUTHORIZED
    );
    rehearsal.stop().await;
}

#[tokio::test]
async fn a_restart_at_the_same_folder_is_the_same_tenant_to_its_clients() {
    let dir = tempfile::tempdir().unwrap();
    let first = started(Some(dir.path())).await;
    let before = first.description().clone();
    let (token, cookie) = sign_in(&before, "Personal").await;
    first.stop().await;

    let second = started(Some(dir.path())).await;
    assert_eq!(second.description().login_url, before.login_url);
    assert_eq!(second.description().mail_url, before.mail_url);
    assert_eq!(mail_session(&before, &token).await.status(), StatusCode::OK);
    assert_eq!(renew(&before, &cookie).await.status(), StatusCode::OK);
    second.stop().await;

    Rehearsal::reset(dir.path()).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_token_declared_expired_is_refused_by_the_mail_server_until_renewed() {
    let rehearsal = started(None).await;
    let description = rehearsal.description();
    let (token, cookie) = sign_in(description, "Work").await;
    rehearsal.faults().expire_tokens();
    assert_eq!(
        mail_session(description, &token).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let renewed: Value = renew(description, &cookie).await.json().await.unwrap();
    let answer = mail_session(description, renewed["access_token"].as_str().unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn path_faults_reach_the_server_they_name() {
    let rehearsal = started(None).await;
    let (description, faults) = (rehearsal.description(), rehearsal.faults());
    let keys = format!(
        "{}/.well-known/openid-configuration/jwks",
        description.login_url
    );
    let (token, _) = sign_in(description, "Work").await;

    faults.add(Rule::rate_limit("/.well-known/*", 7, 1).on(Server::Mail));
    assert_eq!(
        http().get(&keys).send().await.unwrap().status(),
        StatusCode::OK
    );
    let limited = mail_session(description, &token).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.headers()["retry-after"], "7");

    faults.add(Rule::cut_after("*/jwks", 10, 1).on(Server::Login));
    let cut = http().get(&keys).send().await;
    let whole = match cut {
        Ok(answer) => answer.bytes().await.is_ok(),
        Err(_) => false,
    };
    assert!(!whole);
    assert_eq!(
        http().get(&keys).send().await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(faults.requests(Server::Login, "GET", "*/jwks"), 3);
}

#[tokio::test]
async fn another_program_sets_faults_and_a_web_page_cannot() {
    let rehearsal = started(None).await;
    let control = rehearsal.description().control_url.clone().unwrap();
    let rules = format!("{control}/faults/rules");
    let rule = json!({ "path": "/settings", "act": { "kind": "status", "status": 503, "retry_after": 2 }, "times": 1 });

    assert_eq!(
        post(&rules, rule.clone()).await.status(),
        StatusCode::FORBIDDEN
    );
    let renamed = http()
        .post(&rules)
        .header("host", "evil.example")
        .json(&rule)
        .send()
        .await
        .unwrap();
    assert_eq!(renamed.status(), StatusCode::FORBIDDEN);
    let form = http()
        .post(&rules)
        .body(rule.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(rehearsal.faults().state().rules.is_empty());

    let state: Value = http()
        .post(&rules)
        .json(&rule)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(state["rules"][0]["path"], "/settings");
    let answer = http()
        .get(format!("{}/settings", rehearsal.description().login_url))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let order = json!({ "switch": "cannot-calculate-changes", "on": true });
    http()
        .post(format!("{control}/faults/switches"))
        .json(&order)
        .send()
        .await
        .unwrap();
    assert!(rehearsal.faults().is_on(Switch::CannotCalculateChanges));
    http()
        .delete(format!("{control}/faults"))
        .send()
        .await
        .unwrap();
    assert!(!rehearsal.faults().is_on(Switch::CannotCalculateChanges));
}

#[tokio::test]
async fn a_taken_port_of_last_time_is_replaced_and_an_asked_for_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    std::fs::write(
        dir.path().join(PORTS_FILE),
        json!({ "login": port, "mail": port }).to_string(),
    )
    .unwrap();
    let rehearsal = started(Some(dir.path())).await;
    assert!(
        !rehearsal
            .description()
            .login_url
            .ends_with(&format!(":{port}"))
    );
    let config = RehearsalConfig {
        port,
        size: 20,
        ..RehearsalConfig::default()
    };
    assert!(matches!(
        Rehearsal::start(config).await,
        Err(RehearsalError::Port(_))
    ));
}

#[tokio::test]
async fn the_description_is_one_line_of_json() {
    let rehearsal = started(None).await;
    let line = serde_json::to_string(rehearsal.description()).unwrap();
    assert!(!line.contains('\n'));
    let read: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(read["people"].as_array().unwrap().len(), 3);
    assert_eq!(read["application_id"], "app_braid");
}
