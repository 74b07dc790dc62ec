//! How fast mail is taken in, and what reading and marking cost meanwhile.
//!
//! `cargo bench -p mail-store --bench ingest -- [--json] [--quick] [--messages N]`
//!
//! - The store's own writer against a bare loop of prepared inserts of the same rows into the same
//!   schema, with the same settings and key, each round one after the other.
//! - The same for all of it: headers, compressed texts, search index. Headers, texts and index of
//!   500 messages one after the other.
//! - The rate of the last tenth of a large account against the first, the bare loop's beside it.
//! - A first page and a mark while 100,000 messages arrive, against the same in silence.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench reports by printing and ends at the first error"
)]

mod texts;

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use mail_model::{Address, Body, Filter, Keyword, KeywordEdit, ListMode, Message};
use mail_store::{AccountStore, ListScope, NewIntent, StoreOptions, SyncBatch, measuring};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Rows in one transaction, as synchronisation writes them.
const BATCH: u64 = 500;
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let said = |word: &str| arguments.iter().any(|argument| argument == word);
    let number = |word: &str| -> Option<u64> {
        let place = arguments.iter().position(|argument| argument == word)?;
        arguments.get(place + 1)?.parse().ok()
    };
    let quick = said("--quick");
    let compared = if quick { 5_000 } else { 50_000 };
    let whole = if quick { 5_000 } else { 20_000 };
    let arriving = if quick { 5_000 } else { 100_000 };
    let large = number("--messages").unwrap_or(if quick { 20_000 } else { 1_000_000 });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let figures = runtime.block_on(async {
        json!({
            "encrypted": against_bare(compared, StoreOptions::default(), true).await,
            "plain": against_bare(compared, StoreOptions::unencrypted_for_measuring(), false).await,
            "pipeline encrypted": pipeline(whole, StoreOptions::default(), true).await,
            "pipeline plain":
                pipeline(whole, StoreOptions::unencrypted_for_measuring(), false).await,
            "rates": rates(large).await,
            "meanwhile": meanwhile(arriving).await,
        })
    });
    if said("--json") {
        println!("{}", serde_json::to_string_pretty(&figures).unwrap());
        return;
    }
    let parts = [
        "encrypted",
        "plain",
        "pipeline encrypted",
        "pipeline plain",
        "rates",
        "meanwhile",
    ];
    for part in parts {
        println!("{part}: {}", figures[part]);
    }
}

fn batches(from: u64, to: u64) -> Vec<Vec<Message>> {
    (from..to)
        .step_by(usize::try_from(BATCH).unwrap())
        .map(|start| {
            (start..(start + BATCH).min(to))
                .map(|n| measuring::message(n).unwrap())
                .collect()
        })
        .collect()
}

async fn empty(folder: &Path, options: StoreOptions) -> AccountStore {
    let store = AccountStore::open(folder, measuring::key(), options)
        .await
        .unwrap();
    // The mailboxes alone.
    measuring::fill(&store, 0).await.unwrap();
    store
}

async fn apply(store: &AccountStore, upsert: Vec<Message>) {
    let batch = SyncBatch {
        upsert,
        ..SyncBatch::default()
    };
    store.apply(batch).await.unwrap();
}

/// Messages a second: the store's, the bare loop's, and the median of the rounds' ratios.
async fn against_bare(messages: u64, options: StoreOptions, encrypted: bool) -> Value {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let own = TempDir::new().unwrap();
        let store = empty(&own.path().join("account"), options).await;
        let prepared = batches(0, messages);
        let begun = Instant::now();
        for batch in prepared {
            apply(&store, batch).await;
        }
        let store_rate = messages as f64 / begun.elapsed().as_secs_f64();
        store.close().await.unwrap();

        let own = TempDir::new().unwrap();
        let folder = own.path().join("account");
        empty(&folder, options).await.close().await.unwrap();
        let prepared = batches(0, messages);
        let begun = Instant::now();
        bare(&folder.join("mail.sqlite"), encrypted, &prepared);
        let bare_rate = messages as f64 / begun.elapsed().as_secs_f64();
        rounds.push((store_rate / bare_rate, store_rate, bare_rate));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, store, bare) = rounds[rounds.len() / 2];
    json!({ "messages": messages, "store_per_s": store, "bare_per_s": bare, "ratio": ratio })
}

