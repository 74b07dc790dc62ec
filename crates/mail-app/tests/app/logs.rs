//! Secrets stay where they belong: a whole life of accounts is lived in a program of its own with
//! the log at its most talkative, and then everything it left, showed and said is searched for
//! the secrets it had.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use mail_app::{App, FeedSink, SignInView};
use mail_auth::{KeyPurpose, Vault as _};
use mail_model::AccountId;
use mail_rehearsal::RehearsalConfig;
use serde_json::{Value, json};

use crate::world::{LIMIT, World, until};

/// Where the program inside finds its own log.
const LOG: &str = "BRAID_TEST_LOG";

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// How many files there are, and which of them hold one of some texts, written in any way.
pub(crate) fn files_with(folder: &Path, texts: &[&String]) -> (usize, Vec<String>) {
    let needles: Vec<String> = texts.iter().flat_map(|text| spellings(text)).collect();
    let all = files(folder);
    let found = all
        .iter()
        .filter(|path| holds(&std::fs::read(path).unwrap(), &needles));
    (
        all.len(),
        found.map(|path| path.display().to_string()).collect(),
    )
}

/// A secret as it is, in hexadecimal, percent-encoded, and in base64 at each alignment.
fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let mut all = vec![secret.to_owned(), hex.to_uppercase(), hex, percent];
    for (before, skip) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        bytes.truncate(bytes.len() / 3 * 3);
        for encoded in [
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            all.push(encoded.chars().skip(skip).collect());
        }
    }
    all
}

fn holds(bytes: &[u8], needles: &[String]) -> bool {
    needles
        .iter()
        .any(|needle| memchr::memmem::find(bytes, needle.as_bytes()).is_some())
}

#[test]
fn no_secret_of_a_whole_life_reaches_disk_log_environment_arguments_or_page() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["logs::a_whole_life", "--exact", "--ignored", "--nocapture"])
        .env(LOG, &log)
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let end = std::fs::read(&log).unwrap();
    let end = String::from_utf8_lossy(&end[end.len().saturating_sub(2_000)..]).into_owned();
    assert!(output.status.success(), "{said}\n{end}");
    let figures = said.lines().find(|line| line.starts_with("figures:"));
    println!(
        "{}",
        figures.expect("the program inside says what it has searched")
    );
}

/// What one account has that nobody may see.
async fn secrets_of(world: &World, account: &str) -> Vec<String> {
    let session = world.sealed_session(account).await;
    let mut secrets = vec![session["access_token"].as_str().unwrap().to_owned()];
    let cookies: Vec<Value> = serde_json::from_str(session["cookies"].as_str().unwrap())
        .unwrap_or_else(|_| {
            let lines = session["cookies"].as_str().unwrap().lines();
            lines
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        });
    for cookie in cookies {
        let raw = cookie["raw_cookie"].as_str().unwrap();
        let value = raw.split(';').next().unwrap().split_once('=').unwrap().1;
        secrets.push(value.to_owned());
    }
    let account = AccountId::new(account).unwrap();
    let key = world.vault.key(&account).await.unwrap().unwrap();
    let database = key.derive(KeyPurpose::Database);
    secrets.push(database.iter().map(|byte| format!("{byte:02x}")).collect());
    secrets
}

/// Everything the page can ask for without changing an account, in words.
async fn everything_the_page_sees(app: &App, accounts: &[String]) -> String {
    let mut seen = String::new();
    let empty = ["sessions.list", "separation.view", "separation.check"];
    for name in empty {
        seen += &app.call(name, json!({})).await.unwrap().to_string();
    }
    for account in accounts {
        for name in [
            "session.support",
            "session.devices",
            "session.settings_page",
            "account.removal",
            "account.sync",
            "identities.list",
        ] {
            let reply = app.call(name, json!({ "account": account })).await;
            seen += &format!("{reply:?}");
        }
    }
    let scope = json!({ "kind": "merged", "role": "inbox", "group": null });
    let list = json!({ "list": "l", "scope": scope, "mode": "conversations", "filter": "all" });
    for (feed, request) in [("app", json!({})), ("accounts", json!({})), ("list", list)] {
        let (send, mut events) = tokio::sync::mpsc::unbounded_channel();
        let sink = FeedSink::new(move |event: Value| send.send(event).is_ok());
        match app.open(feed, request, sink).await {
            Ok(open) => {
                let event = tokio::time::timeout(LIMIT, events.recv()).await.unwrap();
                seen += &event.unwrap().to_string();
                drop(open);
            }
            Err(error) => panic!("{feed}: {error}"),
        }
    }
    seen
}

