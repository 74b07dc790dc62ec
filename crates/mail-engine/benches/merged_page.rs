//! The first page of a merged list: over one, two, ten and thirty accounts, with 10,000, 100,000 and
//! 1,000,000 messages in each; thirty only up to 100,000, whose copies fit on a disk.
//!
//! `cargo bench -p mail-engine --bench merged_page -- [--json] [--quick] [--jump] [--sizes N,N]`
//!
//! One account of each size is made and kept in `target/bench-data`; the others are copies of it
//! for as long as the bench runs. What counts is the ratio to one account and to the small size:
//! the times themselves depend on the machine.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench reports by printing and ends at the first error"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mail_engine::{ListMember, MergedList};
use mail_model::{AccountId, Filter, ListMode};
use mail_store::{AccountStore, StoreOptions, measuring};
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

const ACCOUNTS: [usize; 4] = [1, 2, 10, 30];
/// Accounts larger than this are copied at most [`MOST_OF_LARGE`] times: a million messages have
/// 0.8 GB.
const LARGE: u64 = 100_000;
const MOST_OF_LARGE: usize = 10;
const PAGE: u64 = 100;
/// Rounds that open connections and warm caches; they do not count.
const WARMING: usize = 20;

struct Arguments {
    json: bool,
    jump: bool,
    rounds: usize,
    sizes: Vec<u64>,
}

fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut figures = Vec::new();
    let copies = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    for size in &arguments.sizes {
        let folders = runtime.block_on(accounts(copies.path(), *size))?;
        figures.extend(runtime.block_on(measure(*size, &folders, &arguments))?);
        for copy in folders.iter().skip(1) {
            std::fs::remove_dir_all(copy)?;
        }
    }
    copies.close()?;
    report(&figures, arguments.json);
    Ok(())
}

/// How many accounts of a size are merged.
fn merged(size: u64) -> impl Iterator<Item = usize> {
    ACCOUNTS
        .into_iter()
        .filter(move |accounts| size <= LARGE || *accounts <= MOST_OF_LARGE)
}

fn arguments() -> Result<Arguments, Failure> {
    let mut arguments = Arguments {
        json: false,
        jump: false,
        rounds: 300,
        sizes: vec![10_000, 100_000, 1_000_000],
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => arguments.json = true,
            "--jump" => arguments.jump = true,
            "--quick" => {
                arguments.rounds = 50;
                arguments.sizes = vec![10_000, 50_000];
            }
            "--sizes" => {
                let sizes = words.next().unwrap_or_default();
                arguments.sizes = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            // Given by cargo itself.
            "--bench" => (),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    Ok(arguments)
}

/// As many accounts of that size as are measured at once. All hold the same mail, so they meet at
/// every second of time: the dearest case for the merge.
async fn accounts(copies: &Path, size: u64) -> Result<Vec<PathBuf>, Failure> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench-data");
    let first = data.join(format!("encrypted-{size}"));
    let begun = Instant::now();
    measuring::account(&first, size, StoreOptions::default())
        .await?
        .close()
        .await?;
    let mut folders = vec![first.clone()];
    for number in 1..merged(size).max().unwrap_or(1) {
        let folder = copies.join(format!("{size}-{number}"));
        measuring::copy(&first, &folder)?;
        folders.push(folder);
    }
    eprintln!(
        "accounts of {size} messages: ready after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(folders)
}

struct Figure {
    size: u64,
    accounts: usize,
    what: &'static str,
    times: Vec<Duration>,
}

impl Figure {
    fn at(&self, share: f64) -> f64 {
        let last = self.times.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index within a short list"
        )]
        let index = (last as f64 * share).round() as usize;
        let time = self.times.get(index).copied().unwrap_or_default();
        time.as_secs_f64() * 1_000.0
    }
}

