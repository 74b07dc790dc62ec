//! The only place that prints: answers to standard output, reasons to standard error.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this module is for"
)]

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
            words(value)
        };
        println!("{}", text.trim_end());
        Ok(())
    }

    /// One line of JSON, at once, whatever was asked for.
    pub(crate) fn line<T: Serialize>(&self, value: &T) -> Result<(), Exit> {
        use std::io::Write as _;

        let text =
            serde_json::to_string(value).map_err(|error| Exit::Because(error.to_string()))?;
        println!("{text}");
        std::io::stdout()
            .flush()
            .map_err(|error| Exit::Because(error.to_string()))
    }

    /// Something to know while waiting.
    pub(crate) fn note(&self, words: &str) {
        eprintln!("{words}");
    }

    pub(crate) fn failure(&self, exit: &Exit) {
        eprintln!("braid-cli: {}", exit.words());
    }
}
