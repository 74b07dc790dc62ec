//! How much of the bodies stays.

use std::collections::BTreeSet;

use mail_model::{Body, Keyword, MailboxId, MailboxRole, MessageId, MessageKey, UnixTime};
use mail_store::{HeldBody, NewIntent, Retention, SyncBatch, plan_retention};
use proptest::prelude::*;

use crate::fixture::{Home, MORNING, mailbox, mailboxes, marked, message, within};

const DAY: i64 = 24 * 60 * 60;

/// A text that no compression makes small.
fn body(seed: u64, octets: usize) -> Body {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let text = (0..octets).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(33 + u8::try_from(state % 94).unwrap())
    });
    Body {
        text: Some(text.collect()),
        html: None,
        attachments: Vec::new(),
        truncated: false,
    }
}

/// `count` messages, a day apart, the last one just now, with bodies of 20,000 octets.
async fn filled(count: i64) -> Home {
    let home = Home::new().await;
    let messages = (0..count).map(|n| message(&format!("m{n}"), &format!("t{n}"), n * 24 * 60));
    home.upsert(messages.collect()).await;
    for n in 0..count {
        let key = home.message_key(&format!("m{n}")).await;
        let body = body(u64::try_from(n).unwrap(), 20_000);
        home.store.store_bodies(vec![(key, body)]).await.unwrap();
    }
    home
}

fn at_day(day: i64) -> UnixTime {
    UnixTime::from_seconds(MORNING + day * DAY)
}

fn keep(days: Option<u32>, octets: Option<u64>) -> Retention {
    Retention { days, octets }
}

/// The numbers of the messages whose body is here.
async fn here(home: &Home, count: i64) -> Vec<i64> {
    let mut here = Vec::new();
    for n in 0..count {
        let key = home.message_key(&format!("m{n}")).await;
        if home.store.body(key).await.unwrap().is_some() {
            here.push(n);
        }
    }
    here
}

fn none() -> BTreeSet<MessageKey> {
    BTreeSet::new()
}

