use std::sync::Mutex;

use mail_model::{Keywords, MessageKey, ThreadKey};
use proptest::prelude::*;

use super::*;

/// An account's list in memory, with a switch and counters.
#[derive(Default)]
struct List {
    rows: Mutex<Vec<ListRow>>,
    broken: Mutex<bool>,
    read: Mutex<u64>,
    totals: Mutex<u64>,
}

fn row(received_at: i64, key: i64) -> ListRow {
    ListRow {
        key: RowKey::Message(MessageKey::new(key)),
        thread: ThreadKey::new(key),
        latest: MessageKey::new(key),
        received_at: UnixTime::from_seconds(received_at),
        senders: vec![],
        subject: String::new(),
        preview: String::new(),
        message_count: 1,
        unread_count: u32::from(key % 2 == 0),
        starred: false,
        has_attachment: false,
        keywords: Keywords::default(),
        found: None,
    }
}

impl List {
    fn of(places: &[(i64, i64)]) -> Arc<Self> {
        let list = Arc::new(Self::default());
        list.set(places);
        list
    }

    fn set(&self, places: &[(i64, i64)]) {
        let mut rows: Vec<_> = places.iter().map(|(at, key)| row(*at, *key)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.cursor()));
        *self.rows.lock().unwrap() = rows;
    }

    fn check(&self) -> Result<(), StoreError> {
        if *self.broken.lock().unwrap() {
            return Err(StoreError::Closed);
        }
        Ok(())
    }

    fn take_read(&self) -> u64 {
        std::mem::take(&mut *self.read.lock().unwrap())
    }
}

#[async_trait]
impl ListSource for List {
    async fn page(
        &self,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListRow>, StoreError> {
        self.check()?;
        let rows = self.rows.lock().unwrap();
        let page: Vec<_> = rows
            .iter()
            .filter(|row| after.is_none_or(|after| row.cursor() < after))
            .take(limit)
            .cloned()
            .collect();
        *self.read.lock().unwrap() += page.len() as u64;
        Ok(page)
    }

    async fn ladder(&self, every: u64) -> Result<Vec<Rung>, StoreError> {
        self.check()?;
        let rows = self.rows.lock().unwrap();
        Ok((1..)
            .zip(rows.iter())
            .filter(|(place, _)| place % every == 0)
            .map(|(place, row)| Rung {
                place,
                cursor: row.cursor(),
            })
            .collect())
    }

    async fn count(
        &self,
        after: Option<ListCursor>,
        through: ListCursor,
    ) -> Result<u64, StoreError> {
        self.check()?;
        let rows = self.rows.lock().unwrap();
        Ok(rows
            .iter()
            .filter(|row| after.is_none_or(|after| row.cursor() < after))
            .filter(|row| row.cursor() >= through)
            .count() as u64)
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.check()?;
        *self.totals.lock().unwrap() += 1;
        let rows = self.rows.lock().unwrap();
        Ok(Totals {
            rows: rows.len() as u64,
            unread: rows.iter().filter(|row| row.unread_count > 0).count() as u64,
        })
    }
}

fn account(number: usize) -> AccountId {
    AccountId::new(format!("a{number}")).unwrap()
}

struct World {
    lists: Vec<Arc<List>>,
    merge: Merge,
}

impl World {
    fn new(places: &[Vec<(i64, i64)>]) -> Self {
        let lists: Vec<_> = places.iter().map(|places| List::of(places)).collect();
        let mut merge = Merge::default();
        for (number, list) in lists.iter().enumerate() {
            merge.insert(account(number), Arc::clone(list) as Arc<dyn ListSource>);
        }
        Self { lists, merge }
    }

    fn all(&self) -> Vec<MergedRow> {
        let mut all = Vec::new();
        for (number, list) in self.lists.iter().enumerate() {
            all.extend(list.rows.lock().unwrap().iter().map(|row| MergedRow {
                account: account(number),
                row: row.clone(),
            }));
        }
        all.sort_by_key(|row| {
            (
                std::cmp::Reverse(row.row.received_at),
                row.account.clone(),
                std::cmp::Reverse(row.row.key.get()),
            )
        });
        all
    }

    fn expected(&self, window: &Range<u64>) -> Vec<MergedRow> {
        let range = window.start as usize..window.end as usize;
        self.all()
            .into_iter()
            .skip(range.start)
            .take(range.len())
            .collect()
    }

