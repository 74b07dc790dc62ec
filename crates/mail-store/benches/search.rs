//! Searches over accounts of 10,000, 100,000 and 1,000,000 messages with their texts, encrypted
//! and, but for the largest, not; and over ten accounts of 100,000 at once.
//!
//! `cargo bench -p mail-store --bench search -- [--json] [--quick] [--size N]…`
//!
//! Accounts are made once and kept in `target/bench-data`; the largest takes long to make and
//! 5 GB. Compare ratios, not milliseconds. Over ten accounts the first page of each is asked for
//! at once and the newest of them are taken.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod texts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use mail_model::search::{Criterion, FoundKey, Query, Words};
use mail_model::{Body, MessageKey};
use mail_store::{AccountStore, SearchCancel, StoreError, StoreOptions, measuring};
use serde::Serialize;

/// Messages asked for, as a window does.
const ROWS: usize = 50;
const STEP: usize = 500;
/// Accounts searched at once, and the messages of each.
const ACCOUNTS: usize = 10;
const OF_EACH: u64 = 100_000;
/// Above this, an account without encryption is not worth its room.
const LARGE: u64 = 100_000;

#[derive(Serialize)]
struct Figure {
    what: String,
    messages: u64,
    encrypted: bool,
    found: usize,
    median_ms: f64,
    p99_ms: f64,
    most_ms: f64,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut sizes = Vec::new();
    let (mut json, mut quick) = (false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--quick" => quick = true,
            "--size" => sizes.push(arguments.next().unwrap_or_default().parse()?),
            _ => {}
        }
    }
    if sizes.is_empty() {
        sizes = if quick {
            vec![10_000]
        } else {
            vec![10_000, 100_000, 1_000_000]
        };
    }
    let rounds = if quick { 20 } else { 100 };
    let runtime = tokio::runtime::Runtime::new()?;
    let figures = runtime.block_on(measure(&sizes, rounds))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(())
}

async fn measure(sizes: &[u64], rounds: usize) -> Outcome<Vec<Figure>> {
    let vocabulary = texts::vocabulary();
    let queries = queries(&vocabulary);
    let mut figures = Vec::new();
    for (encrypted, options) in [
        (true, StoreOptions::default()),
        (false, StoreOptions::unencrypted_for_measuring()),
    ] {
        for messages in sizes.iter().filter(|size| encrypted || **size <= LARGE) {
            let kind = if encrypted { "encrypted" } else { "plain" };
            let store = account(*messages, kind, options, &vocabulary).await?;
            let one = std::slice::from_ref(&store);
            for (what, queries) in &queries {
                let (found, times) = searches(one, queries, rounds).await?;
                figures.push(figure(what, *messages, encrypted, found, times));
            }
            let (found, times) = rows(&store, &queries, rounds).await?;
            figures.push(figure(
                "rows of what was found",
                *messages,
                encrypted,
                found,
                times,
            ));
            let times = cancels(&store, rounds).await?;
            figures.push(figure(
                "cancelled until free",
                *messages,
                encrypted,
                0,
                times,
            ));
            store.close().await?;
        }
    }
    if sizes.contains(&OF_EACH) {
        let accounts = copies().await?;
        for (what, queries) in &queries {
            let what = format!("{ACCOUNTS} accounts: {what}");
            let (found, times) = searches(&accounts, queries, rounds).await?;
            figures.push(figure(&what, OF_EACH, true, found, times));
        }
        for account in accounts {
            account.close().await?;
        }
    }
    Ok(figures)
}

/// Ten accounts with the same mail.
async fn copies() -> Outcome<Vec<AccountStore>> {
    let from = data("encrypted", OF_EACH);
    let mut accounts = Vec::new();
    for n in 0..ACCOUNTS {
        let folder = data(&format!("copy-{n}"), OF_EACH);
        measuring::copy(&from, &folder)?;
        let options = StoreOptions::default();
        accounts.push(AccountStore::open(&folder, measuring::key(), options).await?);
    }
    Ok(accounts)
}

fn figure(what: &str, messages: u64, encrypted: bool, found: usize, mut times: Vec<f64>) -> Figure {
    times.sort_by(f64::total_cmp);
    Figure {
        what: what.into(),
        messages,
        encrypted,
        found,
        median_ms: times.get(times.len() / 2).copied().unwrap_or_default(),
        p99_ms: times
            .get(times.len() * 99 / 100)
            .copied()
            .unwrap_or_default(),
        most_ms: times.last().copied().unwrap_or_default(),
    }
}

