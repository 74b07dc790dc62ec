use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use mail_engine::{ListMember, MergedList, MergedRow, OpenList, Replica};
use mail_model::remote::MailboxSnapshot;
use mail_model::{
    AccountId, Filter, Keyword, KeywordEdit, ListMode, Mailbox, MailboxId, Message, StateString,
};
use mail_store::{AccountStore, ListScope, NewIntent, StoreKey, StoreOptions, SyncBatch};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::server::{mailbox, message, message_id};
use crate::world::soon;

struct Accounts {
    stores: Vec<(AccountId, AccountStore)>,
    _folder: TempDir,
}

const MAILBOXES: [&str; 3] = ["inbox", "archive", "choir"];

impl Accounts {
    async fn new(names: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut stores = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let store = AccountStore::open(
                &folder.path().join(name),
                StoreKey::new([number as u8; 32]),
                StoreOptions::default(),
            )
            .await
            .unwrap();
            let mailboxes = MAILBOXES
                .iter()
                .map(|name| Mailbox {
                    id: mailbox(name),
                    name: (*name).into(),
                    parent: None,
                    role: None,
                    sort_order: 0,
                    server_total: 0,
                })
                .collect();
            let snapshot = MailboxSnapshot {
                state: StateString::new("s1").unwrap(),
                mailboxes,
            };
            let batch = SyncBatch {
                mailboxes: Some(snapshot),
                ..SyncBatch::default()
            };
            store.apply(batch).await.unwrap();
            stores.push((AccountId::new(*name).unwrap(), store));
        }
        Self {
            stores,
            _folder: folder,
        }
    }

    fn store(&self, number: usize) -> &AccountStore {
        &self.stores[number].1
    }

    async fn put(&self, number: usize, messages: Vec<Message>) {
        for chunk in messages.chunks(500) {
            let batch = SyncBatch {
                upsert: chunk.to_vec(),
                ..SyncBatch::default()
            };
            self.store(number).apply(batch).await.unwrap();
        }
    }

    async fn remove(&self, number: usize, ids: &[u64]) {
        let batch = SyncBatch {
            remove: ids.iter().map(|id| message_id(*id)).collect(),
            ..SyncBatch::default()
        };
        self.store(number).apply(batch).await.unwrap();
    }

    fn member(&self, number: usize, mode: ListMode, filter: Filter) -> ListMember {
        let (account, store) = &self.stores[number];
        ListMember::of_store(
            account.clone(),
            store.clone(),
            vec![mailbox("inbox")],
            mode,
            filter,
        )
    }

    async fn open(&self, mode: ListMode, filter: Filter, to: u64) -> OpenList {
        let members = (0..self.stores.len())
            .map(|number| self.member(number, mode, filter))
            .collect();
        MergedList::open(members, 0..to).await
    }

    /// All rows, by reading everything and sorting.
    async fn all(&self, mode: ListMode, filter: Filter) -> Vec<MergedRow> {
        let mut rows = Vec::new();
        for (account, store) in &self.stores {
            let scope = ListScope {
                mailbox: mailbox("inbox"),
                mode,
                filter,
            };
            let page = store.page(&scope, None, 1_000_000).await.unwrap();
            rows.extend(page.into_iter().map(|row| MergedRow {
                account: account.clone(),
                row,
            }));
        }
        rows.sort_by_key(|row| {
            (
                Reverse(row.row.received_at),
                row.account.clone(),
                Reverse(row.row.key.get()),
            )
        });
        rows
    }
}

/// Mail with the same ids in every account, many of equal time, with marks.
fn random_mail(rng: &mut ChaCha8Rng, count: u64) -> Vec<Message> {
    (0..count)
        .map(|number| {
            let span = 1 + count as i64 / 2;
            let mut message = message(number, rng.random_range(0..=count / 2), 0);
            message.received_at =
                mail_model::UnixTime::from_seconds(1_000_000 + rng.random_range(0..span));
            for keyword in [Keyword::seen(), Keyword::flagged()] {
                if rng.random_bool(0.5) {
                    message.keywords.apply(&KeywordEdit { keyword, set: true });
                }
            }
            message
        })
        .collect()
}

async fn next(list: &mut OpenList, replica: &mut Replica) {
    let diff = soon("a diff", list.diffs.recv()).await.unwrap();
    replica.apply(diff).unwrap();
}

async fn follow(list: &mut OpenList, replica: &mut Replica, expected: &[MergedRow]) {
    while replica.look().window.rows != expected {
        let waited = tokio::time::timeout(Duration::from_secs(20), list.diffs.recv()).await;
        let Ok(diff) = waited else {
            assert_eq!(replica.look().window.rows, expected, "no diff leads there");
            return;
        };
        replica.apply(diff.unwrap()).unwrap();
    }
}

