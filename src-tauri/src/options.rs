//! The few things that can be said on the command line.

/// What was said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// People of the rehearsal to sign in at start, by the names of their accounts.
    pub(crate) rehearse: Vec<String>,
}

/// Reads the command line. Words that mean nothing here are passed over: desktops add their own.
pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Options {
    let mut options = Options::default();
    words.next();
    while let Some(word) = words.next() {
        if word == "--rehearse" {
            options.rehearse = words
                .next()
                .unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(ToOwned::to_owned)
                .collect();
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Options {
        parse(line.split(' ').map(ToOwned::to_owned))
    }

    #[test]
    fn people_to_rehearse_with_are_a_list() {
        assert_eq!(
            parsed("braid --rehearse Work,Personal").rehearse,
            ["Work", "Personal"]
        );
    }

    #[test]
    fn unknown_words_are_passed_over() {
        assert_eq!(parsed("braid --gapplication-service x"), Options::default());
    }
}
