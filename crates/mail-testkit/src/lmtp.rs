//! Delivery into Cyrus by LMTP (RFC 2033) over its socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Names a recipient and goes away: enough for Cyrus to make the person's mailboxes.
pub(crate) fn greet(socket: &Path, recipient: &str) -> io::Result<()> {
    let mut session = Session::open(socket, recipient)?;
    session.command("RSET")?;
    session.command("QUIT")
}

pub(crate) fn deliver(socket: &Path, recipient: &str, message: &[u8]) -> io::Result<()> {
    let mut session = Session::open(socket, recipient)?;
    session.command("DATA")?;
    let mut at_line_start = true;
    for byte in message {
        if at_line_start && *byte == b'.' {
            session.stream.write_all(b".")?;
        }
        session.stream.write_all(&[*byte])?;
        at_line_start = *byte == b'\n';
    }
    if !at_line_start {
        session.stream.write_all(b"\r\n")?;
    }
    session.command(".")?;
    session.command("QUIT")
}

struct Session {
    stream: io::BufWriter<UnixStream>,
    answers: BufReader<UnixStream>,
}

impl Session {
    fn open(socket: &Path, recipient: &str) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut session = Self {
            answers: BufReader::new(stream.try_clone()?),
            stream: io::BufWriter::new(stream),
        };
        session.answer()?;
        session.command("LHLO localhost")?;
        session.command("MAIL FROM:<>")?;
        session.command(&format!("RCPT TO:<{recipient}>"))?;
        Ok(session)
    }

    fn command(&mut self, command: &str) -> io::Result<()> {
        self.stream.write_all(command.as_bytes())?;
        self.stream.write_all(b"\r\n")?;
        self.stream.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<()> {
        loop {
            let mut line = String::new();
            if self.answers.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.chars().nth(3) == Some('-') {
                continue;
            }
            return if line.starts_with(['2', '3']) {
                Ok(())
            } else {
                Err(io::Error::other(line.trim().to_owned()))
            };
        }
    }
}
