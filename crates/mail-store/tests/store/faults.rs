//! A disk that is full and a disk that fails, for real: a small file system of its own, and
//! system calls that a tracer makes fail. Where the system does not let a test have either, the
//! test says so and does nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mail_model::{Body, MessageId};
use mail_store::{AccountStore, NewIntent, StoreError, SyncBatch};

use crate::fixture::{mailboxes, message};
use crate::life::{self, assert_sound, message_key, open, star};

const FOLDER: &str = "BRAID_TEST_FAULT_FOLDER";
/// Octets of the small disk.
const DISK: u64 = 6 << 20;
/// Runs on it, each with a little more room left.
const ROOMS: u64 = 30;

/// What was acknowledged.
#[derive(Default)]
struct Kept {
    messages: u64,
    intents: BTreeSet<i64>,
    setting: u64,
}

#[derive(Debug, Default)]
struct Met {
    full: u32,
    failed: u32,
    done: u32,
}

impl Met {
    /// Takes an answer; any error but those of the disk ends the test.
    fn take<T>(&mut self, answer: Result<T, StoreError>) -> Option<T> {
        match answer {
            Ok(value) => {
                self.done += 1;
                Some(value)
            }
            Err(error) if error.is_disk_full() => {
                self.full += 1;
                None
            }
            Err(StoreError::DiskFault(_) | StoreError::Io { .. }) => {
                self.failed += 1;
                None
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// One of everything that a person or a server makes the store write.
async fn work(store: &AccountStore, kept: &mut Kept, met: &mut Met, round: u64) {
    let upsert = (0..10)
        .map(|n| {
            let n = round * 10 + n;
            message(
                &format!("m{n}"),
                &format!("t{}", n / 3),
                i64::try_from(n).unwrap(),
            )
        })
        .collect();
    let batch = SyncBatch {
        upsert,
        ..SyncBatch::default()
    };
    if met.take(store.apply(batch).await).is_some() {
        kept.messages += 10;
        let key = message_key(store, &format!("m{}", round * 10)).await;
        let body = Body {
            text: Some(
                (0..400_u64)
                    .map(|n| format!("{:x} ", n.wrapping_mul(round + 7)))
                    .collect(),
            ),
            ..Body::default()
        };
        met.take(store.store_bodies(vec![(key, body)]).await);
        let edit = NewIntent {
            messages: vec![key],
            keywords: star(),
            ..NewIntent::default()
        };
        if let Some((intent, _)) = met.take(store.queue_edit(edit).await) {
            kept.intents.insert(intent.get());
        }
    }
    let put = store.settings_put("round", &round.to_string()).await;
    if met.take(put).is_some() {
        kept.setting = round;
    }
}

async fn assert_all_kept(store: &AccountStore, kept: &Kept, when: &str) {
    assert_sound(store, when).await;
    assert!(
        store.message_count().await.unwrap() >= kept.messages,
        "{when}"
    );
    let waiting = life::waiting(store).await;
    assert!(kept.intents.is_subset(&waiting), "{when}");
    assert_eq!(store.queued(), waiting.len() as u64, "{when}");
    let setting = store.settings_get("round").await.unwrap();
    let setting: u64 = setting.map_or(0, |setting| setting.parse().unwrap());
    assert!(setting >= kept.setting, "{when}");
}

async fn begin(folder: &Path) -> AccountStore {
    let store = open(folder).await.unwrap();
    let list = SyncBatch {
        mailboxes: Some(mailboxes()),
        ..SyncBatch::default()
    };
    store.apply(list).await.unwrap();
    store
}

/// The child of the full disk: each time a little more room is left before it is full.
#[test]
#[ignore = "run by a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room"]
fn full_disk_child() {
    let Some(disk) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut all = Met::default();
    for room in 0..ROOMS {
        let when = format!("{} KiB left", room * 16);
        let folder = disk.join("account");
        let met = runtime.block_on(on_full_disk(&disk, &folder, room * 16384, &when));
        std::fs::remove_dir_all(&folder).unwrap();
        all.full += met.full;
        all.failed += met.failed;
        all.done += met.done;
    }
    println!("\nsaid {} {} {}", all.full, all.failed, all.done);
}

async fn on_full_disk(disk: &Path, folder: &Path, room: u64, when: &str) -> Met {
    let (mut kept, mut met) = (Kept::default(), Met::default());
    let store = begin(folder).await;
    let filler = disk.join("filler");
    fill(&filler, room);
    for round in 0..30 {
        work(&store, &mut kept, &mut met, round).await;
    }
    // Nothing of another account can be made, and that is said, too.
    let second = disk.join("second");
    let opened = open(&second).await;
    if let Err(error) = &opened {
        let told = error.is_disk_full() || matches!(error, StoreError::DiskFault(_));
        assert!(told, "{when}: {error:?}");
        met.full += u32::from(error.is_disk_full());
    }
    drop(opened);
    assert!(met.full > 0, "{when}: {met:?}");

    std::fs::remove_file(&filler).unwrap();
    let mut after = Met::default();
    for round in 30..33 {
        work(&store, &mut kept, &mut after, round).await;
    }
    assert_eq!(
        (after.full, after.failed),
        (0, 0),
        "{when}: there is room again"
    );
    assert_all_kept(&store, &kept, when).await;
    store.close().await.unwrap();
    let store = open(folder).await.unwrap();
    assert!(store.report().set_aside.is_empty(), "{when}");
    assert_all_kept(&store, &kept, when).await;
    store.close().await.unwrap();
    let second_store = open(&second).await.unwrap();
    second_store.close().await.unwrap();
    std::fs::remove_dir_all(&second).unwrap();
    met.done += after.done;
    met
}

/// Fills the disk but for that many octets.
fn fill(filler: &Path, room: u64) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(filler).unwrap();
    let block = [0x5A_u8; 4096];
    while file
        .write(&block)
        .is_ok_and(|written| written == block.len())
    {}
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(room)).unwrap();
}

/// Runs a program of the system; none if it is not there or is not allowed to.
fn allowed(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The last thing a child has said, as numbers.
fn numbers(output: &Output, when: &str) -> Vec<u32> {
    let said = life::sayings(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.is_empty(),
        "{when}: {} {words}",
        output.status
    );
    said.last()
        .unwrap()
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect()
}

#[test]
fn a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room() {
    let disk = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size={DISK},mode=0700 none \"$1\"");
    let mut trial = Command::new("unshare");
    trial
        .args(["-rm", "sh", "-c", &mount, "sh"])
        .arg(disk.path());
    if !allowed(&mut trial) {
        println!("not run: this system lets no test have a small disk of its own");
        return;
    }
    let run = life::child("faults::full_disk_child");
    let output = Command::new("unshare")
        .args([
            "-rm",
            "sh",
            "-c",
            &format!("{mount} && shift && exec \"$@\""),
            "sh",
        ])
        .arg(disk.path())
        .arg(run.get_program())
        .args(run.get_args())
        .env(FOLDER, disk.path())
        .output()
        .unwrap();
    let [full, failed, done] = numbers(&output, "full disk")[..] else {
        panic!("{output:?}");
    };
    assert!(full >= u32::try_from(ROOMS).unwrap());
    let table = format!(
        "| Disk | Runs | Calls that were told so | Calls that were done |\n|---|---:|---:|---:|\n\
         | full, 0 to {} KiB left | {ROOMS} | {} | {done} |\n",
        (ROOMS - 1) * 16,
        full + failed,
    );
    crate::document("full disk", &table);
}

/// The child of the failing disk: works until the fault is behind it.
#[test]
#[ignore = "run by a_disk_that_fails_once_loses_nothing_and_is_written_again"]
fn failing_disk_child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (mut kept, mut met) = (Kept::default(), Met::default());
        // A disk that fails each connection early lets none be opened, and says so each time.
        let mut opened = None;
        for _ in 0..6 {
            opened = met.take(open(&folder).await);
            if opened.is_some() {
                break;
            }
        }
        if let Some(store) = opened {
            for _ in 0..8 {
                let list = SyncBatch {
                    mailboxes: Some(mailboxes()),
                    ..SyncBatch::default()
                };
                if met.take(store.apply(list).await).is_some() {
                    break;
                }
            }
            for round in 0..25 {
                work(&store, &mut kept, &mut met, round).await;
            }
            // Every connection has had its fault, and the store goes on with others.
            let mut last = Met::default();
            for round in 25..45 {
                work(&store, &mut kept, &mut last, round).await;
            }
            assert!(last.done > last.failed + last.full, "{last:?}");
            let waiting = life::waiting(&store).await;
            assert_eq!(store.queued(), waiting.len() as u64, "{last:?}");
            met.failed += last.failed;
            met.full += last.full;
            met.done += last.done;
            store.close().await.unwrap();
        }
        println!("\nsaid {} {} {}", met.full, met.failed, met.done);
        println!("\nkept {} {}", kept.messages, kept.setting);
        for intent in &kept.intents {
            println!("\nintent {intent}");
        }
    });
}