fn looked_for(text: &str, quoted: bool, unfinished: bool) -> Query {
    Query::Is(Criterion::Text(Words {
        text: text.into(),
        quoted,
        unfinished,
    }))
}

/// What is looked for: each name with the queries that take turns.
fn queries(vocabulary: &[String]) -> Vec<(String, Vec<Query>)> {
    let word = |text| looked_for(text, false, false);
    let with = |other| vec![Query::All(vec![word("thursday"), other])];
    let mut queries = vec![
        ("97 % term".to_owned(), vec![word("thursday")]),
        ("0.03 % term".into(), vec![word("quorum")]),
        (
            "AND of two".into(),
            vec![Query::All(vec![word("harbour"), word("meadow")])],
        ),
        ("97 % AND 0.03 %".into(), with(word("quorum"))),
        (
            "phrase".into(),
            vec![looked_for("lantern festival", true, false)],
        ),
        ("no hit".into(), vec![word("unheardof")]),
        (
            "term, unread".into(),
            vec![Query::All(vec![
                word("harbour"),
                Query::Is(Criterion::Unread),
            ])],
        ),
        (
            "not a term".into(),
            vec![Query::Not(Box::new(word("thursday")))],
        ),
    ];
    for length in 1..=6 {
        let prefixes = prefixes(vocabulary, length);
        let typed = |prefix: &str| looked_for(prefix, false, true);
        let Some(worst) = prefixes.first() else {
            continue;
        };
        queries.push((format!("worst prefix of {length}"), vec![typed(worst)]));
        let several = prefixes.iter().map(|prefix| typed(prefix)).collect();
        queries.push((format!("prefixes of {length}"), several));
        if length == 1 || length == 3 {
            queries.push((format!("97 % AND worst of {length}"), with(typed(worst))));
        }
    }
    queries
}

/// Beginnings of that many letters: that of most words first, then ever rarer ones.
fn prefixes(vocabulary: &[String], length: usize) -> Vec<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in vocabulary {
        if let Some(prefix) = word.get(..length) {
            *counts.entry(prefix).or_default() += 1;
        }
    }
    let mut prefixes: Vec<(usize, &str)> = counts.into_iter().map(|(p, n)| (n, p)).collect();
    prefixes.sort_unstable_by(|a, b| b.cmp(a));
    let apart = (prefixes.len() / 10).max(1);
    let some = prefixes.into_iter().step_by(apart).take(10);
    some.map(|(_, prefix)| prefix).collect()
}

fn data(kind: &str, messages: u64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/bench-data")
        .join(format!("search-{kind}-{messages}"))
}

/// An account with mail, texts and a whole index.
async fn account(
    messages: u64,
    kind: &str,
    options: StoreOptions,
    vocabulary: &[String],
) -> Outcome<AccountStore> {
    let begun = Instant::now();
    let store = measuring::account(&data(kind, messages), messages, options).await?;
    let mut texts = 0;
    loop {
        let missing = store.missing_bodies(usize::MAX, STEP * 20).await?;
        if missing.is_empty() {
            break;
        }
        for step in missing.chunks(STEP) {
            let bodies: Vec<(MessageKey, Body)> = step
                .iter()
                .map(|(key, _)| {
                    let n = key.get().unsigned_abs();
                    (*key, texts::body(n, vocabulary))
                })
                .collect();
            store.store_bodies(bodies).await?;
            texts += step.len();
        }
    }
    let filled = begun.elapsed();
    let begun = Instant::now();
    let mut done = 0;
    loop {
        let progress = store.index_some(2000).await?;
        done += progress.done;
        if progress.left == 0 {
            break;
        }
    }
    while store.index_some(1).await?.untidy {}
    let indexed = begun.elapsed();
    let sizes = store.sizes();
    eprintln!(
        "{kind} {messages}: {texts} texts after {:.1} s, {done} indexed in {:.1} s ({:.0} a second); \
         mail {} MB, bodies {} MB, index {} MB",
        filled.as_secs_f64(),
        indexed.as_secs_f64(),
        done as f64 / indexed.as_secs_f64(),
        sizes.mail >> 20,
        sizes.body >> 20,
        sizes.search >> 20,
    );
    Ok(store)
}