    async fn window(&mut self, window: Range<u64>) -> WindowRows {
        let (rows, failures) = self.merge.window(window).await;
        assert!(failures.is_empty());
        rows
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn places(most: usize) -> impl Strategy<Value = Vec<(i64, i64)>> {
    // Few different times, so that accounts often meet at the same second.
    proptest::collection::btree_map(0_i64..4_000, 0_i64..300, 0..most)
        .prop_map(|keys| keys.into_iter().map(|(key, at)| (at, key)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_window_after_any_change_is_what_sorting_gives(
        start in proptest::collection::vec(places(900), 1..4),
        steps in proptest::collection::vec((0_u64..2_500, 0_u64..120, 0_usize..4, places(900)), 1..10),
    ) {
        block_on(async {
            let mut world = World::new(&start);
            for (from, length, changed, places) in steps {
                let window = from..from + length;
                let rows = world.window(window.clone()).await;
                prop_assert_eq!(&rows.rows, &world.expected(&window));
                prop_assert_eq!(rows.total, world.all().len() as u64);
                if let Some(list) = world.lists.get(changed) {
                    list.set(&places);
                    world.merge.changed(&account(changed));
                    let rows = world.window(window.clone()).await;
                    prop_assert_eq!(&rows.rows, &world.expected(&window));
                }
            }
            Ok(())
        })?;
    }
}

fn even(accounts: usize, rows: i64) -> Vec<Vec<(i64, i64)>> {
    (0..accounts)
        .map(|_| (0..rows).map(|n| (n, n)).collect())
        .collect()
}

#[test]
fn rows_of_one_second_are_ordered_by_account_and_then_newest_key() {
    block_on(async {
        let mut world = World::new(&[vec![(5, 1), (5, 2)], vec![(5, 9), (6, 1)]]);
        let rows = world.window(0..10).await.rows;
        let order: Vec<_> = rows
            .iter()
            .map(|row| (row.account.as_str(), row.row.key.get()))
            .collect();
        assert_eq!(order, [("a1", 1), ("a0", 2), ("a0", 1), ("a1", 9)]);
    });
}

#[test]
fn a_jump_reads_about_as_much_as_the_top() {
    block_on(async {
        let mut world = World::new(&even(3, 20_000));
        world.window(0..100).await;
        for list in &world.lists {
            list.take_read();
        }
        let rows = world.window(31_234..31_334).await;
        assert_eq!(rows.rows, world.expected(&(31_234..31_334)));
        let read: u64 = world.lists.iter().map(|list| list.take_read()).sum();
        assert!(read < 1_000, "{read}");
        // Scrolling on from there starts at a remembered place.
        world.window(31_300..31_400).await;
        let read: u64 = world.lists.iter().map(|list| list.take_read()).sum();
        assert!(read < 700, "{read}");
    });
}

#[test]
fn a_change_in_one_account_does_not_count_the_others_again() {
    block_on(async {
        let mut world = World::new(&even(3, 100));
        world.window(0..10).await;
        world.lists[1].set(&[(1, 1)]);
        world.merge.changed(&account(1));
        assert_eq!(world.window(0..10).await.total, 201);
        let counted: Vec<u64> = world
            .lists
            .iter()
            .map(|list| *list.totals.lock().unwrap())
            .collect();
        assert_eq!(counted, [1, 2, 1]);
    });
}

#[test]
fn an_account_that_fails_comes_back_at_its_right_places() {
    block_on(async {
        let mut world = World::new(&even(3, 3_000));
        let window = 4_000..4_050;
        world.window(window.clone()).await;
        *world.lists[1].broken.lock().unwrap() = true;
        world.merge.changed(&account(1));
        let (rows, failures) = world.merge.window(window.clone()).await;
        assert_eq!(failures.len(), 1);
        assert_eq!(rows.total, 6_000);
        assert!(rows.rows.iter().all(|row| row.account != account(1)));
        *world.lists[1].broken.lock().unwrap() = false;
        let rows = world.window(window.clone()).await;
        assert_eq!(rows.total, 9_000);
        assert_eq!(rows.rows, world.expected(&window));
    });
}

#[test]
fn a_window_behind_the_end_is_empty_and_still_tells_the_total() {
    block_on(async {
        let mut world = World::new(&even(2, 10));
        let rows = world.window(50..60).await;
        assert_eq!((rows.total, rows.unread, rows.start), (20, 10, 50));
        assert_eq!(rows.rows, []);
    });
}
