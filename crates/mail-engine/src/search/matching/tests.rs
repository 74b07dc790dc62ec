use std::sync::Mutex;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use mail_model::search::parse;
use mail_model::{ListCursor, ListRow};
use mail_store::SearchCancel;

use super::*;
use crate::search::found::FoundList;
use crate::search::local::look_through;
use crate::search::tests::{found, row};

/// Messages 1 to 6, the last one the newest, in an account in memory.
#[derive(Default)]
struct Fixed {
    mailboxes: Vec<Mailbox>,
    /// What lies in each, by the ids of the mailboxes.
    lying: HashMap<&'static str, Vec<i64>>,
    /// Whose text is here.
    texts: Vec<i64>,
    /// What rows were asked for with.
    marked: Mutex<Vec<Query>>,
    searched: Mutex<Vec<Query>>,
}

const ALL: [i64; 6] = [6, 5, 4, 3, 2, 1];

#[async_trait]
impl SearchIndex for Fixed {
    async fn search(
        &self,
        query: &Query,
        _: &TimeZone,
        after: Option<ListCursor>,
        limit: usize,
        _: &SearchCancel,
    ) -> Result<Vec<FoundKey>, StoreError> {
        self.searched.lock().unwrap().push(query.clone());
        let all = ALL.map(|key| found(key, key));
        let rest = all
            .iter()
            .filter(|found| after.is_none_or(|after| found.cursor() < after));
        Ok(rest.take(limit).copied().collect())
    }

    async fn rows(&self, query: &Query, keys: &[MessageKey]) -> Result<Vec<ListRow>, StoreError> {
        self.marked.lock().unwrap().push(query.clone());
        Ok(keys
            .iter()
            .map(|key| row(&found(key.get(), key.get())))
            .collect())
    }

    async fn mailboxes(&self) -> Result<Vec<Mailbox>, StoreError> {
        Ok(self.mailboxes.clone())
    }

    async fn lying_in(
        &self,
        mailbox: &MailboxId,
        keys: &[MessageKey],
    ) -> Result<HashSet<MessageKey>, StoreError> {
        let lying = self.lying.get(mailbox.as_str());
        let is_there = |key: &&MessageKey| lying.is_some_and(|lying| lying.contains(&key.get()));
        Ok(keys.iter().filter(is_there).copied().collect())
    }

    async fn texts_here(&self, keys: &[MessageKey]) -> Result<HashSet<MessageKey>, StoreError> {
        let here = keys.iter().filter(|key| self.texts.contains(&key.get()));
        Ok(here.copied().collect())
    }
}

fn mailbox(id: &str, name: &str) -> Mailbox {
    Mailbox {
        id: MailboxId::new(id).unwrap(),
        name: name.into(),
        parent: None,
        role: None,
        sort_order: 0,
        server_total: 0,
    }
}

fn anywhere(text: &str) -> Wanted {
    Wanted::anywhere(parse(text).query)
}

async fn named(index: &Fixed, wanted: &Wanted) -> Vec<i64> {
    let named = ALL.map(|key| found(key, key)).to_vec();
    let left = still_matching(index, wanted, named).await.unwrap();
    left.iter().map(|found| found.message.get()).collect()
}

/// What the list shows after a look through the index, and what was said of it.
async fn listed(index: Fixed, wanted: &Wanted) -> (Vec<i64>, bool) {
    let list = FoundList::new(std::sync::Arc::new(index), wanted.query.clone());
    let looked = look_through(&list, wanted, &TimeZone::UTC).await.unwrap();
    let rows = crate::merge::ListSource::page(&list, None, 100)
        .await
        .unwrap();
    let keys = rows.iter().map(|row| row.latest.get()).collect();
    (keys, looked.left_out)
}

#[tokio::test]
async fn a_message_that_lies_elsewhere_by_now_is_not_what_was_looked_for() {
    let mut index = Fixed {
        mailboxes: vec![mailbox("a", "Choir"), mailbox("b", "Old choir")],
        lying: HashMap::from([("a", vec![6, 4, 1]), ("b", vec![5])]),
        ..Fixed::default()
    };
    assert_eq!(named(&index, &anywhere("in:choir budget")).await, [6, 4, 1]);
    assert_eq!(
        named(&index, &anywhere("-in:choir budget")).await,
        [5, 3, 2]
    );
    let either = anywhere("in:choir OR in:\"old choir\"");
    assert_eq!(named(&index, &either).await, [6, 5, 4, 1]);
    index.lying.insert("a", vec![1]);
    assert_eq!(named(&index, &anywhere("in:choir budget")).await, [1]);
    assert!(named(&index, &anywhere("in:attic budget")).await.is_empty());
}

#[tokio::test]
async fn no_text_is_read_to_know_what_still_matches() {
    let index = Fixed::default();
    assert_eq!(named(&index, &anywhere("budget plan")).await, ALL);
    assert_eq!(*index.marked.lock().unwrap(), [Query::everything()]);
}

#[tokio::test]
async fn of_two_mailboxes_with_one_name_only_the_one_that_is_meant_is_looked_in() {
    let index = || Fixed {
        mailboxes: vec![mailbox("a", "Choir"), mailbox("b", "choir")],
        lying: HashMap::from([("a", vec![6, 4, 1]), ("b", vec![5, 4])]),
        ..Fixed::default()
    };
    let within = |id: &str| Wanted {
        within: Some(MailboxId::new(id).unwrap()),
        ..anywhere("budget")
    };
    assert_eq!(listed(index(), &within("a")).await.0, [6, 4, 1]);
    assert_eq!(listed(index(), &within("b")).await.0, [5, 4]);
    assert_eq!(named(&index(), &within("b")).await, [5, 4]);
    // One that is gone holds nothing.
    assert!(listed(index(), &within("c")).await.0.is_empty());
    // Index and server are asked by the name it has just now.
    let asked = within("b").asked(&index().mailboxes);
    assert_eq!(
        asked.map(Query::normalised),
        Some(parse("in:choir budget").query)
    );
}

#[tokio::test]
async fn what_may_hold_a_word_that_must_not_be_there_is_left_out_and_that_is_said() {
    let index = || Fixed {
        texts: vec![6, 5, 2],
        ..Fixed::default()
    };
    for text in ["report -draft", "-(draft OR from:ana)", "-filename:pdf"] {
        let (listed, left_out) = listed(index(), &anywhere(text)).await;
        assert_eq!(listed, [6, 5, 2], "{text}");
        assert!(left_out, "{text}");
    }
    for text in ["report", "report -is:unread", "-from:ana", "-(-draft)"] {
        let (listed, left_out) = listed(index(), &anywhere(text)).await;
        assert_eq!(listed, ALL, "{text}");
        assert!(!left_out, "{text}");
    }
    let whole = Fixed {
        texts: ALL.to_vec(),
        ..Fixed::default()
    };
    assert_eq!(
        listed(whole, &anywhere("-draft")).await,
        (ALL.to_vec(), false)
    );
}