/// The rows the store would write, and nothing else: no lookup of what is known, no JSON to make.
fn bare(file: &Path, encrypted: bool, batches: &[Vec<Message>]) {
    let mut rows = BareRows::new(file, encrypted);
    for batch in batches {
        rows.write(batch);
    }
}

/// A connection with the store's settings.
fn connect(file: &Path, encrypted: bool) -> Connection {
    let connection = Connection::open(file).unwrap();
    if encrypted {
        connection
            .execute_batch(&format!("PRAGMA key = \"x'{}'\";", "42".repeat(32)))
            .unwrap();
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;
             PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 1000;",
        )
        .unwrap();
    connection
}

struct BareRows {
    connection: Connection,
    threads: HashMap<String, i64>,
    next: i64,
}

impl BareRows {
    fn new(file: &Path, encrypted: bool) -> Self {
        Self {
            connection: connect(file, encrypted),
            threads: HashMap::new(),
            next: i64::MAX / 1024,
        }
    }

    /// Gives the keys.
    fn write(&mut self, batch: &[Message]) -> Vec<i64> {
        let mut keys = Vec::with_capacity(batch.len());
        let (threads, next) = (&mut self.threads, &mut self.next);
        let transaction = self.connection.transaction().unwrap();
        {
            let mut thread = transaction
                .prepare("INSERT INTO thread (key, id) VALUES (?1, ?2)")
                .unwrap();
            let mut message = transaction
                .prepare(
                    "INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                )
                .unwrap();
            let mut placement = transaction
                .prepare("INSERT INTO placement VALUES (?1, ?2, ?3, ?4)")
                .unwrap();
            let mut list = transaction
                .prepare(
                    "INSERT INTO thread_mailbox VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, '[\"Person\"]')
                     ON CONFLICT DO UPDATE SET message_count = message_count + 1,
                     unread_count = unread_count + ?5, starred_count = starred_count + ?6,
                     file_count = file_count + ?7",
                )
                .unwrap();
            for one in batch.iter().rev() {
                let known = threads.len() as i64 + 1;
                let name = one.thread.as_str().to_owned();
                let number = *threads.entry(name).or_insert_with(|| {
                    thread.execute(params![known, one.thread.as_str()]).unwrap();
                    known
                });
                *next -= 1;
                let at = one.received_at.seconds();
                let key = at / 8 * 1024 + *next % 1024;
                keys.push(key);
                let unread = i64::from(!one.keywords.contains(&Keyword::seen()));
                let starred = i64::from(one.keywords.contains(&Keyword::flagged()));
                let file = i64::from(one.has_attachment);
                let flags = unread | (starred << 1) | (file << 2);
                let mailbox = if one.mailboxes[0].as_str() == "inbox" {
                    1
                } else {
                    2
                };
                message
                    .execute(params![
                        key,
                        one.id.as_str(),
                        number,
                        at,
                        flags,
                        one.size as i64,
                        one.from[0].name,
                        "[\"$seen\"]",
                        one.subject,
                        one.preview,
                        one.blob.as_str(),
                        one.message_ids[0],
                    ])
                    .unwrap();
                placement.execute(params![mailbox, at, key, flags]).unwrap();
                list.execute(params![mailbox, number, at, key, unread, starred, file])
                    .unwrap();
            }
        }
        transaction.commit().unwrap();
        // From the first message of the batch to the last.
        keys.reverse();
        keys
    }
}

/// The same with compressed texts and the index: the store's, and the bare loop's.
async fn pipeline(messages: u64, options: StoreOptions, encrypted: bool) -> Value {
    let vocabulary = texts::vocabulary();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let own = TempDir::new().unwrap();
        let store = empty(&own.path().join("account"), options).await;
        let mut time = 0.0;
        for (batch, texts) in with_texts(messages, &vocabulary) {
            let ids: Vec<_> = batch.iter().map(|one| one.id.clone()).collect();
            let begun = Instant::now();
            apply(&store, batch).await;
            time += begun.elapsed().as_secs_f64();
            let mut bodies = Vec::with_capacity(texts.len());
            for (id, text) in ids.iter().zip(texts) {
                bodies.push((store.message_key(id).await.unwrap().unwrap(), text));
            }
            let begun = Instant::now();
            store.store_bodies(bodies).await.unwrap();
            while store.index_some(1000).await.unwrap().left > 0 {}
            time += begun.elapsed().as_secs_f64();
        }
        let store_rate = messages as f64 / time;
        store.close().await.unwrap();

        let own = TempDir::new().unwrap();
        let folder = own.path().join("account");
        empty(&folder, options).await.close().await.unwrap();
        let mut time = 0.0;
        let mut rows = BareRows::new(&folder.join("mail.sqlite"), encrypted);
        let mut rest = BareTexts::new(&folder, encrypted);
        for (batch, texts) in with_texts(messages, &vocabulary) {
            let begun = Instant::now();
            let keys = rows.write(&batch);
            rest.keep(&batch, &texts);
            rest.index(&keys, &batch, &texts);
            time += begun.elapsed().as_secs_f64();
        }
        let bare_rate = messages as f64 / time;
        rounds.push((store_rate / bare_rate, store_rate, bare_rate));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, store, bare) = rounds[rounds.len() / 2];
    json!({ "messages": messages, "store_per_s": store, "bare_per_s": bare, "ratio": ratio })
}

