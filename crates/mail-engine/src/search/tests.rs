use std::collections::HashSet;
use std::sync::Mutex as StdMutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::date;
use mail_model::search::{Criterion, FoundKey, Query, Words};
use mail_model::{
    AccountId, Keyword, Keywords, ListCursor, ListRow, Mailbox, MailboxId, MessageKey, RowKey,
    ThreadKey, UnixTime,
};
use mail_store::{SearchCancel, SearchCoverage, StoreError};
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::found::FoundList;
use super::local::{SearchIndex, look_through};
use super::matching::Places;
use super::need::{asked_of_server, may_match};
use super::*;
use crate::list_diff::Replica;
use crate::list_view::{MergedList, OpenList};
use crate::merge::ListSource as _;

/// An index in memory that gives a page only when it is let.
struct Gated {
    found: StdMutex<Vec<FoundKey>>,
    pages: Semaphore,
    /// What every search was given to be ended by.
    cancels: StdMutex<Vec<SearchCancel>>,
    asked: watch::Sender<usize>,
}

pub(super) fn found(received_at: i64, key: i64) -> FoundKey {
    FoundKey {
        received_at: UnixTime::from_seconds(received_at),
        message: MessageKey::new(key),
        thread: ThreadKey::new(key / 2),
    }
}

pub(super) fn row(found: &FoundKey) -> ListRow {
    ListRow {
        key: RowKey::Message(found.message),
        thread: found.thread,
        latest: found.message,
        received_at: found.received_at,
        senders: vec![],
        subject: String::new(),
        preview: String::new(),
        message_count: 1,
        unread_count: 0,
        starred: false,
        has_attachment: false,
        keywords: Keywords::default(),
        found: None,
    }
}

impl Gated {
    /// With a message a second up to and including that one.
    fn up_to(newest: i64, pages: usize) -> Arc<Self> {
        let found = (1..=newest).rev().map(|key| found(key, key));
        Self::of(found.collect(), pages)
    }

    fn of(found: Vec<FoundKey>, pages: usize) -> Arc<Self> {
        Arc::new(Self {
            found: StdMutex::new(found),
            pages: Semaphore::new(pages),
            cancels: StdMutex::default(),
            asked: watch::Sender::default(),
        })
    }
}

