//! Lists, places in them, totals, conversations.

use mail_model::{Filter, Keyword, ListMode, MailboxRole, RowKey, UnixTime};
use mail_store::{FillState, ProgressUpdate, SyncBatch};

use crate::fixture::{Home, MORNING, from, ids, marked, message, scope, update, with_file, within};

const THREADS: ListMode = ListMode::Conversations;
const MESSAGES: ListMode = ListMode::Messages;

#[tokio::test]
async fn a_conversation_is_one_row_placed_by_its_newest_message() {
    let home = Home::new().await;
    home.upsert(vec![
        message("a1", "a", 1),
        message("b1", "b", 2),
        from(message("a2", "a", 3), "Cy"),
    ])
    .await;
    let rows = home.page("inbox", THREADS, Filter::All).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].subject, "About a2");
    assert_eq!(rows[0].senders, ["Bo Lind", "Cy"]);
    assert_eq!((rows[0].message_count, rows[0].unread_count), (2, 2));
    assert_eq!(rows[0].received_at, UnixTime::from_seconds(MORNING + 180));
    let latest = home.store.message(rows[0].latest).await.unwrap().unwrap();
    assert_eq!(latest.message.id.as_str(), "a2");
    home.assert_counts().await;
}

#[tokio::test]
async fn older_mail_of_a_known_conversation_does_not_move_it() {
    let home = Home::new().await;
    home.upsert(vec![message("a2", "a", 10), message("b1", "b", 20)])
        .await;
    home.upsert(vec![message("a1", "a", 5)]).await;
    assert_eq!(home.subjects("inbox").await, ["About b1", "About a2"]);
    home.assert_counts().await;
}

#[tokio::test]
async fn losing_its_newest_message_moves_a_conversation_back() {
    let home = Home::new().await;
    home.upsert(vec![
        message("a1", "a", 1),
        message("b1", "b", 2),
        message("a2", "a", 3),
    ])
    .await;
    home.remove(&["a2"]).await;
    assert_eq!(home.subjects("inbox").await, ["About b1", "About a1"]);
    home.assert_counts().await;
}

#[tokio::test]
async fn each_filter_shows_its_rows_and_keeps_their_total() {
    let home = Home::new().await;
    let seen = || vec![Keyword::seen()];
    home.upsert(vec![
        marked(message("a", "a", 1), Keyword::seen()),
        message("b", "b", 2),
        marked(
            marked(message("c", "c", 3), Keyword::seen()),
            Keyword::flagged(),
        ),
        with_file(marked(message("d", "d", 4), Keyword::seen())),
    ])
    .await;
    for mode in [THREADS, MESSAGES] {
        for (filter, subjects) in [
            (
                Filter::All,
                &["About d", "About c", "About b", "About a"][..],
            ),
            (Filter::Unread, &["About b"]),
            (Filter::Starred, &["About c"]),
            (Filter::Files, &["About d"]),
        ] {
            let rows = home.page("inbox", mode, filter).await;
            let found: Vec<_> = rows.iter().map(|row| row.subject.as_str()).collect();
            assert_eq!(found, subjects, "{mode:?} {filter:?}");
            let total = home
                .store
                .total(&scope("inbox", mode, filter))
                .await
                .unwrap();
            assert_eq!(total, subjects.len() as u64);
        }
    }
    home.update(vec![update("b", &["inbox"], &seen())]).await;
    assert!(home.page("inbox", THREADS, Filter::Unread).await.is_empty());
    home.assert_counts().await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let home = Home::new().await;
    // Equal times, so that only the key orders some of them.
    let messages = (0..57).map(|n| message(&format!("m{n}"), &format!("t{n}"), n / 5));
    home.upsert(messages.collect()).await;
    for mode in [THREADS, MESSAGES] {
        let scope = scope("inbox", mode, Filter::All);
        let whole = home.store.page(&scope, None, 100).await.unwrap();
        let mut pieced = Vec::new();
        let mut after = None;
        loop {
            let page = home.store.page(&scope, after, 10).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.cursor());
            pieced.extend(page);
        }
        assert_eq!(pieced, whole);
        assert_eq!(pieced.len(), 57);
        assert!(whole.is_sorted_by(|a, b| a.cursor() > b.cursor()));
    }
}

