//! Searching: what is found, in which order, and how it is marked.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use mail_model::search::{Criterion, FoundKey, Query, Segment, Words};
use mail_model::{
    Address, Attachment, BlobId, Body, Disposition, Keyword, Message, MessageId, MessageKey,
    UnixTime,
};
use mail_store::{IndexCheck, Retention, SearchCancel, StoreError};

use crate::fixture::{Home, MORNING, marked, message, update, with_file, within};

pub(crate) fn words(text: &str) -> Words {
    Words {
        text: text.into(),
        quoted: false,
        unfinished: false,
    }
}

fn text(words_: &str) -> Query {
    Query::Is(Criterion::Text(words(words_)))
}

fn typing(beginning: &str) -> Query {
    Query::Is(Criterion::Text(Words {
        unfinished: true,
        ..words(beginning)
    }))
}

fn not(query: Query) -> Query {
    Query::Not(Box::new(query))
}

pub(crate) fn body(text: &str, files: &[&str]) -> Body {
    Body {
        text: Some(text.into()),
        attachments: files
            .iter()
            .map(|name| Attachment {
                blob: BlobId::new("b").unwrap(),
                name: (*name).into(),
                media_type: "application/pdf".into(),
                size: 12,
                content_id: None,
                disposition: Disposition::Attachment,
            })
            .collect(),
        ..Body::default()
    }
}

pub(crate) fn titled(id: &str, minutes: i64, subject: &str) -> Message {
    Message {
        subject: subject.into(),
        ..message(id, id, minutes)
    }
}

impl Home {
    pub(crate) async fn index(&self) {
        while self.store.index_some(1000).await.unwrap().left > 0 {}
    }

    pub(crate) async fn keep(&self, id: &str, body: Body) {
        let key = self.message_key(id).await;
        self.store.store_bodies(vec![(key, body)]).await.unwrap();
    }

    pub(crate) async fn find(&self, query: &Query, limit: usize) -> Vec<FoundKey> {
        self.store
            .search(query, &TimeZone::UTC, None, limit, &SearchCancel::default())
            .await
            .unwrap()
    }

    /// Makes the kept body of a message into something nobody can read.
    fn spoil_body(&self, id: &str) {
        let file = self.folder.path().join("account/body.sqlite");
        let connection = rusqlite::Connection::open(file).unwrap();
        let key = format!("PRAGMA key = \"x'{}'\"", "01".repeat(32));
        connection.execute_batch(&key).unwrap();
        let spoilt = connection
            .execute("UPDATE body SET block = x'00' WHERE message_id = ?1", [id])
            .unwrap();
        assert_eq!(spoilt, 1);
    }

    /// All that is found, page after page.
    pub(crate) async fn find_in_pages(&self, query: &Query, size: usize) -> Vec<FoundKey> {
        let mut found: Vec<FoundKey> = Vec::new();
        loop {
            let after = found.last().map(FoundKey::cursor);
            let cancel = SearchCancel::default();
            let page = self
                .store
                .search(query, &TimeZone::UTC, after, size, &cancel)
                .await
                .unwrap();
            let is_end = page.len() < size;
            found.extend(page);
            if is_end {
                return found;
            }
        }
    }

    /// Ids of what is found, newest first.
    async fn found(&self, query: &Query) -> Vec<String> {
        let mut ids = Vec::new();
        for found in self.find(query, 1000).await {
            let stored = self.store.message(found.message).await.unwrap().unwrap();
            assert_eq!(stored.message.received_at, found.received_at);
            assert_eq!(stored.thread, found.thread);
            ids.push(stored.message.id.to_string());
        }
        ids
    }
}

#[tokio::test]
async fn words_are_found_in_subjects_people_texts_and_names_of_files() {
    let home = Home::new().await;
    let mut third = titled("c", 3, "Plans");
    third.cc = vec![Address {
        name: "Zoë Kask".into(),
        email: "zoe@choir.example".into(),
    }];
    home.upsert(vec![
        titled("a", 1, "The rehearsal"),
        titled("b", 2, "Minutes"),
        third,
    ])
    .await;
    home.keep(
        "b",
        body("We sang the Kyrie after the rehearsal.", &["Score-Alt.pdf"]),
    )
    .await;
    home.index().await;
    assert_eq!(home.found(&text("rehearsal")).await, ["b", "a"]);
    assert_eq!(home.found(&text("KYRIE")).await, ["b"]);
    assert_eq!(home.found(&text("score")).await, ["b"]);
    assert_eq!(home.found(&text("zoe")).await, ["c"]);
    assert_eq!(home.found(&text("zoe@choir.example")).await, ["c"]);
    assert_eq!(home.found(&text("northwind")).await, ["c", "b", "a"]);
    assert_eq!(home.found(&text("absent")).await, Vec::<String>::new());
    assert_eq!(
        home.store.check_index().await.unwrap(),
        IndexCheck::default()
    );
}

