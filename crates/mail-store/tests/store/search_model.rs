//! Random mail, random queries: the index finds what a walk over every message finds.
//!
//! The walk folds by a small table and compares words and signs one by one; it knows nothing of
//! tokens, pairs or tables.

use mail_model::search::{Criterion, FoundKey, Query, Words};
use mail_model::{Address, Body, Keyword, Message, UnixTime};
use mail_store::IndexCheck;
use proptest::prelude::*;
use proptest::sample::select;

use crate::fixture::{Home, MORNING, ids, message};
use crate::search::body;

const VOCABULARY: &[&str] = &[
    "Élan",
    "elan",
    "ELANS",
    "week",
    "Weekend",
    "we",
    "w-eek",
    "plan",
    "a",
    "ab",
    "abc",
    "電車",
    "電車道",
    "車",
    "道の",
    "abc車",
    "planº",
    "bo@north",
    "north",
    "12",
    "1２",
];

/// What people type, part of it in no mail.
const TYPED: &[&str] = &[
    "elan", "Éla", "we", "wee", "week", "weekend", "a", "ab", "abc", "電", "電車", "車", "車道",
    "の", "道", "plan-we", "w-eek", "bo@n", "north", "--", "absent", "xy", "1", "12", "車-abc",
];

#[derive(Debug, Clone)]
struct Mail {
    message: Message,
    body: Option<Body>,
}

/// A word, or one sign of a script without spaces; whether it stands right behind the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unit {
    text: String,
    is_sign: bool,
    follows: bool,
}

fn units(text: &str) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut is_open = false;
    for c in text.chars() {
        let c = match c {
            'É' | 'é' => 'e',
            '２' => '2',
            'º' => 'o',
            c => c.to_ascii_lowercase(),
        };
        let is_sign = "電車道の".contains(c);
        if !is_sign && !c.is_ascii_alphanumeric() {
            is_open = false;
            continue;
        }
        match units.last_mut() {
            Some(last) if is_open && !is_sign && !last.is_sign => last.text.push(c),
            last => {
                let follows = is_open && is_sign && last.is_some_and(|last| last.is_sign);
                units.push(Unit {
                    text: c.into(),
                    is_sign,
                    follows,
                });
            }
        }
        is_open = true;
    }
    units
}

struct Looked {
    units: Vec<Unit>,
    prefix: bool,
    short: bool,
}

impl Looked {
    fn new(words: &Words) -> Option<Self> {
        let units = units(&words.text);
        let last = units.last()?;
        let prefix = words.unfinished && !words.quoted;
        let short = prefix && !last.follows && last.text.chars().count() < 3;
        Some(Self {
            prefix,
            short,
            units,
        })
    }

    fn is_in(&self, text: &str) -> bool {
        let text = units(text);
        (0..text.len()).any(|at| {
            let Some(window) = text.get(at..at + self.units.len()) else {
                return false;
            };
            window
                .iter()
                .zip(&self.units)
                .enumerate()
                .all(|(n, (here, wanted))| {
                    let is_last = n + 1 == self.units.len();
                    let is_begun = is_last && self.prefix && !wanted.is_sign && !here.is_sign;
                    let is_same =
                        here.text == wanted.text || is_begun && here.text.starts_with(&wanted.text);
                    is_same
                        && here.is_sign == wanted.is_sign
                        && (n == 0 || here.follows == wanted.follows)
                })
        })
    }
}