#[tokio::test]
async fn a_ladder_and_ranks_agree_with_the_list() {
    let home = Home::new().await;
    let messages = (0..35).map(|n| message(&format!("m{n}"), &format!("t{n}"), n));
    home.upsert(messages.collect()).await;
    let scope = scope("inbox", THREADS, Filter::Unread);
    let rows = home.store.page(&scope, None, 100).await.unwrap();
    let ladder = home.store.rungs(&scope, 10).await.unwrap();
    assert_eq!(ladder.total, 35);
    let expected: Vec<_> = [9, 19, 29].map(|n: usize| rows[n].cursor()).into();
    assert_eq!(ladder.rungs, expected);
    assert_eq!(ladder.places().last(), Some((30, rows[29].cursor())));
    let all = home.store.rungs(&scope, 1).await.unwrap();
    assert_eq!(
        all.rungs,
        rows.iter().map(|row| row.cursor()).collect::<Vec<_>>()
    );
    let rank = home
        .store
        .rank(&scope, rows[20].cursor(), None)
        .await
        .unwrap();
    assert_eq!(rank, 20);
    let between = home
        .store
        .rank(&scope, rows[20].cursor(), Some(rows[9].cursor()))
        .await;
    assert_eq!(between.unwrap(), 10);
}

#[tokio::test]
async fn given_rows_are_read_only_if_they_are_in_the_list() {
    let home = Home::new().await;
    home.upsert(vec![
        message("a", "a", 1),
        within(message("b", "b", 2), &["archive"]),
        marked(message("c", "c", 3), Keyword::seen()),
    ])
    .await;
    let all = home.page("inbox", THREADS, Filter::All).await;
    let elsewhere = home.page("archive", THREADS, Filter::All).await;
    let keys: Vec<RowKey> = all.iter().chain(&elsewhere).map(|row| row.key).collect();
    let rows = home
        .store
        .rows(&scope("inbox", THREADS, Filter::All), &keys)
        .await
        .unwrap();
    assert_eq!(rows, all);
    let unread = home
        .store
        .rows(&scope("inbox", THREADS, Filter::Unread), &keys)
        .await
        .unwrap();
    assert_eq!(unread, all[1..]);
    let single = home.page("inbox", MESSAGES, Filter::All).await;
    let keys: Vec<RowKey> = single.iter().map(|row| row.key).collect();
    let rows = home
        .store
        .rows(&scope("inbox", MESSAGES, Filter::All), &keys)
        .await
        .unwrap();
    assert_eq!(rows, single);
}

#[tokio::test]
async fn a_conversation_opens_with_messages_of_every_mailbox_oldest_first() {
    let home = Home::new().await;
    home.upsert(vec![
        message("a2", "a", 2),
        within(message("a1", "a", 1), &["archive", "choir"]),
    ])
    .await;
    let row = home.page("inbox", THREADS, Filter::All).await.remove(0);
    assert_eq!(row.message_count, 1);
    let messages = home.store.thread(row.thread).await.unwrap();
    let found: Vec<_> = messages.iter().map(|m| m.message.id.as_str()).collect();
    assert_eq!(found, ["a1", "a2"]);
    assert_eq!(messages[1].message, message("a2", "a", 2));
    let mut mailboxes = messages[0].message.mailboxes.clone();
    mailboxes.sort();
    assert_eq!(mailboxes, ids(&["archive", "choir"]));
}

#[tokio::test]
async fn a_message_may_change_its_conversation() {
    let home = Home::new().await;
    home.upsert(vec![message("a1", "a", 1), message("b1", "b", 2)])
        .await;
    home.upsert(vec![message("a1", "b", 1)]).await;
    let rows = home.page("inbox", THREADS, Filter::All).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].message_count, 2);
    home.assert_counts().await;
}