#[tokio::test]
async fn single_fields_are_told_apart() {
    let home = Home::new().await;
    let mut mine = titled("a", 1, "About Bo");
    std::mem::swap(&mut mine.from, &mut mine.to);
    mine.cc = vec![Address {
        name: "Cy Young".into(),
        email: "cy@x.example".into(),
    }];
    home.upsert(vec![mine, titled("b", 2, "About nobody")])
        .await;
    home.keep("a", body("cy is in the text of a", &["list of ana.txt"]))
        .await;
    home.index().await;
    let is = |criterion| Query::Is(criterion);
    assert_eq!(home.found(&is(Criterion::From(words("bo")))).await, ["b"]);
    assert_eq!(home.found(&is(Criterion::To(words("lind")))).await, ["a"]);
    assert_eq!(home.found(&is(Criterion::To(words("cy")))).await, ["a"]);
    assert_eq!(
        home.found(&is(Criterion::Cc(words("lind")))).await,
        Vec::<String>::new()
    );
    assert_eq!(home.found(&is(Criterion::Cc(words("young")))).await, ["a"]);
    assert_eq!(
        home.found(&is(Criterion::Subject(words("bo")))).await,
        ["a"]
    );
    assert_eq!(
        home.found(&is(Criterion::Filename(words("ana")))).await,
        ["a"]
    );
    assert_eq!(
        home.found(&is(Criterion::Filename(words("cy")))).await,
        Vec::<String>::new()
    );
    // Words of two fields do not follow each other.
    assert_eq!(
        home.found(&text("about-bo-ana")).await,
        Vec::<String>::new()
    );
    assert_eq!(home.found(&text("lind-bo")).await, Vec::<String>::new());
}

#[tokio::test]
async fn case_accents_and_scripts_without_spaces_are_no_obstacle() {
    let home = Home::new().await;
    home.upsert(vec![
        titled("a", 1, "Élan Ünïcode"),
        titled("b", 2, "東京電車道です"),
        titled("c", 3, "ｶﾞｽ料金"),
    ])
    .await;
    home.index().await;
    assert_eq!(home.found(&text("elan")).await, ["a"]);
    assert_eq!(home.found(&text("ÜNICODE")).await, ["a"]);
    assert_eq!(home.found(&text("電車")).await, ["b"]);
    assert_eq!(home.found(&text("京電車")).await, ["b"]);
    assert_eq!(home.found(&text("車電")).await, Vec::<String>::new());
    assert_eq!(home.found(&text("道")).await, ["b"]);
    assert_eq!(home.found(&typing("す")).await, ["b"]);
    assert_eq!(home.found(&text("ガス")).await, ["c"]);
}

#[tokio::test]
async fn the_last_word_may_be_a_beginning_and_short_ones_look_at_heads_only() {
    let home = Home::new().await;
    home.upsert(vec![titled("a", 1, "Weekly plan"), titled("b", 2, "Other")])
        .await;
    home.keep("b", body("all weekend", &["weed.pdf"])).await;
    home.index().await;
    assert_eq!(home.found(&typing("week")).await, ["b", "a"]);
    assert_eq!(home.found(&text("week")).await, Vec::<String>::new());
    assert_eq!(home.found(&typing("we")).await, ["a"]);
    assert_eq!(home.found(&typing("w")).await, ["a"]);
    let name = Query::Is(Criterion::Filename(Words {
        unfinished: true,
        ..words("we")
    }));
    assert_eq!(home.found(&name).await, ["b"]);
    assert_eq!(
        home.found(&Query::All(vec![text("all"), typing("o")]))
            .await,
        ["b"]
    );
}