async fn measure(
    size: u64,
    folders: &[PathBuf],
    arguments: &Arguments,
) -> Result<Vec<Figure>, Failure> {
    let mut stores = Vec::new();
    for (number, folder) in folders.iter().enumerate() {
        let store = AccountStore::open(folder, measuring::key(), StoreOptions::default()).await?;
        stores.push((AccountId::new(format!("account-{number}"))?, store));
    }
    let mut figures: Vec<Figure> = merged(size)
        .map(|accounts| Figure {
            size,
            accounts,
            what: "first page",
            times: vec![],
        })
        .collect();
    let jumps = figures.iter().map(|figure| Figure {
        size,
        accounts: figure.accounts,
        what: "first jump to the middle",
        times: vec![],
    });
    let mut jumps: Vec<Figure> = jumps.collect();
    // In turns, so that a disturbance of the machine meets all of them.
    for round in 0..arguments.rounds + WARMING {
        for figure in &mut figures {
            let members = members(&stores, figure.accounts)?;
            let begun = Instant::now();
            let open = MergedList::open(members, 0..PAGE).await;
            let time = begun.elapsed();
            if open.snapshot.rows.len() as u64 != PAGE || !open.snapshot.failed.is_empty() {
                return Err("the page is not whole".into());
            }
            if round >= WARMING {
                figure.times.push(time);
            }
        }
    }
    if arguments.jump {
        for _ in 0..10 {
            for figure in &mut jumps {
                let mut open = MergedList::open(members(&stores, figure.accounts)?, 0..PAGE).await;
                let middle = open.snapshot.total / 2;
                let begun = Instant::now();
                open.list.set_window(middle..middle + PAGE);
                let diff = open.diffs.recv().await.ok_or("no diff")?;
                figure.times.push(begun.elapsed());
                if diff.start != middle || diff.order.len() as u64 != PAGE {
                    return Err("the jump missed".into());
                }
            }
        }
        figures.append(&mut jumps);
    }
    for figure in &mut figures {
        figure.times.sort_unstable();
    }
    for (_, store) in stores {
        store.close().await?;
    }
    Ok(figures)
}

fn members(
    stores: &[(AccountId, AccountStore)],
    accounts: usize,
) -> Result<Vec<ListMember>, Failure> {
    let inbox = measuring::inbox()?;
    Ok(stores
        .iter()
        .take(accounts)
        .map(|(account, store)| {
            ListMember::of_store(
                account.clone(),
                store.clone(),
                vec![inbox.clone()],
                ListMode::Conversations,
                Filter::All,
            )
        })
        .collect())
}

fn report(figures: &[Figure], as_json: bool) {
    let median = |size: u64, accounts: usize, what: &str| {
        figures
            .iter()
            .find(|f| f.size == size && f.accounts == accounts && f.what == what)
            .map_or(f64::NAN, |figure| figure.at(0.5))
    };
    let smallest = figures.iter().map(|figure| figure.size).min().unwrap_or(0);
    let rows: Vec<Value> = figures
        .iter()
        .map(|figure| {
            json!({
                "what": figure.what,
                "messages_per_account": figure.size,
                "accounts": figure.accounts,
                "median_ms": figure.at(0.5),
                "p99_ms": figure.at(0.99),
                "to_one_account": figure.at(0.5) / median(figure.size, 1, figure.what),
                "to_smallest_size": figure.at(0.5) / median(smallest, figure.accounts, figure.what),
            })
        })
        .collect();
    if as_json {
        println!("{}", json!({ "bench": "merged_page", "rows": rows }));
        return;
    }
    println!(
        "what                      messages/account accounts  median   p99 ms   x one  x small"
    );
    for (figure, row) in figures.iter().zip(&rows) {
        let number = |name: &str| row.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
        println!(
            "{:<25} {:>16} {:>8} {:>7.2} {:>8.2} {:>7.2} {:>8.2}",
            figure.what,
            figure.size,
            figure.accounts,
            number("median_ms"),
            number("p99_ms"),
            number("to_one_account"),
            number("to_smallest_size"),
        );
    }
}
