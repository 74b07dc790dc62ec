//! A search on a disk that is full, for real: a small file system of its own. Where the system
//! does not let a test have one, the test says so and does nothing.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use mail_engine::ServerSearch;

use crate::searching::{Looking, indexed, synced, titled, world_of};

const DISK: &str = "BRAID_TEST_SMALL_DISK";

#[test]
#[ignore = "run by a_disk_that_is_full_takes_nothing_away_from_a_search"]
fn full_disk_child() {
    let Some(disk) = std::env::var_os(DISK).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(search_on_full_disk(&disk));
    println!("\nsaid well");
}

async fn search_on_full_disk(disk: &Path) {
    // The temporary folder is on the small disk.
    let world = world_of(&["Budget 1", "Lunch"], 1_000, 60).await;
    assert!(world.store.folder().starts_with(disk));
    let running = synced(&world).await;
    indexed(&running).await;
    let accounts = [("work", &running)];
    let filler = disk.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0x5A; 4096]).is_ok() {}
    // What only the server has, and much beside it, so that no room left over in a file is enough.
    for number in 100..400 {
        let subject = format!("Supper {}", "and more ".repeat(400));
        world.server.deliver(titled(number, 2_000, &subject));
    }
    world.server.deliver(titled(9, 9_000, "Budget 9"));
    let mut looking = Looking::over(&accounts, "budget").await;
    looking.until(&["Budget 1"]).await;
    looking.until_server(ServerSearch::NoRoom).await;
    assert_eq!(looking.subjects(), ["Budget 1"]);
    // It is still followed.
    let mut another = Looking::over(&accounts, "lunch").await;
    another.until(&["Lunch"]).await;

    drop(file);
    std::fs::remove_file(&filler).unwrap();
    running.engine.sync_now();
    looking.until(&["Budget 9", "Budget 1"]).await;
    looking.until_server(ServerSearch::Asked).await;
    running.engine.stop().await;
}

#[test]
fn a_disk_that_is_full_takes_nothing_away_from_a_search() {
    let disk = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=6m,mode=0700 none \"$1\"";
    let inside = |then: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["-rm", "sh", "-c", &format!("{mount}{then}"), "sh"])
            .arg(disk.path());
        command
    };
    let allowed = inside("").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("not run: this system lets no test have a small disk of its own");
        return;
    }
    let output = inside(" && shift && exec \"$@\"")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "search_full_disk::full_disk_child"])
        .args(["--ignored", "--nocapture"])
        .env(DISK, disk.path())
        .env("TMPDIR", disk.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("said well"), "{said}\n{words}");
}