/// Searches in turn for each query, over all accounts at once.
async fn searches(
    accounts: &[AccountStore],
    queries: &[Query],
    rounds: usize,
) -> Outcome<(usize, Vec<f64>)> {
    let mut times = Vec::with_capacity(rounds);
    let mut found = 0;
    let warm = 5 * queries.len();
    let turns = queries
        .iter()
        .cycle()
        .take(warm + rounds.max(queries.len()));
    for (turn, query) in turns.enumerate() {
        let begun = Instant::now();
        let keys = newest(accounts, query).await?;
        let time = begun.elapsed().as_secs_f64() * 1000.0;
        found = found.max(keys.len());
        // The first rounds warm caches.
        if turn >= warm {
            times.push(time);
        }
    }
    Ok((found, times))
}

async fn newest(accounts: &[AccountStore], query: &Query) -> Outcome<Vec<FoundKey>> {
    let mut running = Vec::with_capacity(accounts.len());
    for account in accounts {
        let (account, query) = (account.clone(), query.clone());
        running.push(tokio::spawn(async move {
            let cancel = SearchCancel::default();
            account
                .search(&query, &TimeZone::UTC, None, ROWS, &cancel)
                .await
        }));
    }
    let mut found = Vec::new();
    for search in running {
        found.extend(search.await??);
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(ROWS);
    Ok(found)
}

async fn rows(
    store: &AccountStore,
    queries: &[(String, Vec<Query>)],
    rounds: usize,
) -> Outcome<(usize, Vec<f64>)> {
    let Some(query) = queries.first().and_then(|(_, queries)| queries.first()) else {
        return Ok((0, Vec::new()));
    };
    let found = store
        .search(query, &TimeZone::UTC, None, ROWS, &SearchCancel::default())
        .await?;
    let keys: Vec<MessageKey> = found.iter().map(|found| found.message).collect();
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begun = Instant::now();
        std::hint::black_box(store.found_rows(query, &keys).await?);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok((keys.len(), times))
}

/// From the call of `cancel` until the search has ended and another has been answered.
async fn cancels(store: &AccountStore, rounds: usize) -> Outcome<Vec<f64>> {
    // Looks at every message and finds none.
    let slow = Query::All(vec![
        Query::Not(Box::new(looked_for("unheardof", false, false))),
        Query::Is(Criterion::Subject(Words {
            text: "plan unheardof".into(),
            quoted: true,
            unfinished: false,
        })),
        Query::Not(Box::new(Query::Is(Criterion::Larger(u64::MAX)))),
    ]);
    let slow = Query::Any(vec![slow, Query::Is(Criterion::Larger(1 << 50))]);
    let quick = looked_for("quorum", false, false);
    let mut times = Vec::new();
    for _ in 0..rounds.min(30) {
        let cancel = SearchCancel::default();
        let running = tokio::spawn({
            let (store, slow, cancel) = (store.clone(), slow.clone(), cancel.clone());
            async move {
                store
                    .search(&slow, &TimeZone::UTC, None, ROWS, &cancel)
                    .await
            }
        });
        tokio::time::sleep(Duration::from_millis(15)).await;
        let begun = Instant::now();
        cancel.cancel();
        let ended = running.await?;
        store
            .search(&quick, &TimeZone::UTC, None, 1, &SearchCancel::default())
            .await?;
        if matches!(ended, Err(StoreError::Cancelled)) {
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(times)
}

fn print(figures: &[Figure]) {
    println!(
        "{:<36}{:>10}  {:<10}{:>7}{:>10}{:>10}{:>10}{:>16}",
        "", "messages", "", "found", "p50 ms", "p99 ms", "most ms", "of the smallest"
    );
    for figure in figures {
        let smallest = figures
            .iter()
            .find(|other| other.what == figure.what && other.encrypted == figure.encrypted);
        let ratio = smallest.map_or(1.0, |other| figure.median_ms / other.median_ms);
        let kind = if figure.encrypted {
            "encrypted"
        } else {
            "plain"
        };
        println!(
            "{:<36}{:>10}  {:<10}{:>7}{:>10.3}{:>10.3}{:>10.3}{:>15.2}x",
            figure.what,
            figure.messages,
            kind,
            figure.found,
            figure.median_ms,
            figure.p99_ms,
            figure.most_ms,
            ratio
        );
    }
}
