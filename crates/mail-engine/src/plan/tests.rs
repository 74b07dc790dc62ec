use mail_model::remote::MailboxSnapshot;
use mail_model::{BlobId, Keywords, MailboxId, ThreadId};
use proptest::prelude::*;

use super::*;

fn id(number: u64) -> MessageId {
    MessageId::new(format!("M{number}")).unwrap()
}

fn state(name: &str) -> StateString {
    StateString::new(name).unwrap()
}

fn message(number: u64, received_at: i64) -> Message {
    Message {
        id: id(number),
        blob: BlobId::new("B").unwrap(),
        thread: ThreadId::new("T").unwrap(),
        mailboxes: vec![MailboxId::new("inbox").unwrap()],
        keywords: Keywords::default(),
        received_at: UnixTime::from_seconds(received_at),
        size: 1,
        from: vec![],
        to: vec![],
        cc: vec![],
        bcc: vec![],
        reply_to: vec![],
        subject: String::new(),
        preview: String::new(),
        message_ids: vec![],
        in_reply_to: vec![],
        references: vec![],
        has_attachment: false,
    }
}

fn page(at: &str, messages: Vec<Message>) -> MessagePage {
    MessagePage {
        state: state(at),
        queried: messages.len(),
        messages,
        total: None,
    }
}

fn update(number: u64) -> MessageUpdate {
    MessageUpdate {
        id: id(number),
        mailboxes: vec![],
        keywords: Keywords::default(),
    }
}

fn delta(created: Vec<Message>, updated: Vec<MessageUpdate>, gone: Vec<MessageId>) -> MessageDelta {
    MessageDelta {
        new_state: state("s2"),
        has_more: false,
        created,
        updated,
        destroyed: gone,
    }
}

fn rows(batch: &SyncBatch) -> usize {
    batch.upsert.len() + batch.update.len() + batch.remove.len()
}

fn filling(oldest: i64) -> Fill {
    Fill::resume(&FillState::Filling {
        oldest: UnixTime::from_seconds(oldest),
        done: 50,
        total: None,
    })
    .unwrap()
}

#[test]
fn the_first_page_is_committed_with_the_mailboxes_and_its_own_state() {
    let mailboxes = MailboxSnapshot {
        state: state("m1"),
        mailboxes: vec![],
    };
    let batches = first_batches(
        mailboxes.clone(),
        page("s1", vec![message(1, 10), message(2, 5)]),
    );
    let [batch] = batches.as_slice() else {
        panic!("one transaction")
    };
    assert_eq!(batch.mailboxes.as_ref(), Some(&mailboxes));
    assert_eq!(batch.progress.message_state, Some(state("s1")));
    assert_eq!(
        batch.progress.fill,
        Some(FillState::Filling {
            oldest: UnixTime::from_seconds(5),
            done: 2,
            total: None
        })
    );
}

#[test]
fn an_account_without_mail_is_complete_at_once() {
    let mailboxes = MailboxSnapshot {
        state: state("m1"),
        mailboxes: vec![],
    };
    let batches = first_batches(mailboxes, page("s1", vec![]));
    assert_eq!(batches[0].progress.fill, Some(FillState::Complete));
}

#[test]
fn pages_grow_while_they_go_well() {
    let mut fill = filling(10_000);
    let mut limits = vec![];
    for step in 0..6 {
        limits.push(fill.request().2);
        let next = fill.absorb(page("s1", vec![message(step, 9_000 - step as i64)]));
        fill = next.unwrap().1.unwrap();
    }
    assert_eq!(limits, [100, 200, 300, 400, 500, 500]);
}

#[test]
fn a_stretch_of_equal_times_is_begun_anew_when_messages_changed_during_it() {
    let equal = |from: u64| (from..from + 3).map(|n| message(n, 100)).collect();
    let (_, fill) = filling(100).absorb(page("s1", equal(0))).unwrap();
    let fill = fill.unwrap();
    assert_eq!(fill.request().1, 3);
    let (_, fill) = fill.absorb(page("s2", equal(3))).unwrap();
    let fill = fill.unwrap();
    assert_eq!(fill.request().1, 0, "a position could skip a message now");
    let (_, fill) = fill.absorb(page("s2", equal(0))).unwrap();
    assert_eq!(fill.unwrap().request().1, 3);
}

#[test]
fn the_same_page_again_is_no_progress() {
    let same = || page("s1", vec![message(1, 100)]);
    let (_, fill) = filling(100).absorb(same()).unwrap();
    assert_eq!(fill.unwrap().absorb(same()).unwrap_err(), NoProgress);
}

#[test]
fn vanished_messages_do_not_end_the_fill() {
    let mut all_gone = page("s1", vec![]);
    all_gone.queried = 7;
    let (_, fill) = filling(100).absorb(all_gone).unwrap();
    assert_eq!(fill.unwrap().request().1, 7);
}