fn with_texts(
    messages: u64,
    vocabulary: &[String],
) -> impl Iterator<Item = (Vec<Message>, Vec<Body>)> {
    batches(0, messages)
        .into_iter()
        .enumerate()
        .map(|(n, batch)| {
            let from = n as u64 * BATCH;
            let texts = (from..)
                .take(batch.len())
                .map(|n| texts::body(n, vocabulary));
            let texts = texts.collect();
            (batch, texts)
        })
}

/// Compressed texts and the index's tables, without folding and without anything noted.
struct BareTexts {
    bodies: Connection,
    index: Connection,
    compressor: zstd::bulk::Compressor<'static>,
}

impl BareTexts {
    fn new(folder: &Path, encrypted: bool) -> Self {
        let index = connect(&folder.join("search.sqlite"), encrypted);
        index
            .execute_batch(
                "PRAGMA synchronous = FULL;
                 CREATE VIRTUAL TABLE text_1 USING fts5(
                     words, files, content = '', contentless_delete = 1, tokenize = 'ascii'
                 );
                 INSERT INTO text_1 (text_1, rank) VALUES ('hashsize', 16777216);",
            )
            .unwrap();
        Self {
            bodies: connect(&folder.join("body.sqlite"), encrypted),
            index,
            compressor: zstd::bulk::Compressor::new(2).unwrap(),
        }
    }

