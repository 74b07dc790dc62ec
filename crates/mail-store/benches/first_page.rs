//! First pages and deep pages of accounts of 10,000, 100,000 and 1,000,000 messages, encrypted and
//! not, beside the same page read by a bare rusqlite loop over the same file.
//!
//! `cargo bench -p mail-store --bench first_page -- [--json] [--quick] [--messages N]…`
//!
//! Accounts are made once and kept in `target/bench-data`. Compare ratios, not milliseconds: these
//! hold on any machine.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mail_model::{Filter, ListCursor, ListMode, UnixTime};
use mail_store::{AccountStore, ListScope, StoreOptions, measuring};
use rusqlite::Connection;
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
    let (mut json, mut quick) = (false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--quick" => quick = true,
            "--messages" => sizes.push(arguments.next().unwrap_or_default().parse()?),
            _ => {}
        }
    }
    if sizes.is_empty() {
        sizes = if quick {
            vec![10_000, 50_000]
        } else {
            vec![10_000, 100_000, 1_000_000]
        };
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
                ("first page with files", Filter::Files),
            ] {
                add(what, pages(&store, filter, |_| None).await?);
            }
            let halfway = depth_of(messages / 2);
            add(
                "page in the middle",
                pages(&store, Filter::All, |_| Some(halfway)).await?,
            );
            add(
                "page anywhere",
                pages(&store, Filter::All, |n| Some(depth(*messages, n))).await?,
            );
            add("ladder of every 500th", ladders(&store).await?);
            let (one, two) = readers(&store).await?;
            add("first pages by one reader, per page", one);
            add("first pages by two readers, per page", two);
            store.close().await?;
            add(
                "first page by bare rusqlite",
                bare(&folder.join("mail.sqlite"), encrypted)?,
            );
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
    depth_of((round as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % messages)
}

/// The place of the n-th message.
fn depth_of(place: u64) -> ListCursor {
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

/// Milliseconds a page while one, and while two tasks read first pages at once.
async fn readers(store: &AccountStore) -> Outcome<(Vec<f64>, Vec<f64>)> {
    const PAGES: usize = 400;
    let scope = scope(Filter::All)?;
    let run = async |tasks: usize| -> Outcome<f64> {
        let begun = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..tasks {
            let (store, scope) = (store.clone(), scope.clone());
            running.spawn(async move {
                for _ in 0..PAGES {
                    std::hint::black_box(store.page(&scope, None, ROWS).await?);
                }
                Ok::<_, mail_store::StoreError>(())
            });
        }
        while let Some(ended) = running.join_next().await {
            ended??;
        }
        Ok(begun.elapsed().as_secs_f64() * 1000.0 / (PAGES * tasks) as f64)
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    // In turns, so that a disturbance of the machine meets both.
    for _ in 0..10 {
        one.push(run(1).await?);
        two.push(run(2).await?);
    }
    Ok((one, two))
}

/// The first page by a prepared statement in this thread, every column taken over as it is.
fn bare(file: &Path, encrypted: bool) -> Outcome<Vec<f64>> {
    let connection = Connection::open(file)?;
    if encrypted {
        let key = format!("PRAGMA key = \"x'{}'\"", "42".repeat(32));
        connection.execute_batch(&key)?;
    }
    connection.execute_batch("PRAGMA cache_size = -8192; PRAGMA query_only = 1")?;
    let mut page = connection.prepare(
        "SELECT t.thread, t.latest, t.latest_at, t.senders, m.subject, m.preview, t.message_count, \
         t.unread_count, t.starred_count, t.file_count, m.keywords \
         FROM thread_mailbox t INDEXED BY thread_mailbox_latest \
         CROSS JOIN message m ON m.key = t.latest \
         WHERE t.mailbox = (SELECT key FROM mailbox WHERE id = ?1) \
         ORDER BY t.latest_at DESC, t.thread DESC LIMIT ?2",
    )?;
    let inbox = measuring::inbox()?;
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + 20 {
        let begun = Instant::now();
        let mut rows = page.query(rusqlite::params![inbox.as_str(), ROWS as i64])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let senders: String = row.get(3)?;
            let subject: String = row.get(4)?;
            let preview: String = row.get(5)?;
            let keywords: String = row.get(10)?;
            let numbers: [i64; 7] = [
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
                row.get(9)?,
            ];
            std::hint::black_box((senders, subject, preview, keywords, numbers));
            count += 1;
        }
        let time: Duration = begun.elapsed();
        if count != ROWS {
            return Err("the page is not whole".into());
        }
        if round >= 20 {
            times.push(time.as_secs_f64() * 1000.0);
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
        "{:<38}{:>10}  {:<10}{:>10}{:>10}{:>16}",
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
            "{:<38}{:>10}  {:<10}{:>10.3}{:>10.3}{:>15.2}x",
            figure.what, figure.messages, kind, figure.median_ms, figure.p99_ms, ratio
        );
    }
}