/// Whether a message is looked for; none where there was nothing to look for.
fn holds(query: &Query, mail: &Mail) -> Option<bool> {
    let Mail { message, body } = mail;
    let each = |queries: &[Query]| -> Option<Vec<bool>> {
        let each: Vec<bool> = queries
            .iter()
            .filter_map(|query| holds(query, mail))
            .collect();
        (queries.is_empty() || !each.is_empty()).then_some(each)
    };
    let people = |words: &Words, lists: &[&[Address]]| {
        let looked = Looked::new(words)?;
        let mut people = lists.iter().flat_map(|list| list.iter());
        Some(people.any(|person| looked.is_in(&person.name) || looked.is_in(&person.email)))
    };
    let everyone: [&[Address]; 4] = [&message.from, &message.to, &message.cc, &message.bcc];
    let files = |looked: &Looked| {
        let mut files = body.iter().flat_map(|body| &body.attachments);
        files.any(|file| looked.is_in(&file.name))
    };
    let has = |keyword: Keyword| message.keywords.iter().any(|other| *other == keyword);
    let criterion = match query {
        Query::All(queries) => return Some(each(queries)?.into_iter().all(|holds| holds)),
        Query::Any(queries) => return Some(each(queries)?.into_iter().any(|holds| holds)),
        Query::Not(query) => return Some(!holds(query, mail)?),
        Query::Is(criterion) => criterion,
    };
    Some(match criterion {
        Criterion::Text(words) => {
            let looked = Looked::new(words)?;
            let in_text = body
                .as_ref()
                .and_then(|body| body.text.as_ref())
                .is_some_and(|text| looked.is_in(text));
            looked.is_in(&message.subject)
                || people(words, &everyone)?
                || !looked.short && (in_text || files(&looked))
        }
        Criterion::From(words) => people(words, &[&message.from])?,
        Criterion::To(words) => people(words, &[&message.to, &message.cc])?,
        Criterion::Cc(words) => people(words, &[&message.cc])?,
        Criterion::Subject(words) => Looked::new(words)?.is_in(&message.subject),
        Criterion::Filename(words) => files(&Looked::new(words)?),
        Criterion::HasFile => message.has_attachment,
        Criterion::Unread => !has(Keyword::seen()),
        Criterion::Read => has(Keyword::seen()),
        Criterion::Starred => has(Keyword::flagged()),
        Criterion::Answered => has(Keyword::answered()),
        Criterion::Draft => has(Keyword::draft()),
        Criterion::In(name) => {
            let name = name.to_lowercase();
            message
                .mailboxes
                .iter()
                .any(|mailbox| mailbox.as_str() == name)
        }
        Criterion::Account(_) => true,
        Criterion::Before(day) => message.received_at < midnight(*day),
        Criterion::After(day) => message.received_at >= midnight(*day),
        Criterion::Larger(octets) => message.size > *octets,
        Criterion::Smaller(octets) => message.size < *octets,
    })
}

fn midnight(day: jiff::civil::Date) -> UnixTime {
    let days = i64::from(day.day()) - 2;
    // The morning is eight o'clock of the second of March.
    UnixTime::from_seconds(MORNING - 8 * 3600 + days * 86_400)
}

fn some_text(most: usize) -> impl Strategy<Value = String> {
    (
        prop::collection::vec(select(VOCABULARY), 0..=most),
        select(&[" ", ", ", "-", ". "][..]),
    )
        .prop_map(|(words, between)| words.join(between))
}

fn people() -> impl Strategy<Value = Vec<Address>> {
    let address = (
        some_text(2),
        select(&["bo@north.example", "élan@x", ""][..]),
    )
        .prop_map(|(name, email)| Address {
            name,
            email: email.into(),
        });
    prop::collection::vec(address, 0..3)
}

