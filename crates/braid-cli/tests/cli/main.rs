//! The program, run as a person or a script runs it: answers, exit codes, what changed.
//!
//! Every run has a fresh rehearsal in a folder of its own that is gone afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops and says where"
)]

mod ends;
mod searching;

use std::process::{Command, Output};

use serde_json::Value;

/// Runs the program over a small rehearsal with these accounts.
fn rehearsed(accounts: &str, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_braid-cli"))
        .arg(format!("--rehearsal={accounts}"))
        .args(words)
        .arg("--json")
        .env("BRAID_REHEARSAL_SIZE", "60")
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

/// What it printed, and its exit code.
fn answer(output: &Output) -> (Value, i32) {
    let text = String::from_utf8_lossy(&output.stdout);
    let code = output.status.code().unwrap_or(-1);
    let value = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!(
            "exit {code}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (value, code)
}

#[test]
fn a_plan_counts_choir_into_personal_and_changes_nothing() {
    let (plan, code) = answer(&rehearsed("Personal", &["link", "--plan"]));
    assert_eq!(code, 0);
    assert_eq!(plan["kept"]["email"], "ana.m@mail.example");
    assert_eq!(plan["set_aside"]["email"], "ana@choir.example");
    assert_eq!(plan["messages"], 60);
    for count in [
        "conversations",
        "unread",
        "drafts",
        "outbox",
        "queued",
        "attachment_bytes",
    ] {
        assert!(plan[count].is_u64(), "{count}: {}", plan[count]);
    }
}

#[test]
fn how_much_of_the_texts_stays_is_said_and_asked_and_nonsense_is_refused() {
    let (kept, code) = answer(&rehearsed("Work", &["texts", "Work"]));
    assert_eq!((code, &kept["days"]), (0, &Value::Null));
    assert_eq!(kept["octets"], 2_000_000_000_u64);
    let words = ["texts", "Work", "--days", "90", "--size", "500"];
    let (kept, code) = answer(&rehearsed("Work", &words));
    assert_eq!((code, &kept["days"]), (0, &Value::from(90)));
    assert_eq!(kept["octets"], 500_000_000);
    let (kept, code) = answer(&rehearsed("Work", &["texts", "Work", "--size", "all"]));
    assert_eq!((code, &kept["octets"]), (0, &Value::Null));
    for nonsense in [["--days", "0"], ["--days", "some"], ["--size", "3"]] {
        let words = [&["texts", "Work"][..], &nonsense].concat();
        let refused = rehearsed("Work", &words);
        assert_eq!(refused.status.code(), Some(2), "{nonsense:?}");
    }
}

#[test]
fn one_mailbox_is_opened_with_two_sign_ins_and_the_copy_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("choir");
    let words = [
        "link",
        "Personal",
        "Choir",
        "--yes-i-understand",
        "--export",
    ];
    let words = [&words[..], &[copy.to_str().unwrap()]].concat();
    let (view, code) = answer(&rehearsed("Personal,Choir", &words));
    assert_eq!(code, 0, "{view}");
    assert_eq!(view["stage"]["stage"], "done");
    assert_eq!(view["export"]["written"], 60);
    let manifest = std::fs::read_to_string(copy.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["messages"].as_array().unwrap().len(), 60);
}

#[test]
fn how_a_run_ends_is_in_its_help() {
    let help = Command::new(env!("CARGO_BIN_EXE_braid-cli"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for code in ["0    done", "7    it is not known yet", "130  interrupted"] {
        assert!(help.contains(code), "{code}: {help}");
    }
}

#[test]
fn an_account_is_copied_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("work");
    let (_, code) = answer(&rehearsed(
        "Work",
        &["export", "Work", copy.to_str().unwrap()],
    ));
    assert_eq!(code, 0);
    assert!(copy.join("mail/Inbox.mbox").exists());
}

#[test]
fn the_sign_ins_of_an_account_are_listed_and_the_last_one_stays() {
    let (identities, code) = answer(&rehearsed("Personal", &["identities"]));
    assert_eq!(code, 0);
    let listed = identities[0]["identities"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["connection"], "google");
    let id = listed[0]["id"].as_str().unwrap();
    let refused = rehearsed("Personal", &["unlink", "Personal", id]);
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(words.contains("only"), "{words}");
}

#[test]
fn healthy_accounts_end_with_0_and_unknown_words_with_2() {
    let (health, code) = answer(&rehearsed("Work,Personal", &["health"]));
    assert_eq!(code, 0, "{health}");
    assert_eq!(health["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(
        rehearsed("Work", &["pause", "Nobody"]).status.code(),
        Some(2)
    );
    assert_eq!(rehearsed("Work", &["linger"]).status.code(), Some(2));
}