#[tokio::test]
async fn windows_anywhere_are_what_sorting_everything_gives() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let accounts = Accounts::new(&["work", "personal", "choir"]).await;
    for (number, count) in [900, 2_500, 40].into_iter().enumerate() {
        accounts.put(number, random_mail(&mut rng, count)).await;
    }
    for mode in [ListMode::Messages, ListMode::Conversations] {
        for filter in [Filter::All, Filter::Unread, Filter::Starred, Filter::Files] {
            let all = accounts.all(mode, filter).await;
            let mut list = accounts.open(mode, filter, 50).await;
            let mut replica = Replica::from(list.snapshot.clone());
            let unread = all.iter().filter(|row| row.row.unread_count > 0).count();
            let look = replica.look();
            assert_eq!(look.window.total, all.len() as u64, "{mode:?} {filter:?}");
            assert_eq!(look.window.unread, unread as u64, "{mode:?} {filter:?}");
            let length = all.len() as u64;
            let mut last = 0_u64..50;
            for round in 0..12 {
                // Jumps, and a scroll on after each.
                let from = if round % 2 == 0 {
                    rng.random_range(0..length)
                } else {
                    last.end.saturating_sub(10)
                };
                let window = from..from + 60;
                if window == last {
                    continue;
                }
                last = window.clone();
                list.list.set_window(window.clone());
                next(&mut list, &mut replica).await;
                let end = (window.end.min(length) as usize).max(from as usize);
                let expected = all.get(from as usize..end).unwrap_or_default();
                assert_eq!(replica.look().window.start, from);
                assert_eq!(
                    replica.look().window.rows,
                    expected,
                    "{mode:?} {filter:?} from {from} of {length}"
                );
            }
        }
    }
}

#[tokio::test]
async fn conversations_of_different_accounts_with_one_id_are_never_joined() {
    let accounts = Accounts::new(&["work", "personal"]).await;
    for number in 0..2 {
        accounts
            .put(number, vec![message(1, 1, 1_000), message(2, 1, 1_001)])
            .await;
    }
    let list = accounts
        .open(ListMode::Conversations, Filter::All, 50)
        .await;
    assert_eq!(list.snapshot.rows.len(), 2);
    for row in &list.snapshot.rows {
        assert_eq!(row.row.message_count, 2, "each has its own two messages");
    }
    let owners: BTreeSet<_> = list.snapshot.rows.iter().map(|row| &row.account).collect();
    assert_eq!(owners.len(), 2);
    assert_eq!(list.snapshot.total, 2);
}

