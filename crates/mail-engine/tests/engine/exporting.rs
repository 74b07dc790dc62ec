//! A whole account as files: every octet, after every kind of interruption.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mail_engine::export::{
    ExportAccount, ExportError, ExportFailure, ExportOptions, ExportProgress, ExportReport,
    ExportRequest, FailureReason, Manifest, Passphrase, export,
};
use mail_model::remote::MailSource;
use mail_model::{Keyword, MailboxRole, MessageId, UnixTime};
use mail_testkit::corpus;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::server::{Call, Fault, Server, mailbox, message, message_id};
use crate::world::soon;

/// Octets that are easy to get wrong.
const ODD: [&[u8]; 14] = [
    b"",
    b"\n",
    b"\r\n",
    b"no end of line",
    b"From me at the very beginning\r\n",
    b"Subject: x\r\n\r\nFrom here\r\n>From there\r\n>>From afar\r\n",
    b"Subject: x\n\nunix lines\nFrom here\n\n",
    b"Subject: x\r\n\r\nends in an empty line\r\n\r\n",
    b"Subject: x\n\nends in two empty lines\n\n\n",
    b"Subject: x\r\n\r\nan end like the frame\r\n\r\nFrom ",
    b"Subject: x\r\rold Mac lines\rFrom here\r",
    b"Subject: \xe9\xff\x80\r\n\r\n8 bits \xc3\x28\r\n",
    b"Subject: nul\r\n\r\na\0b\0\r\n\0",
    b"\n\nFrom - Thu Jan  1 00:00:00 1970\n\nfalse frame\n",
];

/// A server with messages 0 to `count`, the odd ones among them, in several mailboxes.
fn server(count: u64) -> Arc<Server> {
    let server = Server::new();
    server.add_mailbox("Choir/Tours");
    server.add_mailbox_with_role("Sent", MailboxRole::Sent);
    for number in 0..count {
        let odd = ODD.get(usize::try_from(number).unwrap_or(usize::MAX));
        let raw = odd.map_or_else(
            || {
                format!("Subject: {number}\r\n\r\nFrom {number}\r\n")
                    .repeat(number as usize % 5 + 1)
                    .into_bytes()
            },
            |odd| odd.to_vec(),
        );
        deliver(&server, number, raw);
    }
    server
}

fn deliver(server: &Server, number: u64, raw: Vec<u8>) {
    let mut message = message(number, number / 3, 1_000 + 60 * number as i64);
    message.mailboxes = match number % 4 {
        0 => vec![mailbox("inbox")],
        1 => vec![mailbox("inbox"), mailbox("archive")],
        2 => vec![mailbox("Choir/Tours")],
        _ => vec![mailbox("Sent")],
    };
    message.keywords = (0..number % 3)
        .map(|n| [Keyword::seen(), Keyword::flagged()][n as usize].clone())
        .collect();
    server.set_raw(message.blob.as_str(), raw);
    server.deliver(message);
}

fn request(folder: &Path) -> ExportRequest {
    ExportRequest {
        account: ExportAccount {
            id: "home".into(),
            name: "Ada Home".into(),
            email: "ada@home.example".into(),
        },
        folder: folder.to_owned(),
        eml: false,
        passphrase: None,
        settings: Some(serde_json::json!({ "signature": "Ada" })),
        now: UnixTime::from_seconds(1_772_532_000),
        options: ExportOptions {
            tries: 0,
            delay: Duration::ZERO,
            ..ExportOptions::default()
        },
    }
}

async fn run(server: &Arc<Server>, request: &ExportRequest) -> Result<ExportReport, ExportError> {
    let progress = watch::Sender::default();
    let source: Arc<dyn MailSource> = Arc::clone(server) as _;
    let stop = CancellationToken::new();
    soon(
        "an export",
        export(source, request.clone(), &progress, &stop),
    )
    .await
}