fn mail() -> impl Strategy<Value = Mail> {
    let heads = (people(), people(), people(), people(), some_text(3));
    let keywords =
        prop::sample::subsequence(vec!["$seen", "$flagged", "$answered", "$draft"], 0..=4);
    let mailboxes = prop::sample::subsequence(vec!["archive", "choir", "inbox"], 1..=3);
    let files = prop::collection::vec(some_text(2), 0..2);
    // Few moments, so that many messages share one and their keys drift.
    let moment = prop_oneof![0i64..3, (0i64..4).prop_map(|days| days * 86_400)];
    let facts = (keywords, mailboxes, moment, 0u64..4, any::<bool>());
    (heads, facts, prop::option::of((some_text(6), files))).prop_map(|(heads, facts, text)| {
        let (from, to, cc, bcc, subject) = heads;
        let (keywords, mailboxes, moment, size, has_attachment) = facts;
        Mail {
            message: Message {
                mailboxes: ids(&mailboxes),
                keywords: keywords.into_iter().map(Keyword::from).collect(),
                received_at: UnixTime::from_seconds(MORNING + moment),
                size,
                from,
                to,
                cc,
                bcc,
                subject,
                has_attachment,
                ..message("m", "t", 0)
            },
            body: text.map(|(text, files)| {
                let files: Vec<&str> = files.iter().map(String::as_str).collect();
                body(&text, &files)
            }),
        }
    })
}

fn words() -> impl Strategy<Value = Words> {
    (select(TYPED), any::<bool>(), any::<bool>()).prop_map(|(text, quoted, unfinished)| Words {
        text: text.into(),
        quoted,
        unfinished,
    })
}

fn query() -> impl Strategy<Value = Query> {
    let day = || (1i8..6).prop_map(|day| jiff::civil::date(2026, 3, day));
    let leaf = prop_oneof![
        6 => words().prop_map(Criterion::Text),
        1 => words().prop_map(Criterion::From),
        1 => words().prop_map(Criterion::To),
        1 => words().prop_map(Criterion::Cc),
        1 => words().prop_map(Criterion::Subject),
        1 => words().prop_map(Criterion::Filename),
        1 => select(vec![
            Criterion::HasFile,
            Criterion::Unread,
            Criterion::Read,
            Criterion::Starred,
            Criterion::Answered,
            Criterion::Draft,
            Criterion::Account("work".into()),
        ]),
        1 => select(&["Inbox", "choir", "attic"][..]).prop_map(|name| Criterion::In(name.into())),
        1 => day().prop_map(Criterion::Before),
        1 => day().prop_map(Criterion::After),
        1 => (0u64..4).prop_map(Criterion::Larger),
        1 => (0u64..4).prop_map(Criterion::Smaller),
    ]
    .prop_map(Query::Is);
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Query::All),
            2 => prop::collection::vec(inner.clone(), 0..3).prop_map(Query::Any),
            2 => inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}

/// What a walk over the mail finds, in the order of lists.
async fn walk(home: &Home, mails: &[Mail], query: &Query) -> Vec<FoundKey> {
    let mut found = Vec::new();
    for mail in mails {
        if holds(query, mail).unwrap_or(true) {
            let key = home.message_key(mail.message.id.as_str()).await;
            let stored = home.store.message(key).await.unwrap().unwrap();
            found.push(FoundKey {
                received_at: mail.message.received_at,
                message: key,
                thread: stored.thread,
            });
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

async fn check(mut mails: Vec<Mail>, queries: Vec<Query>, size: usize) {
    let home = Home::new().await;
    for (n, mail) in mails.iter_mut().enumerate() {
        mail.message.id = mail_model::MessageId::new(format!("m{n}")).unwrap();
    }
    for chunk in mails.chunks(5) {
        home.upsert(chunk.iter().map(|mail| mail.message.clone()).collect())
            .await;
        for mail in chunk {
            if let Some(body) = &mail.body {
                home.keep(mail.message.id.as_str(), body.clone()).await;
            }
        }
        home.store.index_some(3).await.unwrap();
    }
    home.index().await;
    assert_eq!(
        home.store.check_index().await.unwrap(),
        IndexCheck::default()
    );
    for query in &queries {
        let expected = walk(&home, &mails, query).await;
        assert_eq!(home.find(query, 1000).await, expected, "{query:?}");
        let paged = home.find_in_pages(query, size).await;
        assert_eq!(paged, expected, "in pages of {size}: {query:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_a_walk_finds(
        mails in prop::collection::vec(mail(), 0..25),
        queries in prop::collection::vec(query(), 12),
        size in 1usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(check(mails, queries, size));
    }
}