#[tokio::test]
async fn an_open_list_follows_every_change_near_and_far_from_its_window() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let accounts = Accounts::new(&["work", "personal", "choir"]).await;
    for number in 0..3 {
        accounts.put(number, random_mail(&mut rng, 800)).await;
    }
    let mode = ListMode::Conversations;
    let mut list = accounts.open(mode, Filter::All, 50).await;
    let mut replica = Replica::from(list.snapshot.clone());
    let mut next_id = 10_000;
    let mut start = 0;
    for round in 0..40 {
        let account = rng.random_range(0..3);
        match round % 4 {
            0 => {
                next_id += 1;
                let mut new = message(next_id, rng.random_range(0..900), 0);
                new.received_at =
                    mail_model::UnixTime::from_seconds(1_000_000 + rng.random_range(0..1_000));
                accounts.put(account, vec![new]).await;
            }
            1 => {
                let ids: Vec<u64> = (0..5).map(|_| rng.random_range(0..800)).collect();
                accounts.remove(account, &ids).await;
            }
            2 => {
                let id = message_id(rng.random_range(0..800));
                if let Some(key) = accounts.store(account).message_key(&id).await.unwrap() {
                    let edit = NewIntent {
                        messages: vec![key],
                        keywords: vec![KeywordEdit {
                            keyword: Keyword::seen(),
                            set: rng.random_bool(0.5),
                        }],
                        ..NewIntent::default()
                    };
                    accounts.store(account).queue_edit(edit).await.unwrap();
                }
            }
            _ => {
                start = rng.random_range(0..1_000);
                list.list.set_window(start..start + 50);
            }
        }
        let all = accounts.all(mode, Filter::All).await;
        while replica.look().window.start != start {
            next(&mut list, &mut replica).await;
        }
        let from = start as usize;
        let end = (from + 50).min(all.len());
        let expected = all.get(from..end).unwrap_or_default().to_vec();
        follow(&mut list, &mut replica, &expected).await;
        soon("the total", async {
            while replica.look().window.total != all.len() as u64 {
                next(&mut list, &mut replica).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn accounts_come_and_go_while_the_list_is_open() {
    let accounts = Accounts::new(&["work", "personal"]).await;
    for number in 0..2 {
        let mail = (0..30).map(|n| message(n, n, 1_000 + n as i64)).collect();
        accounts.put(number, mail).await;
    }
    let mode = ListMode::Messages;
    let members = vec![accounts.member(0, mode, Filter::All)];
    let mut list = MergedList::open(members, 0..100).await;
    let mut replica = Replica::from(list.snapshot.clone());
    assert_eq!(replica.look().window.rows.len(), 30);
    list.list.insert(accounts.member(1, mode, Filter::All));
    next(&mut list, &mut replica).await;
    let all = accounts.all(mode, Filter::All).await;
    assert_eq!(replica.look().window.rows, all);
    list.list.remove(accounts.stores[0].0.clone());
    next(&mut list, &mut replica).await;
    assert_eq!(replica.look().window.total, 30);
    assert!(
        replica
            .look()
            .window
            .rows
            .iter()
            .all(|row| row.account == accounts.stores[1].0)
    );
}

#[tokio::test]
async fn an_account_that_cannot_be_read_takes_only_its_own_rows_away() {
    let accounts = Accounts::new(&["work", "personal"]).await;
    for number in 0..2 {
        let mail = (0..30).map(|n| message(n, n, 1_000 + n as i64)).collect();
        accounts.put(number, mail).await;
    }
    let mut list = accounts.open(ListMode::Messages, Filter::All, 100).await;
    let mut replica = Replica::from(list.snapshot.clone());
    assert_eq!(replica.look().failed, []);
    accounts.store(0).clone().close().await.unwrap();
    accounts.put(1, vec![message(99, 99, 9_000)]).await;
    list.list.set_window(0..99);
    soon("the failure", async {
        while replica.look().failed.is_empty() || replica.look().window.total < 31 {
            next(&mut list, &mut replica).await;
        }
    })
    .await;
    assert_eq!(replica.look().failed, [accounts.stores[0].0.clone()]);
    assert_eq!(replica.look().window.total, 31);
    assert_eq!(replica.look().window.rows.len(), 31);
}

#[tokio::test]
async fn starred_mail_of_several_mailboxes_is_listed_once() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let accounts = Accounts::new(&["work", "personal"]).await;
    for number in 0..2 {
        let mut mail = random_mail(&mut rng, 600);
        for message in &mut mail {
            message.mailboxes = MAILBOXES
                .iter()
                .filter(|_| rng.random_bool(0.5))
                .map(|name| mailbox(name))
                .collect();
            if message.mailboxes.is_empty() {
                message.mailboxes.push(mailbox("inbox"));
            }
        }
        accounts.put(number, mail).await;
    }
    let every: Vec<MailboxId> = MAILBOXES.iter().map(|name| mailbox(name)).collect();
    for mode in [ListMode::Messages, ListMode::Conversations] {
        let members: Vec<_> = accounts
            .stores
            .iter()
            .map(|(account, store)| {
                ListMember::of_store(
                    account.clone(),
                    store.clone(),
                    every.clone(),
                    mode,
                    Filter::Starred,
                )
            })
            .collect();
        let mut list = MergedList::open(members, 0..400).await;
        let mut replica = Replica::from(list.snapshot.clone());
        let mut rows = replica.look().window.rows.clone();
        list.list.set_window(400..800);
        next(&mut list, &mut replica).await;
        rows.extend(replica.look().window.rows.clone());
        let keys: BTreeSet<_> = rows.iter().map(MergedRow::key).collect();
        assert_eq!(keys.len(), rows.len(), "a row twice");
        let mut expected = BTreeSet::new();
        for (account, store) in &accounts.stores {
            for mailbox in &every {
                let scope = ListScope {
                    mailbox: mailbox.clone(),
                    mode,
                    filter: Filter::Starred,
                };
                for row in store.page(&scope, None, 10_000).await.unwrap() {
                    expected.insert(mail_engine::MergedKey {
                        account: account.clone(),
                        row: row.key,
                    });
                }
            }
        }
        assert_eq!(keys, expected);
        assert_eq!(replica.look().window.total, expected.len() as u64);
        let times: Vec<_> = rows.iter().map(|row| row.row.received_at).collect();
        assert!(times.is_sorted_by(|a, b| a >= b));
    }
}

#[tokio::test]
async fn a_receiver_that_is_slow_gets_one_diff_for_many_changes() {
    let accounts = Accounts::new(&["work"]).await;
    let mut list = accounts.open(ListMode::Messages, Filter::All, 50).await;
    let mut replica = Replica::from(list.snapshot.clone());
    // More commits than the store keeps for who lags.
    for number in 0..300 {
        accounts
            .put(0, vec![message(number, number, 1_000 + number as i64)])
            .await;
    }
    let expected = accounts.all(ListMode::Messages, Filter::All).await[..50].to_vec();
    let mut diffs = 0;
    soon("the newest rows", async {
        while replica.look().window.rows != expected || replica.look().window.total != 300 {
            next(&mut list, &mut replica).await;
            diffs += 1;
        }
    })
    .await;
    assert!(diffs < 300, "{diffs}");
    let more = tokio::time::timeout(Duration::from_millis(20), list.diffs.recv()).await;
    assert!(more.is_err(), "nothing is left to tell");
}