#[test]
fn a_chain_of_deltas_that_goes_nowhere_is_noticed() {
    let mut chain = DeltaChain::default();
    let mut same = delta(vec![], vec![update(1)], vec![]);
    same.has_more = true;
    assert_eq!(chain.check(&state("s2"), &same), Err(NoProgress));
    let mut empty = delta(vec![], vec![], vec![]);
    empty.has_more = true;
    let checks: Vec<_> = (0..4).map(|_| chain.check(&state("s1"), &empty)).collect();
    assert_eq!(checks, [Ok(()), Ok(()), Ok(()), Err(NoProgress)]);
}

#[test]
fn a_delta_without_news_writes_nothing() {
    let mut none = delta(vec![], vec![], vec![]);
    assert_eq!(delta_batch(&state("s2"), none.clone()), None);
    none.new_state = state("s3");
    let batch = delta_batch(&state("s2"), none).unwrap();
    assert_eq!(batch.progress.message_state, Some(state("s3")));
}

#[test]
fn an_inventory_page_after_a_change_overlaps_the_one_before() {
    let pages = |from: u64| (from..from + 10).map(update).collect::<Vec<_>>();
    let mut walk = InventoryWalk::default();
    assert_eq!(walk.advance(state("s1"), &pages(0)), Ok(true));
    assert_eq!(walk.position(), 10);
    assert_eq!(walk.advance(state("s2"), &pages(10)), Ok(true));
    assert_eq!(walk.position(), 15);
    assert_eq!(walk.advance(state("s2"), &pages(15)), Ok(true));
    assert_eq!(walk.position(), 25);
    assert_eq!(walk.advance(state("s2"), &pages(15)), Err(NoProgress));
    assert_eq!(walk.advance(state("s2"), &[]), Ok(false));
}

#[test]
fn an_inventory_that_changes_with_every_request_still_ends() {
    let mut walk = InventoryWalk::default();
    let mut requests = 0;
    loop {
        let left = 1_000_u64.saturating_sub(walk.position()).min(500);
        let page: Vec<_> = (0..left).map(|n| update(walk.position() + n)).collect();
        requests += 1;
        if !walk.advance(state(&format!("s{requests}")), &page).unwrap() {
            break;
        }
    }
    assert!(requests < 20, "{requests}");
}

/// A server that only counts from the newest message on.
fn serve(all: &[Message], request: (UnixTime, u64, usize)) -> MessagePage {
    let (before, position, limit) = request;
    let found = all.iter().filter(|message| message.received_at <= before);
    page(
        "s1",
        found.skip(position as usize).take(limit).cloned().collect(),
    )
}

proptest! {
    #[test]
    fn filling_fetches_every_message_and_ends(times in proptest::collection::vec(0_i64..40, 0..900)) {
        let mut all: Vec<_> = times
            .iter()
            .enumerate()
            .map(|(number, at)| message(number as u64, *at))
            .collect();
        all.sort_by_key(|message| std::cmp::Reverse(message.received_at));
        let mut fetched = BTreeSet::new();
        let mut fill = Some(filling(50));
        let mut requests = 0;
        while let Some(going) = fill {
            requests += 1;
            prop_assert!(requests < 100, "it does not end");
            let (batches, next) = going.clone().absorb(serve(&all, going.request())).unwrap();
            for batch in &batches {
                prop_assert!(rows(batch) <= BATCH);
                fetched.extend(batch.upsert.iter().map(|message| message.id.clone()));
            }
            if let Some(next) = &next {
                prop_assert_eq!(next.progress().0, 50 + fetched.len() as u64);
            }
            fill = next;
        }
        prop_assert_eq!(fetched.len(), all.len());
    }

    #[test]
    fn a_delta_is_written_whole_in_small_batches_and_its_state_last(
        created in proptest::collection::vec(0_u64..1500, 0..1200),
        updated in proptest::collection::vec(0_u64..1500, 0..1200),
        gone in proptest::collection::btree_set(0_u64..1500, 0..1200),
    ) {
        let destroyed: Vec<_> = gone.iter().map(|n| id(*n)).collect();
        // One batch whatever its size: rows and state are written together.
        let batch = delta_batch(
            &state("s1"),
            delta(
                created.iter().map(|n| message(*n, *n as i64)).collect(),
                updated.iter().map(|n| update(*n)).collect(),
                destroyed.clone(),
            ),
        )
        .unwrap();
        prop_assert_eq!(&batch.progress.message_state, &Some(state("s2")));
        let upserts: Vec<_> = batch.upsert.iter().map(|m| m.id.clone()).collect();
        let expected: BTreeSet<_> = created.iter().filter(|n| !gone.contains(n)).map(|n| id(*n)).collect();
        prop_assert_eq!(upserts.len(), expected.len(), "each once");
        prop_assert_eq!(upserts.into_iter().collect::<BTreeSet<_>>(), expected);
        let kept = batch.update.iter().all(|update| !destroyed.contains(&update.id));
        prop_assert!(kept, "what is gone is not changed");
        let removed = batch.remove;
        prop_assert_eq!(removed, destroyed);
    }
}
