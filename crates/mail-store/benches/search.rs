//! Searches over accounts of 10,000 and 100,000 messages with their texts, encrypted and not.
//!
//! `cargo bench -p mail-store --bench search -- [--json] [--quick] [--size N]…`
//!
//! Accounts are made once and kept in `target/bench-data`: about 200 words a message, out of
//! 50,000 words whose frequencies fall as in language. Compare ratios, not milliseconds.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use mail_model::search::{Criterion, Query, Words};
use mail_model::{Body, MessageKey};
use mail_store::{AccountStore, SearchCancel, StoreError, StoreOptions, measuring};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;

/// Messages asked for, as a window does.
const ROWS: usize = 50;
const VOCABULARY: usize = 50_000;
const LENGTH: usize = 200;
const STEP: usize = 500;

#[derive(Serialize)]
struct Figure {
    what: String,
    messages: u64,
    encrypted: bool,
    found: usize,
    median_ms: f64,
    p99_ms: f64,
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
            vec![10_000, 100_000]
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
    let vocabulary = vocabulary();
    let queries = queries(&vocabulary);
    let mut figures = Vec::new();
    for (encrypted, options) in [
        (true, StoreOptions::default()),
        (false, StoreOptions::unencrypted_for_measuring()),
    ] {
        for messages in sizes {
            let kind = if encrypted { "encrypted" } else { "plain" };
            let store = account(*messages, kind, options, &vocabulary).await?;
            for (what, query) in &queries {
                let (found, times) = searches(&store, query, rounds).await?;
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
    Ok(figures)
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
    }
}

/// Made-up words, the frequent ones first.
fn vocabulary() -> Vec<String> {
    const SYLLABLES: [&str; 24] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "va", "we", "xi", "yo", "zu", "ar", "en", "in", "or",
    ];
    let mut random = StdRng::seed_from_u64(1);
    (0..VOCABULARY)
        .map(|_| {
            let length = random.random_range(2..6);
            (0..length)
                .filter_map(|_| SYLLABLES.get(random.random_range(0..SYLLABLES.len())))
                .copied()
                .collect()
        })
        .collect()
}

/// The text of the n-th message.
fn text(n: u64, vocabulary: &[String]) -> String {
    let mut random = StdRng::seed_from_u64(n);
    let mut words: Vec<&str> = Vec::with_capacity(LENGTH + 8);
    for _ in 0..LENGTH {
        // A word's frequency falls with its rank.
        let rank = (VOCABULARY as f64).powf(random.random::<f64>()) as usize;
        words.extend(vocabulary.get(rank.min(VOCABULARY - 1)).map(String::as_str));
    }
    if random.random_ratio(97, 100) {
        words.push("thursday");
    }
    if n % 3333 == 7 {
        words.push("quorum");
    }
    if random.random_ratio(30, 100) {
        words.push("harbour");
    }
    if random.random_ratio(25, 100) {
        words.push("meadow");
    }
    if n % 1000 == 3 {
        words.extend(["lantern", "festival"]);
    } else if n % 50 == 4 {
        words.extend(["festival", "lantern"]);
    }
    words.join(" ")
}

fn looked_for(text: &str, quoted: bool, unfinished: bool) -> Query {
    Query::Is(Criterion::Text(Words {
        text: text.into(),
        quoted,
        unfinished,
    }))
}

fn queries(vocabulary: &[String]) -> Vec<(String, Query)> {
    let word = |text| looked_for(text, false, false);
    let mut queries = vec![
        ("97 % term".to_owned(), word("thursday")),
        ("0.03 % term".into(), word("quorum")),
        (
            "AND of two".into(),
            Query::All(vec![word("harbour"), word("meadow")]),
        ),
        (
            "97 % AND 0.03 %".into(),
            Query::All(vec![word("thursday"), word("quorum")]),
        ),
        ("phrase".into(), looked_for("lantern festival", true, false)),
        ("no hit".into(), word("unheardof")),
        (
            "term, unread".into(),
            Query::All(vec![word("harbour"), Query::Is(Criterion::Unread)]),
        ),
        ("not a term".into(), Query::Not(Box::new(word("thursday")))),
    ];
    for length in 1..=6 {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for word in vocabulary {
            if let Some(prefix) = word.get(..length) {
                *counts.entry(prefix).or_default() += 1;
            }
        }
        let worst = counts
            .into_iter()
            .max_by_key(|(prefix, count)| (*count, *prefix));
        if let Some((prefix, _)) = worst {
            queries.push((
                format!("worst prefix of {length}"),
                looked_for(prefix, false, true),
            ));
            if length == 1 || length == 3 {
                let both = vec![word("thursday"), looked_for(prefix, false, true)];
                queries.push((format!("97 % AND worst of {length}"), Query::All(both)));
            }
        }
    }
    queries
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
                    let body = Body {
                        text: Some(text(key.get().unsigned_abs(), vocabulary)),
                        ..Body::default()
                    };
                    (*key, body)
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
    while store.index_some(1).await?.done > 0 {}
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

async fn searches(
    store: &AccountStore,
    query: &Query,
    rounds: usize,
) -> Outcome<(usize, Vec<f64>)> {
    let mut times = Vec::with_capacity(rounds);
    let mut found = 0;
    for round in 0..rounds + 5 {
        let begun = Instant::now();
        let keys = store
            .search(query, &TimeZone::UTC, None, ROWS, &SearchCancel::default())
            .await?;
        let time = begun.elapsed().as_secs_f64() * 1000.0;
        found = keys.len();
        // The first rounds warm caches.
        if round >= 5 {
            times.push(time);
        }
    }
    Ok((found, times))
}

async fn rows(
    store: &AccountStore,
    queries: &[(String, Query)],
    rounds: usize,
) -> Outcome<(usize, Vec<f64>)> {
    let Some((_, query)) = queries.first() else {
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
        "{:<26}{:>10}  {:<10}{:>7}{:>10}{:>10}{:>16}",
        "", "messages", "", "found", "p50 ms", "p99 ms", "of the smallest"
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
            "{:<26}{:>10}  {:<10}{:>7}{:>10.3}{:>10.3}{:>15.2}x",
            figure.what,
            figure.messages,
            kind,
            figure.found,
            figure.median_ms,
            figure.p99_ms,
            ratio
        );
    }
}
