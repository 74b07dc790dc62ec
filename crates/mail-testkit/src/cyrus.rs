//! Cyrus IMAPd in a private folder.
//!
//! A small guard process starts it and waits for the end of a pipe that only the test process
//! holds. However the test ends (a panic, a kill), the pipe ends with it, and the guard stops the
//! server and removes the folder.

mod config;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use url::Url;

use crate::corpus;
use crate::lmtp;
use crate::raw::RawJmap;
use crate::sink::Sink;

const PROGRAMS: &str = "/usr/lib/cyrus/bin";
const SWITCH: &str = "BRAID_WITHOUT_CYRUS";
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// Waits until its input ends, then stops the server and removes everything.
const GUARD: &str = r#"
dir=$1; shift
"$@" </dev/null >"$dir/run/master.out" 2>&1 &
master=$!
trap '' HUP INT TERM
while read -r line; do :; done
kill "$master" 2>/dev/null
tries=0
while kill -0 "$master" 2>/dev/null && [ "$tries" -lt 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
kill -9 "$master" 2>/dev/null
wait "$master" 2>/dev/null
rm -rf "$dir"
"#;

/// A running server. Stopped and removed when dropped, or when the process ends.
#[derive(Debug)]
pub struct Cyrus {
    folder: PathBuf,
    address: SocketAddr,
    secret: [u8; 32],
    sink: Sink,
    guard: Child,
    /// As long as this is open, the guard lets the server run.
    lifeline: Option<ChildStdin>,
}

impl Cyrus {
    /// Starts a server without any people. `None` only where `BRAID_WITHOUT_CYRUS=1` asks to do
    /// without, which is said on the terminal.
    ///
    /// # Panics
    /// When Debian packages are missing, with a line that names the command that installs them,
    /// or when the server does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        if std::env::var_os(SWITCH).is_some_and(|value| value == "1") {
            eprintln!("skipped: tests against Cyrus IMAPd, because {SWITCH}=1");
            return None;
        }
        if let Some(missing) = Self::needs() {
            panic!("{missing}");
        }
        // Another process may take the port between choosing it and using it.
        let tries: Vec<Result<Self, String>> = (0..3)
            .map(|_| Self::try_start())
            .scan(false, |started, result| {
                (!*started).then(|| {
                    *started = result.is_ok();
                    result
                })
            })
            .collect();
        match tries.into_iter().next_back() {
            Some(Ok(cyrus)) => Some(cyrus),
            Some(Err(why)) => panic!("Cyrus IMAPd did not start: {why}"),
            None => None,
        }
    }

    /// What is missing on this machine, as a sentence that says what to do; `None` if nothing is.
    #[must_use]
    pub fn needs() -> Option<String> {
        let has = |name: &str| Path::new(PROGRAMS).join(name).is_file();
        let mut packages = Vec::new();
        if !["master", "lmtpd", "ctl_cyrusdb"].into_iter().all(has) {
            packages.push("cyrus-common");
        }
        if !has("httpd") {
            packages.push("cyrus-caldav");
        }
        if !corpus::is_installed() {
            packages.push(corpus::PACKAGE);
        }
        (!packages.is_empty()).then(|| {
            format!(
                "The tests against a real mail server need the Debian packages {}. \
                 Run `./dev test`, which installs them, or set {SWITCH}=1 to do without.",
                packages.join(", ")
            )
        })
    }

    fn try_start() -> Result<Self, String> {
        let sink = Sink::start();
        let folder = private_folder().map_err(|error| error.to_string())?;
        let address = free_address().map_err(|error| error.to_string())?;
        let secret: [u8; 32] = rand::random();
        let owner = Owner::of_this_process();
        config::write(&folder, address, sink.address(), &owner.name, &secret)
            .and_then(|()| owner.give(&folder))
            .map_err(|error| error.to_string())?;
        let mut guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard"])
            .arg(&folder)
            .arg(Path::new(PROGRAMS).join("master"))
            .arg("-C")
            .arg(folder.join("imapd.conf"))
            .arg("-M")
            .arg(folder.join("cyrus.conf"))
            .arg("-p")
            .arg(folder.join("run/master.pid"))
            .arg("-L")
            .arg(folder.join("run/master.log"))
            .arg("-D")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // So that Ctrl+C ends the test and not the guard, which then cleans up.
            .process_group(0)
            .spawn()
            .map_err(|error| error.to_string())?;
        let lifeline = guard.stdin.take();
        let cyrus = Self {
            folder,
            address,
            secret,
            sink,
            guard,
            lifeline,
        };
        cyrus.wait_until_it_listens()?;
        Ok(cyrus)
    }

    fn wait_until_it_listens(&self) -> Result<(), String> {
        let deadline = Instant::now() + STARTS_WITHIN;
        let lmtp = self.folder.join("run/lmtp");
        while Instant::now() < deadline {
            if lmtp.exists() && TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = fs::read_to_string(self.folder.join("run/master.out")).unwrap_or_default();
        Err(format!("nothing listens; it said: {said}"))
    }

    /// Gives a person an inbox, Archive, Drafts, Sent, Junk and Trash, all empty.
    /// The address is also the name of the JMAP account.
    pub fn add_person(&self, address: &str) {
        lmtp::greet(&self.lmtp_socket(), address)
            .unwrap_or_else(|error| panic!("{address} could not be added: {error}"));
    }

    /// Delivers a message to a person's inbox now, as from another server.
    pub fn deliver(&self, address: &str, message: &[u8]) {
        lmtp::deliver(&self.lmtp_socket(), address, message)
            .unwrap_or_else(|error| panic!("mail to {address} was not delivered: {error}"));
    }

    /// Kills the processes that answer over HTTP, in the middle of whatever they do; the server
    /// starts new ones.
    pub fn kill_http(&self) {
        let folder = self.folder.to_string_lossy().into_owned();
        let processes = fs::read_dir("/proc").expect("processes can be listed");
        for process in processes.flatten() {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let name = line.split('\0').next().unwrap_or_default();
            if name.ends_with("httpd") && line.contains(&folder) {
                let id = process.file_name();
                let killed = Command::new("kill").arg("-9").arg(&id).status();
                // It may have ended by itself in between.
                if let Err(error) = killed {
                    eprintln!("{} was not killed: {error}", id.to_string_lossy());
                }
            }
        }
    }

    /// Another client of a person's account.
    #[must_use]
    pub fn client(&self, address: &str) -> RawJmap {
        RawJmap::new(self.url(), self.token(address), address)
    }

    /// Mail the server has sent on.
    #[must_use]
    pub const fn sink(&self) -> &Sink {
        &self.sink
    }

    /// The server itself; it knows none of our tokens, see [`crate::Front`].
    pub(crate) fn url(&self) -> Url {
        format!("http://{}/", self.address)
            .parse()
            .expect("an address and a port make a URL")
    }

    /// The only kind of token Cyrus takes: no expiry, no issuer, and exactly these members.
    pub(crate) fn token(&self, address: &str) -> String {
        jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &json!({ "sub": address }),
            &EncodingKey::from_secret(&self.secret),
        )
        .expect("a token can be signed")
    }

    pub(crate) const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    fn lmtp_socket(&self) -> PathBuf {
        self.folder.join("run/lmtp")
    }

    #[cfg(test)]
    fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        self.lifeline = None;
        if let Err(error) = self.guard.wait() {
            eprintln!("Cyrus IMAPd may still run: {error}");
        }
    }
}

