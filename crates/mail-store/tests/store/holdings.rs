//! What is said of an account as a whole.

use mail_model::remote::MailboxSnapshot;
use mail_model::{HostContact, HostLog, Keyword, MailboxRole, StateString, UnixTime};
use mail_store::{FillState, Holdings, NewIntent, ProgressUpdate, SyncBatch};

use crate::fixture::{Home, MORNING, mailbox, marked, message, with_file, within};

async fn home_with_drafts() -> Home {
    let home = Home::new().await;
    let list = MailboxSnapshot {
        state: StateString::new("m2").unwrap(),
        mailboxes: vec![
            mailbox("inbox", Some(MailboxRole::Inbox)),
            mailbox("archive", Some(MailboxRole::Archive)),
            mailbox("drafts", Some(MailboxRole::Drafts)),
        ],
    };
    home.store
        .apply(SyncBatch {
            mailboxes: Some(list),
            ..SyncBatch::default()
        })
        .await
        .unwrap();
    home
}

#[tokio::test]
async fn an_account_without_mail_holds_nothing_and_does_not_claim_to_know_all() {
    let home = Home::new().await;
    assert_eq!(home.store.holdings().await.unwrap(), Holdings::default());
}

#[tokio::test]
async fn each_message_counts_once_wherever_it_lies() {
    let home = home_with_drafts().await;
    home.upsert(vec![
        within(message("a", "t1", 1), &["inbox", "archive"]),
        marked(message("b", "t1", 2), Keyword::seen()),
        with_file(marked(message("c", "t2", 3), Keyword::seen())),
        // A draft by its place, one by its mark, and one by both.
        within(message("d", "t3", 4), &["drafts"]),
        marked(message("e", "t4", 5), Keyword::draft()),
        marked(within(message("f", "t4", 6), &["drafts"]), Keyword::draft()),
    ])
    .await;
    let key = home.message_key("a").await;
    let edit = NewIntent {
        messages: vec![key],
        keywords: vec![mail_model::KeywordEdit {
            keyword: Keyword::seen(),
            set: true,
        }],
        ..NewIntent::default()
    };
    home.store.queue_edit(edit).await.unwrap();
    let expected = Holdings {
        conversations: 4,
        unread_conversations: 2,
        messages: 6,
        unread_messages: 3,
        octets: 6 * 2048,
        drafts: 3,
        with_files: 1,
        queued: 1,
        oldest: Some(UnixTime::from_seconds(MORNING + 60)),
        newest: Some(UnixTime::from_seconds(MORNING + 360)),
        complete: false,
    };
    assert_eq!(home.store.holdings().await.unwrap(), expected);

    let progress = ProgressUpdate {
        fill: Some(FillState::Complete),
        ..ProgressUpdate::default()
    };
    home.store
        .apply(SyncBatch {
            progress,
            ..SyncBatch::default()
        })
        .await
        .unwrap();
    assert!(home.store.holdings().await.unwrap().complete);
    // While everything is compared anew, nobody knows whether all of it is here.
    let sweep = home.store.begin_sweep().await.unwrap();
    assert!(!home.store.holdings().await.unwrap().complete);
    home.store.finish_sweep(sweep).await.unwrap();
    assert!(home.store.holdings().await.unwrap().complete);
}

#[tokio::test]
async fn messages_with_files_come_in_pages_and_each_once() {
    let home = home_with_drafts().await;
    home.upsert(
        (0..10)
            .map(|n| {
                let message = message(&format!("m{n}"), "t", n);
                if n % 3 == 0 {
                    with_file(message)
                } else {
                    message
                }
            })
            .collect(),
    )
    .await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = home.store.messages_with_files(after, 3).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        found.extend(page.into_iter().map(|(_, id)| String::from(id)));
    }
    assert_eq!(found, ["m0", "m3", "m6", "m9"]);
}

#[tokio::test]
async fn contacts_of_several_runs_add_up() {
    let home = Home::new().await;
    let log = HostLog::new();
    log.note("mail.northwind.example", UnixTime::from_seconds(50));
    log.note("login.northwind.example", UnixTime::from_seconds(60));
    home.store.note_hosts(log.take_unsaved()).await.unwrap();
    let home = home.reopen().await;
    log.note("mail.northwind.example", UnixTime::from_seconds(40));
    log.note("mail.northwind.example", UnixTime::from_seconds(70));
    home.store.note_hosts(log.take_unsaved()).await.unwrap();
    home.store.note_hosts(log.take_unsaved()).await.unwrap();
    let contact = |host: &str, first, last, requests| HostContact {
        host: host.into(),
        first_at: UnixTime::from_seconds(first),
        last_at: UnixTime::from_seconds(last),
        requests,
    };
    assert_eq!(
        home.store.hosts().await.unwrap(),
        [
            contact("login.northwind.example", 60, 60, 1),
            contact("mail.northwind.example", 40, 70, 3),
        ]
    );
}