/// A person who is here already, and somebody else than the one who was to be proved; gives what
/// the page was told.
async fn sign_ins_that_come_to_nothing(world: &World, app: &App, ids: &[String]) -> String {
    let again = world.sign_in(app, "Personal", None).await;
    assert!(matches!(again, SignInView::AlreadyHere { .. }), "{again:?}");
    let other = world.sign_in(app, "Personal", Some(&ids[2])).await;
    assert!(matches!(other, SignInView::OtherPerson { .. }), "{other:?}");
    let told = [again, other].map(|told| serde_json::to_string(&told).unwrap());
    told.concat()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above in a program of its own"]
async fn a_whole_life() {
    let log = PathBuf::from(std::env::var_os(LOG).unwrap());
    mail_app::log_to_stderr();
    let mut world = World::of(RehearsalConfig {
        size: 40,
        provider_mail: true,
        ..RehearsalConfig::default()
    })
    .await;
    let connection = world.at_the_browser("Work");
    world.provider_mail_for(&connection);
    let app = world.start().await;
    let mut ids = Vec::new();
    for account in ["Work", "Personal", "Choir"] {
        match world.sign_in(&app, account, None).await {
            SignInView::Added { account } => ids.push(account),
            other => panic!("{other:?}"),
        }
    }
    tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    let mut secrets = Vec::new();
    for id in &ids {
        secrets.extend(secrets_of(&world, id).await);
    }
    let mut page = everything_the_page_sees(&app, &ids).await;

    // Renewed, told to change the provider's token, and asked again.
    world.rehearsal.faults().expire_tokens();
    world.rehearsal.faults().rotate_credentials();
    app.call("account.sync", json!({ "account": null }))
        .await
        .unwrap();
    until(&app, "renewed sessions", async |_| {
        let sessions = app.sessions_now().await;
        sessions.iter().all(|session| session.renewed_at.is_some())
    })
    .await;
    tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    for id in &ids {
        secrets.extend(secrets_of(&world, id).await);
    }
    page += &everything_the_page_sees(&app, &ids).await;
    page += &sign_ins_that_come_to_nothing(&world, &app, &ids).await;
    let leave = json!({ "account": ids[2], "data": "sealed" });
    page += &app
        .call("account.sign_out", leave)
        .await
        .unwrap()
        .to_string();
    app.stop().await;

    // Codes and verifiers, as the login service was shown them: those of the sign-ins that were
    // not kept, too.
    let exchanged = world.rehearsal.tenant().exchanged();
    assert_eq!(exchanged.len(), 5, "sign-ins");
    for shown in exchanged {
        secrets.extend([shown.code, shown.verifier]);
    }

    secrets.sort();
    secrets.dedup();
    // A token, a cookie and a key each, and a second token each after the renewal; a code and a
    // verifier for each of five sign-ins.
    assert!(
        secrets.len() >= 3 * 3 + 3 + 5 * 2,
        "{} secrets",
        secrets.len()
    );
    assert!(secrets.iter().all(|secret| secret.len() >= 20));
    let needles: Vec<String> = secrets
        .iter()
        .flat_map(|secret| spellings(secret))
        .collect();
    let refs: Vec<&String> = secrets.iter().collect();
    let (count, found) = files_with(world.folder.path(), &refs);
    assert_eq!(found, Vec::<String>::new());
    let lines = std::fs::read(&log).unwrap();
    assert!(!holds(&lines, &needles), "a secret is in the log");
    for what in ["environ", "cmdline"] {
        let own = std::fs::read(format!("/proc/self/{what}")).unwrap();
        assert!(
            !own.is_empty() && !holds(&own, &needles),
            "a secret is in {what}"
        );
    }
    assert!(
        !holds(page.as_bytes(), &needles),
        "a secret reached the page"
    );
    // The search itself works: what is searched for is there where it belongs.
    let sealed = world.sealed_session(&ids[0]).await.to_string();
    assert!(holds(sealed.as_bytes(), &needles));
    let log_lines = lines.iter().filter(|byte| **byte == b'\n').count();
    assert!(log_lines > 500, "{log_lines} lines of log");
    println!(
        "figures: {} secrets in {} spellings; {count} files, {log_lines} log lines, {} octets of \
         replies, environment and arguments: 0 found",
        secrets.len(),
        needles.len(),
        page.len(),
    );
}