#[tokio::test]
async fn facts_and_words_go_together() {
    let home = Home::new().await;
    home.upsert(vec![
        marked(titled("a", 1, "hall"), Keyword::seen()),
        with_file(titled("b", 24 * 60, "hall")),
        within(
            marked(titled("c", 48 * 60, "hall"), Keyword::flagged()),
            &["choir"],
        ),
        within(
            marked(titled("d", 49 * 60, "attic"), Keyword::draft()),
            &["archive"],
        ),
    ])
    .await;
    home.index().await;
    let is = |criterion| Query::Is(criterion);
    let both = |criterion| Query::All(vec![text("hall"), Query::Is(criterion)]);
    assert_eq!(home.found(&both(Criterion::Unread)).await, ["c", "b"]);
    assert_eq!(home.found(&is(Criterion::Read)).await, ["a"]);
    assert_eq!(home.found(&both(Criterion::HasFile)).await, ["b"]);
    assert_eq!(home.found(&is(Criterion::Starred)).await, ["c"]);
    assert_eq!(home.found(&is(Criterion::Draft)).await, ["d"]);
    assert_eq!(
        home.found(&both(Criterion::In("CHOIR".into()))).await,
        ["c"]
    );
    assert_eq!(
        home.found(&is(Criterion::In("inbox".into()))).await,
        ["b", "a"]
    );
    assert_eq!(
        home.found(&is(Criterion::In("attic".into()))).await,
        Vec::<String>::new()
    );
    let day = |day| jiff::civil::date(2026, 3, day);
    assert_eq!(home.found(&is(Criterion::After(day(4)))).await, ["d", "c"]);
    assert_eq!(home.found(&both(Criterion::Before(day(3)))).await, ["a"]);
    assert_eq!(
        home.found(&is(Criterion::Larger(2048))).await,
        Vec::<String>::new()
    );
    assert_eq!(
        home.found(&is(Criterion::Smaller(2049))).await,
        ["d", "c", "b", "a"]
    );
    assert_eq!(
        home.found(&Query::Any(vec![text("attic"), both(Criterion::HasFile)]))
            .await,
        ["d", "b"]
    );
    assert_eq!(home.found(&not(text("hall"))).await, ["d"]);
    assert_eq!(home.found(&Query::everything()).await, ["d", "c", "b", "a"]);
    // A mark made since is seen at once: marks are not in the index.
    home.update(vec![update("b", &["inbox"], &[Keyword::seen()])])
        .await;
    assert_eq!(home.found(&both(Criterion::Unread)).await, ["c"]);
}

#[tokio::test]
async fn a_day_begins_where_the_person_is() {
    let home = Home::new().await;
    // 23:30 on the second of March in London, half past eight on the third in Tokyo.
    let mut late = titled("a", 1, "late");
    late.received_at = UnixTime::from_seconds(MORNING + 15 * 3600 + 1800);
    home.upsert(vec![late]).await;
    home.index().await;
    let query = Query::Is(Criterion::Before(jiff::civil::date(2026, 3, 3)));
    for (hours, found) in [(0, 1), (9, 0)] {
        let zone = TimeZone::fixed(jiff::tz::offset(hours));
        let keys = home
            .store
            .search(&query, &zone, None, 10, &SearchCancel::default())
            .await
            .unwrap();
        assert_eq!(keys.len(), found, "{hours}");
    }
}

#[tokio::test]
async fn changes_reach_the_index_and_what_is_gone_leaves_no_hit() {
    let home = Home::new().await;
    home.upsert(vec![titled("a", 1, "first words"), titled("b", 2, "other")])
        .await;
    home.keep("a", body("sung text", &[])).await;
    home.index().await;
    assert_eq!(home.found(&text("first")).await, ["a"]);

    home.upsert(vec![titled("a", 1, "second words")]).await;
    home.keep("a", body("spoken text", &[])).await;
    home.index().await;
    assert_eq!(home.found(&text("first")).await, Vec::<String>::new());
    assert_eq!(home.found(&text("second")).await, ["a"]);
    assert_eq!(home.found(&text("sung")).await, Vec::<String>::new());
    assert_eq!(home.found(&text("spoken")).await, ["a"]);

    home.remove(&["a"]).await;
    // Before the index knows of it, too.
    assert_eq!(home.found(&text("second")).await, Vec::<String>::new());
    home.index().await;
    assert_eq!(
        home.store.check_index().await.unwrap(),
        IndexCheck::default()
    );
    // A new message in its slot is not mistaken for it.
    home.upsert(vec![titled("c", 1, "third")]).await;
    home.index().await;
    assert_eq!(home.found(&text("spoken")).await, Vec::<String>::new());
    assert_eq!(home.found(&text("third")).await, ["c"]);
}

