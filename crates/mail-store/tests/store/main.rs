//! The store on real, encrypted files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests stop the test, as tests do"
)]

mod accounts;
mod bodies;
mod damage;
mod exit;
#[cfg(target_os = "linux")]
mod faults;
mod fixture;
mod holdings;
mod intents;
mod kill;
mod life;
mod lists;
#[cfg(target_os = "linux")]
mod memory;
mod model;
#[cfg(unix)]
mod named_kills;
mod opening;
mod receipts;
mod release;
mod retention;
mod search;
mod search_index;
mod search_model;

/// Prints a table, and with `BRAID_WRITE_DOCS=1` writes it to its place in docs/reliability.md.
fn document(mark: &str, table: &str) {
    println!("{table}");
    if std::env::var_os("BRAID_WRITE_DOCS").is_none() {
        return;
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md");
    // Several tests write to it at the same time.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let turn = TURN.lock().unwrap();
    let page = std::fs::read_to_string(&path).unwrap();
    let (from, to) = (
        format!("<!-- store: {mark} -->\n"),
        format!("<!-- end of store: {mark} -->"),
    );
    let (head, rest) = page.split_once(&from).unwrap();
    let (_, tail) = rest.split_once(&to).unwrap();
    std::fs::write(&path, format!("{head}{from}{table}{to}{tail}")).unwrap();
    drop(turn);
}
