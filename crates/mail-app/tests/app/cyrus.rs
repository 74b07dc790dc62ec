//! The whole way against Cyrus IMAPd: sign-in at the rehearsal, mail from a server that others
//! wrote, behind a front that checks our tokens.

use std::collections::HashSet;

use mail_app::{Filter, HealthView, ListMode, MailboxRole, Scope, SignInView};
use mail_rehearsal::tenant::TokenVerifier as _;
use mail_testkit::{Cyrus, Front, corpus};

use crate::world::{LIMIT, World};

const ADDRESS: &str = "ana@northwind.example";

#[tokio::test(flavor = "multi_thread")]
async fn all_real_messages_arrive_and_later_changes_from_outside_are_seen_here() {
    let Some(cyrus) = Cyrus::start() else { return };
    cyrus.add_person(ADDRESS);
    let messages = corpus::mailing_lists();
    assert_eq!(messages.len(), 2_403);
    let other = cyrus.client(ADDRESS);
    let ids = other.fill(&messages, "inbox").await;
    let distinct: HashSet<_> = ids.iter().collect();

    let mut world = World::new().await;
    let tenant = world.rehearsal.tenant().clone();
    let front = Front::start(&cyrus, move |token| {
        tenant.person_of(token).ok().map(|person| person.email)
    });
    world.mail_at(front.url());
    let app = world.start().await;
    let ended = world.sign_in(&app, "Work", None).await;
    let SignInView::Added { account } = ended else {
        panic!("{ended:?}")
    };
    let settled = tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    assert!(
        matches!(settled[0].health, HealthView::Current),
        "{settled:?}"
    );

    // Everything is here, once, in conversations as the server has them.
    let distinct_count = u64::try_from(distinct.len()).unwrap();
    assert_eq!(app.message_count(&account).await.unwrap(), distinct_count);
    let inbox = Scope::Merged {
        role: MailboxRole::Inbox,
        group: None,
    };
    let rows = app
        .rows_now(inbox.clone(), ListMode::Messages, Filter::All, 3_000)
        .await
        .unwrap();
    assert_eq!(rows.len(), distinct.len());
    assert!(rows.is_sorted_by(|a, b| a.received_at >= b.received_at));
    let answer = other
        .call(
            "Email/query",
            serde_json::json!({ "collapseThreads": true, "calculateTotal": true }),
        )
        .await;
    let threads = answer["ids"].as_array().unwrap().len();
    let rows = app
        .rows_now(inbox.clone(), ListMode::Conversations, Filter::All, 3_000)
        .await
        .unwrap();
    assert_eq!(rows.len(), threads);
    let roles: HashSet<_> = settled[0]
        .mailboxes
        .iter()
        .filter_map(|mailbox| mailbox.role)
        .collect();
    for role in [
        MailboxRole::Inbox,
        MailboxRole::Archive,
        MailboxRole::Drafts,
        MailboxRole::Sent,
        MailboxRole::Junk,
        MailboxRole::Trash,
    ] {
        assert!(roles.contains(&role), "{role:?}");
    }
    let health = app.health_now().await;
    assert!(health.accounts[0].counts_true);

    // Another client reads a message and a new one comes in; Cyrus has no push, so we ask.
    other
        .patch(&ids[0], serde_json::json!({ "keywords/$flagged": true }))
        .await;
    cyrus.deliver(ADDRESS, b"From: Noor <noor@northwind.example>\r\nSubject: Fresh from outside\r\nMessage-ID: <fresh@northwind.example>\r\n\r\nHello.\r\n");
    let seen = async {
        loop {
            app.call("account.sync", serde_json::json!({ "account": account }))
                .await
                .unwrap();
            let newest = app
                .rows_now(inbox.clone(), ListMode::Messages, Filter::All, 5)
                .await
                .unwrap();
            let starred = app
                .rows_now(
                    Scope::Starred {
                        account: None,
                        group: None,
                    },
                    ListMode::Messages,
                    Filter::All,
                    5,
                )
                .await
                .unwrap();
            if newest.iter().any(|row| row.subject == "Fresh from outside") && starred.len() == 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, seen).await.unwrap();
    assert!(app.health_now().await.accounts[0].counts_true);

    // What the front saw was our token and nothing else.
    assert!(!front.seen().is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_is_saved_byte_for_byte() {
    let Some(cyrus) = Cyrus::start() else { return };
    cyrus.add_person(ADDRESS);
    let content: Vec<u8> = (0..100_000_u32)
        .map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    let message = [
        b"From: Noor <noor@northwind.example>\r\nSubject: The plan\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nAttached.\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"plan.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n".as_slice(),
        base64_lines(&content).as_bytes(),
        b"\r\n--b--\r\n",
    ]
    .concat();
    cyrus.client(ADDRESS).import(message, "inbox").await;

    let mut world = World::new().await;
    let tenant = world.rehearsal.tenant().clone();
    let front = Front::start(&cyrus, move |token| {
        tenant.person_of(token).ok().map(|person| person.email)
    });
    world.mail_at(front.url());
    let app = world.start().await;
    let SignInView::Added { account } = world.sign_in(&app, "Work", None).await else {
        panic!()
    };
    tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
    let inbox = Scope::Merged {
        role: MailboxRole::Inbox,
        group: None,
    };
    let rows = app
        .rows_now(inbox, ListMode::Messages, Filter::All, 5)
        .await
        .unwrap();
    let read = app.read(&account, rows[0].message).await.unwrap();
    assert_eq!(read.text.trim(), "Attached.");
    let place = world.folder.path().join("saved.bin");
    *world.browser.saves_to.lock().unwrap() = Some(place.clone());
    let request = serde_json::json!({ "account": account, "message": rows[0].message, "index": 0 });
    app.call("attachment.save", request).await.unwrap();
    assert!(std::fs::read(place).unwrap() == content);
    app.stop().await;
}

fn base64_lines(bytes: &[u8]) -> String {
    use base64::Engine as _;

    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    text.as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect::<Vec<_>>()
        .join("\r\n")
}