fn manifest(folder: &Path) -> Manifest {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// Lets another program read all of it; gives how many placements it compared.
fn checked(folder: &Path) -> usize {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/check_export.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

fn placements(server: &Server) -> usize {
    let messages = server.messages();
    messages.values().map(|m| m.mailboxes.len()).sum()
}

#[tokio::test]
async fn another_program_reads_every_message_octet_by_octet() {
    let server = server(40);
    for (n, message) in corpus::mailing_lists().into_iter().enumerate() {
        deliver(&server, 1_000 + n as u64, message.bytes);
    }
    let home = TempDir::new().unwrap();
    let folder = home.path().join("Ada Home");
    let mut request = request(&folder);
    request.eml = true;
    let report = run(&server, &request).await.unwrap();
    let count = server.messages().len() as u64;
    assert_eq!(report.failed, []);
    assert_eq!((report.written, report.expected), (count, count));
    assert_eq!(report.at, folder);
    assert_eq!(checked(&folder), placements(&server));

    let manifest = manifest(&folder);
    let files: Vec<&str> = manifest.mailboxes.iter().map(|m| m.file.as_str()).collect();
    assert!(files.contains(&"mail/Choir - Tours.mbox"), "{files:?}");
    for (id, message) in server.messages() {
        let exported = manifest.messages.iter().find(|m| m.id == id).unwrap();
        assert_eq!(exported.mailboxes, message.mailboxes);
        assert_eq!(exported.keywords, message.keywords);
        assert_eq!(exported.received_at, message.received_at);
    }
    let contacts = std::fs::read_to_string(folder.join("contacts.vcf")).unwrap();
    assert_eq!(contacts.matches("BEGIN:VCARD").count(), 1);
    assert!(contacts.contains("ana@northwind.example"), "{contacts}");
    assert!(folder.join("settings.json").exists() && folder.join("identities.json").exists());
    assert!(!folder.join(".unfinished").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_person_can_read_an_export() {
    let server = server(20);
    let home = TempDir::new().unwrap();
    let folder = home.path().join("export");
    let mut request = request(&folder);
    request.eml = true;
    run(&server, &request).await.unwrap();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_folder_with_something_else_in_it_is_left_as_it_is() {
    let server = server(5);
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("letter.txt"), "mine").unwrap();
    let error = run(&server, &request(home.path())).await.unwrap_err();
    assert!(matches!(error, ExportError::NotEmpty { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    // Neither who may enter it nor what somebody else has called unfinished is touched.
    let foreign = home.path().join(".unfinished");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("novel.txt"), "chapter one").unwrap();
    let open_to_all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(home.path(), open_to_all).unwrap();
    for with_letter in [true, false] {
        if !with_letter {
            std::fs::remove_file(home.path().join("letter.txt")).unwrap();
        }
        let error = run(&server, &request(home.path())).await.unwrap_err();
        assert!(matches!(error, ExportError::NotEmpty { .. }), "{error:?}");
        let novel = std::fs::read_to_string(foreign.join("novel.txt")).unwrap();
        assert_eq!(novel, "chapter one");
        assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 1);
        let mode = home.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }
    // A finished export is something else, too.
    let folder = home.path().join("export");
    run(&server, &request(&folder)).await.unwrap();
    let error = run(&server, &request(&folder)).await.unwrap_err();
    assert!(matches!(error, ExportError::NotEmpty { .. }), "{error:?}");
    assert_eq!(checked(&folder), placements(&server));
}

#[tokio::test]
async fn three_messages_that_fail_are_named_and_fetched_alone_the_next_time() {
    let server = server(30);
    for number in [3, 7, 20] {
        server.blob_fault(&format!("B{number}"), Some(Fault::Garbage));
    }
    let home = TempDir::new().unwrap();
    let report = run(&server, &request(home.path())).await.unwrap();
    let mut failed: Vec<MessageId> = report.failed.iter().map(|f| f.id.clone()).collect();
    failed.sort();
    let mut expected = [3, 7, 20].map(message_id);
    expected.sort();
    assert_eq!(failed, expected);
    let not_given = |f: &ExportFailure| matches!(f.reason, FailureReason::NotGiven(_));
    assert!(report.failed.iter().all(not_given), "{report:?}");
    assert_eq!((report.written, report.expected), (27, 30));
    assert!(!report.is_complete());
    // Another account cannot go on here, nor can another kind of export.
    let mut other = request(home.path());
    other.account.id = "work".into();
    let error = run(&server, &other).await.unwrap_err();
    assert!(matches!(error, ExportError::OtherExport), "{error:?}");

    for number in [3, 7, 20] {
        server.blob_fault(&format!("B{number}"), None);
    }
    let fetched = server.count(Call::Blob);
    let report = run(&server, &request(home.path())).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(server.count(Call::Blob) - fetched, 3);
    assert_eq!(checked(home.path()), placements(&server));
}

#[tokio::test]
async fn a_message_that_comes_cut_short_is_not_taken_for_whole() {
    let server = server(20);
    server.cut_blob("B18", 3);
    let home = TempDir::new().unwrap();
    let report = run(&server, &request(home.path())).await.unwrap();
    let expected = ExportFailure {
        id: message_id(18),
        reason: FailureReason::WrongSize,
    };
    assert_eq!(report.failed, [expected]);
}

#[tokio::test]
async fn what_happens_on_the_server_meanwhile_is_told() {
    let server = server(20);
    server.at_second_raw_inventory(|server| {
        deliver(server, 100, b"Subject: new\r\n\r\n".to_vec());
        server.destroy(&message_id(4));
        server.flag(&message_id(6), Keyword::draft(), true);
    });
    let home = TempDir::new().unwrap();
    let report = run(&server, &request(home.path())).await.unwrap();
    let arrived = ExportFailure {
        id: message_id(100),
        reason: FailureReason::Arrived,
    };
    assert_eq!(report.failed, [arrived]);
    assert_eq!(report.gone, [message_id(4)]);
    assert_eq!(report.changed, [message_id(6)]);
    let report = run(&server, &request(home.path())).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    // What was deleted on the server is still in the export.
    assert_eq!((report.written, report.expected), (21, 20));
    checked(home.path());
}

#[tokio::test]
async fn damage_on_the_disk_is_found_and_only_the_damaged_is_fetched_again() {
    let server = server(30);
    server.blob_fault("B9", Some(Fault::Garbage));
    let home = TempDir::new().unwrap();
    let mut request = request(home.path());
    request.eml = true;
    run(&server, &request).await.unwrap();
    let whole = std::fs::read(home.path().join("mail/inbox.mbox")).unwrap();
    let exported = manifest(home.path());
    let place = |number: u64| {
        let id = message_id(number);
        let message = exported.messages.iter().find(|m| m.id == id).unwrap();
        let file = message.places.iter().find(|p| p.file == "mail/inbox.mbox");
        (usize::try_from(file.unwrap().offset).unwrap(), message)
    };
    let mut damaged = whole.clone();
    // One octet of a message, the line before another, and the end of the file.
    damaged[place(16).0 + 3] ^= 1;
    damaged[place(17).0 - 2] ^= 1;
    let end = damaged.len() - 1;
    damaged.truncate(end);
    std::fs::write(home.path().join("mail/inbox.mbox"), &damaged).unwrap();
    let eml = place(24).1.eml.clone().unwrap();
    std::fs::remove_file(home.path().join(eml)).unwrap();
    server.blob_fault("B9", None);
    let fetched = server.count(Call::Blob);
    let report = run(&server, &request).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.written, 30);
    // The one that failed, two damaged in the middle, one alone, and the last of the file.
    assert!((4..=5).contains(&(server.count(Call::Blob) - fetched)));
    let repaired = std::fs::read(home.path().join("mail/inbox.mbox")).unwrap();
    assert_eq!(repaired.get(..whole.len()), Some(&whole[..]));
    assert_eq!(checked(home.path()), placements(&server));
}

#[tokio::test]
async fn a_damaged_message_that_is_gone_on_the_server_is_told() {
    let server = server(20);
    server.blob_fault("B9", Some(Fault::Garbage));
    let home = TempDir::new().unwrap();
    run(&server, &request(home.path())).await.unwrap();
    let path = home.path().join("mail/Sent.mbox");
    let mut octets = std::fs::read(&path).unwrap();
    octets[60] ^= 1;
    std::fs::write(&path, octets).unwrap();
    let first = manifest(home.path());
    let mut sent: Vec<_> = first
        .messages
        .iter()
        .filter_map(|m| {
            Some((
                m.places.iter().find(|p| p.file == "mail/Sent.mbox")?.offset,
                m,
            ))
        })
        .collect();
    sent.sort_by_key(|(offset, _)| *offset);
    let victim = sent
        .iter()
        .rev()
        .find(|(offset, _)| *offset <= 60)
        .map(|(_, m)| m.id.clone())
        .unwrap();
    server.destroy(&victim);
    server.blob_fault("B9", None);
    let report = run(&server, &request(home.path())).await.unwrap();
    let expected = ExportFailure {
        id: victim,
        reason: FailureReason::Damaged,
    };
    assert_eq!(report.failed, [expected]);
}

#[tokio::test]
async fn an_export_that_is_dropped_anywhere_goes_on_and_writes_nothing_twice() {
    let full = server(450);
    let whole = {
        let home = TempDir::new().unwrap();
        run(&full, &request(home.path())).await.unwrap();
        let octets = |file: &str| std::fs::metadata(home.path().join(file)).unwrap().len();
        ["mail/inbox.mbox", "mail/archive.mbox", "mail/Sent.mbox"].map(octets)
    };
    let home = TempDir::new().unwrap();
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(4);
    let mut begun = 0;
    for _ in 0..12 {
        let calls = full.log().len() as u64;
        full.hang_from(calls + dice.random_range(1..150));
        let mut hung = full.calls();
        let (source, request) = (Arc::clone(&full), request(home.path()));
        let task = tokio::spawn(async move {
            loop {
                match run(&source, &request).await {
                    // What was being written when the one before was dropped is written to its end.
                    Err(ExportError::InUse) => tokio::task::yield_now().await,
                    other => return other,
                }
            }
        });
        let until = full.hangs_at();
        soon("the hanging request", hung.wait_for(|calls| *calls > until))
            .await
            .unwrap();
        if !task.is_finished() {
            begun += 1;
        }
        task.abort();
        let _ended = task.await.is_err();
        full.heal();
    }
    assert!(begun > 6, "{begun}");
    let report = loop {
        match run(&full, &request(home.path())).await {
            Err(ExportError::InUse) => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(checked(home.path()), placements(&full));
    for (file, octets) in ["mail/inbox.mbox", "mail/archive.mbox", "mail/Sent.mbox"]
        .iter()
        .zip(whole)
    {
        let now = std::fs::metadata(home.path().join(file)).unwrap().len();
        assert_eq!(now, octets, "{file}");
    }
}

const FOLDER: &str = "BRAID_TEST_EXPORT_FOLDER";

/// The child: exports and says how far it is, until it is killed.
#[test]
#[ignore = "run by an_export_survives_being_killed"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let progress = watch::Sender::<ExportProgress>::default();
        let mut seen = progress.subscribe();
        tokio::spawn(async move {
            while seen.changed().await.is_ok() {
                let now = *seen.borrow();
                say(&format!("\nsaid {:?} {}", now.stage, now.done));
            }
        });
        let source: Arc<dyn MailSource> = server(1_200);
        let stop = CancellationToken::new();
        let report = export(source, request(&folder), &progress, &stop).await;
        say(&format!(
            "\nsaid complete {}",
            report.unwrap().is_complete()
        ));
    });
}

fn say(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").unwrap();
    out.flush().unwrap();
}

#[test]
fn an_export_survives_being_killed() {
    let home = TempDir::new().unwrap();
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(9);
    let mut complete = false;
    let mut kills = 0;
    while !complete {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "exporting::child", "--ignored", "--nocapture"])
            .env(FOLDER, home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let patience = if kills < 10 {
            dice.random_range(1..400)
        } else {
            usize::MAX
        };
        let said = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.starts_with("said "))
            .take(patience);
        for line in said {
            complete |= line == "said complete true";
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 30);
    }
    assert!(kills > 3, "killed {kills} times only");
    assert_eq!(checked(home.path()), placements(&server(1_200)));
}

#[tokio::test]
async fn too_little_room_is_told_before_anything_is_fetched() {
    let server = server(20);
    let home = TempDir::new().unwrap();
    let mut request = request(home.path());
    request.options.free = |_| Ok(1_000);
    let error = run(&server, &request).await.unwrap_err();
    assert!(error.is_disk_full());
    let ExportError::Space { needed, free } = error else {
        panic!("{error:?}")
    };
    assert!(needed > 1_000 && free == 1_000);
    assert_eq!(server.count(Call::Blob), 0);
    request.options.free = |_| Ok(u64::MAX);
    assert!(run(&server, &request).await.unwrap().is_complete());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_in_the_middle_costs_nothing_that_was_written() {
    let server = server(450);
    server.blob_fault("B9", Some(Fault::Garbage));
    let home = TempDir::new().unwrap();
    run(&server, &request(home.path())).await.unwrap();
    for number in 500..520 {
        deliver(&server, number * 4, b"Subject: late\r\n\r\n".to_vec());
    }
    // `/dev/full` takes nothing: what a full disk says, without filling one.
    let (file, aside) = (
        home.path().join("mail/inbox.mbox"),
        home.path().parent().unwrap().join(format!(
            "{}-aside",
            home.path().file_name().unwrap().to_string_lossy()
        )),
    );
    std::fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let error = run(&server, &request(home.path())).await.unwrap_err();
    assert!(error.is_disk_full(), "{error:?}");
    std::fs::rename(&aside, &file).unwrap();
    server.blob_fault("B9", None);
    let report = run(&server, &request(home.path())).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(checked(home.path()), placements(&server));
}

#[tokio::test]
async fn an_export_stops_when_told_and_ends_when_nobody_is_signed_in() {
    let server = server(20);
    let home = TempDir::new().unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let progress = watch::Sender::default();
    let source: Arc<dyn MailSource> = Arc::clone(&server) as _;
    let stopped = export(source, request(home.path()), &progress, &stop).await;
    assert!(matches!(stopped, Err(ExportError::Cancelled)));
    server.fail(Call::Blob, Fault::SignIn);
    let error = run(&server, &request(home.path())).await.unwrap_err();
    assert!(matches!(error, ExportError::Source(_)), "{error:?}");
    // A server that gives nothing at all is not asked for every message.
    server.fail(Call::Blob, Fault::Unreachable);
    let fetched = server.count(Call::Blob);
    let many = self::server(200);
    many.fail(Call::Blob, Fault::Unreachable);
    let other = TempDir::new().unwrap();
    let error = run(&many, &request(other.path())).await.unwrap_err();
    assert!(matches!(error, ExportError::Source(_)), "{error:?}");
    assert!(many.count(Call::Blob) < 40);
    assert_eq!(server.count(Call::Blob), fetched);
}

#[tokio::test]
async fn a_packed_export_opens_with_its_pass_phrase_only_and_leaves_nothing_plain() {
    let server = server(40);
    let home = TempDir::new().unwrap();
    let folder = home.path().join("export");
    let mut request = request(&folder);
    request.passphrase = Some(Passphrase::new("four words are enough".into()));
    assert!(!format!("{request:?}").contains("four words"));
    server.blob_fault("B9", Some(Fault::Garbage));
    let report = run(&server, &request).await.unwrap();
    // Nothing is packed while something is missing.
    assert_eq!(report.at, folder);
    server.blob_fault("B9", None);
    let report = run(&server, &request).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.at, home.path().join("export.zip"));
    assert!(!folder.exists());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);

    let file = std::fs::File::open(&report.at).unwrap();
    let mut packed = zip::ZipArchive::new(file).unwrap();
    let names: Vec<String> = packed
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert!(
        names.iter().all(|name| !name.contains("Choir")),
        "{names:?}"
    );
    assert!(packed.by_name("manifest.json").is_err());
    assert!(packed.by_name_decrypt("manifest.json", b"wrong").is_err());
    // Unpacked, it is an export like any other.
    let plain = home.path().join("plain");
    for name in &names {
        let mut entry = packed
            .by_name_decrypt(name, b"four words are enough")
            .unwrap();
        let path = plain.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::io::copy(&mut entry, &mut std::fs::File::create(path).unwrap()).unwrap();
    }
    assert_eq!(checked(&plain), placements(&server));
}
