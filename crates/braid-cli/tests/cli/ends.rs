//! How a change of sign-ins ends that is interrupted, and one whose end nobody knows: run over a
//! login service of the test's own, with folders and a keyring that outlive a run.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use mail_app::rehearsal::{Rehearsal, follow, settings};
use mail_app::{Config, Paths};
use mail_rehearsal::RehearsalConfig;
use mail_rehearsal::faults::{Rule, Server};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::answer;

const QUESTION: &str = "/v1/users/*/identities";

/// A service with two people signed in here.
struct World {
    runtime: Runtime,
    rehearsal: Rehearsal,
    folder: TempDir,
}

/// A run that goes on, line by line.
struct Run {
    child: Child,
    said: BufReader<ChildStderr>,
    lines: Vec<String>,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let config = RehearsalConfig {
            size: 40,
            ..RehearsalConfig::default()
        };
        let rehearsal = runtime.block_on(Rehearsal::start(config)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            tenant: Some(settings(rehearsal.description())),
            ..Config::default()
        };
        let file = Paths::below(folder.path()).config_file();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        config.save(&file).unwrap();
        // Nobody's browser opens.
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let opener = bin.join("xdg-open");
        std::fs::write(&opener, "#!/bin/sh\nexit 1\n").unwrap();
        let mut mode = std::fs::metadata(&opener).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
        std::fs::set_permissions(&opener, mode).unwrap();
        let world = Self {
            runtime,
            rehearsal,
            folder,
        };
        for account in ["Personal", "Choir"] {
            let words = ["sign-in", "--name", account];
            let mut run = world.run(&words);
            world.click(&mut run, account);
            let (said, code) = answer(&run.end());
            assert_eq!(code, 0, "{said}");
        }
        world
    }

    fn run(&self, words: &[&str]) -> Run {
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.folder.path().join("bin");
        let mut child = Command::new(env!("CARGO_BIN_EXE_braid-cli"))
            .arg("--folder")
            .arg(self.folder.path())
            .args(words)
            .arg("--json")
            .env("PATH", format!("{}:{path}", bin.display()))
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Run {
            child,
            said,
            lines: Vec::new(),
        }
    }

    /// Carries the address that is said to a browser, where that person signs in.
    fn click(&self, run: &mut Run, account: &str) {
        let url = run.until("Sign in here: ");
        let url = url.split_once(": ").unwrap().1.trim().parse().unwrap();
        let mut people = self.rehearsal.description().people.iter();
        let person = people.find(|person| person.account == account).unwrap();
        self.runtime
            .block_on(follow(&url, &person.sign_in_query))
            .unwrap();
    }

    fn asked(&self) -> u64 {
        let faults = self.rehearsal.faults();
        faults.requests(Server::Login, "PATCH", QUESTION)
    }

    /// Both accounts, as they are after a new start.
    fn accounts(&self) -> Value {
        let (accounts, code) = answer(&self.run(&["accounts"]).end());
        assert_eq!(code, 0, "{accounts}");
        accounts
    }
}

impl Run {
    /// The next line that begins so.
    fn until(&mut self, begins: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.said.read_line(&mut line).unwrap();
            assert!(read > 0, "it never said {begins:?}: {:?}", self.lines);
            let found = line.starts_with(begins);
            self.lines.push(line.clone());
            if found {
                return line;
            }
        }
    }

    /// What Ctrl-C in a terminal sends.
    fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(sent.success());
    }

    fn end(mut self) -> Output {
        loop {
            let mut line = String::new();
            if self.said.read_line(&mut line).unwrap() == 0 {
                break;
            }
            self.lines.push(line);
        }
        let mut output = self.child.wait_with_output().unwrap();
        output.stderr = self.lines.concat().into_bytes();
        output
    }
}

/// Where changes are recorded.
fn links(world: &World) -> PathBuf {
    Paths::below(world.folder.path()).data().join("links")
}

const LINK: [&str; 5] = [
    "link",
    "Personal",
    "Choir",
    "--yes-i-understand",
    "--no-copy",
];

#[test]
fn an_interrupt_while_somebody_is_to_sign_in_leaves_everything_as_it_was_and_says_so() {
    let world = World::new();
    let mut run = world.run(&LINK);
    run.until("Sign in to the mailbox that is set aside.");
    run.until("Sign in here: ");
    run.interrupt();
    let ended = run.end();
    let words = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{words}");
    assert!(words.contains("nothing was changed"), "{words}");
    assert!(ended.stdout.is_empty());
    assert_eq!(world.asked(), 0);
    assert!(!links(&world).exists(), "nothing is left to do");
    let accounts = world.accounts();
    assert_eq!(accounts.as_array().unwrap().len(), 2);
}

#[test]
fn an_end_that_nobody_knows_has_an_exit_code_of_its_own() {
    let world = World::new();
    let faults = world.rehearsal.faults();
    faults.add(Rule::lose_request(QUESTION, 1).method("PATCH"));
    let mut run = world.run(&LINK);
    world.click(&mut run, "Choir");
    while world.asked() == 0 {
        std::thread::yield_now();
    }
    // Nobody can look what became of it.
    faults.add(Rule {
        times: None,
        ..Rule::status("/api/session/profile", 503, 1)
    });
    let ended = run.end();
    let words = String::from_utf8_lossy(&ended.stderr).into_owned();
    let (view, code) = answer(&ended);
    assert_eq!(code, 7, "{view} {words}");
    assert_eq!(view["stage"]["stage"], "unknown");
    assert!(words.contains("not known yet"), "{words}");
    // The next start goes on from the record, and asks nothing again.
    let accounts = world.accounts();
    assert_eq!(accounts.as_array().unwrap().len(), 2);
    let record = std::fs::read_dir(links(&world)).unwrap().next().unwrap();
    let record = std::fs::read(record.unwrap().path()).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["stage"], "asked");
    assert_eq!(world.asked(), 1, "it is never asked again");
}