#[tokio::test]
async fn the_same_message_said_again_is_not_indexed_again() {
    let home = Home::new().await;
    home.upsert(
        (0..20)
            .map(|n| titled(&format!("m{n}"), n, "plan"))
            .collect(),
    )
    .await;
    home.index().await;
    let seen = |n| marked(titled(&format!("m{n}"), n, "plan"), Keyword::seen());
    home.upsert((0..20).map(seen).collect()).await;
    let progress = home.store.index_some(1000).await.unwrap();
    assert_eq!((progress.done, progress.left), (0, 0));
}

#[tokio::test]
async fn pages_follow_each_other_and_mail_of_one_moment_keeps_its_order() {
    let home = Home::new().await;
    let mut messages: Vec<Message> = (0..40)
        .map(|n| titled(&format!("m{n}"), 1, "plan"))
        .collect();
    // Later mail whose slots are taken by what drifted there.
    messages.extend((0..10).map(|n| Message {
        received_at: UnixTime::from_seconds(MORNING + 60 + 16 * n),
        ..titled(&format!("n{n}"), 1, "plan")
    }));
    for chunk in messages.chunks(20) {
        home.upsert(chunk.to_vec()).await;
    }
    home.index().await;
    for query in [text("plan"), Query::everything(), not(text("absent"))] {
        let all = home.find(&query, 1000).await;
        assert_eq!(all.len(), 50);
        assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "{query:?}");
        for size in [1, 7, 50] {
            let paged = home.find_in_pages(&query, size).await;
            assert_eq!(paged, all, "{size}");
        }
    }
}

fn shown(segments: &[Segment]) -> String {
    segments
        .iter()
        .map(|segment| match segment.matched {
            true => format!("[{}]", segment.text),
            false => segment.text.clone(),
        })
        .collect()
}

#[tokio::test]
async fn rows_show_what_was_found() {
    let home = Home::new().await;
    home.upsert(vec![titled("a", 1, "Élan of May"), titled("b", 2, "Other")])
        .await;
    let html = Body {
        html: Some("<p>Dear all,</p><p>with <b>é</b>lan and joy</p>".into()),
        ..Body::default()
    };
    home.keep("b", html).await;
    home.index().await;
    let query = Query::All(vec![text("elan")]);
    let mut keys: Vec<MessageKey> = home
        .find(&query, 10)
        .await
        .iter()
        .map(|f| f.message)
        .collect();
    keys.push(MessageKey::new(77));
    keys.reverse();
    let rows = home.store.found_rows(&query, &keys).await.unwrap();
    let shown: Vec<(String, String)> = rows
        .iter()
        .map(|row| row.found.as_ref().unwrap())
        .map(|found| (shown(&found.subject), shown(&found.excerpt)))
        .collect();
    assert_eq!(
        shown,
        [
            ("Other".into(), "Dear all, with [élan] and joy".into()),
            ("[Élan] of May".into(), "See you at ten".into())
        ]
    );
}

#[tokio::test]
async fn a_cancelled_search_says_so() {
    let home = Home::new().await;
    home.upsert(vec![titled("a", 1, "plan")]).await;
    home.index().await;
    let cancel = SearchCancel::default();
    cancel.clone().cancel();
    assert!(cancel.is_cancelled());
    let found = home
        .store
        .search(&text("plan"), &TimeZone::UTC, None, 10, &cancel)
        .await;
    assert!(matches!(found, Err(StoreError::Cancelled)), "{found:?}");
    // The next one is not touched by it.
    assert_eq!(home.found(&text("plan")).await, ["a"]);
}

#[tokio::test]
async fn coverage_says_what_can_be_found() {
    let home = Home::new().await;
    let coverage = home.store.search_coverage().await.unwrap();
    assert_eq!((coverage.mail_since, coverage.texts_since), (None, None));
    home.upsert(
        (0..4)
            .map(|n| titled(&format!("m{n}"), n, "plan"))
            .collect(),
    )
    .await;
    let coverage = home.store.search_coverage().await.unwrap();
    assert!(coverage.to_index >= 4 && !coverage.all_mail);
    home.index().await;
    let at = |minutes: i64| Some(UnixTime::from_seconds(MORNING + 60 * minutes));
    for (id, since) in [("m1", None), ("m3", at(3)), ("m2", at(1)), ("m0", at(0))] {
        home.keep(id, body("text", &[])).await;
        let coverage = home.store.search_coverage().await.unwrap();
        assert_eq!((coverage.to_index, coverage.mail_since), (1, at(0)));
        home.index().await;
        let coverage = home.store.search_coverage().await.unwrap();
        assert_eq!(coverage.texts_since, since, "{id}");
    }
    let complete = mail_store::SyncBatch {
        progress: mail_store::ProgressUpdate {
            fill: Some(mail_store::FillState::Complete),
            ..Default::default()
        },
        ..Default::default()
    };
    home.store.apply(complete).await.unwrap();
    let coverage = home.store.search_coverage().await.unwrap();
    assert!(coverage.all_mail && coverage.to_index == 0);
    let unknown = MessageId::new("m9").unwrap();
    assert_eq!(home.store.message_key(&unknown).await.unwrap(), None);
}

