//! The mbox format, `mboxrd` variant: pure quoting and the frame around a message.
//!
//! A message's octets stay as they are, except that a line that begins with `From `, after any
//! number of `>`, gets one more `>`. That is undone exactly, so what is read back can be compared
//! octet by octet with what the server gave.

use jiff::Timestamp;
use mail_model::UnixTime;

const FROM: &[u8] = b"From ";

/// The line before a message. Follows from the time alone, so a damaged one can be written anew.
pub(crate) fn opening(received_at: UnixTime) -> Vec<u8> {
    let time = Timestamp::from_second(received_at.seconds()).unwrap_or_default();
    format!(
        "From MAILER-DAEMON {}\n",
        time.strftime("%a %b %e %H:%M:%S %Y")
    )
    .into_bytes()
}

/// What stands after a message: the end of its last line where it has none, and an empty line.
pub(crate) const fn closing(ends_with_line: bool) -> &'static [u8] {
    if ends_with_line { b"\n" } else { b"\n\n" }
}

/// Whether to add or to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Quote,
    Unquote,
}

/// Quotes or unquotes a message that arrives in pieces.
#[derive(Debug)]
pub(crate) struct Quoting {
    way: Way,
    /// Whether everything since the last line break was `>`, then a beginning of `From `.
    at_start: bool,
    /// A `>` that is held back, because it may have to go.
    held: bool,
    /// Octets of `From ` seen and held back.
    matched: usize,
    last: Option<u8>,
}

impl Quoting {
    pub(crate) const fn quote() -> Self {
        Self::new(Way::Quote)
    }

    pub(crate) const fn unquote() -> Self {
        Self::new(Way::Unquote)
    }

    const fn new(way: Way) -> Self {
        Self {
            way,
            at_start: true,
            held: false,
            matched: 0,
            last: None,
        }
    }

    /// Takes the next piece; what is certain goes to `out`.
    pub(crate) fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for octet in piece {
            self.octet(*octet, out);
        }
        self.last = piece.last().copied().or(self.last);
    }

    fn octet(&mut self, octet: u8, out: &mut Vec<u8>) {
        if self.at_start {
            if FROM.get(self.matched) == Some(&octet) {
                self.matched += 1;
                if self.matched == FROM.len() {
                    self.decide(out);
                }
                return;
            }
            if octet == b'>' && self.matched == 0 {
                if self.way == Way::Quote || self.held {
                    out.push(octet);
                } else {
                    self.held = true;
                }
                return;
            }
            self.release(out);
        }
        out.push(octet);
        self.at_start = octet == b'\n';
    }

    /// The line does begin with `From `.
    fn decide(&mut self, out: &mut Vec<u8>) {
        if self.way == Way::Quote {
            out.push(b'>');
        }
        self.held = false;
        self.release(out);
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held) {
            out.push(b'>');
        }
        out.extend(FROM.iter().take(std::mem::take(&mut self.matched)));
        self.at_start = false;
    }

    /// Ends the message; says whether its last line had an end. An empty message has one.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> bool {
        self.release(out);
        self.last.is_none_or(|last| last == b'\n')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(mut quoting: Quoting, message: &[u8], step: usize) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        for piece in message.chunks(step.max(1)) {
            quoting.feed(piece, &mut out);
        }
        let ends = quoting.finish(&mut out);
        (out, ends)
    }

    #[test]
    fn lines_that_look_like_the_frame_get_one_more_arrow() {
        let message = b"From me\r\n>From you\nFro\n> From far\n>>From them\nfrom x\n From\nFrom";
        let quoted = b">From me\r\n>>From you\nFro\n> From far\n>>>From them\nfrom x\n From\nFrom";
        for step in 1..message.len() {
            let (out, ends) = run(Quoting::quote(), message, step);
            assert_eq!(out, quoted, "pieces of {step}");
            assert!(!ends);
            let (back, _) = run(Quoting::unquote(), quoted, step);
            assert_eq!(back, message, "pieces of {step}");
        }
    }

    #[test]
    fn the_opening_is_a_line_other_programs_know() {
        let line = opening(UnixTime::from_seconds(1_772_532_005));
        assert_eq!(line, b"From MAILER-DAEMON Tue Mar  3 10:00:05 2026\n");
        assert!(opening(UnixTime::from_seconds(i64::MAX)).starts_with(FROM));
    }

    #[test]
    fn an_empty_message_has_no_line_to_end() {
        assert_eq!(run(Quoting::quote(), b"", 1), (Vec::new(), true));
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back_and_never_looks_like_the_frame(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    &b"From "[..], b">", b"\n", b"\r\n", b"From", b"Fro", b" ", b"\0", b"\xff", b"m ",
                ]),
                0..40,
            ),
            step in 1_usize..9,
        ) {
            let message = words.concat();
            let (quoted, ends) = run(Quoting::quote(), &message, step);
            prop_assert_eq!(ends, message.is_empty() || message.ends_with(b"\n"));
            prop_assert!(!quoted.split(|octet| *octet == b'\n').any(|line| line.starts_with(FROM)));
            let (back, _) = run(Quoting::unquote(), &quoted, 10 - step);
            prop_assert_eq!(back, message);
        }
    }
}