#[tokio::test]
async fn everything_stays_by_default() {
    let home = filled(5).await;
    assert_eq!(home.store.retention().await.unwrap(), Retention::default());
    let done = home
        .store
        .drop_old_bodies(Retention::default(), at_day(100_000), &none(), None)
        .await
        .unwrap();
    assert_eq!(done.bodies, 0);
    assert_eq!(here(&home, 5).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn what_was_chosen_is_kept_with_the_account() {
    let home = Home::new().await;
    let chosen = keep(Some(365), Some(500_000_000));
    home.store.set_retention(chosen).await.unwrap();
    let home = home.reopen().await;
    assert_eq!(home.store.retention().await.unwrap(), chosen);
    // What a later version may have written is not understood, and nothing is dropped for it.
    home.store.settings_put("retention", "7").await.unwrap();
    assert_eq!(home.store.retention().await.unwrap(), Retention::default());
}

#[tokio::test]
async fn bodies_that_are_too_old_go_and_their_messages_stay() {
    let home = filled(10).await;
    let done = home
        .store
        .drop_old_bodies(keep(Some(3), None), at_day(9), &none(), None)
        .await
        .unwrap();
    assert_eq!(done.bodies, 6);
    assert_eq!(here(&home, 10).await, [6, 7, 8, 9]);
    assert_eq!(home.subjects("inbox").await.len(), 10);
    home.assert_counts().await;
}

#[tokio::test]
async fn the_oldest_bodies_go_until_the_size_fits_and_the_disk_gets_the_room() {
    let home = filled(40).await;
    let before = home.store.body_octets().await.unwrap();
    let most = before / 2;
    let retention = keep(None, Some(most));
    let done = home
        .store
        .drop_old_bodies(retention, at_day(39), &none(), None)
        .await
        .unwrap();
    let after = home.store.body_octets().await.unwrap();
    assert!(
        after <= most && done.bodies >= 15,
        "{before} {after} {done:?}"
    );
    let left = here(&home, 40).await;
    let newest: Vec<i64> = (40 - i64::try_from(left.len()).unwrap()..40).collect();
    assert_eq!(left, newest, "the oldest went");
    let last_gone = home.message_key(&format!("m{}", newest[0] - 1)).await;
    assert_eq!(done.newest, Some(last_gone));
    assert!(!left.is_empty());
    let folder = home.store.folder().to_owned();
    home.store.close().await.unwrap();
    let file = std::fs::metadata(folder.join("body.sqlite")).unwrap().len();
    assert!(file <= most, "{file} of {before}");
}

#[tokio::test]
async fn starred_opened_drafted_and_unsent_stay_whatever_their_age() {
    let home = filled(8).await;
    let mut list = mailboxes();
    list.mailboxes
        .push(mailbox("drafts", Some(MailboxRole::Drafts)));
    let batch = SyncBatch {
        mailboxes: Some(list),
        ..SyncBatch::default()
    };
    home.store.apply(batch).await.unwrap();
    let old = |n: i64| message(&format!("m{n}"), &format!("t{n}"), n * 24 * 60);
    home.upsert(vec![
        marked(old(1), Keyword::from("$flagged")),
        marked(old(2), Keyword::from("$draft")),
        within(old(3), &["drafts"]),
    ])
    .await;
    let unsent = NewIntent {
        messages: vec![home.message_key("m4").await],
        keywords: Vec::new(),
        add_to: vec![MailboxId::new("choir").unwrap()],
        remove_from: Vec::new(),
    };
    home.store.queue_edit(unsent).await.unwrap();
    let opened = BTreeSet::from([home.message_key("m5").await]);
    for retention in [keep(Some(1), None), keep(None, Some(1))] {
        home.store
            .drop_old_bodies(retention, at_day(7), &opened, None)
            .await
            .unwrap();
    }
    assert_eq!(here(&home, 8).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_walk_goes_on_where_the_last_one_ended() {
    let home = filled(10).await;
    let first = home
        .store
        .drop_old_bodies(keep(Some(30), None), at_day(9), &none(), None)
        .await
        .unwrap();
    assert_eq!((first.bodies, first.reached), (0, None));
    let second = home
        .store
        .drop_old_bodies(keep(Some(4), None), at_day(100), &none(), None)
        .await
        .unwrap();
    let last = home.message_key("m9").await;
    assert_eq!((second.bodies, second.reached), (10, Some(last)));
    // A body that came back behind the walk stays.
    let key = home.message_key("m2").await;
    home.store
        .store_bodies(vec![(key, body(2, 10))])
        .await
        .unwrap();
    let third = home
        .store
        .drop_old_bodies(keep(Some(4), None), at_day(100), &none(), second.reached)
        .await
        .unwrap();
    assert_eq!(third.bodies, 0);
    assert_eq!(here(&home, 10).await, [2]);
}

#[tokio::test]
async fn a_body_that_comes_after_a_walk_and_grows_old_goes_in_the_next_one() {
    let home = filled(10).await;
    let walk = async |day, after| {
        let retention = keep(Some(5), None);
        let opened = none();
        let done = home
            .store
            .drop_old_bodies(retention, at_day(day), &opened, after);
        done.await.unwrap()
    };
    let first = walk(9, None).await;
    assert_eq!((first.bodies, first.reached), (4, None));
    let second = walk(12, first.reached).await;
    assert_eq!(second.bodies, 3);
    assert_eq!(here(&home, 10).await, [7, 8, 9]);
}

#[test]
fn there_is_always_room_for_new_mail_again() {
    let retention = keep(None, Some(1_000));
    // Where nothing more is fetched ahead, bodies go, so that new mail has room again.
    assert!(retention.has_room(899) && !retention.has_room(900));
    assert_eq!(retention.excess(899), 0);
    assert_eq!(900 - retention.excess(900), 800);
    assert_eq!(1_500 - retention.excess(1_500), 800);
    assert!(retention.has_room(800));
    assert!(keep(None, None).has_room(u64::MAX));
    assert_eq!(keep(None, None).excess(u64::MAX), 0);
}

fn bodies() -> impl Strategy<Value = Vec<HeldBody>> {
    prop::collection::vec((0_i64..1_000, 1_u64..1_000, any::<bool>()), 0..60).prop_map(
        |mut bodies| {
            bodies.sort_by_key(|(at, ..)| *at);
            let numbered = bodies.into_iter().enumerate();
            numbered
                .map(|(n, (at, octets, stays))| HeldBody {
                    id: MessageId::new(format!("m{n}")).unwrap(),
                    key: MessageKey::new(i64::try_from(n).unwrap()),
                    received_at: UnixTime::from_seconds(at),
                    octets,
                    stays,
                })
                .collect()
        },
    )
}

proptest! {
    #[test]
    fn the_plan_drops_enough_and_nothing_newer_than_it_must(
        bodies in bodies(), cutoff in prop::option::of(0_i64..1_000), excess in 0_u64..20_000,
    ) {
        let cutoff = cutoff.map(UnixTime::from_seconds);
        let going = plan_retention(&bodies, cutoff, excess);
        prop_assert!(going.iter().all(|body| !body.stays));
        let gone: u64 = going.iter().map(|body| body.octets).sum();
        let free: Vec<&HeldBody> = bodies.iter().filter(|body| !body.stays).collect();
        prop_assert!(gone >= excess || going.len() == free.len());
        for body in &free {
            let is_old = cutoff.is_some_and(|cutoff| body.received_at < cutoff);
            prop_assert!(!is_old || going.contains(body));
        }
        // Without the last one it would not have been enough, or it was too old.
        if let Some(last) = going.last() {
            let is_old = cutoff.is_some_and(|cutoff| last.received_at < cutoff);
            prop_assert!(is_old || gone - last.octets < excess);
        }
        prop_assert_eq!(&going[..], &free[..going.len()]);
    }
}
