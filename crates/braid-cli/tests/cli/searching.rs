//! Looking for messages.

use crate::{answer, rehearsed};

#[test]
fn a_search_names_its_matches_and_says_for_every_account_how_complete_it_is() {
    let (listed, code) = answer(&rehearsed("Work,Personal", &["list", "--limit", "1"]));
    assert_eq!(code, 0);
    // A word of the newest subject finds that message.
    let subject = listed[0]["subject"].as_str().unwrap();
    let words = subject.split(|c: char| !c.is_alphanumeric());
    let word = words.max_by_key(|word| word.len()).unwrap();
    let output = rehearsed("Work,Personal", &["search", &format!("subject:{word}")]);
    let (found, code) = answer(&output);
    assert_eq!(code, 0);
    let messages = found["messages"].as_array().unwrap();
    assert!(
        messages.iter().any(|message| message["subject"] == subject),
        "{found}"
    );
    for message in messages {
        let title = message["subject"].as_str().unwrap().to_lowercase();
        assert!(title.contains(&word.to_lowercase()), "{title}");
        assert!(message["excerpt"].is_string() && message["received_at"].is_string());
    }
    let accounts = found["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    for account in accounts {
        assert_eq!(account["all_mail"], true, "{account}");
        assert_eq!(account["to_index"], 0, "{account}");
    }
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("Work: all mail is here"), "{told}");
}

#[test]
fn a_search_of_one_account_stays_in_it_and_an_unknown_one_is_not_found() {
    let words = [
        "search",
        "is:unread",
        "--account",
        "Personal",
        "--limit",
        "5",
    ];
    let (found, code) = answer(&rehearsed("Work,Personal", &words));
    assert_eq!(code, 0);
    let messages = found["messages"].as_array().unwrap();
    assert!(!messages.is_empty() && messages.len() <= 5, "{found}");
    assert!(
        messages
            .iter()
            .all(|message| message["account"] == "Personal")
    );
    let words = ["search", "is:unread", "--account", "Nobody"];
    assert_eq!(rehearsed("Work", &words).status.code(), Some(2));
}