    fn keep(&mut self, batch: &[Message], texts: &[Body]) {
        let transaction = self.bodies.transaction().unwrap();
        {
            let mut insert = transaction
                .prepare("INSERT INTO body (message_id, block) VALUES (?1, ?2)")
                .unwrap();
            for (one, text) in batch.iter().zip(texts) {
                let json = serde_json::to_vec(text).unwrap();
                let block = self.compressor.compress(&json).unwrap();
                insert.execute(params![one.id.as_str(), block]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn index(&mut self, keys: &[i64], batch: &[Message], texts: &[Body]) {
        let transaction = self.index.transaction().unwrap();
        {
            let mut words = transaction
                .prepare("INSERT INTO text_1 (rowid, words, files) VALUES (?1, ?2, '')")
                .unwrap();
            let mut head = transaction
                .prepare(
                    "INSERT INTO head (rowid, subject, sender, receiver, copy, hidden, files)
                     VALUES (?1, ?2, ?3, ?4, '', '', '')",
                )
                .unwrap();
            let people = |people: &[Address]| format!("{} {}", people[0].name, people[0].email);
            // In the order of keys, as FTS5 likes it best.
            for ((key, one), text) in keys.iter().zip(batch).zip(texts).rev() {
                let (from, to) = (people(&one.from), people(&one.to));
                let text = text.text.as_deref().unwrap_or_default();
                let all = format!("{} {from} {to} {text}", one.subject);
                words.execute(params![key, all]).unwrap();
                head.execute(params![key, one.subject, from, to]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }
}

/// Messages a second of each tenth of a large account, the newest mail first; and the bare loop's.
async fn rates(messages: u64) -> Value {
    let own = TempDir::new().unwrap();
    let options = StoreOptions::default();
    let store = empty(&own.path().join("account"), options).await;
    let tenth = messages / 10;
    let mut rates = Vec::new();
    for part in 0..10 {
        let prepared = batches(part * tenth, (part + 1) * tenth);
        let begun = Instant::now();
        for batch in prepared {
            apply(&store, batch).await;
        }
        rates.push(tenth as f64 / begun.elapsed().as_secs_f64());
    }
    store.close().await.unwrap();

    let own = TempDir::new().unwrap();
    let folder = own.path().join("account");
    empty(&folder, options).await.close().await.unwrap();
    let mut rows = BareRows::new(&folder.join("mail.sqlite"), true);
    let mut bare = Vec::new();
    for part in 0..10 {
        let prepared = batches(part * tenth, (part + 1) * tenth);
        let begun = Instant::now();
        for batch in &prepared {
            rows.write(batch);
        }
        bare.push(tenth as f64 / begun.elapsed().as_secs_f64());
    }
    json!({
        "messages": messages,
        "per_s": rates,
        "last_of_first": rates[9] / rates[0],
        "bare_per_s": bare,
        "bare_last_of_first": bare[9] / bare[0],
    })
}

/// Median and 99th percentile in milliseconds.
fn percentiles(mut times: Vec<f64>) -> Value {
    times.sort_by(f64::total_cmp);
    json!({
        "p50_ms": times[times.len() / 2],
        "p99_ms": times[times.len() * 99 / 100],
        "most_ms": times[times.len() - 1],
        "runs": times.len(),
    })
}

async fn first_page(store: &AccountStore) -> f64 {
    let scope = ListScope {
        mailbox: measuring::inbox().unwrap(),
        mode: ListMode::Conversations,
        filter: Filter::All,
    };
    let begun = Instant::now();
    std::hint::black_box(store.page(&scope, None, 50).await.unwrap());
    begun.elapsed().as_secs_f64() * 1000.0
}

async fn mark(store: &AccountStore, messages: &[mail_model::MessageKey], n: usize) -> f64 {
    let edit = NewIntent {
        messages: vec![messages[n % messages.len()]],
        keywords: vec![KeywordEdit {
            keyword: Keyword::flagged(),
            set: n.is_multiple_of(2),
        }],
        ..NewIntent::default()
    };
    let begun = Instant::now();
    store.queue_edit(edit).await.unwrap();
    begun.elapsed().as_secs_f64() * 1000.0
}

async fn watch(store: &AccountStore, until: impl Fn(usize) -> bool) -> (Vec<f64>, Vec<f64>) {
    let scope = ListScope {
        mailbox: measuring::inbox().unwrap(),
        mode: ListMode::Messages,
        filter: Filter::All,
    };
    let rows = store.page(&scope, None, 200).await.unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row.latest).collect();
    let (mut pages, mut marks) = (Vec::new(), Vec::new());
    for n in 0.. {
        pages.push(first_page(store).await);
        if n % 10 == 0 {
            marks.push(mark(store, &keys, n / 10).await);
        }
        if until(n) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    (pages, marks)
}

/// What a person feels while mail arrives, against silence.
async fn meanwhile(arriving: u64) -> Value {
    let own = TempDir::new().unwrap();
    let store = empty(&own.path().join("account"), StoreOptions::default()).await;
    for batch in batches(0, 20_000.min(arriving)) {
        apply(&store, batch).await;
    }
    let (quiet_pages, quiet_marks) = watch(&store, |n| n == 400).await;
    let writer = store.clone();
    let ingest = tokio::spawn(async move {
        let mut steps = Vec::new();
        for batch in batches(100_000, 100_000 + arriving) {
            let begun = Instant::now();
            apply(&writer, batch).await;
            steps.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        steps
    });
    let (pages, marks) = watch(&store, |n| n > 100 && ingest.is_finished()).await;
    let steps = ingest.await.unwrap();
    store.close().await.unwrap();
    json!({
        "arriving": arriving,
        "page_quiet": percentiles(quiet_pages),
        "page_meanwhile": percentiles(pages),
        "mark_quiet": percentiles(quiet_marks),
        "mark_meanwhile": percentiles(marks),
        "transaction": percentiles(steps),
    })
}
