//! A process killed at each named place: before and after every commit, every rename, every step
//! of a schema, and between any two files that have to agree.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mail_store::crash_points::{AT, COUNT, POINTS};

use crate::life;

const HOME: &str = "BRAID_TEST_LIFE_HOME";
const SIGKILL: i32 = 9;

/// The child: lives until it is killed, or to the end.
#[test]
#[ignore = "run by a_kill_at_any_named_place_costs_nothing_that_was_acknowledged"]
fn living_child() {
    let Some(home) = std::env::var_os(HOME).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(life::live(&home));
}

fn child(home: &Path) -> std::process::Command {
    let mut child = life::child("named_kills::living_child");
    child.env(HOME, home);
    child
}

/// Which places an undisturbed life passes, and how often.
fn passes(template: &Path) -> BTreeMap<String, u32> {
    let home = tempfile::tempdir().unwrap();
    let notes = home.path().join("notes");
    let copy = home.path().join("home");
    life::copy_tree(template, &copy);
    let output = child(&copy).env(COUNT, &notes).output().unwrap();
    let said = life::sayings(&output.stdout);
    assert_eq!(
        said.last().map(String::as_str),
        Some("end"),
        "{}",
        output.status
    );
    let mut passes = BTreeMap::new();
    for line in std::fs::read_to_string(notes).unwrap().lines() {
        *passes.entry(line.to_owned()).or_default() += 1;
    }
    passes
}

struct Kill {
    place: &'static str,
    pass: u32,
}

fn plan(passes: &BTreeMap<String, u32>) -> Vec<Kill> {
    let mut kills = Vec::new();
    for place in POINTS {
        let count = passes.get(*place).copied().unwrap_or(0);
        assert!(count > 0, "{place} is never passed");
        // Of a schema's steps each one; else the first, the second and the last.
        let wanted = (1..=count).filter(|pass| {
            *place == "migration.step" && *pass <= 24 || [1, 2, count].contains(pass)
        });
        kills.extend(wanted.map(|pass| Kill { place, pass }));
    }
    kills
}

#[test]
fn a_kill_at_any_named_place_costs_nothing_that_was_acknowledged() {
    let template = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(life::prepare(template.path()));
    let passes = passes(template.path());
    let kills = plan(&passes);
    let next = AtomicUsize::new(0);
    let slowest = std::sync::Mutex::new(Duration::ZERO);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let home = tempfile::tempdir().unwrap();
                    life::copy_tree(template.path(), home.path());
                    let when = format!("{}#{}", kill.place, kill.pass);
                    let output = child(home.path()).env(AT, &when).output().unwrap();
                    assert_eq!(
                        output.status.signal(),
                        Some(SIGKILL),
                        "{when}: {}",
                        output.status
                    );
                    let said = life::sayings(&output.stdout);
                    let began = Instant::now();
                    runtime.block_on(life::assert_kept(home.path(), &said, &when));
                    let mut slowest = slowest.lock().unwrap();
                    *slowest = began.elapsed().max(*slowest);
                }
            });
        }
    });
    let mut table = String::from("| Killed after | Passes | Kills |\n|---|---:|---:|\n");
    for place in POINTS {
        let killed = kills.iter().filter(|kill| kill.place == *place).count();
        writeln!(table, "| `{place}` | {} | {killed} |", passes[*place]).unwrap();
    }
    writeln!(table, "| all {} | | {} |", POINTS.len(), kills.len()).unwrap();
    println!(
        "slowest new start with all checks: {:?}",
        slowest.lock().unwrap()
    );
    crate::document("named kills", &table);
}