/// The user the server runs as.
struct Owner {
    name: String,
    is_other: bool,
}

impl Owner {
    /// Cyrus does not run as root; Debian's package has a user for it.
    fn of_this_process() -> Self {
        let ask = |flag: &str| {
            let output = Command::new("id").arg(flag).output();
            let output = output.expect("`id` is on every machine");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        if ask("-u") == "0" {
            Self {
                name: "cyrus".into(),
                is_other: true,
            }
        } else {
            Self {
                name: ask("-un"),
                is_other: false,
            }
        }
    }

    fn give(&self, folder: &Path) -> io::Result<()> {
        if !self.is_other {
            return Ok(());
        }
        let status = Command::new("chown")
            .args(["-R", "cyrus:mail"])
            .arg(folder)
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other("the folder cannot be given to cyrus"))
        }
    }
}

/// In memory where that is possible: a busy disk makes the server fifteen times slower.
fn private_folder() -> io::Result<PathBuf> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::Builder::new()
        .prefix("braid-cyrus-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(parent)?;
    // The guard removes it.
    Ok(folder.keep())
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn pem(secret: &[u8; 32]) -> String {
    format!(
        "-----BEGIN HMAC KEY-----\n{}\n-----END HMAC KEY-----\n",
        STANDARD.encode(secret)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_running(folder: &Path) -> bool {
        let name = folder.to_string_lossy().into_owned();
        fs::read_dir("/proc").unwrap().flatten().any(|process| {
            fs::read(process.path().join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&name))
        })
    }

    #[test]
    fn nothing_is_left_of_a_server_whose_test_panicked() {
        let folder = std::sync::Mutex::new(PathBuf::new());
        let ended = std::panic::catch_unwind(|| {
            let Some(cyrus) = Cyrus::start() else {
                return;
            };
            cyrus.add_person("ana@northwind.example");
            cyrus.folder().clone_into(&mut folder.lock().unwrap());
            assert!(is_running(cyrus.folder()));
            panic!("on purpose");
        });
        let folder = folder.lock().unwrap();
        if ended.is_ok() {
            return;
        }
        assert!(!folder.as_os_str().is_empty());
        assert!(!folder.exists());
        assert!(!is_running(&folder));
    }
}
