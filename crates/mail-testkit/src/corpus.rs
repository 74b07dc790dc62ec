//! Real messages from Debian packages. Their texts belong to their senders: they are read where
//! they are installed and copied nowhere.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

/// Where Debian installs 2,403 messages of mailing lists and newsletters from 2002.
const MAILING_LISTS: &str =
    "/usr/share/gocode/src/github.com/gatherstars-com/jwz/test/testdata/ham";

/// The package that holds them.
pub(crate) const PACKAGE: &str = "golang-github-gatherstars-com-jwz-dev";

/// One message as a server may have received it.
#[derive(Debug, Clone)]
pub struct CorpusMessage {
    /// The file's name, unique in its corpus.
    pub name: String,
    /// The message with CRLF line ends.
    pub bytes: Vec<u8>,
    /// When it was received: what its `Date` says, or an hour after the one before.
    pub received_at: Timestamp,
}

pub(crate) fn is_installed() -> bool {
    Path::new(MAILING_LISTS).is_dir()
}

/// All 2,403 messages in the order of their names.
#[must_use]
pub fn mailing_lists() -> Vec<CorpusMessage> {
    let folder = fs::read_dir(MAILING_LISTS)
        .unwrap_or_else(|error| panic!("{PACKAGE} is not installed ({error}); run `./dev test`"));
    let mut files: Vec<_> = folder
        .map(|entry| entry.expect("the corpus can be listed").path())
        .collect();
    files.sort();
    let mut last = Timestamp::constant(1_030_000_000, 0);
    files
        .iter()
        .map(|file| {
            let bytes = fs::read(file).expect("the corpus can be read");
            let bytes = with_crlf(without_envelope_line(&bytes));
            let received_at = date(&bytes).unwrap_or(last + jiff::SignedDuration::from_hours(1));
            last = received_at;
            CorpusMessage {
                name: file
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                bytes,
                received_at,
            }
        })
        .collect()
}

/// Drops the `From ` line that a mailbox file puts before each message.
fn without_envelope_line(bytes: &[u8]) -> &[u8] {
    if !bytes.starts_with(b"From ") {
        return bytes;
    }
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => bytes.get(end + 1..).unwrap_or_default(),
        None => bytes,
    }
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut last = 0;
    for byte in bytes {
        if *byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        last = *byte;
    }
    out
}

/// The header's `Date`, if it is one and not in the future of the corpus.
fn date(bytes: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(bytes);
    let line = text
        .lines()
        .take_while(|line| !line.is_empty())
        .find(|line| line.to_ascii_lowercase().starts_with("date:"))?;
    let date = line.split_once(':')?.1.trim();
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    parser
        .parse_timestamp(date)
        .ok()
        .filter(|time| (1_000_000_000..1_060_000_000).contains(&time.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_mailbox_file_is_no_part_of_the_message() {
        assert_eq!(without_envelope_line(b"From x Mon\nTo: y\n"), b"To: y\n");
        assert_eq!(without_envelope_line(b"From: x\n"), b"From: x\n");
        assert_eq!(with_crlf(b"a\nb\r\nc\n"), b"a\r\nb\r\nc\r\n");
    }
}