/// What the disk answers, at which of the calls of each connection.
const FAULTS: [(&str, &str, &[u32]); 4] = [
    (
        "fsync,fdatasync",
        "EIO",
        &[1, 3, 6, 9, 12, 16, 20, 28, 40, 60],
    ),
    ("pwrite64", "EIO", &[1, 10, 30, 60, 100, 150, 200, 300, 400]),
    ("pwrite64", "ENOSPC", &[1, 20, 50, 90, 150, 250, 350]),
    ("ftruncate", "EIO", &[1, 2]),
];

#[test]
fn a_disk_that_fails_once_loses_nothing_and_is_written_again() {
    let mut trial = Command::new("strace");
    trial.args(["-f", "-o", "/dev/null", "-e", "trace=none", "true"]);
    if !allowed(&mut trial) {
        println!("not run: this system lets no test make a disk fail");
        return;
    }
    let mut cases = Vec::new();
    for (calls, error, places) in FAULTS {
        cases.extend(places.iter().map(|place| (calls, error, *place)));
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let told = std::sync::Mutex::new(std::collections::BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                loop {
                    let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((calls, error, place)) = cases.get(n).copied() else {
                        break;
                    };
                    let when = format!("{error} at call {place} of {calls}");
                    let (full, failed) = runtime.block_on(fail_at(calls, error, place, &when));
                    let mut told = told.lock().unwrap();
                    let of: &mut (u32, u32) = told.entry((calls, error)).or_default();
                    of.0 += 1;
                    of.1 += full + failed;
                }
            });
        }
    });
    let mut table = String::from(
        "| Call that fails | Answer | Runs | Calls that were told so |\n|---|---|---:|---:|\n",
    );
    for ((calls, error), (runs, told)) in told.into_inner().unwrap() {
        table.push_str(&format!("| `{calls}` | {error} | {runs} | {told} |\n"));
        assert!(
            told > 0 || calls == "ftruncate",
            "{error} of {calls} was never noticed"
        );
    }
    crate::document("failing disk", &table);
}

async fn fail_at(calls: &str, error: &str, place: u32, when: &str) -> (u32, u32) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("account");
    let run = life::child("faults::failing_disk_child");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "--seccomp-bpf"])
        .args(["-e", &format!("trace={calls}")])
        .args(["-e", &format!("inject={calls}:error={error}:when={place}")])
        .arg(run.get_program())
        .args(run.get_args())
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    let [full, failed, _] = numbers(&output, when)[..] else {
        panic!("{when}: {output:?}");
    };
    let mut kept = Kept::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(intent) = line.strip_prefix("intent ") {
            kept.intents.insert(intent.parse().unwrap());
        }
        if let Some((messages, setting)) = line
            .strip_prefix("kept ")
            .and_then(|kept| kept.split_once(' '))
        {
            kept.messages = messages.parse().unwrap();
            kept.setting = setting.parse().unwrap();
        }
    }
    let store = open(&folder).await.unwrap();
    assert!(store.report().set_aside.is_empty(), "{when}");
    assert_all_kept(&store, &kept, when).await;
    let first = MessageId::new("m0").unwrap();
    store.message_key(&first).await.unwrap();
    store.close().await.unwrap();
    (full, failed)
}