#[tokio::test]
async fn mail_may_come_before_the_mailbox_it_lies_in() {
    let home = Home::new().await;
    home.upsert(vec![within(message("a", "a", 1), &["new"])])
        .await;
    let listed = |list: &[(mail_model::Mailbox, mail_model::MailboxCounts)]| {
        list.iter()
            .map(|(m, _)| m.id.to_string())
            .collect::<Vec<_>>()
    };
    let before = home.store.mailboxes().await.unwrap();
    assert_eq!(listed(&before), ["inbox", "archive", "choir"]);
    let mut snapshot = crate::fixture::mailboxes();
    snapshot
        .mailboxes
        .push(crate::fixture::mailbox("new", None));
    snapshot
        .mailboxes
        .retain(|mailbox| mailbox.id.as_str() != "choir");
    let batch = SyncBatch {
        mailboxes: Some(snapshot),
        ..SyncBatch::default()
    };
    let change = home.store.apply(batch).await.unwrap().unwrap();
    assert!(change.mailbox_tree);
    let after = home.store.mailboxes().await.unwrap();
    assert_eq!(listed(&after), ["inbox", "archive", "new"]);
    assert_eq!(after[2].1.unread_threads, 1);
    let inbox = home.store.role_mailbox(MailboxRole::Inbox).await.unwrap();
    assert_eq!(inbox.unwrap().as_str(), "inbox");
}

#[tokio::test]
async fn odd_text_survives() {
    let home = Home::new().await;
    let mut odd = from(message("a", "a", 1), "\"O'Neil\"\\ 合唱 \u{202e}");
    odd.subject = "tab\there, nul\0there, quote\", \u{1F3B5}".into();
    home.upsert(vec![odd.clone()]).await;
    let row = home.page("inbox", THREADS, Filter::All).await.remove(0);
    assert_eq!(row.senders, [odd.from[0].name.trim()]);
    assert_eq!(row.subject, odd.subject.replace('\0', "\u{fffd}"));
}

#[tokio::test]
async fn progress_is_written_with_its_rows_and_numbers_grow() {
    let home = Home::new().await;
    let mut changes = home.store.changes();
    let fill = FillState::Filling {
        oldest: UnixTime::from_seconds(MORNING),
        done: 1,
        total: Some(9),
    };
    let batch = SyncBatch {
        upsert: vec![message("a", "a", 1)],
        progress: ProgressUpdate {
            fill: Some(fill),
            last_success: Some(UnixTime::from_seconds(MORNING)),
            ..ProgressUpdate::default()
        },
        ..SyncBatch::default()
    };
    let first = home.store.apply(batch.clone()).await.unwrap().unwrap();
    assert_eq!(first.arrived, [home.message_key("a").await]);
    assert_eq!(home.store.apply(batch).await.unwrap(), None);
    let home = home.reopen().await;
    let progress = home.store.progress().await.unwrap();
    assert_eq!(progress.fill, fill);
    assert_eq!(progress.mailbox_state.unwrap().as_str(), "m1");
    home.update(vec![update("a", &["archive"], &[])]).await;
    assert_eq!(changes.recv().await.unwrap(), first);
    let second = home.store.changes();
    drop(second);
    home.assert_counts().await;
}

#[tokio::test]
async fn a_sweep_takes_only_what_the_server_no_longer_names() {
    let home = Home::new().await;
    home.upsert(vec![
        message("a", "a", 1),
        message("b", "b", 2),
        message("c", "c", 3),
    ])
    .await;
    let sweep = home.store.begin_sweep().await.unwrap();
    let batch = SyncBatch {
        update: vec![update("a", &["inbox"], &[])],
        mark: Some(sweep),
        ..SyncBatch::default()
    };
    home.store.apply(batch).await.unwrap();
    // Arrives while the inventory is read.
    home.upsert(vec![message("d", "d", 4)]).await;
    assert_eq!(home.subjects("inbox").await.len(), 4);
    home.store.finish_sweep(sweep).await.unwrap();
    assert_eq!(home.subjects("inbox").await, ["About d", "About a"]);
    home.assert_counts().await;
}