#[async_trait]
impl SearchIndex for Gated {
    async fn search(
        &self,
        _: &Query,
        _: &TimeZone,
        after: Option<ListCursor>,
        limit: usize,
        cancel: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError> {
        self.cancels.lock().unwrap().push(cancel.clone());
        self.asked.send_modify(|asked| *asked += 1);
        let page = self.pages.acquire().await;
        page.map_err(|_| StoreError::Closed)?.forget();
        let found = self.found.lock().unwrap();
        let after = found
            .iter()
            .filter(|found| after.is_none_or(|after| found.cursor() < after));
        Ok(after.take(limit).copied().collect())
    }

    async fn rows(&self, _: &Query, keys: &[MessageKey]) -> Result<Vec<ListRow>, StoreError> {
        let found = self.found.lock().unwrap();
        let wanted = found.iter().filter(|found| keys.contains(&found.message));
        Ok(wanted.map(row).collect())
    }

    async fn mailboxes(&self) -> Result<Vec<Mailbox>, StoreError> {
        Ok(vec![])
    }

    async fn lying_in(
        &self,
        _: &MailboxId,
        _: &[MessageKey],
    ) -> Result<HashSet<MessageKey>, StoreError> {
        Ok(HashSet::new())
    }

    async fn texts_here(&self, keys: &[MessageKey]) -> Result<HashSet<MessageKey>, StoreError> {
        Ok(keys.iter().copied().collect())
    }
}

fn list_of(index: &Arc<Gated>) -> Arc<FoundList> {
    let index: Arc<Gated> = Arc::clone(index);
    Arc::new(FoundList::new(index, Query::everything()))
}

async fn look(list: &FoundList) -> Result<bool, StoreError> {
    let wanted = Wanted::anywhere(Query::everything());
    let looked = look_through(list, &wanted, &TimeZone::UTC).await?;
    Ok(looked.more)
}

async fn listed(list: &FoundList) -> Vec<i64> {
    let rows = list.page(None, 10_000).await.unwrap();
    rows.iter().map(|row| row.latest.get()).collect()
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(30), future).await;
    waited.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

fn member(name: &str, list: &Arc<FoundList>) -> ListMember {
    ListMember {
        account: AccountId::new(name).unwrap(),
        changes: list.changes(),
        source: Arc::clone(list) as _,
    }
}

async fn until(open: &mut OpenList, replica: &mut Replica, total: u64) {
    soon("the rows", async {
        while replica.look().window.total != total {
            replica.apply(open.diffs.recv().await.unwrap()).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_window_is_there_while_older_mail_is_still_looked_through() {
    let index = Gated::up_to(1_000, 1);
    let list = list_of(&index);
    let looking = tokio::spawn({
        let list = Arc::clone(&list);
        async move { look(&list).await }
    });
    let mut asked = index.asked.subscribe();
    soon("the second page", asked.wait_for(|asked| *asked == 2))
        .await
        .unwrap();
    assert_eq!(listed(&list).await, (951..=1_000).rev().collect::<Vec<_>>());
    index.pages.add_permits(10);
    assert!(!soon("the end", looking).await.unwrap().unwrap());
    assert_eq!(listed(&list).await, (1..=1_000).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn an_account_that_is_slow_keeps_no_other_account_waiting() {
    let (slow, quick) = (Gated::up_to(3, 0), Gated::up_to(3, 10));
    let (of_slow, of_quick) = (list_of(&slow), list_of(&quick));
    let members = vec![member("home", &of_slow), member("work", &of_quick)];
    let mut open = MergedList::open(members, 0..50).await;
    let mut replica = Replica::from(open.snapshot.clone());
    let waiting = tokio::spawn({
        let list = Arc::clone(&of_slow);
        async move { look(&list).await }
    });
    look(&of_quick).await.unwrap();
    until(&mut open, &mut replica, 3).await;
    let rows = &replica.look().window.rows;
    assert!(rows.iter().all(|row| row.account.as_str() == "work"));
    // Its rows go where they belong, by time, whenever they come.
    slow.pages.add_permits(10);
    soon("the slow one", waiting).await.unwrap().unwrap();
    until(&mut open, &mut replica, 6).await;
    let rows = &replica.look().window.rows;
    let places = rows
        .iter()
        .map(|row| (row.row.latest.get(), row.account.as_str()));
    let expected = [(3, "home"), (3, "work"), (2, "home"), (2, "work")];
    assert_eq!(places.take(4).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_runs_in_the_database_is_ended_when_nobody_waits_for_it() {
    let index = Gated::up_to(3, 0);
    let list = list_of(&index);
    let looking = tokio::spawn(async move { look(&list).await });
    let mut asked = index.asked.subscribe();
    soon("the search", asked.wait_for(|asked| *asked == 1))
        .await
        .unwrap();
    let cancel = index.cancels.lock().unwrap()[0].clone();
    assert!(!cancel.is_cancelled());
    looking.abort();
    assert!(soon("the abort", looking).await.unwrap_err().is_cancelled());
    assert!(cancel.is_cancelled());
}

#[tokio::test]
async fn the_list_takes_the_newest_two_thousand_and_says_that_there_are_more() {
    let index = Gated::up_to(2_001, 100);
    let list = list_of(&index);
    assert!(look(&list).await.unwrap());
    assert_eq!(listed(&list).await, (2..=2_001).rev().collect::<Vec<_>>());
    index.found.lock().unwrap().pop();
    assert!(!look(&list).await.unwrap(), "exactly as many as it takes");
    assert_eq!(list.totals().await.unwrap().rows, 2_000);
}

#[tokio::test]
async fn a_list_that_is_looked_through_again_never_becomes_shorter_on_the_way() {
    let index = Gated::up_to(600, 100);
    let list = list_of(&index);
    look(&list).await.unwrap();
    // A new message, and one that is gone.
    {
        let mut all = index.found.lock().unwrap();
        all.insert(0, found(601, 601));
        all.retain(|found| found.message.get() != 300);
    }
    index.pages.forget_permits(100);
    let again = tokio::spawn({
        let list = Arc::clone(&list);
        async move { look(&list).await }
    });
    index.pages.add_permits(1);
    let mut asked = index.asked.subscribe();
    let before = *asked.borrow();
    soon("the next page", asked.wait_for(|asked| *asked > before))
        .await
        .unwrap();
    soon("the new row", async {
        while list.totals().await.unwrap().rows != 601 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    index.pages.add_permits(100);
    soon("the end", again).await.unwrap().unwrap();
    let expected = (1..=601).rev().filter(|key| *key != 300);
    assert_eq!(listed(&list).await, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_the_index_and_the_server_both_know_is_listed_once() {
    let index = Gated::up_to(6, 100);
    let list = list_of(&index);
    list.found_all(vec![found(6, 6), found(4, 4), found(2, 2)]);
    list.found_by_server(vec![found(4, 4), found(5, 5), found(1, 1)]);
    assert_eq!(listed(&list).await, [6, 5, 4, 2, 1]);
    list.found_by_server(vec![]);
    assert_eq!(listed(&list).await, [6, 4, 2]);
}

#[tokio::test]
async fn rows_that_have_gone_do_not_end_the_list() {
    let index = Gated::up_to(100, 100);
    let list = list_of(&index);
    look(&list).await.unwrap();
    index
        .found
        .lock()
        .unwrap()
        .retain(|found| found.message.get() % 3 == 0);
    let mut rows = Vec::new();
    while let page = list.page(rows.last().copied(), 7).await.unwrap()
        && !page.is_empty()
    {
        rows.extend(page.iter().map(ListRow::cursor));
    }
    let keys: Vec<i64> = rows.iter().map(|place| place.key).collect();
    let expected = (1..=100).rev().filter(|key| key % 3 == 0);
    assert_eq!(keys, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn an_index_that_cannot_be_read_is_said_until_it_can() {
    let index = Gated::up_to(3, 100);
    let list = list_of(&index);
    look(&list).await.unwrap();
    list.fail();
    assert!(list.totals().await.is_err());
    assert!(list.page(None, 10).await.is_err());
    look(&list).await.unwrap();
    assert_eq!(listed(&list).await, [3, 2, 1]);
}

proptest! {
    #[test]
    fn places_are_counted_as_sorting_everything_gives(
        times in proptest::collection::btree_map(0_i64..400, 0_i64..40, 0..120),
        from in (0_i64..40, 0_i64..400),
        to in (0_i64..40, 0_i64..400),
        every in 1_u64..20,
    ) {
        let mut all: Vec<FoundKey> = times.iter().map(|(key, at)| found(*at, *key)).collect();
        all.sort_by_key(|found| std::cmp::Reverse(found.cursor()));
        let list = list_of(&Gated::of(all.clone(), 100));
        list.found_all(all.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let cursor = |(at, key)| ListCursor { received_at: UnixTime::from_seconds(at), key };
        let (after, through) = (cursor(from), cursor(to));
        let expected = all.iter().filter(|f| f.cursor() < after && f.cursor() >= through).count();
        let counted = runtime.block_on(list.count(Some(after), through)).unwrap();
        prop_assert_eq!(counted, expected as u64);
        let ladder = runtime.block_on(list.ladder(every)).unwrap();
        prop_assert_eq!(ladder.len() as u64, all.len() as u64 / every);
        for rung in ladder {
            let through = all.iter().filter(|f| f.cursor() >= rung.cursor).count();
            prop_assert_eq!(rung.place, through as u64);
        }
    }
}

fn text(text: &str) -> Query {
    Query::Is(Criterion::Text(Words {
        text: text.into(),
        quoted: false,
        unfinished: false,
    }))
}

/// 10:00 UTC on a day of November 2026.
fn november(day: i64) -> UnixTime {
    UnixTime::from_seconds(1_793_527_200 + (day - 1) * 86_400)
}

fn coverage(all_mail: bool, mail: Option<i64>, texts: Option<i64>) -> SearchCoverage {
    SearchCoverage {
        to_index: 0,
        all_mail,
        mail_since: mail.map(november),
        texts_since: texts.map(november),
    }
}

#[test]
fn the_server_is_asked_for_what_is_not_here_and_only_for_that() {
    let starred = Query::Is(Criterion::Starred);
    let before = |query: &Query, day| {
        let before = Criterion::Before(date(2026, 11, day));
        Some(Query::All(vec![query.clone(), Query::Is(before)]))
    };
    let zone = &TimeZone::UTC;
    let words = text("budget");
    // Everything is here.
    let all = coverage(true, Some(3), Some(3));
    assert_eq!(asked_of_server(&words, &all, zone), None);
    let empty = coverage(true, None, None);
    assert_eq!(asked_of_server(&words, &empty, zone), None);
    // All mail, and the texts of the newest.
    let newest = coverage(true, Some(3), Some(20));
    assert_eq!(asked_of_server(&starred, &newest, zone), None);
    assert_eq!(asked_of_server(&words, &newest, zone), before(&words, 21));
    let not = Query::Not(Box::new(words.clone()));
    assert_eq!(asked_of_server(&not, &newest, zone), before(&not, 21));
    // The first fill is still going back.
    let filling = coverage(false, Some(10), Some(20));
    assert_eq!(
        asked_of_server(&starred, &filling, zone),
        before(&starred, 11)
    );
    // Texts of older messages that the fill has not reached say nothing of those between.
    let early = coverage(false, Some(10), Some(3));
    assert_eq!(asked_of_server(&words, &early, zone), before(&words, 11));
    // No text at all.
    let none = coverage(true, Some(3), None);
    assert_eq!(asked_of_server(&words, &none, zone), Some(words.clone()));
}

#[test]
fn days_of_the_server_begin_where_the_person_is() {
    let zone = TimeZone::fixed(jiff::tz::offset(14));
    let newest = coverage(true, Some(3), Some(20));
    let words = text("budget");
    let Some(Query::All(parts)) = asked_of_server(&words, &newest, &zone) else {
        panic!("the server is asked")
    };
    // 10:00 UTC is the next day there.
    let before = Criterion::Before(date(2026, 11, 22));
    assert_eq!(parts[1], Query::Is(before));
}

fn may_match_anywhere(query: &Query, row: &ListRow) -> bool {
    may_match(query, row, &Places::new())
}

#[test]
fn marks_decide_where_they_can() {
    let is = Query::Is;
    let mut starred = row(&found(1, 1));
    starred.starred = true;
    let plain = row(&found(1, 1));
    let both = Query::All(vec![text("budget"), is(Criterion::Starred)]);
    assert!(may_match_anywhere(&both, &starred));
    assert!(!may_match_anywhere(&both, &plain));
    let either = Query::Any(vec![text("budget"), is(Criterion::Starred)]);
    assert!(
        may_match_anywhere(&either, &plain),
        "the words cannot be told"
    );
    let neither = Query::Not(Box::new(either));
    assert!(!may_match_anywhere(&neither, &starred));
    assert!(may_match_anywhere(&neither, &plain));
    assert!(!may_match_anywhere(&is(Criterion::Unread), &plain));
    assert!(may_match_anywhere(&is(Criterion::Read), &plain));
    let mut answered = plain.clone();
    answered.keywords = [Keyword::answered()].into_iter().collect();
    assert!(may_match_anywhere(&is(Criterion::Answered), &answered));
    assert!(!may_match_anywhere(&is(Criterion::Draft), &answered));
    assert!(!may_match_anywhere(&is(Criterion::HasFile), &answered));
    assert!(may_match_anywhere(&Query::everything(), &plain));
    assert!(!may_match_anywhere(&Query::nothing(), &plain));
}
