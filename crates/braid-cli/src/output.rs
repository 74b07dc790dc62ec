//! The only place that prints: answers to standard output, reasons to standard error.
#![allow(clippy::print_stderr, reason = "printing is what this module is for")]

use std::io::Write as _;

use serde::Serialize;

use crate::exit::Exit;

/// In words or in JSON.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// One answer; `words` makes it readable.
    pub(crate) fn answer<T: Serialize>(
        &self,
        value: &T,
        words: impl FnOnce(&T) -> String,
    ) -> Result<(), Exit> {
        let text = if self.json {
            serde_json::to_string_pretty(value).map_err(|error| Exit::Because(error.to_string()))?
        } else {
            harmless(&words(value))
        };
        print(text.trim_end())
    }

    /// One line of JSON, at once, whatever was asked for.
    pub(crate) fn line<T: Serialize>(&self, value: &T) -> Result<(), Exit> {
        let text =
            serde_json::to_string(value).map_err(|error| Exit::Because(error.to_string()))?;
        print(&text)
    }

    /// Something to know while waiting.
    pub(crate) fn note(&self, words: &str) {
        eprintln!("{}", harmless(words));
    }

    pub(crate) fn failure(&self, exit: &Exit) {
        eprintln!("braid-cli: {}", harmless(&exit.words()));
    }
}

/// Writes one answer. A reader that has seen enough, such as `head`, is no failure.
fn print(text: &str) -> Result<(), Exit> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Exit::Because(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// What others wrote commands no terminal: control characters other than line ends and tabs are
/// shown as replaced.
fn harmless(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_cannot_command_the_terminal() {
        let hostile = "Hello\u{1b}]0;x\u{7}\u{9b}2J\r\n\tgrüße 👋";
        let shown = harmless(hostile);
        assert_eq!(shown, "Hello\u{fffd}]0;x\u{fffd}\u{fffd}2J\n\tgrüße 👋");
    }
}
