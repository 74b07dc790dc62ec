//! Where mail goes that Cyrus sends on: an SMTP server (RFC 5321) that keeps everything.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A recipient at this domain is refused for good, with 550.
const REFUSING_DOMAIN: &str = "@nowhere.example>";

/// One message that was sent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message.
    pub message: Vec<u8>,
}

/// A running sink. It ends with the process: Cyrus may ask it at any time.
#[derive(Debug, Clone)]
pub struct Sink {
    address: SocketAddr,
    kept: Arc<(Mutex<Vec<Submitted>>, Condvar)>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let sink = Self {
            address: listener.local_addr().expect("a listener has an address"),
            kept: Arc::default(),
        };
        let kept = Arc::clone(&sink.kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    // A client that hangs up has said all it wanted.
                    if let Err(error) = talk(stream, &kept)
                        && error.kind() != io::ErrorKind::UnexpectedEof
                    {
                        eprintln!("a connection to the SMTP sink broke: {error}");
                    }
                });
            }
        });
        sink
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until that person was sent something, at most ten seconds.
    ///
    /// # Panics
    /// When nothing comes.
    #[must_use]
    pub fn wait_for(&self, recipient: &str) -> Submitted {
        let (kept, arrived) = &*self.kept;
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |all: &[Submitted]| {
            all.iter()
                .find(|mail| mail.to.iter().any(|to| to == recipient))
                .cloned()
        };
        let (kept, _) = arrived
            .wait_timeout_while(kept, Duration::from_secs(10), |all| find(all).is_none())
            .unwrap_or_else(PoisonError::into_inner);
        find(&kept).unwrap_or_else(|| panic!("nothing was sent to {recipient}"))
    }
}

fn talk(stream: TcpStream, kept: &(Mutex<Vec<Submitted>>, Condvar)) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    let mut mail = Submitted {
        from: String::new(),
        to: Vec::new(),
        message: Vec::new(),
    };
    out.write_all(b"220 localhost ready\r\n")?;
    loop {
        let line = line(&mut lines)?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = line.to_ascii_uppercase();
        let answer = if verb.starts_with("EHLO") {
            "250-localhost\r\n250-8BITMIME\r\n250 SMTPUTF8"
        } else if verb.starts_with("MAIL FROM:") {
            mail.from = path(&line);
            "250 ok"
        } else if verb.starts_with("RCPT TO:") {
            if line.contains(REFUSING_DOMAIN) {
                "550 5.1.1 no such person"
            } else {
                mail.to.push(path(&line));
                "250 ok"
            }
        } else if verb == "DATA" {
            out.write_all(b"354 go ahead\r\n")?;
            mail.message = message(&mut lines)?;
            let (all, arrived) = kept;
            all.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(mail.clone());
            arrived.notify_all();
            "250 kept"
        } else if verb == "RSET" {
            mail.to.clear();
            "250 ok"
        } else if verb == "QUIT" {
            return out.write_all(b"221 bye\r\n");
        } else {
            "250 ok"
        };
        out.write_all(answer.as_bytes())?;
        out.write_all(b"\r\n")?;
    }
}

fn line(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    if lines.read_until(b'\n', &mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

fn message(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let line = line(lines)?;
        if line == b".\r\n" {
            return Ok(message);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(path, _)| path.to_owned())
        .unwrap_or_default()
}
