use mail_model::MailboxId;
use mail_model::MailboxRole;
use mail_model::search::parse;

use super::*;

fn mailbox(id: &str, name: &str, role: Option<MailboxRole>) -> Mailbox {
    Mailbox {
        id: MailboxId::new(id).unwrap(),
        name: name.into(),
        parent: None,
        role,
        sort_order: 0,
        server_total: 0,
    }
}

fn planned(typed: &str) -> Result<Plan, SourceError> {
    let mailboxes = [
        mailbox("b1", "Inbox", Some(MailboxRole::Inbox)),
        mailbox("b2", "Ablage", Some(MailboxRole::Archive)),
        mailbox("b3", "Archive", None),
    ];
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    plan(parse(typed).query, &zone, &mailboxes)
}

/// What is typed, and the filter it becomes.
fn becomes(typed: &str, filter: Value) {
    let plan = planned(typed).unwrap();
    assert_eq!(plan.filter, Filter::Ask(filter), "{typed}");
    assert_eq!(plan.names, None, "{typed}");
}

#[test]
fn each_criterion_is_one_of_the_servers_conditions() {
    for (typed, filter) in [
        ("plan ", json!({ "text": "plan" })),
        ("from:ana ", json!({ "from": "ana" })),
        ("cc:ana ", json!({ "cc": "ana" })),
        ("subject:ana ", json!({ "subject": "ana" })),
        ("has:attachment", json!({ "hasAttachment": true })),
        ("is:unread", json!({ "notKeyword": "$seen" })),
        ("is:read", json!({ "hasKeyword": "$seen" })),
        ("is:starred", json!({ "hasKeyword": "$flagged" })),
        ("is:answered", json!({ "hasKeyword": "$answered" })),
        ("is:draft", json!({ "hasKeyword": "$draft" })),
        ("in:INBOX", json!({ "inMailbox": "b1" })),
        (
            "before:2024-05",
            json!({ "before": "2024-04-30T22:00:00Z" }),
        ),
        ("after:2024-01", json!({ "after": "2023-12-31T23:00:00Z" })),
        ("larger:5M", json!({ "minSize": 5_000_001 })),
        ("smaller:5M", json!({ "maxSize": 5_000_000 })),
    ] {
        becomes(typed, filter);
    }
    becomes(
        "to:ana ",
        json!({ "operator": "OR", "conditions": [{ "to": "ana" }, { "cc": "ana" }] }),
    );
    becomes(
        "in:archive",
        json!({ "operator": "OR", "conditions": [{ "inMailbox": "b2" }, { "inMailbox": "b3" }] }),
    );
}

#[test]
fn operators_keep_their_shape() {
    becomes(
        "a (b OR -c) -(d e) ",
        json!({ "operator": "AND", "conditions": [
            { "text": "a" },
            { "operator": "OR", "conditions": [
                { "text": "b" },
                { "operator": "NOT", "conditions": [{ "text": "c" }] },
            ] },
            { "operator": "NOT", "conditions": [
                { "operator": "AND", "conditions": [{ "text": "d" }, { "text": "e" }] },
            ] },
        ] }),
    );
}

#[test]
fn phrases_are_quoted_and_what_would_end_them_is_escaped() {
    becomes("\"annual report\"", json!({ "text": "\"annual report\"" }));
    becomes("o'brien ", json!({ "text": "o'brien" }));
    becomes("\"o'brien\"", json!({ "text": "\"o'brien\"" }));
    becomes("\"a\\b\"", json!({ "text": "\"a\\\\b\"" }));
    becomes(
        "from:\"the \"\"boss\"\"\"",
        json!({ "from": "\"the \\\"boss\\\"\"" }),
    );
}

#[test]
fn what_everything_or_nothing_answers_is_not_asked() {
    for (typed, filter) in [
        ("", Filter::Everything),
        ("in:nowhere", Filter::Nothing),
        ("a in:nowhere", Filter::Nothing),
        ("a -in:nowhere in:nowhere", Filter::Nothing),
        ("-in:nowhere", Filter::Everything),
        ("a OR -in:nowhere", Filter::Everything),
        ("larger:9007199254740991", Filter::Nothing),
        ("smaller:9007199254740992", Filter::Everything),
    ] {
        assert_eq!(planned(typed).unwrap().filter, filter, "{typed}");
    }
    becomes("a -in:nowhere", json!({ "text": "a" }));
    becomes("in:nowhere OR a ", json!({ "text": "a" }));
    becomes(
        "smaller:9007199254740991",
        json!({ "maxSize": 9_007_199_254_740_991_u64 }),
    );
    becomes(
        "larger:9007199254740990",
        json!({ "minSize": 9_007_199_254_740_991_u64 }),
    );
}

#[test]
fn names_of_files_are_judged_here_where_that_is_possible() {
    let plan = planned("filename:pdf from:ana ").unwrap();
    assert_eq!(
        plan.filter,
        Filter::Ask(json!({ "operator": "AND", "conditions": [
            { "from": "ana" }, { "hasAttachment": true },
        ] }))
    );
    let names = plan.names.unwrap();
    let has = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(|name| (*name).to_owned()).collect();
        has_names(&names, &list)
    };
    assert!(has(&["a.txt", "Figures.PDF"]));
    assert!(!has(&["pd.f"]));
    assert!(!has(&[]));

    let without = planned("-filename:pdf").unwrap();
    assert_eq!(without.filter, Filter::Everything);
    assert!(has_names(&without.names.unwrap(), &[]));
    let one_of = planned("(filename:pdf OR filename:\"plan b\") is:read").unwrap();
    assert!(has_names(&one_of.names.unwrap(), &["Plan_B.txt".into()]));
}

#[test]
fn names_of_files_among_alternatives_cannot_be_asked() {
    for typed in [
        "filename:pdf OR a",
        "-(filename:pdf a)",
        "a (filename:pdf OR b)",
    ] {
        let refused = planned(typed).unwrap_err();
        assert!(matches!(refused, SourceError::Refused { .. }), "{typed}");
    }
    assert!(matches!(
        planned("a account:work"),
        Err(SourceError::Refused { .. })
    ));
}
