//! First pages and deep pages of accounts of 10,000 and 1,000,000 messages, encrypted and not.
//!
//! `cargo bench -p mail-store --bench first_page -- [--json] [--messages N]…`
//!
//! Accounts are made once and kept in `target/bench-data`. Compare ratios, not milliseconds: these
//! hold on any machine.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use mail_model::{Filter, ListCursor, ListMode, UnixTime};
use mail_store::{AccountStore, ListScope, StoreOptions, measuring};
use serde::Serialize;

/// Rows of a page, as a window asks for.
const ROWS: usize = 50;
const ROUNDS: usize = 400;

#[derive(Serialize)]
struct Figure {
    what: &'static str,
    messages: u64,
    encrypted: bool,
    median_ms: f64,
    p99_ms: f64,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut sizes = Vec::new();
    let mut json = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--messages" => sizes.push(arguments.next().unwrap_or_default().parse()?),
            _ => {}
        }
    }
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let figures = runtime.block_on(measure(&sizes))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(())
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench-data")
}

async fn measure(sizes: &[u64]) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for (encrypted, options) in [
        (true, StoreOptions::default()),
        (false, StoreOptions::unencrypted_for_measuring()),
    ] {
        for messages in sizes {
            let kind = if encrypted { "encrypted" } else { "plain" };
            let folder = data().join(format!("{kind}-{messages}"));
            let begun = Instant::now();
            let store = measuring::account(&folder, *messages, options).await?;
            eprintln!(
                "{kind} {messages}: ready after {:.1} s",
                begun.elapsed().as_secs_f64()
            );
            let mut add = |what, mut times: Vec<f64>| {
                times.sort_by(f64::total_cmp);
                figures.push(Figure {
                    what,
                    messages: *messages,
                    encrypted,
                    median_ms: times.get(times.len() / 2).copied().unwrap_or_default(),
                    p99_ms: times
                        .get(times.len() * 99 / 100)
                        .copied()
                        .unwrap_or_default(),
                });
            };
            for (what, filter) in [
                ("first page", Filter::All),
                ("first unread page", Filter::Unread),
                ("first starred page", Filter::Starred),
            ] {
                add(what, pages(&store, filter, |_| None).await?);
            }
            add(
                "page anywhere",
                pages(&store, Filter::All, |n| Some(depth(*messages, n))).await?,
            );
            add("ladder of every 500th", ladders(&store).await?);
            store.close().await?;
            add("open and first page", openings(&folder, options).await?);
        }
    }
    Ok(figures)
}

fn scope(filter: Filter) -> Outcome<ListScope> {
    Ok(ListScope {
        mailbox: measuring::inbox()?,
        mode: ListMode::Conversations,
        filter,
    })
}

/// A place that wanders over the whole list.
fn depth(messages: u64, round: usize) -> ListCursor {
    let place = (round as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % messages;
    let seconds = measuring::message(place).map(|message| message.received_at);
    ListCursor {
        received_at: seconds.unwrap_or(UnixTime::from_seconds(0)),
        key: i64::MAX,
    }
}

async fn pages(
    store: &AccountStore,
    filter: Filter,
    after: impl Fn(usize) -> Option<ListCursor>,
) -> Outcome<Vec<f64>> {
    let scope = scope(filter)?;
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + 20 {
        let begun = Instant::now();
        let rows = store.page(&scope, after(round), ROWS).await?;
        let time = begun.elapsed().as_secs_f64() * 1000.0;
        std::hint::black_box(rows);
        // The first rounds open connections and warm caches.
        if round >= 20 {
            times.push(time);
        }
    }
    Ok(times)
}

async fn ladders(store: &AccountStore) -> Outcome<Vec<f64>> {
    let scope = scope(Filter::All)?;
    let mut times = Vec::new();
    for _ in 0..10 {
        let begun = Instant::now();
        std::hint::black_box(store.rungs(&scope, 500).await?);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

async fn openings(folder: &Path, options: StoreOptions) -> Outcome<Vec<f64>> {
    let scope = scope(Filter::All)?;
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let store = AccountStore::open(folder, measuring::key(), options).await?;
        let rows = store.page(&scope, None, ROWS).await;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        std::hint::black_box(rows?);
        store.close().await?;
    }
    Ok(times)
}

fn print(figures: &[Figure]) {
    println!(
        "{:<22}{:>10}  {:<10}{:>10}{:>10}{:>16}",
        "", "messages", "", "p50 ms", "p99 ms", "of the smallest"
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
            "{:<22}{:>10}  {:<10}{:>10.3}{:>10.3}{:>15.2}x",
            figure.what, figure.messages, kind, figure.median_ms, figure.p99_ms, ratio
        );
    }
}