#[tokio::test]
async fn one_missing_text_hides_no_other() {
    let home = Home::new().await;
    let all: Vec<i64> = (0..120).collect();
    let id = |n: &i64| format!("m{n}");
    home.upsert(all.iter().map(|n| titled(&id(n), *n, "plan")).collect())
        .await;
    let at = |minutes: i64| Some(UnixTime::from_seconds(MORNING + 60 * minutes));
    for n in all.iter().filter(|n| ![0, 60, 119].contains(*n)) {
        home.keep(&id(n), body("text", &[])).await;
    }
    home.index().await;
    let coverage = home.store.search_coverage().await.unwrap();
    assert_eq!(coverage.texts_since, at(0));
    // Neither does one that came just now and is not in the index.
    home.upsert(vec![titled("new", 500, "plan")]).await;
    let coverage = home.store.search_coverage().await.unwrap();
    assert_eq!((coverage.to_index, coverage.texts_since), (1, at(0)));
    // One that is here and cannot be read will never be: it counts as here.
    for n in [100, 101, 102, 103] {
        home.spoil_body(&id(&n));
        home.upsert(vec![titled(&id(&n), n, "another plan")]).await;
    }
    home.index().await;
    let coverage = home.store.search_coverage().await.unwrap();
    assert_eq!(coverage.texts_since, at(0));
    // Many that are missing side by side do make a difference.
    let dropped = Retention {
        days: Some(0),
        octets: None,
    };
    let until = UnixTime::from_seconds(MORNING + 60 * 5);
    home.store
        .drop_old_bodies(dropped, until, &BTreeSet::new(), None)
        .await
        .unwrap();
    home.index().await;
    let coverage = home.store.search_coverage().await.unwrap();
    assert_eq!(coverage.texts_since, at(5));
}

#[tokio::test]
async fn what_can_be_found_is_told_while_the_index_is_written() {
    let home = Home::new().await;
    home.upsert(vec![titled("a", 1, "plan")]).await;
    let file = home.folder.path().join("account/search.sqlite");
    let writer = rusqlite::Connection::open(file).unwrap();
    let key = format!("PRAGMA key = \"x'{}'\"", "01".repeat(32));
    writer.execute_batch(&key).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let indexing = tokio::spawn({
        let store = home.store.clone();
        async move { store.index_some(10).await }
    });
    let coverage = home.store.search_coverage().await.unwrap();
    assert_eq!(coverage.to_index, 1);
    assert!(!indexing.is_finished());
    writer.execute_batch("ROLLBACK").unwrap();
    assert_eq!(indexing.await.unwrap().unwrap().done, 1);
}

#[tokio::test]
async fn a_hundred_and_fifty_words_can_be_left_out() {
    let home = Home::new().await;
    home.upsert(vec![
        titled("m1", 1, "hall plan"),
        titled("m2", 2, "hall word149"),
    ])
    .await;
    home.index().await;
    let mut all = vec![text("hall")];
    all.extend((0..150).map(|n| not(text(&format!("word{n}")))));
    assert_eq!(home.found(&Query::All(all)).await, ["m1"]);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_keeps_no_other_from_being_found() {
    let home = Home::new().await;
    home.upsert(vec![titled("m1", 1, "one"), titled("m2", 2, "two")])
        .await;
    home.keep("m1", body("sung text", &[])).await;
    home.keep("m2", body("sung text", &[])).await;
    home.spoil_body("m2");
    home.index().await;
    assert_eq!(home.found(&text("sung")).await, ["m1"]);
    let query = text("two");
    let keys: Vec<MessageKey> = home
        .find(&query, 10)
        .await
        .iter()
        .map(|found| found.message)
        .collect();
    assert_eq!(home.store.found_rows(&query, &keys).await.unwrap().len(), 1);
}
